"""A topic that is altered, made anew or removed under a running server: what would lose events stops the server, what is
only risky is told, and both end by themselves when the topic is mended.

SPDX-License-Identifier: Apache-2.0
"""

import pytest

from flow.own_server import OwnServer
from flow.stack import wait_until
from flow.topic import OWN_PARTITIONS as PARTITIONS


@pytest.fixture
def server(stack, own_topic):
    with OwnServer(stack, {"events.topic": own_topic.name, "events.topic_check": "200ms"}) as server:
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


def test_a_topic_that_is_altered_stops_the_server_until_it_is_mended(server, own_topic, organization):
    for name, bad, good, mended in ALTERATIONS:
        own_topic.alter(name, bad)
        server.wait_unready(f"{name}={mended}")
        assert post(server, organization) == 503
        own_topic.alter(name, good)
        server.wait_ready()
        assert post(server, organization) == 201


def test_risks_are_logged_and_counted_and_events_are_taken(server, own_topic, organization):
    wait_until(lambda: "one copy" in server.log(), 10, "the risk of a single copy is logged")
    assert server.metric("bxb_server_topic_risks") == 1
    own_topic.alter("retention.ms", "3600000")
    wait_until(lambda: server.metric("bxb_server_topic_risks") == 2, 10, "the short retention is a risk")
    own_topic.add_partitions(PARTITIONS + 5)
    wait_until(lambda: server.metric("bxb_server_topic_risks") == 3, 10, "the partitions are a risk")
    assert "more partitions than are in use" in server.log()
    assert post(server, organization) == 201
    own_topic.alter("retention.ms", "604800000")
    wait_until(lambda: server.metric("bxb_server_topic_risks") == 2, 10, "the retention is mended")


def test_a_topic_that_is_removed_or_has_fewer_partitions_stops_the_server(server, own_topic, organization):
    assert post(server, organization) == 201
    own_topic.remove()
    server.wait_unready("there is no topic")
    assert post(server, organization) == 503
    own_topic.make(PARTITIONS - 1)
    server.wait_unready("it was made anew")
    assert post(server, organization) == 503
    own_topic.add_partitions(PARTITIONS)
    server.wait_ready()
    wait_until(lambda: post(server, organization) == 201, 30, "events are taken again")


def test_events_go_to_the_partitions_that_postgresql_knows(stack, own_topic, organization, pg):
    """The count in use is a row, not what Kafka has: adding partitions must not spread an organization's events."""

    def decide(partitions: int) -> None:
        pg.execute(
            "INSERT INTO topic (cluster_id, name, partitions, clickhouse_table, clickhouse_uuid)"
            " SELECT cluster_id, %s, %s, %s, '' FROM topic WHERE name = %s"
            " ON CONFLICT (cluster_id, name) DO UPDATE SET partitions = excluded.partitions",
            [own_topic.name, partitions, own_topic.name, stack.settings.topic],
        )

    decide(PARTITIONS - 1)
    try:
        with OwnServer(stack, {"events.topic": own_topic.name, "events.topic_check": "200ms"}) as server:
            server.wait_ready()
            wait_until(lambda: "more partitions than are in use" in server.log(), 10, "the risk is logged")
            assert f"event=ready partitions={PARTITIONS - 1}" in server.log()
            assert post(server, organization) == 201
            decide(PARTITIONS)
            server.wait_unready("restart bxb-server")
            assert post(server, organization) == 503
            decide(PARTITIONS + 1)
            server.stop()
            server.start()
            server.wait_unready("it was made anew")
    finally:
        pg.execute("DELETE FROM topic WHERE name = %s", [own_topic.name])
