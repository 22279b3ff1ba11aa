"""The writer's client against a real server of ClickHouse's, Debian's 18.16.1: answers without an exception header, connections
that end, cut bodies; and replicas, which the engine does not have.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import signal
import socket
import subprocess
import threading
import urllib.parse
import uuid
from typing import Optional

import pytest

from engine.conftest import PROBES, wait_until
from engine.old_server import OldServer, Stripped, ZooKeeper
from engine.provocations import PROBE, Verdict, insert, table_verdicts
from engine.way import Way

TEN = "SELECT number + 0 AS a, 'x' AS s FROM numbers(10)"
VERDICTS = table_verdicts()


@pytest.fixture(scope="module")
def old():
    with OldServer(keep_alive_s=2) as server:
        yield server


@pytest.fixture
def way(old):
    """The client's way to it."""
    way = Stripped(old)
    yield way
    way.close()


@pytest.fixture
def table(old):
    name = f"t_{uuid.uuid4().hex}"
    old.run(f"CREATE TABLE {name} (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    return name


def must_be(name: str, verdict: Verdict) -> None:
    """This error, and judged as the table says."""
    assert name in verdict.text and verdict.verdict == VERDICTS[name], verdict


def test_a_clean_answer_has_landed(old, way, table):
    """It comes chunked, with and without headers of progress."""
    assert insert(way.url, table, old.native(TEN)).verdict == "landed"
    way.settings = {"send_progress_in_http_headers": "1", "http_headers_progress_interval_ms": "0"}
    assert insert(way.url, table, old.native("SELECT number + 0 AS a, 'x' AS s FROM numbers(65000)")).verdict == "landed"
    assert old.count(table) == 65010


def test_its_settings_are_refused_by_name(old, table):
    must_be("UNKNOWN_SETTING", insert(old.url, table, old.native(TEN)))
    assert old.count(table) == 0


def test_the_writer_says_that_it_is_too_old(old, table):
    done = subprocess.run([PROBES / "store_probe", old.url, table, "1"], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "refused ClickHouse 18.16.1 is too old: the writer needs 23.8 or newer\n"


def repeated(way: Stripped, old: OldServer, table: str, *pauses_ms: int) -> list[str]:
    """The words of further INSERTs over one client."""
    arguments = [PROBE, way.url, "default", "", "default", table, "a, s", "20000", uuid.uuid4().hex, *map(str, pauses_ms)]
    done = subprocess.run(arguments, input=old.native(TEN), capture_output=True, check=True, timeout=60)
    return done.stdout.decode().splitlines()


def test_a_connection_is_used_again_while_the_server_surely_keeps_it(old, way, table):
    """It keeps one for 2 s: after 0.1 s it is used, after 1.5 s and 2.5 s a new one is made, and nothing is in doubt."""
    assert repeated(way, old, table, 100, 1500, 2500) == ["landed"] * 4
    assert way.connections == 3
    assert old.count(table) == 40


def refused(name, **options):
    return pytest.param(name, options, id=name)


@pytest.mark.parametrize(
    "name, options",
    [
        refused("UNKNOWN_TABLE", table="no_such_table"),
        refused("UNKNOWN_DATABASE", database="no_such_database"),
        refused("NO_SUCH_COLUMN_IN_TABLE", columns="a, nothing"),
        refused("SYNTAX_ERROR", columns="a,, s"),
        refused("READONLY", settings={"readonly": "1"}),
        refused("UNKNOWN_USER", user="nobody"),
        refused("WRONG_PASSWORD", user="closed", password="wrong"),
        refused("REQUIRED_PASSWORD", user="closed"),
        refused("IP_ADDRESS_NOT_ALLOWED", user="elsewhere"),
        refused("MEMORY_LIMIT_EXCEEDED", settings={"max_memory_usage": "1"}, query="SELECT number AS a, toString(number) AS s FROM numbers(65000)"),
        refused("UNKNOWN_TYPE", change=lambda block: block.replace(b"\x06String", b"\x06Strong")),
        refused("CANNOT_READ_ALL_DATA", change=lambda block: block[:-1]),
        refused("ATTEMPT_TO_READ_AFTER_EOF", change=lambda block: block[:1]),
    ],
)
def test_an_error_without_a_header_is_judged_by_its_text(old, way, table, name, options):
    way.settings = options.pop("settings", {})
    block = options.pop("change", lambda block: block)(old.native(options.pop("query", TEN)))
    must_be(name, insert(way.url, options.pop("table", table), block, **options))
    assert old.count(table) == 0


def test_a_quota_that_is_used_up(old, way, table):
    block = old.native(TEN)
    verdicts = [insert(way.url, table, block, user="few") for _ in range(3)]
    assert verdicts[0].verdict == "landed"
    must_be("QUOTA_EXCEEDED", verdicts[-1])
    assert old.count(table) == 10 * sum(verdict.verdict == "landed" for verdict in verdicts)


def test_too_many_statements_at_once(old, way, table):
    block = old.native(TEN)
    sleeping = threading.Thread(target=old.run, args=("SELECT sleepEachRow(1) FROM numbers(2)",))
    sleeping.start()
    wait_until(lambda: old.run("SELECT count() FROM system.processes") == "2", 10, "it runs")
    way.settings = {"max_concurrent_queries_for_user": "1"}
    must_be("TOO_MANY_SIMULTANEOUS_QUERIES", insert(way.url, table, block))
    sleeping.join()
    assert old.count(table) == 0


def test_a_huge_error_leaves_a_doubt(old, way):
    """One that is longer than what is read of an answer."""
    name = f"t_{uuid.uuid4().hex}"
    old.run(f"CREATE TABLE {name} (a UInt64, s String, d UInt8 DEFAULT toUInt8(s)) ENGINE = MergeTree ORDER BY a")
    for size, verdict in ((1000, "refused"), (200_000, "unknown")):
        huge = old.native(f"SELECT toUInt64(1) AS a, replaceAll(toFixedString('', {size}), '\\0', 'x') AS s")
        assert insert(way.url, name, huge).verdict == verdict
    assert old.count(name) == 0


def cut(old: OldServer, query: str, body: bytes, size: int) -> None:
    """A request whose connection ends when so much of its body was sent."""
    target = "/?" + urllib.parse.urlencode({"query": query})
    head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", old.port)) as connection:
        connection.sendall(head + body[:size])
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass


def test_a_cut_body_lands_nothing_in_native_and_a_part_in_row_formats(old, table):
    """Why blocks are Native: the count of its rows stands at its beginning."""
    native, row = old.native(TEN), b"\x01" + bytes(7) + b"\x01x"
    for size in (len(native) - 1, len(native) // 2, 10):
        cut(old, f"INSERT INTO {table} (a, s) FORMAT Native", native, size)
    assert old.count(table) == 0
    cut(old, f"INSERT INTO {table} (a, s) FORMAT RowBinary", row * 10, len(row) * 4)
    assert old.count(table) == 4


# Replicas


@contextlib.contextmanager
def stopped(process):
    process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.signal(signal.SIGCONT)


class Replicas:
    """Two servers with one table. The second one lags when it is told to."""

    def __init__(self, keeper: ZooKeeper, one: OldServer, two: OldServer):
        self.keeper, self.one, self.two = keeper, one, two
        self.ways = {server: Stripped(server) for server in (one, two)}
        self.make("t")
        self.written = 0

    def make(self, table: str, settings: str = "") -> None:
        for server, replica in ((self.one, "one"), (self.two, "two")):
            engine = f"ReplicatedMergeTree('/{table}', '{replica}') ORDER BY a {settings}"
            make = f"CREATE TABLE {table} (a UInt64, s String) ENGINE = {engine}"
            wait_until(lambda: server.http.post("/", content=make).status_code == 200, 30, "the table is made")

    def next_block(self) -> bytes:
        """No block is like another: these servers, which have no tokens, know one by its content."""
        self.written += 1
        return self.one.native(f"SELECT number + {self.written * 100} AS a, 'x' AS s FROM numbers(10)")

    def insert(self, block: Optional[bytes] = None, server: Optional[OldServer] = None, table: str = "t", **settings: str) -> Verdict:
        way = self.ways[server or self.one]
        way.settings = settings
        return insert(way.url, table, block or self.next_block())

    def wait_writable(self) -> None:
        for server in (self.one, self.two):
            query = "SELECT sum(is_readonly) + sum(is_session_expired) FROM system.replicas"
            wait_until(lambda: server.run(query) == "0", 30, "the replica is active")


@pytest.fixture(scope="module")
def replicas():
    with ZooKeeper() as keeper, OldServer(zookeeper=keeper) as one, OldServer(zookeeper=keeper) as two:
        yield Replicas(keeper, one, two)


def test_a_replica_that_lags_answers_zero_whatever_the_query_asks_for(replicas):
    """select_sequential_consistency speaks of what was written with a quorum: why a 0 is no proof (decision 0022)."""
    replicas.wait_writable()
    replicas.two.run("SYSTEM STOP FETCHES t")
    before = replicas.two.count("t", select_sequential_consistency="1")
    block = replicas.next_block()
    assert replicas.insert(block).verdict == "landed"
    assert replicas.one.count("t") == before + 10
    assert replicas.two.count("t", select_sequential_consistency="1") == before
    # A repetition is recognised by the one that lags, too, and lands nothing.
    assert replicas.insert(block, replicas.two).verdict == "landed"
    assert replicas.two.count("t") == before
    replicas.two.run("SYSTEM START FETCHES t")
    wait_until(lambda: replicas.two.count("t") == before + 10, 30, "it has caught up")
    assert replicas.one.count("t") == before + 10


def test_what_keeper_has_forgotten_lands_again(replicas):
    """Time is that of the newest INSERT: an old one is forgotten when others follow (docs/TABLE.md)."""
    replicas.wait_writable()
    replicas.make("short", "SETTINGS replicated_deduplication_window_seconds = 1, cleanup_delay_period = 1")
    block, rows = replicas.next_block(), f"short WHERE intDiv(a, 100) = {replicas.written}"

    def again() -> int:
        assert replicas.insert(block, table="short").verdict == "landed"
        return replicas.one.count(rows)

    assert again() == again() == 10
    wait_until(lambda: replicas.insert(table="short").verdict == "landed" and again() > 10, 60, "the block lands again")


def test_quorums_that_are_not_reached(replicas):
    replicas.wait_writable()
    replicas.two.run("SYSTEM STOP FETCHES t")
    must_be("TOO_FEW_LIVE_REPLICAS", replicas.insert(insert_quorum="3"))
    must_be("UNKNOWN_STATUS_OF_INSERT", replicas.insert(insert_quorum="2", insert_quorum_timeout="500"))
    must_be("UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE", replicas.insert(insert_quorum="2", insert_quorum_timeout="500"))
    replicas.two.run("SYSTEM START FETCHES t")
    wait_until(lambda: replicas.insert(insert_quorum="2").verdict == "landed", 30, "the quorum is reached again")


def test_a_replica_that_lacks_what_a_quorum_has(replicas):
    """A view reads a third replica, which has fetched nothing."""
    replicas.wait_writable()
    replicas.make("wanted")
    two = replicas.two
    two.run("CREATE TABLE third (a UInt64, s String) ENGINE = ReplicatedMergeTree('/wanted', 'three') ORDER BY a")
    two.run("SYSTEM STOP FETCHES third")
    assert replicas.insert(table="wanted", insert_quorum="2").verdict == "landed"
    two.run("CREATE TABLE asks (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    two.run("CREATE MATERIALIZED VIEW asks_v ENGINE = Memory AS SELECT a IN (SELECT a FROM third) AS x FROM asks")
    must_be("REPLICA_IS_NOT_IN_QUORUM", replicas.insert(server=two, table="asks", select_sequential_consistency="1"))
    two.run("DROP TABLE third")


def test_keeper_lacks_a_node(replicas):
    replicas.wait_writable()
    replicas.make("damaged")
    assert replicas.insert(table="damaged").verdict == "landed"
    replicas.keeper.forget("/damaged/log")
    must_be("UNEXPECTED_ZOOKEEPER_ERROR", replicas.insert(table="damaged"))
    assert replicas.one.count("damaged") == 10
    for server in (replicas.one, replicas.two):
        server.run("DROP TABLE damaged")


def test_keeper_is_lost_within_an_insert(replicas):
    """The table can be written when the INSERT begins, and cannot when its rows are there."""
    replicas.wait_writable()
    before = replicas.one.count("t")

    def lose_keeper() -> None:
        began = "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO `t`%'"
        wait_until(lambda: replicas.one.run(began) == "1", 10, "the INSERT has begun")
        replicas.keeper.process.kill()
        replicas.keeper.process.wait(30)
        is_readonly = "SELECT is_readonly FROM system.replicas WHERE table = 't'"
        wait_until(lambda: replicas.one.run(is_readonly) == "1", 30, "it is read-only")

    replicas.ways[replicas.one].within = lose_keeper
    text = "concat(toString(number), replaceAll(toFixedString('', 60), '\\0', 'x'))"
    verdict = replicas.insert(replicas.one.native(f"SELECT number + 0 AS a, {text} AS s FROM numbers(60000)"))
    replicas.keeper.start()
    must_be("NO_ZOOKEEPER", verdict)
    replicas.wait_writable()
    assert replicas.one.count("t") == before


def test_a_view_that_asks_another_server(replicas):
    """It does not answer, or the connection is reset. The table has the rows all the same."""
    one, two = replicas.one, replicas.two
    running = lambda: int(two.run("SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%'")) - 1

    def insert_and(trouble) -> Verdict:
        verdicts = []
        asking = threading.Thread(target=lambda: verdicts.append(replicas.insert(table="far", receive_timeout="1")))
        asking.start()
        wait_until(lambda: running() == 1, 10, "it asks")
        trouble()
        asking.join()
        return verdicts[0]

    with Way(two.native_port) as way:
        asks = f"SELECT toUInt64(dummy + sleepEachRow(2)) FROM remote('127.0.0.1:{way.port}', system, one)"
        one.run("CREATE TABLE far (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
        one.run(f"CREATE MATERIALIZED VIEW far_v ENGINE = Memory AS SELECT a IN ({asks}) AS x FROM far")
        with contextlib.ExitStack() as stack:
            must_be("SOCKET_TIMEOUT", insert_and(lambda: stack.enter_context(stopped(two))))
        wait_until(lambda: running() == 0, 10, "it is over")
        must_be("NETWORK_ERROR", insert_and(way.reset))
    assert one.count("far") == 20


def test_keeper_is_frozen_and_killed(replicas):
    replicas.wait_writable()
    with stopped(replicas.keeper):
        must_be("KEEPER_EXCEPTION", replicas.insert())
        wait_until(lambda: "TABLE_IS_READ_ONLY" in replicas.insert().text, 30, "the table is read-only")
        must_be("TABLE_IS_READ_ONLY", replicas.insert())
    replicas.wait_writable()
    assert replicas.insert().verdict == "landed"
    replicas.keeper.process.kill()
    replicas.keeper.process.wait(30)
    wait_until(lambda: "TABLE_IS_READ_ONLY" in replicas.insert().text, 30, "the table is read-only")
    must_be("TABLE_IS_READ_ONLY", replicas.insert())
    replicas.keeper.start()
    replicas.wait_writable()
    assert replicas.insert().verdict == "landed"
