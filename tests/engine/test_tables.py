"""Tables of other people: what bxb-writer takes, how its blocks follow their partitions, order and types, and what
it refuses or warns of.

SPDX-License-Identifier: Apache-2.0
"""

import re
import subprocess
import uuid

import pytest

from engine.conftest import PROBES
from engine.provocations import replica

PROBE = PROBES / "store_probe"
RECORDS = 500

COLUMNS = {
    "organization_id": "LowCardinality(String)",
    "transaction_id": "String",
    "external_customer_id": "String",
    "external_subscription_id": "String",
    "code": "LowCardinality(String)",
    "timestamp": "DateTime64(3, 'UTC')",
    "properties": "String",
    "value": "Nullable(String)",
    "decimal_value": "Nullable(Decimal(38, 26))",
    "created_at": "DateTime64(3, 'UTC')",
    "kafka_partition": "UInt16",
    "kafka_offset": "UInt64",
    "version": "UInt64",
}
KEY = "organization_id, code, external_customer_id, toDate(timestamp), timestamp, transaction_id"


@pytest.fixture
def made(engine):
    """Makes tables; they go with the test."""
    names = []

    def make(engine_of="ReplacingMergeTree(version)", partition="toYYYYMM(timestamp)", key=KEY, more="", rest="", **types):
        name = f"t_{uuid.uuid4().hex}"
        columns = ", ".join(f"{column} {kind}" for column, kind in {**COLUMNS, **types}.items() if kind)
        engine.run(
            f"CREATE TABLE {name} ({columns}, INDEX o kafka_offset TYPE minmax GRANULARITY 1 {more})"
            f" ENGINE = {engine_of} {f'PARTITION BY {partition}' if partition else ''} ORDER BY ({key}) {rest}"
            " SETTINGS non_replicated_deduplication_window = 100000"
        )
        names.append(name)
        return name

    yield make
    for name in names:
        engine.run(f"DROP TABLE {name}")


@pytest.fixture
def store(engine):
    def run(table: str, records: int = RECORDS) -> list[str]:
        done = subprocess.run(
            [PROBE, engine.url.rstrip("/"), table, str(records)], capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout.splitlines()

    return run


def blocks(lines: list[str]) -> dict[int, int]:
    """Rows by period; all blocks must have landed, and nothing else be said."""
    found = [re.fullmatch(r"block (\d+) (\d+) landed", line) for line in lines]
    assert all(found), lines
    return {int(match[1]): int(match[2]) for match in found}


@pytest.mark.parametrize(
    "partition, sql",
    [
        ("toYYYYMM(timestamp)", "toYYYYMM(timestamp)"),
        ("(toYYYYMM(timestamp))", "toYYYYMM(timestamp)"),
        ("toStartOfMonth(timestamp)", "toYYYYMM(timestamp)"),
        ("toYYYYMMDD(timestamp)", "toYYYYMMDD(timestamp)"),
        ("toDate(timestamp)", "toYYYYMMDD(timestamp)"),
        ("toStartOfDay(timestamp)", "toYYYYMMDD(timestamp)"),
        ("tuple()", "0"),
        ("", "0"),
    ],
)
def test_blocks_follow_the_partition_key(engine, made, store, partition, sql):
    table = made(partition=partition)
    there = blocks(store(table))
    rows = engine.run(f"SELECT {sql} AS p, count() FROM {table} GROUP BY p ORDER BY p")
    assert there == {int(p): int(n) for p, n in (row.split("\t") for row in rows.split("\n"))}
    assert sum(there.values()) == RECORDS
    # Each block became one part.
    inserted = engine.run(f"SELECT sum(level = 0) FROM system.parts WHERE table = '{table}' AND (level = 0 OR active)")
    assert int(inserted) <= len(there)
    assert engine.run(f"SELECT uniqExact(partition_id) FROM system.parts WHERE active AND table = '{table}'") == str(len(there))


def test_a_host_table_with_text_values_and_26_digits(engine, made, store):
    table = made(organization_id="UUID", created_at="DateTime", code="FixedString(16)", external_subscription_id=None)
    lines = store(table)
    assert lines.pop(0) == "unknown organization_id"
    assert sum(blocks(lines).values()) == RECORDS
    fifth = RECORDS // 5
    wanted = f"{fifth * (99999999999 * 10**18 + 1 - 15 * 10**17 + 1234 * 10**16)}"
    assert engine.run(f"SELECT toString(sum(toDecimal256(decimal_value, 18)) * 1000000000000000000) FROM {table}").split(".")[0] == wanted
    assert engine.run(f"SELECT countIf(value IS NULL), countIf(value = '12.340'), countIf(decimal_value IS NULL) FROM {table}") == (
        f"{fifth}\t{fifth}\t{fifth}"
    )
    assert engine.run(f"SELECT DISTINCT organization_id FROM {table} ORDER BY toString(organization_id) LIMIT 1") == (
        "11111111-1111-4111-8111-111111111111"
    )


KEYS = {
    KEY: None,
    "transaction_id, organization_id": None,
    "toStartOfHour(timestamp), organization_id, transaction_id": None,
    "organization_id, toYYYYMM(timestamp), version, transaction_id": None,
    "organization_id, cityHash64(external_customer_id), transaction_id": "cityHash64(external_customer_id)",
}


@pytest.mark.parametrize("key", KEYS)
def test_rows_come_in_the_order_of_the_tables_own_key(engine, made, store, key):
    sorted_here = "SELECT sum(value) FROM system.events WHERE event = 'MergeTreeDataWriterBlocksAlreadySorted'"
    table = made(key=key)
    before = int(engine.run(sorted_here) or 0)
    lines = store(table)
    if KEYS[key]:
        assert lines.pop(0) == f"unknown {KEYS[key]}"
    there = blocks(lines)
    assert int(engine.run(sorted_here) or 0) - before == (0 if KEYS[key] else len(there))


REFUSED = {
    "another engine": ({"engine_of": "SummingMergeTree"}, "has the engine SummingMergeTree"),
    "a key that merges different events": ({"key": "organization_id, code, timestamp"}, "lacks transaction_id"),
    "a partition of another kind": ({"partition": "toHour(timestamp)"}, "PARTITION BY toYYYYMM(timestamp)"),
    "a missing column": ({"kafka_partition": None}, "ADD COLUMN kafka_partition UInt16"),
    "a value without NULL": ({"decimal_value": "Decimal(38, 26)"}, "MODIFY COLUMN decimal_value Nullable"),
    "an enum": ({"code": "Enum8('a' = 1)"}, "MODIFY COLUMN code String"),
    "a small offset": ({"kafka_offset": "UInt32"}, "the type UInt32 is too small"),
    "seconds": ({"timestamp": "DateTime('UTC')"}, "cuts milliseconds"),
    "another zone": ({"timestamp": "DateTime64(3, 'Europe/Berlin')"}, "time zone is not UTC"),
    "a computed column": ({"created_at": "DateTime64(3, 'UTC') MATERIALIZED timestamp"}, "MATERIALIZED"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_work_is_refused_with_what_mends_it(made, store, name):
    shape, text = REFUSED[name]
    lines = store(made(**shape))
    assert len(lines) == 1 and lines[0].startswith("refused ") and text in lines[0], lines


TOKENS = "replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800"


def test_a_replicated_table_must_remember_tokens_for_as_long_as_kafka_keeps_records(engine, store):
    columns = ", ".join(f"{column} {kind}" for column, kind in COLUMNS.items()) + ", INDEX o kafka_offset TYPE minmax GRANULARITY 1"
    rest = f"PARTITION BY toYYYYMM(timestamp) ORDER BY ({KEY})"
    with replica(engine, columns, rest, "Replacing") as table:
        (line,) = store(table)
        assert "for 3600 s" in line and "MODIFY SETTING replicated_deduplication_window_seconds = 604800" in line, line
    with replica(engine, columns, f"{rest} SETTINGS {TOKENS}", "Replacing") as table:
        lines = store(table)
        assert lines[0].startswith("risk it is a ReplicatedReplacingMergeTree: "), lines
        assert "NOT_INITIALIZED" in lines[1] and lines[2].endswith(" unknown"), lines


def test_what_can_surprise_is_said(engine, made, store):
    table = made(
        more=", CONSTRAINT positive CHECK kafka_offset >= 0",
        rest="TTL toDateTime(timestamp) + INTERVAL 10 YEAR",
        day="Date MATERIALIZED toDate(timestamp)",
        note="String DEFAULT 'constant'",
    )
    view = f"v_{uuid.uuid4().hex}"
    engine.run(f"CREATE MATERIALIZED VIEW {view} ENGINE = Memory AS SELECT count() AS n FROM {table}")
    try:
        lines = store(table)
    finally:
        engine.run(f"DROP TABLE {view}")
    risks = [line for line in lines if line.startswith("risk ")]
    assert len(risks) == 4, risks
    for mark, risk in zip((f"(default.{view})", "(positive)", "TTL", "column day"), risks):
        assert mark in risk
    assert sum(blocks([line for line in lines if line not in risks]).values()) == RECORDS


def test_a_view_that_fails_leaves_no_doubt_about_the_table(engine, made, store):
    """Whatever the answer of the INSERT was, reading back says whether its rows are there."""
    table = made()
    view = f"v_{uuid.uuid4().hex}"
    engine.run(f"CREATE MATERIALIZED VIEW {view} ENGINE = Memory AS SELECT throwIf(1) AS n FROM {table}")
    try:
        lines = store(table)
    finally:
        engine.run(f"DROP TABLE {view}")
    assert sum("throwIf" in line for line in lines if line.startswith("insert ")) > 0, lines
    landed = sum(int(line.split()[2]) for line in lines if line.startswith("block ") and line.endswith("landed"))
    assert engine.count(table) == landed
    assert not [line for line in lines if line.endswith("wrong")]
