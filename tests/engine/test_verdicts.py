"""What the client of bxb-writer makes of real refusals and failures of the engine.

Each row of clickhouse/verdicts.def that can be provoked here is: the probe sends one INSERT as the
writer does, and says what it knows then.

SPDX-License-Identifier: Apache-2.0
"""

import json
import pathlib
import re
import resource
import signal
import socket
import threading
import time

import pytest

from engine.conftest import REPOSITORY, wait_until
from engine.provocations import PROVOKED, block, insert, made, table_verdicts, thrown
from engine.way import Tracer, Way
from flow.error_rows import THROWN


@pytest.fixture
def probe(engine, table):
    """Inserts ten rows into the table."""
    return lambda name=table, rows=10, **options: insert(engine.url, name, engine.native(rows), **options)


@pytest.mark.parametrize("name", PROVOKED)
def test_provoked(engine, name):
    verdict = PROVOKED[name](engine)
    assert verdict.verdict == table_verdicts()[name] and name in verdict.text, verdict


@pytest.mark.parametrize("name", THROWN)
def test_thrown_by_a_view(engine, name):
    """The engine's own answer, though not its cause."""
    verdict, _ = thrown(engine, name)
    assert verdict.verdict == table_verdicts()[name] and f"{name}: Code: " in verdict.text, verdict


@pytest.mark.parametrize("name", ["QUOTA_EXCEEDED", "NO_FREE_CONNECTION", "READONLY"])
def test_a_view_fails_behind_the_table_with_any_code(engine, name):
    """What another server says to a view, say: why no verdict, NOT_SENT neither, counts before the table was read back."""
    verdict, rows = thrown(engine, name)
    assert verdict.verdict in ("not_sent", "refused") and rows == 10, verdict


# What is made to go wrong under an engine


def must_be(name, verdict):
    """This error, and judged as the table says."""
    assert name in verdict.text and verdict.verdict == table_verdicts()[name], verdict


def test_a_disk_that_does_not_sync(own_engine):
    synced = made(own_engine, settings="SETTINGS fsync_after_insert = 1")
    with Tracer(own_engine.process.pid, "fsync,fdatasync", "error=EIO"):
        must_be("CANNOT_FSYNC", insert(own_engine.url, synced, block(own_engine)))
    assert own_engine.count(synced) == 0


def test_memory_that_the_system_does_not_give(own_engine):
    table = made(own_engine, "a UInt64, s String, d UInt64 DEFAULT length(repeat(s, 700000000 * (a = 3)))")
    pid = own_engine.process.pid
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[0])
    limits = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize() + (300 << 20), limits[1]))
    must_be("CANNOT_ALLOCATE_MEMORY", insert(own_engine.url, table, block(own_engine), max_memory_usage="0"))
    resource.prlimit(pid, resource.RLIMIT_AS, limits)
    assert own_engine.count(table) == 0


def test_threads_that_the_system_does_not_give(own_engine):
    """The thread of the connection is there already. The engine's own, which are at rest, end after a while."""
    table, rows, verdicts = made(own_engine), block(own_engine), []

    def is_refused() -> bool:
        with Way(own_engine.port, standing=True) as way:
            time.sleep(0.5)
            with Tracer(own_engine.process.pid, "clone,clone3", "error=EAGAIN"):
                verdicts.append(insert(way.url, table, rows, max_threads="64"))
        return verdicts[-1].verdict != "landed"

    wait_until(is_refused, 30, "a thread is missed")
    must_be("CANNOT_SCHEDULE_TASK", verdicts[-1])
    assert own_engine.count(table) == 10 * (len(verdicts) - 1)


def test_an_engine_that_shuts_down(own_engine):
    """What comes on a connection that stands. The engine ends when the last statement has ended."""
    table, rows = made(own_engine), block(own_engine)
    sleeps = "SELECT sleepEachRow(0.5) FROM numbers(6) SETTINGS max_block_size = 1"
    sleeping = threading.Thread(target=own_engine.post, args=(sleeps,))
    with Way(own_engine.port, standing=True) as way:
        sleeping.start()
        count = "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%'"
        wait_until(lambda: int(own_engine.run(count)) > 1, 10, "it runs")
        own_engine.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not is_listening(own_engine.port), 10, "it takes no connections")
        must_be("ABORTED", insert(way.url, table, rows))
    sleeping.join()
    assert own_engine.process.wait(30) == 0
    own_engine.start()
    assert own_engine.count(table) == 0


def is_listening(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


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
