"""How ClickHouse's engine is brought to end one INSERT of the writer's client with a given error. Each is named after its
row of clickhouse/verdicts.def.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import pathlib
import re
import socket
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


def view_of(engine: Engine, source: str, change: Callable[[str], object], **settings: str) -> Verdict:
    """An INSERT into a table with a view that looks into another one, `source`, which was changed since."""
    table = made(engine)
    view(engine, table, source)
    change(table)
    return insert(engine.url, table, block(engine), **settings)


def remade(engine: Engine, before: str, expression: str) -> Verdict:
    """An INSERT into a table that had other columns when its view was made."""
    table = view(engine, made(engine, before), expression)
    engine.run(f"DROP TABLE {table} SYNC")
    engine.run(f"CREATE TABLE {table} (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    return insert(engine.url, table, block(engine))


def attached(engine: Engine, expression: str, **settings: str) -> Verdict:
    """An INSERT into a table whose view stands since the server could, or its user was allowed to, do more: what is attached
    is not looked at."""
    table = made(engine)
    engine.run(f"CREATE TABLE {table}_to (x UInt64) ENGINE = Memory")
    target = f"UUID '{uuid.uuid4()}' TO {table}_to (x UInt64)"
    engine.run(f"ATTACH MATERIALIZED VIEW {table}_v {target} AS SELECT {expression} AS x FROM {table}")
    return insert(engine.url, table, block(engine), **settings)


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


def with_remade(name: str, before: str, expression: str) -> None:
    PROVOKED[name] = lambda engine: remade(engine, before, expression)


def with_attached(name: str, expression: str) -> None:
    PROVOKED[name] = lambda engine: attached(engine, expression)


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


@provokes("SERVER_OVERLOADED")
def _(engine: Engine) -> Verdict:
    """More threads than processors, and no patience with that."""
    limits = {"min_os_cpu_wait_time_ratio_to_throw": "0.0001", "max_os_cpu_wait_time_ratio_to_throw": "0.0002"}
    table, bytes_, verdicts = made(engine), block(engine), []
    busy = "SELECT sum(sipHash64(number)) FROM numbers_mt(1000000000000) SETTINGS max_threads = 64, max_execution_time = 30"
    thread = threading.Thread(target=engine.post, args=(busy,))
    thread.start()
    try:
        while thread.is_alive() and not (verdicts and "OVERLOADED" in verdicts[-1].text):
            verdicts.append(insert(engine.url, table, bytes_, **limits))
        assert engine.count(table) == 10 * sum(verdict.verdict == "landed" for verdict in verdicts)
        return verdicts[-1]
    finally:
        engine.post("KILL QUERY WHERE query LIKE 'SELECT sum(sipHash64(number))%' ASYNC")
        thread.join()


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


@contextlib.contextmanager
def waited_for(engine: Engine, statement: str) -> Iterator[tuple[str, str]]:
    """Database and table, of an engine that locks its tables: this statement waits for a SELECT, and INSERTs behind it."""
    name = f"t_{uuid.uuid4().hex}"
    engine.run("CREATE DATABASE IF NOT EXISTS locking ENGINE = Ordinary", allow_deprecated_database_ordinary="1")
    engine.run(f"CREATE TABLE locking.{name} (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    engine.run(f"INSERT INTO locking.{name} SELECT number, 'x' FROM numbers(20)")
    waits = threading.Thread(target=engine.post, args=(statement.format(table=f"locking.{name}"),))
    with running(engine, f"SELECT sleepEachRow(0.1) FROM locking.{name} SETTINGS max_block_size = 1"):
        waits.start()
        count = f"SELECT count() FROM system.processes WHERE query LIKE '%TABLE locking.{name}%'"
        wait_until(lambda: int(engine.run(count)) > 1, 10, "it waits")
        yield "locking", name
    waits.join()


@provokes("DEADLOCK_AVOIDED")
def _(engine: Engine) -> Verdict:
    with waited_for(engine, "RENAME TABLE {table} TO {table}_away") as (database, table):
        return insert(engine.url, table, block(engine), database=database, lock_acquire_timeout="0.1")


@provokes("TABLE_IS_DROPPED")
def _(engine: Engine) -> Verdict:
    with waited_for(engine, "DROP TABLE {table}") as (database, table):
        return insert(engine.url, table, block(engine), database=database)


def part_of(engine: Engine, table: str) -> pathlib.Path:
    return pathlib.Path(engine.run(f"SELECT path FROM system.parts WHERE table = '{table}' AND active LIMIT 1"))


def without_file(engine: Engine, name: str) -> Verdict:
    """A view reads another table, and a file of that is gone."""
    other = made(engine, "a UInt64", "SETTINGS min_bytes_for_wide_part = 0")
    engine.run(f"INSERT INTO {other} SELECT number FROM numbers(1000)")
    return view_of(engine, f"a IN (SELECT a FROM {other})", lambda _: (part_of(engine, other) / name).unlink())


PROVOKED["FILE_DOESNT_EXIST"] = lambda engine: without_file(engine, "a.bin")
PROVOKED["STD_EXCEPTION"] = lambda engine: without_file(engine, "a.cmrk2")


@provokes("POCO_EXCEPTION")
def _(engine: Engine) -> Verdict:
    """A view asks a server, and nobody is there."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        source = f"a IN (SELECT x FROM url('{url}', 'TSV', 'x UInt64'))"
        return insert(engine.url, view(engine, made(engine), source), block(engine), http_max_tries="1")


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


with_settings("SUPPORT_IS_DISABLED", dialect="prql")
with_remade("ILLEGAL_TYPE_OF_ARGUMENT", "a UInt64, s UInt64", "a + s")
with_remade("NO_COMMON_TYPE", "a UInt64, s UInt64", "s = 1")
with_attached("UNKNOWN_FUNCTION", "no_such_function(a)")
with_attached("ACCESS_DENIED", "a IN (SELECT 1 FROM system.users)")


@provokes("TYPE_MISMATCH")
def _(engine: Engine) -> Verdict:
    """A view fills another table, which has another type since."""
    table = made(engine)
    engine.run(f"CREATE TABLE {table}_to (x UInt64) ENGINE = Memory")
    engine.run(f"CREATE MATERIALIZED VIEW {table}_v TO {table}_to AS SELECT a AS x FROM {table}")
    engine.run(f"DROP TABLE {table}_to SYNC")
    engine.run(f"CREATE TABLE {table}_to (x Array(UInt64)) ENGINE = Memory")
    return insert(engine.url, table, block(engine))


@provokes("NUMBER_OF_COLUMNS_DOESNT_MATCH")
def _(engine: Engine) -> Verdict:
    other = made(engine, "a UInt64")
    engine.run(f"INSERT INTO {other} VALUES (1)")
    widened = lambda _: engine.run(f"ALTER TABLE {other} ADD COLUMN b UInt8")
    return view_of(engine, f"a IN (SELECT * FROM {other})", widened)


@provokes("THERE_IS_NO_COLUMN")
def _(engine: Engine) -> Verdict:
    """A view reads a file that has no such column."""
    path = engine.directory / f"{uuid.uuid4().hex}.parquet"
    engine.run(f"INSERT INTO FUNCTION file('{path}', 'Parquet', 'y UInt64') SELECT 1")
    strict = {"input_format_parquet_allow_missing_columns": "0"}
    return view_of(engine, f"a IN (SELECT x FROM file('{path}', 'Parquet', 'x UInt64'))", lambda _: None, **strict)


@provokes("UNKNOWN_FORMAT")
def _(engine: Engine) -> Verdict:
    """A default names a format by a setting."""
    setting = "count_distinct_implementation"
    table = f"t_{uuid.uuid4().hex}"
    columns = f"a UInt64, s String, d String DEFAULT formatRow(getSetting('{setting}'), a)"
    engine.run(f"CREATE TABLE {table} ({columns}) ENGINE = MergeTree ORDER BY a", **{setting: "CSV"})
    return insert(engine.url, table, block(engine), **{setting: "nothing"})


@provokes("INVALID_SETTING_VALUE")
def _(engine: Engine) -> Verdict:
    """A view looks for neighbours, and is told to consider none."""
    index = "INDEX near v TYPE vector_similarity('hnsw', 'L2Distance', 1)"
    other = made(engine, f"a UInt64, v Array(Float32), {index}")
    engine.run(f"INSERT INTO {other} SELECT number, [number] FROM numbers(10)")
    nearest = f"a IN (SELECT a FROM {other} ORDER BY L2Distance(v, [1.]) LIMIT 1)"
    return view_of(engine, nearest, lambda _: None, hnsw_candidate_list_size_for_search="0")


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
PROVOKED["VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE"] = lambda engine: insert(
    engine.url,
    made(engine, "a UInt64, s String, d Date DEFAULT toDate(toDateTime64(a * 100000000000, 3))"),
    block(engine),
    date_time_overflow_behavior="throw",
)
PROVOKED["VIOLATED_CONSTRAINT"] = lambda engine: insert(
    engine.url, made(engine, "a UInt64, s String, CONSTRAINT small CHECK a < 5"), block(engine)
)


# What only a view can throw here, by its number: causes that nothing from outside brings about (flow/error_rows.py, THROWN).


def thrown(engine: Engine, name: str) -> tuple[Verdict, int]:
    """And how many rows the table has then."""
    rows = (REPOSITORY / "clickhouse" / "verdicts.def").read_text(encoding="utf-8")
    number = re.search(rf"^CODE\((\d+), \w+, {name}\)", rows, re.M)[1]
    allowed = {"allow_custom_error_code_in_throwif": "1"}
    table = made(engine)
    throws = f"throwIf(a = 3, 'thrown', toInt16({number}))"
    engine.run(f"CREATE MATERIALIZED VIEW {table}_v ENGINE = Memory AS SELECT {throws} AS x FROM {table}", **allowed)
    return insert(engine.url, table, block(engine), **allowed), engine.count(table)
