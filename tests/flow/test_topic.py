"""A topic that is altered, made anew or removed under a running server: what would lose events stops the server, what is
only risky is told, and both end by themselves when the topic is mended.

SPDX-License-Identifier: Apache-2.0
"""

import os

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic

from flow.own_server import OwnServer
from flow.stack import wait_until
from verifier.sources import Settings

PARTITIONS = 3


class OwnTopic:
    """A topic that a test may ruin."""

    def __init__(self, settings: Settings):
        self.name = f"own-{os.getpid()}-{os.urandom(4).hex()}"
        self._admin = AdminClient({"bootstrap.servers": settings.kafka})

    def make(self, partitions: int = PARTITIONS, **config: str) -> None:
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


@pytest.fixture
def topic(stack):
    topic = OwnTopic(stack.settings)
    topic.make()
    yield topic
    topic.remove()


@pytest.fixture
def server(stack, topic):
    with OwnServer(stack, {"events.topic": topic.name, "events.topic_check": "200ms"}) as server:
        server.wait_ready()
        yield server


def post(server, organization) -> int:
    with server.client(organization.key) as http:
        return organization.post(organization.event(), http).status_code


ALTERATIONS = (  # what is altered, to what, back to what, and what the remedy names
    ("max.message.bytes", "5000", "1048588", "1000000"),
    ("message.timestamp.type", "CreateTime", "LogAppendTime", "LogAppendTime"),
    ("cleanup.policy", "compact", "delete", "delete"),
    ("min.insync.replicas", "2", "1", "1"),
)


def test_a_topic_that_is_altered_stops_the_server_until_it_is_mended(server, topic, organization):
    for name, bad, good, mended in ALTERATIONS:
        topic.alter(name, bad)
        server.wait_unready(f"{name}={mended}")
        assert post(server, organization) == 503
        topic.alter(name, good)
        server.wait_ready()
        assert post(server, organization) == 201


def test_risks_are_logged_and_counted_and_events_are_taken(server, topic, organization):
    wait_until(lambda: "one copy" in server.log(), 10, "the risk of a single copy is logged")
    assert server.metric("bxb_server_topic_risks") == 1
    topic.alter("retention.ms", "3600000")
    wait_until(lambda: server.metric("bxb_server_topic_risks") == 2, 10, "the short retention is a risk")
    topic.add_partitions(PARTITIONS + 5)
    wait_until(lambda: server.metric("bxb_server_topic_risks") == 3, 10, "the partitions are a risk")
    assert "more partitions than are in use" in server.log()
    assert post(server, organization) == 201
    topic.alter("retention.ms", "604800000")
    wait_until(lambda: server.metric("bxb_server_topic_risks") == 2, 10, "the retention is mended")


def test_a_topic_that_is_removed_or_has_fewer_partitions_stops_the_server(server, topic, organization):
    assert post(server, organization) == 201
    topic.remove()
    server.wait_unready("there is no topic")
    assert post(server, organization) == 503
    topic.make(PARTITIONS - 1)
    server.wait_unready("it was made anew")
    assert post(server, organization) == 503
    topic.add_partitions(PARTITIONS)
    server.wait_ready()
    wait_until(lambda: post(server, organization) == 201, 30, "events are taken again")
