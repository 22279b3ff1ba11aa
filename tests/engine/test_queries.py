"""Statements, arguments, errors: what a client of ClickHouse's HTTP interface relies on.

SPDX-License-Identifier: Apache-2.0
"""

import base64
import threading
import time
import uuid

import clickhouse_connect
import httpx
import pytest


def test_a_statement_may_be_in_the_url_in_the_body_or_in_both(engine):
    assert engine.http.get("/", params={"query": "SELECT 1 + 1"}).text == "2\n"
    assert engine.http.post("/", content="SELECT 1 + 1").text == "2\n"
    assert engine.run("SELECT 1", b"+ 1") == "2"


@pytest.mark.parametrize(
    ("query", "code", "status"),
    [
        ("SELECT * FROM nosuch", 60, 404),
        ("SELCT 1", 62, 400),
        ("42", 62, 400),
        ("SELECT nosuch(1)", 46, 404),
        ("SELECT x", 47, 404),
        ("SELECT throwIf(1)", 395, 500),
        ("SELECT 1 FORMAT Nosuch", 73, 404),
        ("SELECT toUInt8('abc')", 6, 400),
        ("SELECT 1 SETTINGS nosuch = 1", 115, 404),
        ("SELECT sleep(3) SETTINGS max_execution_time = 1", 159, 408),
        ("SELECT {a:UInt8}", 456, 500),
        ("SELECT 1; SELECT 2", 62, 400),
        ("  ", 62, 400),
        ("INSERT INTO nosuch VALUES (1)", 60, 404),
        ("INSERT INTO nosuch FORMAT CSV", 60, 404),
    ],
)
def test_an_error_has_clickhouses_code_and_status(engine, query, code, status):
    answer = engine.post(query)
    assert (engine.code(answer), answer.status_code) == (code, status), answer.text


def test_parameters_are_values_not_text(engine):
    query = "SELECT {n:UInt64}, {s:String}, {l:Array(UInt8)}"
    answer = engine.run(query, param_n="18446744073709551615", param_s="'; DROP TABLE x", param_l="[1,2]")
    assert answer == "18446744073709551615\t\\'; DROP TABLE x\t[1,2]"


def test_settings_and_database_of_a_request_end_with_it(engine):
    engine.run("CREATE DATABASE IF NOT EXISTS other")
    asked = "SELECT currentDatabase(), getSetting('max_threads') = 7, getSetting('log_comment')"
    for _ in range(20):
        assert engine.run(asked, database="other", max_threads="7", log_comment="a'b\\") == "other\t1\ta\\'b\\\\"
        assert engine.run(asked).startswith("default\t0\t")
    engine.run("SET max_threads = 7")
    assert engine.run(asked).startswith("default\t0\t")
    engine.run("CREATE TEMPORARY TABLE mine (a Int8)")
    assert engine.code(engine.post("SELECT * FROM mine")) == 60


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"nosuch": "1"}, 115),
        ({"a'b": "1"}, 115),
        ({"max_threads": "x"}, 27),
        ({"database": "nosuch"}, 81),
        ({"database": "`; DROP TABLE x"}, 81),
        ({"compress": "1"}, 48),
    ],
)
def test_a_wrong_argument_is_an_error(engine, arguments, code):
    assert engine.code(engine.post("SELECT 1", **arguments)) == code


def test_a_get_only_reads(engine, table):
    for query in (f"INSERT INTO {table} VALUES (1, 'a')", f"DROP TABLE {table}"):
        assert engine.code(engine.http.get("/", params={"query": query})) == 164
    assert engine.count(table) == 0


def test_the_format_is_that_of_the_statement_or_the_default(engine):
    answer = engine.post("SELECT 1 AS x")
    assert answer.headers["X-ClickHouse-Format"] == "TabSeparated"
    assert answer.headers["Content-Type"] == "text/tab-separated-values; charset=UTF-8"
    answer = engine.post("SELECT 1 AS x", default_format="JSONEachRow")
    assert (answer.headers["X-ClickHouse-Format"], answer.text) == ("JSONEachRow", '{"x":1}\n')
    answer = engine.post("SELECT 1 AS x FORMAT CSV", default_format="JSONEachRow")
    assert (answer.headers["X-ClickHouse-Format"], answer.text) == ("CSV", "1\n")
    answer = engine.post("SELECT 1 AS x", headers={"X-ClickHouse-Format": "Native"})
    assert (answer.headers["Content-Type"], answer.content) == ("application/octet-stream", b"\1\1\1x\5UInt8\1")


def test_a_running_statement_is_seen_under_its_callers_id(engine):
    query_id = f"id-{uuid.uuid4()}"
    asked = "SELECT count() FROM system.processes AS p WHERE startsWith(p.query_id, {prefix:String})"
    thread = threading.Thread(
        target=httpx.post, args=[engine.url], kwargs={"params": {"query": "SELECT sleep(2)", "query_id": query_id}}
    )
    thread.start()
    give_up = time.monotonic() + 10
    while engine.run(asked, param_prefix=query_id[:20]) != "1":
        assert time.monotonic() < give_up
    assert engine.code(engine.post("SELECT 1", query_id=query_id)) == 216
    thread.join()
    assert engine.run(asked, param_prefix=query_id[:20]) == "0"
    answer = engine.post("SELECT 1", query_id=query_id)
    assert (answer.status_code, answer.headers["X-ClickHouse-Query-Id"]) == (200, query_id)


def test_many_statements_run_side_by_side(engine):
    began = time.monotonic()
    threads = [threading.Thread(target=httpx.post, args=[engine.url], kwargs={"content": "SELECT sleep(1)"}) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began < 5


def test_sizes(engine):
    assert engine.run(f"SELECT length('{'x' * 60000}')") == "60000"
    large = f"SELECT length('{'x' * 20_000_000}')"
    assert engine.http.post("/", content=large).status_code == 413
    assert len(engine.run("SELECT repeat('x', 1000000) FROM numbers(50)")) == 50_000_000 + 49


def test_other_paths(engine):
    for path in ("/", "/ping", "/replicas_status"):
        assert engine.http.get(path).text == "Ok.\n"
    assert engine.http.head("/ping").status_code == 200
    assert uuid.UUID(engine.http.get("/identity").text.strip())
    assert engine.http.get("/nosuch").status_code == 404
    assert engine.http.put("/").status_code == 405


def test_there_is_one_user(engine):
    def status(**options):
        return engine.http.get("/", **{"params": {"query": "SELECT 1"}, **options}).status_code

    assert status() == status(auth=("default", "")) == status(headers={"X-ClickHouse-User": "default"}) == 200
    assert status(params={"query": "SELECT 1", "user": "somebody"}) == 403
    assert status(auth=("default", "wrong")) == 403
    assert status(headers={"X-ClickHouse-User": "default", "X-ClickHouse-Key": "wrong"}) == 403
    broken = base64.b64encode(b"no colon").decode()
    assert status(headers={"Authorization": f"Basic {broken}"}) == 403


def test_no_connection_is_closed_under_a_slow_statement(engine):
    slow = "SELECT sleepEachRow(1) FROM numbers(3) SETTINGS max_block_size = 1"
    assert engine.run(slow, http_receive_timeout="1") == "0\n0\n0"


@pytest.mark.parametrize("options", [{}, {"compress": False}, {"compress": "gzip"}, {"compress": "zstd"}])
def test_the_official_client_works_with_its_defaults(engine, table, options):
    client = clickhouse_connect.get_client(host="127.0.0.1", port=engine.port, **options)
    assert client.query("SELECT 1, 'a', toDecimal128('1.5', 18), [1, 2]").result_rows[0][:2] == (1, "a")
    client.insert(table, [[i, f"x\n\n{i}"] for i in range(10_000)], column_names=["a", "s"])
    assert client.query(f"SELECT count(), uniqExact(s) FROM {table}").result_rows == [(10_000, 10_000)]
    assert client.query("SELECT {a:UInt8} + 1", parameters={"a": 3}).result_rows == [(4,)]
    assert client.query(f"SELECT * FROM {table} LIMIT 5", settings={"max_threads": 2}).row_count == 5
    assert client.command("SELECT currentDatabase()") == "default"
    with pytest.raises(clickhouse_connect.driver.exceptions.DatabaseError, match="UNKNOWN_TABLE"):
        client.query("SELECT * FROM nosuch")
    with client.query_row_block_stream(f"SELECT a FROM {table}") as stream:
        assert sum(len(block) for block in stream) == 10_000
    client.close()
