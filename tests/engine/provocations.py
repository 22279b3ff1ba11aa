"""How ClickHouse's engine is brought to end one INSERT of the writer's client with a given error. Each is named after its
row of clickhouse/verdicts.def.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import re
import subprocess
import threading
import urllib.parse
import uuid
from typing import Callable, Iterator, NamedTuple, Optional

from engine.conftest import PROBES, REPOSITORY, Engine, wait_until

PROBE = PROBES / "insert_probe"
Provoke = Callable[[Engine], "Verdict"]
PROVOKED: dict[str, Provoke] = {}
NATIVE = "SELECT number + 0 AS a, 'x' AS s FROM numbers(10) FORMAT Native"


class Verdict(NamedTuple):
    verdict: str
    code: str = ""
    text: str = ""


def insert(
    url: str,
    table: str,
    block: bytes,
    columns: str = "a, s",
    user: str = "default",
    password: str = "",
    timeout_ms: int = 20_000,
    query_id: Optional[str] = None,
    database: str = "default",
    **settings: str,
) -> Verdict:
    """One INSERT as the writer sends it. `settings` stand before its own."""
    url = url.rstrip("/")
    if settings:  # the client appends "/?…" to this, which becomes the value of a parameter that nobody asks for
        url += "/?" + urllib.parse.urlencode({**settings, "param_rest": ""})
    done = subprocess.run(
        [PROBE, url, user, password, database, table, columns, str(timeout_ms), query_id or uuid.uuid4().hex],
        input=block,
        capture_output=True,
        check=True,
        timeout=60,
    )
    return Verdict(*done.stdout.decode().splitlines())


def table_verdicts() -> dict[str, str]:
    """What clickhouse/verdicts.def says, by name, in the probe's words."""
    text = (REPOSITORY / "clickhouse" / "verdicts.def").read_text(encoding="utf-8")
    return {name: verdict.lower() for verdict, name in re.findall(r"^CODE\(\d+, (\w+), (\w+)\)", text, re.M)}


def made(engine: Engine, columns: str = "a UInt64, s String", settings: str = "", order: str = "a") -> str:
    name = f"t_{uuid.uuid4().hex}"
    engine.run(f"CREATE TABLE {name} ({columns}) ENGINE = MergeTree ORDER BY {order} {settings}")
    return name


def block(engine: Engine, query: str = NATIVE) -> bytes:
    return engine.post(query, max_block_size="1000").content


def view(engine: Engine, table: str, expression: str) -> str:
    """What reads the table's INSERTs."""
    engine.run(f"CREATE MATERIALIZED VIEW {table}_v ENGINE = Memory AS SELECT {expression} AS x FROM {table}")
    return table


def provokes(name: str) -> Callable[[Provoke], Provoke]:
    def register(function: Provoke) -> Provoke:
        PROVOKED[name] = function
        return function

    return register


def with_settings(name: str, table_settings: str = "", **settings: str) -> None:
    """A table that is good, and a setting that is not."""
    PROVOKED[name] = lambda engine: insert(engine.url, made(engine, settings=table_settings), block(engine), **settings)


def with_column(name: str, kind: str, expression: str) -> None:
    """A column of the table whose default cannot take the data: a UInt64 a = 0 to 9, and a String s = 'x'."""
    PROVOKED[name] = lambda engine: insert(
        engine.url, made(engine, f"a UInt64, s String, d {kind} DEFAULT {expression}"), block(engine)
    )


def with_bytes(name: str, change: Callable[[bytes], bytes]) -> None:
    """What comes is no whole block."""
    PROVOKED[name] = lambda engine: insert(engine.url, made(engine), change(block(engine)))


# The server has no room for it now


@contextlib.contextmanager
def running(engine: Engine, query: str) -> Iterator[None]:
    """A statement that runs meanwhile."""
    thread = threading.Thread(target=engine.post, args=(query,))
    thread.start()
    try:
        count = "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%'"
        wait_until(lambda: int(engine.run(count)) > 1, 10, "it runs")
        yield
    finally:
        thread.join()


@provokes("TOO_MANY_SIMULTANEOUS_QUERIES")
def _(engine: Engine) -> Verdict:
    table, bytes_ = made(engine), block(engine)
    with running(engine, "SELECT sleepEachRow(1) FROM numbers(2) SETTINGS max_block_size = 1"):
        return insert(engine.url, table, bytes_, max_concurrent_queries_for_user="1")


@provokes("NOT_INITIALIZED")
def _(engine: Engine) -> Verdict:
    with replica(engine) as table:
        return insert(engine.url, table, block(engine))


@contextlib.contextmanager
def replica(engine: Engine, columns: str = "a UInt64, s String", rest: str = "ORDER BY a", kind: str = "") -> Iterator[str]:
    """A Replicated table that finds no Keeper."""
    name = f"t_{uuid.uuid4().hex}"
    keeper = f"Replicated{kind}MergeTree('/{name}', 'one'{', version' if kind else ''})"
    engine.run(f"ATTACH TABLE {name} UUID '{uuid.uuid4()}' ({columns}) ENGINE = {keeper} {rest}")
    try:
        yield name
    finally:
        engine.run(f"DETACH TABLE {name}")


# In the middle of it

with_bytes("ATTEMPT_TO_READ_AFTER_EOF", lambda block: block[:1])
with_bytes("CANNOT_READ_ALL_DATA", lambda block: block[:-1])
with_settings("MEMORY_LIMIT_EXCEEDED", max_memory_usage="1", max_untracked_memory="0")
with_settings("NOT_ENOUGH_SPACE", min_free_disk_bytes_to_perform_insert=str(1 << 60))


@provokes("TIMEOUT_EXCEEDED")
def _(engine: Engine) -> Verdict:
    return insert(engine.url, view(engine, made(engine), "sleepEachRow(0.1)"), block(engine), max_execution_time="0.2")


@provokes("TOO_SLOW")
def _(engine: Engine) -> Verdict:
    return insert(engine.url, view(engine, made(engine), "sleepEachRow(0.5)"), block(engine))


@provokes("TOO_MANY_PARTS")
def _(engine: Engine) -> Verdict:
    limits = "parts_to_throw_insert = 1, parts_to_delay_insert = 1, max_delay_to_insert = 0"
    crowded = made(engine, settings=f"SETTINGS {limits}")
    engine.run(f"SYSTEM STOP MERGES {crowded}")
    verdicts = [insert(engine.url, crowded, engine.native(rows)) for rows in (10, 11, 12)]
    assert verdicts[0].verdict == "landed"
    return verdicts[-1]


@provokes("QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING")
def _(engine: Engine) -> Verdict:
    table = view(engine, made(engine), "sleepEachRow(0.1)")
    bytes_ = block(engine)
    verdicts: list[Verdict] = []
    twin = threading.Thread(target=lambda: verdicts.append(insert(engine.url, table, bytes_, query_id="twin")))
    twin.start()
    while twin.is_alive() and not verdicts:
        verdicts.append(insert(engine.url, table, bytes_, query_id="twin"))
    twin.join()
    (doubt,) = [verdict for verdict in verdicts if "SAME_ID" in verdict.text]
    return doubt


@provokes("QUERY_WAS_CANCELLED")
def _(engine: Engine) -> Verdict:
    table = view(engine, made(engine), "sleepEachRow(0.2)")
    bytes_ = block(engine)
    verdicts: list[Verdict] = []
    slow = threading.Thread(target=lambda: verdicts.append(insert(engine.url, table, bytes_)))
    slow.start()
    while slow.is_alive():
        engine.post(f"KILL QUERY WHERE query LIKE 'INSERT INTO `{table}%' ASYNC")
    slow.join()
    return verdicts[0]


# Schema and settings

with_settings("UNKNOWN_SETTING", no_such_setting="1")
with_settings("READONLY", readonly="1")
with_settings("TABLE_IS_PERMANENTLY_READ_ONLY", "SETTINGS table_readonly = 1")
with_bytes("UNKNOWN_TYPE", lambda block: block.replace(b"\x06String", b"\x06Strong"))
with_bytes("TOO_LARGE_ARRAY_SIZE", lambda block: b"\xff" * 100)
PROVOKED["UNKNOWN_TABLE"] = lambda engine: insert(engine.url, "no_such_table", block(engine))
PROVOKED["NO_SUCH_COLUMN_IN_TABLE"] = lambda engine: insert(engine.url, made(engine), block(engine), "a, nothing")
PROVOKED["DUPLICATE_COLUMN"] = lambda engine: insert(engine.url, made(engine), block(engine), "a, a")
PROVOKED["SYNTAX_ERROR"] = lambda engine: insert(engine.url, made(engine), block(engine), "a,, s")
PROVOKED["CANNOT_READ_ARRAY_FROM_TEXT"] = lambda engine: insert(engine.url, made(engine, "a UInt64, s Array(UInt8)"), block(engine))
PROVOKED["FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"] = lambda engine: insert(
    engine.url, view(engine, made(engine), "throwIf(a = 3)"), block(engine)
)


@provokes("ILLEGAL_COLUMN")
def _(engine: Engine) -> Verdict:
    table = made(engine, "a UInt64, s String, m UInt64 MATERIALIZED a")
    return insert(engine.url, table, block(engine, "SELECT number + 0 AS a, 'x' AS s, a AS m FROM numbers(10) FORMAT Native"), "a, s, m")


@provokes("NOT_IMPLEMENTED")
def _(engine: Engine) -> Verdict:
    name = f"v_{uuid.uuid4().hex}"
    engine.run(f"CREATE VIEW {name} AS SELECT toUInt64(1) AS a, '' AS s")
    return insert(engine.url, name, block(engine))


@provokes("UNKNOWN_IDENTIFIER")
def _(engine: Engine) -> Verdict:
    table = view(engine, made(engine, "a UInt64, s String, gone UInt8"), "gone")
    engine.run(f"DROP TABLE {table} SYNC")
    engine.run(f"CREATE TABLE {table} (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    return insert(engine.url, table, block(engine))


PROVOKED["UNKNOWN_DATABASE"] = lambda engine: insert(engine.url, "t", block(engine), database="no_such_database")


@provokes("AUTHENTICATION_FAILED")
def _(engine: Engine) -> Verdict:
    return insert(engine.url, made(engine), block(engine), password="wrong")


# Data

with_column("CANNOT_PARSE_TEXT", "UInt8", "toUInt8(s)")
with_column("CANNOT_PARSE_QUOTED_STRING", "Array(String)", "CAST(concat('[\\'', s) AS Array(String))")
with_column("CANNOT_PARSE_INPUT_ASSERTION_FAILED", "Tuple(UInt8, UInt8)", "CAST(concat('(1 ', s) AS Tuple(UInt8, UInt8))")
with_column("CANNOT_PARSE_DATE", "Date", "toDate(s)")
with_column("CANNOT_PARSE_DATETIME", "DateTime", "toDateTime(s)")
with_column("CANNOT_PARSE_NUMBER", "UInt64", "parseReadableSize(s)")
with_column("CANNOT_PARSE_UUID", "UUID", "toUUID(s)")
with_column("CANNOT_PARSE_BOOL", "Bool", "toBool(s)")
with_column("CANNOT_PARSE_IPV4", "IPv4", "toIPv4(s)")
with_column("CANNOT_PARSE_IPV6", "IPv6", "toIPv6(s)")
with_column("UNKNOWN_ELEMENT_OF_ENUM", "Enum8('q' = 1)", "CAST(s AS Enum8('q' = 1))")
with_column("INCORRECT_DATA", "JSON", "CAST(s AS JSON)")
with_column("CANNOT_CONVERT_TYPE", "UInt8", "accurateCast(a + 300, 'UInt8')")
with_column("CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN", "UInt64", "nullIf(a, 3)")
with_column("ARGUMENT_OUT_OF_BOUND", "Array(UInt64)", "range(a * 100000000000)")
with_column("BAD_ARGUMENTS", "String", "format('{}{}', s)")
with_column("TOO_LARGE_STRING_SIZE", "FixedString(1)", "concat(s, s)")
with_column("ILLEGAL_DIVISION", "UInt64", "intDiv(1, a)")
with_column("DECIMAL_OVERFLOW", "Decimal(9, 9)", "toDecimal32(a, 9)")
PROVOKED["VIOLATED_CONSTRAINT"] = lambda engine: insert(
    engine.url, made(engine, "a UInt64, s String, CONSTRAINT small CHECK a < 5"), block(engine)
)
