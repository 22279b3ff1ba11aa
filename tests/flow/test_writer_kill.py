"""Whatever happens to the writer and the stores, each record is counted once in both.

Every event is sent once, so ClickHouse and PostgreSQL must have exactly the counts and sums of the
manifest; the verifier compares them row by row and hour by hour.

SPDX-License-Identifier: Apache-2.0
"""

import concurrent.futures
import contextlib
import json
import random
import time

import psycopg
import pytest

from flow.organization import Organization, batches_of
from flow.stack import Stack, is_alive, wait_until

# Small batches make many of them, and so many places to be killed at.
SETTINGS = {"writer_batch_rows": "700", "writer_batch_wait": "20ms", "writer_lease": "1s"}


@pytest.fixture
def busy_writer(stack):
    """The writer with small batches."""
    stack.restart("writer", **SETTINGS)
    yield stack
    for name in ("postgres", "clickhouse"):
        if not stack.pid(name):
            stack.start(name)
    if stack.pid("writer"):
        stack.stop("writer")
    stack.start("writer")


@contextlib.contextmanager
def load(organization: Organization, events: int, seconds: float):
    """Sends that many events, each once, in the background and at a steady pace."""
    everything = organization.events(events)
    sizes = random.Random(events)
    batches = list(batches_of(everything, lambda: sizes.choice((1, 20, 100, 250))))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sending = pool.submit(organization.send_load, batches, per_second=len(batches) / seconds)
        yield sending
        statuses = sending.result()
    assert set(statuses) == {201}, "nothing was done to the server or to Kafka"
    assert len(organization.sent) == events


def await_intent(stack: Stack) -> bool:
    """Until a batch is on its way. False when there is none for a while: nothing is left to do."""
    pending = "SELECT 1 FROM ingest.lane WHERE intent IS NOT NULL"
    with psycopg.connect(stack.env["BXB_POSTGRES"], autocommit=True) as connection:
        try:
            return bool(wait_until(lambda: connection.execute(pending).fetchone(), 1, "an intent"))
        except TimeoutError:
            return False


class Killer:
    """Kills the writer, again and again: at any time, just after an intent, or while it starts."""

    def __init__(self, stack: Stack, seed: int):
        self.stack = stack
        self.random = random.Random(seed)
        self.kills = {"any time": 0, "with an intent": 0, "while starting": 0}

    def strike(self) -> None:
        how = self.random.choice(list(self.kills))
        if how == "any time":
            time.sleep(self.random.uniform(0, 0.6))
        elif how == "with an intent":
            how = how if await_intent(self.stack) else "any time"
            time.sleep(self.random.uniform(0, 0.02))  # before, during or after the insert
        self.stack.kill("writer")
        self.kills[how] += 1
        if how == "while starting":
            self._strike_the_start()
        self.stack.start("writer", **SETTINGS)

    def _strike_the_start(self) -> None:
        starting = self.stack.begin_start("writer", **SETTINGS)
        pid = wait_until(lambda: self.stack.pid("writer"), 30, "the writer is started")
        time.sleep(self.random.uniform(0, 0.3))
        if is_alive(pid):
            self.stack.kill("writer")
        starting.wait()


def test_kill_9_in_a_loop_while_50000_events_arrive(busy_writer, organization):
    killer = Killer(busy_writer, seed=50_000)
    with load(organization, 50_000, seconds=25) as sending:
        while not sending.done() or sum(killer.kills.values()) < 12:
            killer.strike()
    organization.verify(patience_s=120)
    assert killer.kills["with an intent"] >= 2, killer.kills


def test_sigterm_hands_over_without_a_trace(busy_writer, organization):
    with load(organization, 6_000, seconds=6) as sending:
        handovers = 0
        while not sending.done() or handovers < 4:
            assert busy_writer.terminate("writer") < 20
            busy_writer.start("writer", **SETTINGS)
            handovers += 1
    organization.verify()


def test_clickhouse_killed_and_restarted_meanwhile(busy_writer, organization):
    with load(organization, 10_000, seconds=10) as sending:
        kills = 0
        while not sending.done() or kills < 4:
            await_intent(busy_writer)
            busy_writer.kill("clickhouse")
            kills += 1
            busy_writer.start("clickhouse")
    organization.verify(patience_s=120)


def test_clickhouse_frozen_for_a_while(busy_writer, organization):
    busy_writer.restart("writer", **SETTINGS, writer_insert_timeout="2s")
    with load(organization, 3_000, seconds=6) as sending:
        busy_writer.freeze("clickhouse")
        concurrent.futures.wait([sending], timeout=5)
        busy_writer.thaw("clickhouse")
    organization.verify(patience_s=120)


def test_postgresql_stopped_and_started_meanwhile(busy_writer, organization):
    with load(organization, 8_000, seconds=10) as sending:
        stops = 0
        while not sending.done() or stops < 3:
            if stops % 2:
                busy_writer.kill("postgres")
            else:
                busy_writer.stop("postgres")
            busy_writer.start("postgres")
            stops += 1
    organization.verify(patience_s=120)


def test_all_three_killed_at_once(busy_writer, organization):
    with load(organization, 4_000, seconds=5) as sending:
        concurrent.futures.wait([sending], timeout=2)
        for name in ("writer", "clickhouse", "postgres"):
            busy_writer.kill(name)
        for name in ("postgres", "clickhouse"):
            busy_writer.start(name)
        busy_writer.start("writer", **SETTINGS)
    organization.verify(patience_s=120)


@pytest.mark.long
def test_100000_events_by_bxb_send_during_repeated_kills(busy_writer, organization, tmp_path):
    events = organization.events(100_000)
    path = tmp_path / "events.ndjson"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    organization.record(events, acknowledged=True)
    killer = Killer(busy_writer, seed=100_000)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sending = pool.submit(busy_writer.bxb, "send", str(path), patience_s=600, api_key=organization.key)
        while not sending.done() or sum(killer.kills.values()) < 60:
            killer.strike()
        assert sending.result().returncode == 0
    organization.verify(patience_s=300)


@pytest.mark.long
def test_hundreds_of_kill_points(busy_writer, organization):
    killer = Killer(busy_writer, seed=300)
    with load(organization, 150_000, seconds=400) as sending:
        while not sending.done() or sum(killer.kills.values()) < 300:
            killer.strike()
    organization.verify(patience_s=300)
