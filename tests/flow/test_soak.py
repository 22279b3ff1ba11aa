"""Hours in minutes: clients of all kinds at once, and nothing of the server grows.

BXB_TEST_SOAK=seconds  how long; ten minutes without it

SPDX-License-Identifier: Apache-2.0
"""

import concurrent.futures
import json
import os
import pathlib
import random
import threading
import time
from typing import NamedTuple

import pytest

from flow.own_server import OwnServer
from flow.stack import memory_of, wait_until
from flow.wire import Wire, request

SECONDS = float(os.environ.get("BXB_TEST_SOAK", "600"))
GROWTH_MAX = 8 << 20  # bytes, between a fifth of the time and its end


class Size(NamedTuple):
    memory: int
    descriptors: int
    threads: int


def size_of(server: OwnServer) -> Size:
    process = pathlib.Path(f"/proc/{server.process.pid}")
    descriptors, threads = (len(list((process / each).iterdir())) for each in ("fd", "task"))
    return Size(memory_of(server.process.pid), descriptors, threads)


def size_at_rest(server: OwnServer) -> Size:
    wait_until(lambda: server.metric("bxb_server_inflight_bytes") == 0, 60, "nothing is in flight")
    wait_until(lambda: server.metric("bxb_server_connections") == 0, 60, "nobody is connected")
    return size_of(server)


def behave(organization, wire: Wire, chance: random.Random) -> None:
    """One turn of a client: single events, batches, nonsense, chunks; some leave before the answer."""
    kind = chance.randrange(6)
    events = [organization.event() for _ in range(1 if kind < 2 else chance.randrange(1, 200))]
    body = b"nonsense" if kind == 5 else json.dumps(events if kind >= 2 else events[0]).encode()
    path = "/v1/events/validate" if kind == 4 else "/v1/events"
    wire.send(request(organization.key, body, path=path))
    if kind != 3:
        assert wire.answer().status in (200, 201, 400)


def work(server: OwnServer, organization, seed: int, stop: threading.Event) -> int:
    chance = random.Random(seed)
    turns = 0
    while not stop.is_set():
        with Wire(server.url) as wire:
            for _ in range(chance.randrange(1, 20)):
                behave(organization, wire, chance)
                turns += 1
                stop.wait(0.01)
                if chance.random() < 0.1:
                    break
    return turns


def soak(server: OwnServer, organization, seconds: float) -> Size:
    stop = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        workers = [pool.submit(work, server, organization, seed, stop) for seed in range(8)]
        concurrent.futures.wait(workers, timeout=seconds, return_when=concurrent.futures.FIRST_EXCEPTION)
        stop.set()
        assert sum(worker.result() for worker in workers) > seconds
    return size_at_rest(server)


@pytest.mark.long
def test_nothing_grows_in_a_long_run(stack, organization, own_topic):
    """The topic is the test's own, since it comes to millions of events, and other tests read all of theirs."""
    began = time.monotonic()
    with OwnServer(stack, {"events.topic": own_topic.name}) as server:
        server.wait_ready()
        with server.client(organization.key) as http:
            wait_until(lambda: organization.is_known(http), 15, "the server knows the key")
        before = soak(server, organization, SECONDS / 5)
        after = soak(server, organization, SECONDS * 4 / 5)
        taken = server.metric('bxb_server_events_total{fate="accepted"}')
    print(f"{time.monotonic() - began:.0f} s, {taken} events: {before} then {after}")
    assert after.memory - before.memory < GROWTH_MAX
    assert after.descriptors <= before.descriptors + 2
    assert after.threads == before.threads
