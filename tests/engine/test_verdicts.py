"""What the client of bxb-writer makes of real refusals and failures of the engine.

Each row of clickhouse/verdicts.def that can be provoked here is: the probe sends one INSERT as the
writer does, and says what it knows then.

SPDX-License-Identifier: Apache-2.0
"""

import json
import re
import signal
import socket
import threading

import pytest

from engine.conftest import REPOSITORY
from engine.provocations import PROVOKED, insert, table_verdicts


@pytest.fixture
def probe(engine, table):
    """Inserts ten rows into the table."""
    return lambda name=table, rows=10, **options: insert(engine.url, name, engine.native(rows), **options)


@pytest.mark.parametrize("name", PROVOKED)
def test_provoked(engine, name):
    verdict = PROVOKED[name](engine)
    assert verdict.verdict == table_verdicts()[name] and name in verdict.text, verdict


def test_a_clean_answer_has_landed(engine, table, probe):
    assert probe().verdict == "landed"
    assert engine.count(table) == 10


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


def test_every_name_of_the_table_is_the_engines_own(engine):
    rows = re.findall(r"^CODE\((\d+), \w+, (\w+)\)", (REPOSITORY / "clickhouse" / "verdicts.def").read_text(), re.M)
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
