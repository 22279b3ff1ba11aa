"""The topic of an installation, to be ruined.

SPDX-License-Identifier: Apache-2.0
"""

from typing import Optional

from confluent_kafka import OFFSET_END, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic

from flow.installation import PARTITIONS, Installation
from flow.organization import Organization
from flow.stack import wait_until
from verifier.model import Observed
from verifier.murmur2 import partition_of
from verifier.sources import read_kafka_ends


class Log:
    """`partition` is the one of the organization, the first one if none is named."""

    def __init__(self, case: Installation, organization: Optional[Organization] = None):
        self.case = case
        self.name = case.settings.topic
        self.admin = AdminClient({"bootstrap.servers": case.settings.kafka})
        self.partition = partition_of((organization or case.organizations[0]).id.encode(), PARTITIONS)

    def delete_records(self) -> None:
        """What retention does, at once: all records are gone, the offsets go on."""
        everything = TopicPartition(self.name, self.partition, OFFSET_END)
        for done in self.admin.delete_records([everything]).values():
            done.result(30)

    def end(self) -> int:
        """What the next record's offset will be."""
        ends = Observed()
        read_kafka_ends(self.case.settings, ends)
        return ends.log_end[self.partition]

    def alter(self, name: str, value: str) -> None:
        entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, self.name, incremental_configs=[entry])
        self.admin.incremental_alter_configs([resource])[resource].result(30)

    def append(self, messages: list[Message], timestamp_ms: int) -> None:
        """Records as they were, and when the broker is to have appended them: its clock went back."""
        self.alter("message.timestamp.type", "CreateTime")
        producer = Producer({"bootstrap.servers": self.case.settings.kafka, "acks": "all"})
        for message in messages:
            producer.produce(self.name, message.value(), message.key(), self.partition, timestamp=timestamp_ms)
        assert producer.flush(60) == 0
        self.alter("message.timestamp.type", "LogAppendTime")

    def make_anew(self) -> None:
        self.admin.delete_topics([self.name])[self.name].result(30)
        wait_until(lambda: self.name not in self.admin.list_topics(timeout=10).topics, 30, "the topic is gone")
        new = NewTopic(self.name, PARTITIONS, 1, config={"message.timestamp.type": "LogAppendTime"})
        self.admin.create_topics([new])[self.name].result(30)

        def has_leaders() -> bool:
            topic = self.admin.list_topics(timeout=10).topics.get(self.name)
            leaders = [each.leader for each in topic.partitions.values()] if topic else []
            return len(leaders) == PARTITIONS and min(leaders) >= 0

        wait_until(has_leaders, 30, "the new topic has leaders")
