"""Reading the topic as another consumer would, and a topic that a test may ruin.

SPDX-License-Identifier: Apache-2.0
"""

import dataclasses
import json
import os
from typing import Iterable

import confluent_kafka
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic

from flow.stack import wait_until
from verifier import checks
from verifier.model import Observed, Record, Sent
from verifier.murmur2 import partition_of
from verifier.sources import Settings, decode_record, kafka_messages, read_kafka_ends

OWN_PARTITIONS = 3


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


class OwnTopic:
    """A topic that a test may ruin."""

    def __init__(self, settings: Settings):
        self.name = f"own-{os.getpid()}-{os.urandom(4).hex()}"
        self.partitions = OWN_PARTITIONS
        self._settings = dataclasses.replace(settings, topic=self.name)
        self._admin = AdminClient({"bootstrap.servers": settings.kafka})

    def make(self, partitions: int = OWN_PARTITIONS, **config: str) -> None:
        new = NewTopic(self.name, partitions, 1, config={"message.timestamp.type": "LogAppendTime", **config})
        self._admin.create_topics([new])[self.name].result(30)

    def remove(self) -> None:
        self._admin.delete_topics([self.name])[self.name].result(30)
        wait_until(lambda: self.name not in self._admin.list_topics(timeout=10).topics, 30, "the topic is gone")

    def alter(self, name: str, value: str) -> None:
        entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, self.name, incremental_configs=[entry])
        self._admin.incremental_alter_configs([resource])[resource].result(30)

    def add_partitions(self, total: int) -> None:
        self._admin.create_partitions([NewPartitions(self.name, total)])[self.name].result(30)

    def verify(self, sent: Iterable[Sent]) -> None:
        """Every acknowledged event is there, and nothing more often than it was sent. No more is asked: no writer reads
        this topic, so what was sent again after a 503 may stand here twice."""
        observed, sent = Observed(partitions=self.partitions), list(sent)
        for organization_id in {event.organization_id for event in sent}:
            observed.records += Topic(self._settings).records(organization_id)
        judges = (checks.acknowledged_is_in_kafka, checks.kafka_holds_only_what_was_sent, checks.records_are_keyed_by_organization)
        results = checks.verify(sent, observed, judges)
        assert not any(result.differences for result in results), "\n" + checks.render(results)
