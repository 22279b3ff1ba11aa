"""The rows of flow/fault_rows.py that are about Kafka's log: what was read is no longer there, or is no longer what it was.
The lane stops with its reason, and nothing is changed.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib

import pytest

from flow.case import BATCH_ROWS, Case
from flow.fault_proxy import FaultProxy
from flow.installation import Installation
from flow.log import Log
from flow.stack import wait_until
from flow.store_proxy import INSERT, Strike


@pytest.fixture
def case(stack):
    with Case(stack) as case:
        case.begin()
        yield case


def stops(case: Case, code: str) -> None:
    """The next run stops for this reason and changes nothing."""
    before = case.state()
    with case.running() as writer:
        case.await_stop(writer, code)
    assert case.state() == before


def test_retention_passes_a_writer_that_was_away(case):
    case.send()
    Log(case).delete_records()
    stops(case, "log_gap")


def test_retention_takes_what_is_done(case):
    """Nothing is missing: the lane goes on. Kafka cannot be compared any more, the two stores can."""
    Log(case).delete_records()
    case.send()
    with case.running():
        case.at_rest()
    counted = case.asks("SELECT sum(events)::bigint FROM usage_hourly")
    assert case.rows() == counted == 2 * BATCH_ROWS


def test_the_records_of_an_intent_are_gone(case):
    writer = case.start()
    case.clickhouse.strike(Strike(INSERT, request=0, on_request=writer.kill))
    case.send()
    case.clickhouse.await_struck()
    assert case.intent()
    Log(case).delete_records()
    stops(case, "log_gap")


@pytest.mark.parametrize("records", [0, BATCH_ROWS // 2, 2 * BATCH_ROWS], ids=lambda count: f"{count} records")
def test_the_topic_is_made_anew(case, records):
    """Empty, truncated, and grown past what was done."""
    Log(case).make_anew()
    if records:
        (organization,) = case.organizations
        wait_until(lambda: organization.send([organization.event()]) == 201, 60, "the server knows the new topic")
        assert organization.send(organization.events(records)) == 201
    stops(case, "log_changed")


def test_the_network_to_kafka_is_bad(case):
    with FaultProxy(case.settings.kafka) as network, case.running(kafka=network.address) as writer:
        for begin in (FaultProxy.cut, FaultProxy.hold):
            writer.wait_ready()
            begin(network)
            case.send()
            writer.wait_unready("kafka")
            network.heal()
            case.at_rest()
        case.verify()


def test_two_topics_into_one_table(case):
    """PostgreSQL holds the claim: the second one is refused before it reads a record."""
    own = {"clickhouse_table": case.env["BXB_CLICKHOUSE_TABLE"], "postgres_schema": case.env["BXB_POSTGRES_SCHEMA"]}
    before = case.state()
    with Installation(case.stack, 1, **own) as other:
        writer = other.writer()
        writer.wait_unready("table_mismatch")
        assert f"is fed by topic {case.env['BXB_EVENTS_TOPIC']} of Kafka cluster" in writer.readiness()[1]
    assert case.state() == before
    case.send()
    case.recover()


# A log that is damaged on the broker's disk


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


CRC, ATTRIBUTES, RECORDS = 17, 21, 61  # where they are in a batch


def another_byte(batch: bytearray) -> None:
    batch[-1] ^= 1


def not_compressed(batch: bytearray) -> None:
    """What is said to be compressed is not, and the sum agrees."""
    assert batch[ATTRIBUTES + 1] & 7, "it is compressed"
    batch[RECORDS : RECORDS + 4] = bytes(4)
    batch[CRC:ATTRIBUTES] = crc32c(batch[ATTRIBUTES:]).to_bytes(4, "big")


@contextlib.contextmanager
def damaged(case: Case, change):
    """The last batch of records, under a broker that runs: it sends what is in its file."""
    topic = Log(case)
    (path,) = (case.stack.local / "data" / "kafka" / f"{topic.name}-{topic.partition}").glob("*.log")
    log, at, size = path.read_bytes(), 0, 0
    while (end := at + size) + RECORDS < len(log) and (length := int.from_bytes(log[end + 8 : end + 12], "big")):
        at, size = end, length + 12
    batch = bytearray(log[at : at + size])
    change(batch)
    with open(path, "r+b") as file:
        for content in (batch, log[at : at + size]):
            file.seek(at)
            file.write(content)
            file.flush()
            if content is batch:
                yield


@pytest.mark.parametrize("change, mentions", [(another_byte, "CRC32C"), (not_compressed, "ecompress")])
def test_a_batch_is_damaged(case, change, mentions):
    case.send()
    before = case.state()
    with damaged(case, change):
        with case.running() as writer:
            case.await_stop(writer, "record_invalid")
            assert mentions in writer.log(), writer.log()
        assert case.state() == before
    case.recover()
