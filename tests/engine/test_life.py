"""Starting, stopping and dying.

SPDX-License-Identifier: Apache-2.0
"""

import random
import signal
import threading

import httpx
import pytest

TABLE = """CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a
           SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1"""


def test_what_was_acknowledged_survives_kill_9(own_engine):
    engine = own_engine
    engine.run(TABLE)
    chance = random.Random(9)
    rows = 100
    number = 0

    def insert(attempt=1):
        body = b"".join(b"%d\n" % (number * rows + i) for i in range(rows))
        engine.run("INSERT INTO t FORMAT TSV", body, insert_deduplication_token=f"block-{number}-{attempt}")

    def has_landed():
        found = engine.run(f"SELECT count() FROM t WHERE intDiv(a, {rows}) = {number}")
        assert found in ("0", str(rows))
        return found != "0"

    for _ in range(8):
        threading.Timer(chance.random() / 2, engine.process.kill).start()
        with pytest.raises(httpx.TransportError):
            while True:
                insert()
                number += 1
        engine.process.wait()
        engine.start()
        # The block whose fate is not known: its token decides. A token can be burned: ClickHouse logs
        # it before it renames the part, and was killed in between. Then there is nothing, and the
        # token is of no more use.
        insert()
        if not has_landed():
            insert(attempt=2)
        assert has_landed()
        number += 1
        assert engine.run("SELECT count(), uniqExact(a) FROM t") == f"{number * rows}\t{number * rows}"


def test_sigterm_finishes_what_runs(own_engine):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(httpx.post(own_engine.url, content="SELECT sleep(2)")))
    thread.start()
    while own_engine.run("SELECT count() FROM system.processes") != "2":
        pass
    assert own_engine.end(signal.SIGTERM) == 0
    thread.join()
    assert answers[0].text == "0\n"
    with pytest.raises(httpx.TransportError):
        own_engine.run("SELECT 1")


def test_the_data_keeps_its_identity(own_engine):
    identity = own_engine.http.get("/identity").text
    own_engine.run(TABLE)
    assert own_engine.end() == 0
    own_engine.start()
    assert own_engine.http.get("/identity").text == identity
    assert own_engine.count("t") == 0


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (lambda engine: {"data": str(engine.directory / "other")}, "Address already in use"),
        (lambda engine: {"listen": "127.0.0.1:0"}, "is in use by another bxb-clickhouse"),
        (lambda engine: {"data": str(engine.directory / "other"), "library": "/nosuch/libchdb.so"}, "cannot load the engine"),
        (lambda engine: {"data": "/nosuch/data"}, "cannot make the directory"),
    ],
)
def test_what_it_needs_and_does_not_get_is_fatal(own_engine, settings, reason):
    assert own_engine.begin(**settings(own_engine)).wait(timeout=30) == 2
    assert reason in own_engine.log().splitlines()[-1]
    assert own_engine.run("SELECT 1") == "1"
