"""INSERTs: data of every kind and way of sending, and bodies that are cut.

SPDX-License-Identifier: Apache-2.0
"""

import gzip
import socket
import struct
import threading
import time
import urllib.parse
import uuid
import zlib

import httpx
import lz4.frame
import pytest
from backports import zstd

ENCODINGS = {"gzip": gzip.compress, "deflate": zlib.compress, "lz4": lz4.frame.compress, "zstd": zstd.compress}


def test_two_line_breaks_in_a_block_are_data(engine, table):
    block = engine.native(300_000)
    assert b"\n\n" in block
    answer = engine.post(f"INSERT INTO {table} (a, s) FORMAT Native", block)
    assert (answer.status_code, answer.content) == (200, b"")
    assert '"written_rows":"300000"' in answer.headers["X-ClickHouse-Summary"]
    assert engine.count(table) == 300_000
    assert engine.run(f"SELECT count() FROM system.parts WHERE active AND table = '{table}'") == "1"


def test_nothing_behind_data_is_run(engine, table):
    assert engine.code(engine.post(f"INSERT INTO {table} FORMAT CSV", f"1,a\n\nDROP TABLE {table}\n".encode())) == 27
    engine.post(f"INSERT INTO {table} VALUES (1, 'a');\n\nDROP TABLE {table}")
    assert engine.count(table) == 1


def test_every_way_to_write_an_insert(engine, table):
    engine.run(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b')")
    engine.run(f"INSERT INTO {table} VALUES", b"(3, 'c\n\nd')")
    engine.run("INSERT", f"INTO {table} (a) FORMAT CSV\n4\n5\n".encode())
    engine.run("", f"INSERT INTO {table} (a, s) VALUES (6, 'x;\n\ny'), (7, ';')".encode())
    rows = b'{"a":8,"s":"FORMAT"}\n{"a":9}'
    engine.run(f"-- comment\n/* INSERT */ insert into `{table}` (`a`, s) settings max_threads=1 format JSONEachRow", rows)
    engine.run(f"INSERT INTO default.{table} SELECT number + 10, 'q' FROM numbers(3)")
    engine.run(f"INSERT INTO TABLE {table} (a) FORMAT Values (13), (14)")
    engine.run(f"INSERT INTO {table} (a) FORMAT CSV SETTINGS input_format_csv_allow_cr_end_of_line = 1", b"15\n")
    engine.run("INSERT INTO {t:Identifier} (a) FORMAT CSV", b"16\n", param_t=table)
    engine.run(f"INSERT INTO {table} FORMAT CSV")
    engine.run("INSERT INTO TABLE FUNCTION null('a UInt8') FORMAT CSV", b"1\n")
    engine.http.post("/", content=f"INSERT INTO {table} FORMAT Native\n".encode() + engine.native(1, "native"))
    assert engine.run(f"SELECT arraySort(groupArray(a)) FROM {table}") == str([*range(17)]).replace(" ", "")
    assert engine.run(f"SELECT s FROM {table} WHERE a IN (0, 3, 6, 8) ORDER BY a").split("\n") == [
        "native",
        "c\\n\\nd",
        "x;\\n\\ny",
        "FORMAT",
    ]


def test_what_is_not_supported_says_so(engine, table):
    answer = engine.post(f"INSERT INTO {table} (a) SELECT a FROM input('a UInt8') FORMAT CSV", b"1\n")
    assert (engine.code(answer), answer.status_code) == (48, 501)
    assert engine.code(engine.post("SELECT 1", headers={"Content-Encoding": "br"})) == 48


def test_an_error_in_the_middle_is_told_after_the_whole_body_is_read(engine, table):
    rows = b"1,a\n" * 100_000
    assert engine.code(engine.post(f"INSERT INTO {table} FORMAT CSV", b"x,y\n" + rows * 10)) in (27, 72)
    assert engine.code(engine.post(f"INSERT INTO {table} (nosuch) FORMAT CSV", rows * 10)) == 16
    assert engine.count(table) == 0


def test_a_token_lets_the_same_block_land_once(engine, table):
    block = engine.native(10)
    options = {"async_insert": "0", "insert_deduplicate": "1", "wait_end_of_query": "1"}
    for _ in range(2):
        engine.run(f"INSERT INTO {table} FORMAT Native", block, insert_deduplication_token="x", **options)
    engine.run(f"INSERT INTO {table} SETTINGS insert_deduplication_token = 'x' FORMAT Native", block)
    engine.run(f"INSERT INTO {table} FORMAT Native SETTINGS insert_deduplication_token = 'x'", block)
    assert engine.count(table) == 10
    engine.run(f"INSERT INTO {table} FORMAT Native", block, insert_deduplication_token="y", **options)
    assert engine.count(table) == 20


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_compressed_bodies(engine, table, encoding):
    block = engine.native(100_000)
    packed = ENCODINGS[encoding](block)
    insert = f"INSERT INTO {table} FORMAT Native"
    headers = {"Content-Encoding": encoding}
    engine.run(insert, packed, headers)
    for broken in (packed[: len(packed) // 2], packed[:-1], b"no such thing" * 9):
        assert engine.code(engine.post(insert, broken, headers)) == 271
    assert engine.count(table) == 100_000
    assert engine.run("", ENCODINGS[encoding](b"SELECT 1") + ENCODINGS[encoding](b" + 1"), headers) == "2"


def test_a_large_body_streams(engine, table):
    row = b"1\t" + b"x" * 500 + b"\n"
    answer = engine.post(f"INSERT INTO {table} FORMAT TSV", (row * 200 for _ in range(1000)))
    assert answer.status_code == 200, answer.text
    assert engine.count(table) == 200_000


def test_many_clients_insert_side_by_side(engine, table):
    block = engine.native(1000)
    wrong = []

    def work(name):
        with httpx.Client(base_url=engine.url, timeout=60, trust_env=False) as http:
            for number in range(10):
                arguments = {"query": f"INSERT INTO {table} FORMAT Native", "insert_deduplication_token": f"{name}-{number}"}
                answer = http.post("/", params=arguments, content=block)
                if answer.status_code != 200:
                    wrong.append(answer.text)

    threads = [threading.Thread(target=work, args=[name]) for name in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert engine.count(table) == 200_000


class CutInsert:
    """A request of which a part is sent."""

    def __init__(self, engine, table, **arguments):
        self.engine = engine
        self.query_id = uuid.uuid4().hex
        self.socket = socket.create_connection(("127.0.0.1", engine.port))
        # Each Native block becomes a part as soon as it is whole: nothing is held back by the engine.
        arguments = {
            "query": f"INSERT INTO {table} FORMAT Native",
            "query_id": self.query_id,
            "min_insert_block_size_rows": "0",
            "min_insert_block_size_bytes": "0",
            **arguments,
        }
        self.head = f"POST /?{urllib.parse.urlencode(arguments)} HTTP/1.1\r\nHost: x\r\n"

    def send_with_length(self, body, length):
        self.socket.sendall(f"{self.head}Content-Length: {length}\r\n\r\n".encode() + body)

    def send_chunk(self, body):
        self.socket.sendall(f"{self.head}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body + b"\r\n")

    def wait_until_running(self, running):
        give_up = time.monotonic() + 20
        asked = f"SELECT count() FROM system.processes WHERE query_id = '{self.query_id}'"
        while self.engine.run(asked) != str(int(running)):
            assert time.monotonic() < give_up
            time.sleep(0.02)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


@pytest.mark.parametrize("where", ["half", "last byte", "more announced", "no last chunk"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_body_that_is_cut_lands_nothing(engine, table, where, how):
    block = engine.native(50_000)
    size = len(block)
    insert = CutInsert(engine, table)
    if where == "half":
        insert.send_with_length(block[: size // 2], size)
    elif where == "last byte":
        insert.send_with_length(block[:-1], size)
    elif where == "more announced":
        insert.send_with_length(block, size + 10)
    else:
        insert.send_chunk(block)
    insert.wait_until_running(True)
    time.sleep(0.1)
    assert engine.count(table) == 0
    insert.socket.close() if how == "close" else insert.reset()
    insert.wait_until_running(False)
    assert engine.count(table) == 0
    engine.run(f"INSERT INTO {table} FORMAT Native", block, insert_deduplication_token="after")
    assert engine.count(table) == 50_000


def test_a_client_that_stalls_is_cut_off(engine, table):
    block = engine.native(5000)
    insert = CutInsert(engine, table, http_receive_timeout="2")
    began = time.monotonic()
    insert.send_with_length(block[:100], len(block))
    insert.socket.settimeout(20)
    assert insert.socket.recv(100) == b""
    assert 1 < time.monotonic() - began < 10
    insert.wait_until_running(False)
    assert engine.count(table) == 0
