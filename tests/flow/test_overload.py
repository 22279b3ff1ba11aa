"""More than the server can hold: it says so early, stays within its memory, and goes on by itself.

SPDX-License-Identifier: Apache-2.0
"""

import concurrent.futures
import gzip
import json
import threading
import time

import pytest

from flow.fault_proxy import FaultProxy
from flow.organization import Organization
from flow.own_server import OwnServer
from flow.stack import memory_of, wait_until
from flow.wire import Wire, request

MIB = 1 << 20
BUDGET = 64 * MIB
CONNECTIONS = 1000
# docs/OPERATIONS.md: the process itself, the budget, and what the library keeps for each connection.
BOUND = 64 * MIB + BUDGET + CONNECTIONS * 18 * 1024
CLIENTS = 400


@pytest.fixture
def bounded(stack):
    stack.restart(
        "server",
        server_inflight_max=f"{BUDGET // MIB}MiB",
        server_connections_max=str(CONNECTIONS),
        server_deadline="3s",
    )
    yield stack
    stack.thaw("kafka")
    stack.restart("server")


def peak(stack) -> int:
    return memory_of(stack.running_pid("server"), "VmHWM")


def bodies(organization) -> list[tuple[bytes, bytes]]:
    """Headers and body: large batches, many small events, and little bytes that become many."""
    large = json.dumps([organization.event(properties={"padding": "x" * 400}) for _ in range(5000)]).encode()
    small = json.dumps([{"transaction_id": str(i)} for i in range(10000)]).encode()
    escapes = b'[{"transaction_id":"' + b"\\u00e9" * 250000 + b'"}]'
    bomb = gzip.compress(b" " * (60 * MIB), 9)
    return [(b"", large), (b"", small), (b"", escapes), (b"Content-Encoding: gzip\r\n", bomb)]


def push(url: str, data: bytes, stop: threading.Event) -> set[int]:
    """Sends the same again and again, on a new connection each time; which statuses came."""
    statuses = set()
    while not stop.is_set():
        try:
            with Wire(url, patience_s=60) as wire:
                wire.send(data)
                statuses.add(wire.answer().status)
        except (OSError, EOFError):
            pass  # a refused body that is long is not read to its end
    return statuses


@pytest.fixture
def others(bounded, organization):
    """Two more organizations: one alone may have half of the budget, three have three quarters of it."""
    others = [Organization(bounded, f"{organization.name}-{i}") for i in range(2)]
    yield others
    for other in others:
        other.http.close()


def test_memory_stays_under_its_bound_while_the_broker_is_frozen(bounded, organization, others):
    url = bounded.env["BXB_URL"]
    requests = [
        request(one.key, body, headers=headers)
        for one in (organization, *others)
        for headers, body in bodies(one)
    ]
    organization.send_until_taken()
    bounded.freeze("kafka")
    stop = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        pushing = [pool.submit(push, url, requests[i % len(requests)], stop) for i in range(CLIENTS)]
        try:
            wait_until(lambda: bounded.gauge("bxb_server_inflight_bytes") > BUDGET / 2, 30, "the budget is in use")
            for _ in range(20):
                assert bounded.gauge("bxb_server_inflight_bytes") < 1.1 * BUDGET, "answers are counted when they are there"
                stop.wait(0.3)
        finally:
            stop.set()
            bounded.thaw("kafka")
        statuses = set().union(*(one.result() for one in pushing))
    print(f"peak {peak(bounded) / MIB:.0f} MiB, bound {BOUND / MIB:.0f} MiB, statuses {statuses}")
    assert peak(bounded) < BOUND
    assert 503 in statuses and not statuses & {500}, statuses
    organization.send_until_taken()
    wait_until(lambda: bounded.gauge("bxb_server_inflight_bytes") == 0, 30, "all memory is given back")


def test_beyond_the_budget_the_answer_is_503_before_the_body_is_sent(bounded, organization):
    url = bounded.env["BXB_URL"]
    size = 15 * MIB
    head = request(organization.key, b"x" * size)[:-size]
    head = head.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    with Wire(url) as first, Wire(url) as second:
        first.send(head)  # half of the budget: all that one organization may have
        assert first.answer().status == 100
        second.send(head)
        answer = second.answer()
    assert answer.status == 503 and int(answer.headers["retry-after"]) >= 1
    assert json.loads(answer.body)["code"] == "overloaded"
    wait_until(lambda: bounded.gauge("bxb_server_inflight_bytes") == 0, 10, "those that left gave back")


def test_one_organization_sends_four_of_the_largest_bodies_at_once(stack, organization):
    """With the default settings; the broker is frozen until all are held."""
    padding = "x" * 1400
    bodies = [[organization.event(properties={"padding": padding}) for _ in range(9900)] for _ in range(4)]
    texts = [json.dumps(body).encode().ljust(16 * MIB) for body in bodies]
    assert all(len(text) == 16 * MIB for text in texts)
    with OwnServer(stack) as server:
        server.wait_ready()
        with server.client(organization.key) as http:
            wait_until(lambda: organization.is_known(http), 15, "the server knows the key")
        stack.freeze("kafka")
        try:
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                sending = [pool.submit(post_text, server, organization.key, text) for text in texts]
                wait_until(lambda: server.metric("bxb_server_inflight_events") == 4 * 9900, 60, "all four are held")
                assert server.metric("bxb_server_inflight_bytes") < 384 * MIB / 2
                stack.thaw("kafka")
                assert [one.result() for one in sending] == [201] * 4
        finally:
            stack.thaw("kafka")


def post_text(server: OwnServer, key: str, text: bytes) -> int:
    with server.client(key) as http:
        return http.post("/v1/events", content=text, headers={"Content-Type": "application/json"}).status_code


@pytest.mark.parametrize("target", ("0s", "20ms"))
def test_while_the_broker_is_slower_than_the_queue_delay_requests_are_refused(stack, organization, target):
    with FaultProxy(stack.env["BXB_KAFKA"]) as network:
        with OwnServer(stack, {"kafka": network.address, "server.queue_delay": target}) as server:
            server.wait_ready()
            with server.client(organization.key) as http:
                wait_until(lambda: organization.is_known(http), 15, "the server knows the key")
            network.delay(0.05)
            answers = [answer for some in send_side_by_side(server, organization) for answer in some]
            refused = [answer for answer in answers if answer.status_code == 503]
            assert {answer.status_code for answer in answers} == ({201} if target == "0s" else {201, 503})
            assert all("wait too long" in answer.json()["detail"] for answer in refused)
            assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
            network.heal()
            wait_until(lambda: send_some(server, organization, 1)[0].status_code == 201, 10, "requests are taken again")


def send_side_by_side(server: OwnServer, organization) -> list[list]:
    """From clients that each pause for a time of their own, so that whoever sends finds others waiting for the broker.
    Without pauses they end in step: all are answered at once, send at once, and nobody queues in between."""

    def send(number: int) -> list:
        return send_some(server, organization, 30, pause_s=number * 0.003)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return list(pool.map(send, range(16)))


def send_some(server: OwnServer, organization, count: int, pause_s: float = 0) -> list:
    answers = []
    with server.client(organization.key) as http:
        for _ in range(count):
            time.sleep(pause_s)
            answers.append(organization.post(organization.event(), http))
    return answers
