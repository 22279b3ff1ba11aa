"""Reading the topic as another consumer would.

SPDX-License-Identifier: Apache-2.0
"""

import json

import confluent_kafka

from verifier.model import Observed, Record
from verifier.murmur2 import partition_of
from verifier.sources import Settings, decode_record, kafka_messages, read_kafka_ends


class Topic:
    """What the topic holds. Each call reads on from where the one before it ended."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._next: dict[int, int] = {}
        self._messages: list[confluent_kafka.Message] = []

    def messages(self, organization_id: str) -> list[confluent_kafka.Message]:
        """Everything under an organization's key, up to the ends that the topic has now."""
        ends = Observed()
        read_kafka_ends(self._settings, ends)
        start = {partition: self._next.get(partition, low) for partition, low in ends.log_start.items()}
        self._messages += kafka_messages(self._settings, start, ends.log_end)
        self._next = ends.log_end
        key = organization_id.encode()
        return [message for message in self._messages if message.key() == key]

    def produce(self, key: str, *values: bytes) -> list[int]:
        """Puts records into the topic past the server, as they are and all at once: a few are one
        batch of Kafka's, so they are also read together. Returns their offsets."""
        offsets: list[int] = []
        options = {"bootstrap.servers": self._settings.kafka, "acks": "all", "linger.ms": 50}
        producer = confluent_kafka.Producer(options)
        topics = producer.list_topics(self._settings.topic).topics
        partition = partition_of(key.encode(), len(topics[self._settings.topic].partitions))
        for value in values:
            producer.produce(
                self._settings.topic,
                value,
                key.encode(),
                partition,
                on_delivery=lambda error, message: offsets.append(-1 if error else message.offset()),
            )
        assert producer.flush(60) == 0 and -1 not in offsets, "every record is in the topic"
        return offsets

    def records(self, organization_id: str) -> list[Record]:
        return [decode_record(message) for message in self.messages(organization_id)]

    def documents(self, organization_id: str) -> list[dict]:
        return [json.loads(message.value()) for message in self.messages(organization_id)]
