"""The topic of an installation, to be ruined.

SPDX-License-Identifier: Apache-2.0
"""

from confluent_kafka import OFFSET_END, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from flow.installation import PARTITIONS, Installation
from flow.stack import wait_until
from verifier.murmur2 import partition_of


class Log:
    """`partition` is the one of the first organization."""

    def __init__(self, case: Installation):
        self.case = case
        self.name = case.settings.topic
        self.admin = AdminClient({"bootstrap.servers": case.settings.kafka})
        self.partition = partition_of(case.organizations[0].id.encode(), PARTITIONS)

    def delete_records(self) -> None:
        """What retention does, at once: all records are gone, the offsets go on."""
        everything = TopicPartition(self.name, self.partition, OFFSET_END)
        for done in self.admin.delete_records([everything]).values():
            done.result(30)

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
