"""What the client of bxb-writer makes of real refusals and failures of the engine.

Each row of clickhouse/verdicts.def that can be provoked here is: the probe sends one INSERT as the
writer does, and says what it knows then.

SPDX-License-Identifier: Apache-2.0
"""

import json
import re
import signal
import socket
import subprocess
import threading
import uuid
from typing import NamedTuple

import pytest

from engine.conftest import PROBES, REPOSITORY

PROBE = PROBES / "insert_probe"


class Verdict(NamedTuple):
    verdict: str
    code: str = ""
    text: str = ""


def insert(url, table, block, columns="a, s", user="default", password="", timeout_ms=20_000, query_id=None) -> Verdict:
    done = subprocess.run(
        [PROBE, url.rstrip("/"), user, password, table, columns, str(timeout_ms), query_id or uuid.uuid4().hex],
        input=block,
        capture_output=True,
        check=True,
        timeout=60,
    )
    return Verdict(*done.stdout.decode().splitlines())


@pytest.fixture
def probe(engine, table):
    """Inserts ten rows into the table."""
    return lambda name=table, rows=10, **options: insert(engine.url, name, engine.native(rows), **options)


def made(engine, columns="a UInt64, s String", settings="", order="a") -> str:
    name = f"t_{uuid.uuid4().hex}"
    engine.run(f"CREATE TABLE {name} ({columns}) ENGINE = MergeTree ORDER BY {order} {settings}")
    return name


def test_a_clean_answer_has_landed(engine, table, probe):
    assert probe().verdict == "landed"
    assert engine.count(table) == 10


def test_what_the_schema_refuses(engine, probe, table):
    missing = probe("no_such_table")
    assert missing[:2] == ("refused", "clickhouse_refused") and "UNKNOWN_TABLE" in missing.text
    assert "NO_SUCH_COLUMN_IN_TABLE" in probe(columns="a, nothing").text
    other = made(engine, "a UInt64, s Array(UInt8)")
    assert probe(other).verdict == "refused", probe(other)
    assert engine.count(other) == engine.count(table) == 0


def test_who_may_not(own_engine, tmp_path):
    own_engine.end()
    secret = tmp_path / "password"
    secret.write_text("secret")
    secret.chmod(0o600)
    own_engine.settings["password_file"] = str(secret)
    own_engine.http.auth = ("default", "secret")
    own_engine.start()
    refused = insert(own_engine.url, "t", b"", password="wrong")
    assert refused.verdict == "refused" and "AUTHENTICATION_FAILED" in refused.text


def test_too_many_parts_pass_with_time(engine, probe):
    crowded = made(engine, settings="SETTINGS parts_to_throw_insert = 1, parts_to_delay_insert = 1, max_delay_to_insert = 0")
    engine.run(f"SYSTEM STOP MERGES {crowded}")
    assert probe(crowded).verdict == "landed"
    verdicts = [probe(crowded, rows=n) for n in (11, 12)]
    assert verdicts[-1].verdict == "unknown" and "TOO_MANY_PARTS" in verdicts[-1].text


def test_a_view_that_throws_stops_the_lane_although_rows_may_be_there(engine, probe):
    table = made(engine)
    engine.run(f"CREATE MATERIALIZED VIEW {table}_v ENGINE = Memory AS SELECT throwIf(a = 3) AS x FROM {table}")
    thrown = probe(table)
    assert thrown.verdict == "refused" and "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO" in thrown.text
    engine.run(f"DROP TABLE {table}_v")


def test_a_constraint_or_a_default_that_cannot_take_the_data(engine, probe):
    table = made(engine, "a UInt64, s String, d UInt8 DEFAULT toUInt8(s)")
    assert probe(table).verdict == "refused"
    held = made(engine, "a UInt64, s String, CONSTRAINT small CHECK a < 5")
    violated = probe(held)
    assert violated.verdict == "refused" and "VIOLATED_CONSTRAINT" in violated.text
    assert engine.count(table) == engine.count(held) == 0


def test_every_name_of_the_table_is_the_engines_own(engine):
    rows = re.findall(r"^CODE\((\d+), \w+, (\w+)\)$", (REPOSITORY / "clickhouse" / "verdicts.def").read_text(), re.M)
    assert len(rows) > 80 and len(dict(rows)) == len(rows)
    numbers = ", ".join(number for number, _ in rows)
    names = engine.run(f"SELECT arrayMap(n -> errorCodeToName(toInt32(n)), [{numbers}]) FORMAT JSONCompactEachRow")
    assert dict(zip((number for number, _ in rows), json.loads(names)[0])) == dict(rows)


def test_a_cut_block_lands_nothing(engine, table):
    block = engine.native(1000)
    for size in (1, 10, len(block) // 2, len(block) - 1):
        cut = insert(engine.url, table, block[:size])
        assert cut.verdict in ("unknown", "refused") and cut.verdict != "landed"
    assert engine.count(table) == 0


def test_too_many_statements_at_once_were_not_sent(own_engine):
    own_engine.end()
    own_engine.settings["queries_max"] = "1"
    own_engine.start()
    own_engine.run("CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    block = own_engine.native(1)
    sleeping = threading.Thread(target=own_engine.post, args=("SELECT sleepEachRow(1) FROM numbers(3)",))
    sleeping.start()
    try:
        seen = set()
        while sleeping.is_alive() and "not_sent" not in seen:
            refused = insert(own_engine.url, "t", block)
            seen.add(refused.verdict)
        assert "not_sent" in seen and "TOO_MANY_SIMULTANEOUS_QUERIES" in refused.text
    finally:
        sleeping.join()


def test_a_query_id_that_is_running_leaves_a_doubt(engine, probe):
    table = made(engine)
    engine.run(f"CREATE MATERIALIZED VIEW {table}_v ENGINE = Memory AS SELECT sleepEachRow(0.2) AS x FROM {table}")
    verdicts = []
    twin = threading.Thread(target=lambda: verdicts.append(probe(table, query_id="twin")))
    twin.start()
    while twin.is_alive() and not verdicts:
        verdicts.append(probe(table, query_id="twin"))
    twin.join()
    doubts = [verdict for verdict in verdicts if "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING" in verdict.text]
    assert [verdict.verdict for verdict in doubts] == ["unknown"], verdicts
    engine.run(f"DROP TABLE {table}_v")


def test_nobody_there_is_nothing_sent(engine):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert insert(url, "t", b"")[:2] == ("not_sent", "clickhouse_unavailable")


def test_an_engine_that_freezes_or_dies_leaves_a_doubt(own_engine):
    own_engine.run("CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    block = own_engine.native(10)
    own_engine.process.send_signal(signal.SIGSTOP)
    frozen = insert(own_engine.url, "t", block, timeout_ms=500)
    own_engine.process.send_signal(signal.SIGCONT)
    assert frozen[:2] == ("unknown", "clickhouse_outcome_unknown")


def test_a_statement_that_is_too_slow_leaves_a_doubt(engine, probe):
    table = made(engine)
    engine.run(f"CREATE MATERIALIZED VIEW {table}_v ENGINE = Memory AS SELECT sleepEachRow(0.5) AS x FROM {table}")
    slow = probe(table)
    assert slow.verdict == "unknown" and "TOO_SLOW" in slow.text
    engine.run(f"DROP TABLE {table}_v")
