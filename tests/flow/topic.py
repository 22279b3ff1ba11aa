"""Reading the topic as another consumer would.

SPDX-License-Identifier: Apache-2.0
"""

import json

import confluent_kafka

from verifier.model import Observed, Record
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

    def records(self, organization_id: str) -> list[Record]:
        return [decode_record(message) for message in self.messages(organization_id)]

    def documents(self, organization_id: str) -> list[dict]:
        return [json.loads(message.value()) for message in self.messages(organization_id)]
