"""Whatever happens between the server and the broker, and to either: what was answered 201 is in the topic, nothing is
there that was not sent, and the service comes back by itself. The judge is a ledger of every answer.

SPDX-License-Identifier: Apache-2.0
"""

import collections
import os
import random
import struct
import time
from typing import Callable

import pytest

from flow.fault_proxy import TO_BROKER, TO_CLIENT, FaultProxy
from flow.ledger import Ledger
from flow.own_server import OwnServer
from flow.stack import wait_until
from verifier.murmur2 import partition_of

# Of the long run; ./scripts/test long has ten minutes.
RUN_S = float(os.environ.get("BXB_TEST_FAULT_SECONDS", "600"))


@pytest.fixture
def network(stack):
    with FaultProxy(stack.env["BXB_KAFKA"]) as network:
        yield network


@pytest.fixture
def server(stack, network, own_topic):
    """A server that reaches the broker only over the bad network. What is sent again after a 503 stands in the topic
    twice, so it has a topic of its own."""
    settings = {"kafka": network.address, "events.topic": own_topic.name, "server.deadline": "1s"}
    with OwnServer(stack, settings) as server:
        server.wait_ready()
        yield server


def wait_taken(ledger: Ledger, after: str, patience_s: float = 60) -> None:
    """The service is back: more batches are taken than one of each thread that waited."""
    before = ledger.taken()
    wait_until(lambda: ledger.taken() > before + 20, patience_s, f"batches are taken again after {after}")


NETWORK_FAULTS: dict[str, Callable[[FaultProxy], None]] = {
    "connections that are reset": FaultProxy.cut,
    "requests that do not arrive": lambda network: network.hold(TO_BROKER),
    "answers that do not arrive": lambda network: network.hold(TO_CLIENT),
    "silence in both directions": FaultProxy.hold,
    "a slow network": lambda network: network.delay(0.15),
}


def test_a_bad_network_loses_nothing(network, server, organization, own_topic):
    with Ledger(organization, server.url) as ledger:
        for name, begin in NETWORK_FAULTS.items():
            wait_taken(ledger, "the start")
            refused = ledger.refused()
            begin(network)
            if name == "a slow network":
                time.sleep(1)
            else:
                wait_until(lambda: ledger.refused() > refused + 4, 30, f"503 during {name}")
            network.heal()
            wait_taken(ledger, name)
    own_topic.verify(organization.sent.values())


def test_connections_that_a_firewall_forgot_are_given_up_and_lose_nothing(stack, network, organization, own_topic):
    quick = {"kafka.socket.timeout.ms": "2000", "kafka.request.timeout.ms": "1000"}  # 15 s and 10 s otherwise
    settings = {"kafka": network.address, "events.topic": own_topic.name, "server.deadline": "1s", **quick}
    with OwnServer(stack, settings) as server:
        server.wait_ready()
        with Ledger(organization, server.url) as ledger:
            for directions in ((), (TO_BROKER,), (TO_CLIENT,)):
                wait_taken(ledger, "the start")
                network.lose(*directions)
                wait_taken(ledger, f"connections were forgotten: {directions}", patience_s=10)
    own_topic.verify(organization.sent.values())


def test_a_request_whose_answer_is_lost_is_stored_once(network, server, organization, own_topic):
    """The idempotent producer sends it again, and the broker knows that it has it."""
    with Ledger(organization, server.url) as ledger:
        for _ in range(2):
            wait_taken(ledger, "an answer was lost")
            network.lose_answers(3)
            wait_until(network.answers_lost, 30, "three answers are lost")
            network.heal()
        wait_taken(ledger, "the last answers were lost")
    own_topic.verify(organization.sent.values())


def test_kill_9_at_random_moments_loses_nothing_that_was_acknowledged(network, server, organization, own_topic):
    with Ledger(organization, server.url) as ledger:
        for _ in range(4):
            wait_taken(ledger, "a start")
            time.sleep(random.random() / 4)
            server.kill()
            server.start()
            server.wait_ready()
        wait_taken(ledger, "the last start")
    own_topic.verify(organization.sent.values())


# What a power cut does to a broker that stands alone


def cut_last_batch(stack, topic: str, partition: int) -> None:
    """Removes the last batch of records from a partition's log, as if it had not reached the disk."""
    (log,) = (stack.local / "data" / "kafka" / f"{topic}-{partition}").glob("*.log")
    with open(log, "r+b") as file:
        ends = [0]
        while len(head := file.read(12)) == 12 and (size := struct.unpack_from(">i", head, 8)[0]) > 0:
            ends.append(ends[-1] + 12 + size)
            file.seek(ends[-1])
        assert len(ends) > 2, "there are batches to lose one of"
        file.truncate(ends[-2])


def test_a_broker_that_lost_records_makes_the_producer_fail_and_it_is_made_anew(stack, organization, own_topic):
    """Kafka answers OUT_OF_ORDER_SEQUENCE_NUMBER, which librdkafka takes for fatal."""
    with OwnServer(stack, {"events.topic": own_topic.name}) as server, server.client(organization.key) as http:
        server.wait_ready()
        for _ in range(5):
            assert organization.post(organization.event(), http).status_code == 201
        stack.kill("kafka")
        cut_last_batch(stack, own_topic.name, partition_of(organization.id.encode(), own_topic.partitions))
        stack.start("kafka")

        statuses = []

        def is_taken() -> bool:
            statuses.append(organization.post(organization.event(), http).status_code)
            return statuses[-1] == 201

        wait_until(is_taken, 60, f"an event is taken again: {statuses}")
        assert set(statuses) <= {201, 503}
        assert server.metric("bxb_server_producers_recreated_total") == 1, server.log()
        assert "out_of_order" in server.log().lower()
        assert server.metric("bxb_server_acknowledged_lost_total") == 1, server.log()
        wait_until(lambda: "acknowledged_lost" in server.log(), 10, "the loss is logged")


# The long run


class Faults:
    """Faults at random, each ended before the next."""

    def __init__(self, stack, network: FaultProxy, server: OwnServer):
        self._stack, self._network, self._server = stack, network, server
        self.counts: collections.Counter[str] = collections.Counter()
        self._choices: dict[str, tuple[int, Callable[[], None]]] = {  # how often, what
            "server killed": (6, self._kill_server),
            "server stopped": (2, self._stop_server),
            "broker frozen": (4, self._freeze_broker),
            "broker killed": (1, self._kill_broker),
            "answers lost": (6, self._lose_answers),
            "connections forgotten": (1, self._forget),
            **{name: (3, lambda begin=begin: self._break_network(begin)) for name, begin in NETWORK_FAULTS.items()},
        }

    def strike(self) -> str:
        names = list(self._choices)
        name = random.choices(names, [self._choices[name][0] for name in names])[0]
        self.counts[name] += 1
        self._choices[name][1]()
        return name

    def _kill_server(self) -> None:
        self._server.kill()
        self._server.start()

    def _stop_server(self) -> None:
        self._server.stop()
        self._server.start()

    def _freeze_broker(self) -> None:
        self._stack.freeze("kafka")
        time.sleep(random.uniform(0.2, 12))
        self._stack.thaw("kafka")

    def _kill_broker(self) -> None:
        self._stack.kill("kafka")
        time.sleep(random.uniform(0, 2))
        self._stack.start("kafka")

    def _lose_answers(self) -> None:
        self._network.lose_answers(random.randint(1, 5))
        time.sleep(random.uniform(0.1, 1))
        self._network.heal()

    def _forget(self) -> None:
        self._network.lose(*random.choice([(TO_BROKER,), (TO_CLIENT,), ()]))

    def _break_network(self, begin: Callable[[FaultProxy], None]) -> None:
        begin(self._network)
        time.sleep(random.uniform(0.1, 5))
        self._network.heal()


@pytest.mark.long
def test_a_long_run_of_faults_loses_nothing(stack, network, server, organization, own_topic, capsys):
    faults = Faults(stack, network, server)
    end = time.monotonic() + RUN_S
    with Ledger(organization, server.url, pause_s=0.1) as ledger:
        while time.monotonic() < end:
            wait_taken(ledger, faults.strike(), patience_s=180)
    events = len(organization.sent)
    acknowledged = sum(sent.acknowledged for sent in organization.sent.values())
    sends = sum(sent.sends for sent in organization.sent.values())
    with capsys.disabled():
        print(f"\n{RUN_S:g} s, {faults.counts.total()} faults: {dict(faults.counts)}")
        print(f"{dict(ledger.answers)} answers (0: none came); the longest batch took {ledger.longest_s:.1f} s")
        print(f"{acknowledged} of {events} events acknowledged, sent {sends} times")
    assert acknowledged == events
    own_topic.verify(organization.sent.values())
