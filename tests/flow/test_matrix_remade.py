"""The rows of flow/fault_rows.py in which the topic is made anew under a writer that reads it. It would read on behind its hwm
in a log that has grown past that, and never see what the new log has before.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import signal
import time
from typing import Iterator

import pytest

from flow.case import BATCH_ROWS, Case
from flow.fault_proxy import FaultProxy
from flow.installation import OwnWriter
from flow.log import Log
from flow.organization import Organization
from flow.stack import wait_until
from flow.store_proxy import INSERT, Strike
from flow.topic import Topic

HOUR_MS = 3600 * 1000


@pytest.fixture
def case(stack):
    with Case(stack) as case:
        case.begin()
        yield case


@contextlib.contextmanager
def asleep(writer: OwnWriter) -> Iterator[None]:
    """It notices nothing of what happens meanwhile."""
    writer.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        writer.signal(signal.SIGCONT)


def grow(log: Log, organization: Organization, records: int) -> None:
    """A new log that has so many records, none of which a writer has read."""
    wait_until(lambda: organization.send([organization.event()]) == 201, 60, "the server knows the new topic")
    assert organization.send(organization.events(records - log.end())) == 201


def await_fetched(writer: OwnWriter, log: Log, records: int) -> None:
    series = f'bxb_writer_lag_records{{lane="0",partition="{log.partition}"}}'
    wait_until(lambda: writer.metric(series) == records, 30, f"{records} records are in hand")


def test_the_new_log_is_longer(case):
    (organization,) = case.organizations
    with case.running() as writer:
        writer.wait_ready()
        before = case.state()
        with asleep(writer):
            log = Log(case)
            log.make_anew()
            grow(log, organization, 2 * BATCH_ROWS)
        case.await_stop(writer, "log_changed")
        wait_until(lambda: writer.log().count("event=lane_acquired") > 1, 30, "it looks whether it can go on")
    assert case.state() == before


def test_nothing_that_is_read_of_the_new_log_is_to_be_stored(case):
    """A batch of duplicates has no intent: it is not completed, either."""
    (organization,) = case.organizations
    again = [organization.event(transaction_id=id) for id in list(organization.sent)[: BATCH_ROWS // 2]]
    with case.running() as writer:
        writer.wait_ready()
        before = case.state()
        with asleep(writer):
            log = Log(case)
            log.make_anew()
            grow(log, organization, BATCH_ROWS)
            assert organization.send(again) == 201
        case.await_stop(writer, "log_changed")
    assert case.state() == before


def test_nothing_was_stored_of_the_partition_before(case):
    """Records of the old log are in hand when those of the new one follow: there is no hwm yet to go by."""
    (first,) = case.organizations
    while Log(case, case.organizations[-1]).partition == Log(case).partition:
        case.organizations.append(Organization(case, f"organization-{len(case.organizations)}"))
    other = case.organizations[-1]
    log, in_hand = Log(case, other), BATCH_ROWS // 5
    with case.running(writer_batch_wait="60s") as writer:
        assert first.send(first.events(1)) == 201  # from here on a batch is closed when it is full
        wait_until(lambda: case.rows() == BATCH_ROWS + 1, 30, "the first batch has landed")
        assert other.send(other.events(in_hand)) == 201
        await_fetched(writer, log, in_hand)
        with asleep(writer):
            log.make_anew()
            grow(Log(case), first, BATCH_ROWS + 1)  # nothing is to be read of it
            grow(log, other, in_hand + 2 * BATCH_ROWS)
        case.await_stop(writer, "log_changed")
    assert case.rows() == case.asks("SELECT sum(events)::bigint FROM usage_hourly") == BATCH_ROWS + 1
    assert not case.intent()


def test_a_batch_is_on_its_way(case):
    """It is of the old log, and completed; the next one is not."""
    (organization,) = case.organizations
    with case.running() as writer:
        writer.wait_ready()
        case.clickhouse.strike(Strike(INSERT, on_request=lambda: writer.signal(signal.SIGSTOP)))
        case.send()
        case.clickhouse.await_struck()
        flying = sum(block["rows"] for block in case.intent()["blocks"])
        with asleep(writer):
            log = Log(case)
            log.make_anew()
            grow(log, organization, 3 * BATCH_ROWS)
        case.await_stop(writer, "log_changed")
    assert case.rows() == case.asks("SELECT sum(events)::bigint FROM usage_hourly") == BATCH_ROWS + flying
    assert not case.intent() and case.batches() == 2


def test_the_new_log_is_older_by_its_brokers_clock(case):
    """Its records do not come after what was read: only the record at hwm tells."""
    messages = Topic(case.settings).messages(case.organizations[0].id)
    with case.running() as writer:
        writer.wait_ready()
        before = case.state()
        with asleep(writer):
            log = Log(case)
            log.make_anew()
            log.append(2 * messages, messages[0].timestamp()[1] - HOUR_MS)
        case.await_stop(writer, "log_changed")
    assert case.state() == before


def test_the_clock_of_a_broker_goes_back(case):
    """The log is the same, and the record at hwm tells it."""
    messages = Topic(case.settings).messages(case.organizations[0].id)
    with case.running() as writer:
        writer.wait_ready()
        for hours in (1, 2):
            Log(case).append(messages, int(time.time() * 1000) - hours * HOUR_MS)
        case.at_rest()
        assert writer.readiness()[0] == 200 and "LANE_STOPPED" not in writer.log().upper()
        assert writer.metric("bxb_writer_anchors_read_total") > 0
    assert case.asks("SELECT sum(duplicates)::bigint FROM duplicate_daily") == 2 * len(messages)


def test_kafka_does_not_say_whether_the_log_is_the_same(case):
    """No answer is not taken for a good one. What has landed is completed meanwhile."""
    with FaultProxy(case.settings.kafka) as network, case.running(kafka=network.address, writer_batch_wait="5s") as writer:
        case.send()
        wait_until(lambda: case.rows() == 2 * BATCH_ROWS, 30, "a batch has landed")
        (organization,) = case.organizations
        assert organization.send(organization.events(BATCH_ROWS // 2)) == 201
        await_fetched(writer, Log(case), BATCH_ROWS + BATCH_ROWS // 2)
        network.hold()
        writer.wait_unready("whether the log is the one that was read")
        wait_until(lambda: case.batches() == 2, 30, "the batch that has landed is completed")
        assert not case.intent() and case.rows() == 2 * BATCH_ROWS
        network.heal()
        case.verify()
