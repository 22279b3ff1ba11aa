"""HTTP as clients of all kinds speak it: pipelines, HTTP/1.0, HEAD, single bytes, thousands of connections.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import pathlib
import resource
import time

import pytest

from flow.organization import Organization
from flow.stack import memory_of, wait_until
from flow.wire import Wire, connect, request, send_raw

IDLE = 10_000
GONE = 1_000
REQUEST_MAX = 1 << 16


@pytest.fixture(scope="module")
def sender(session_stack):
    organization = Organization(session_stack, f"speaker-{os.urandom(3).hex()}")
    yield organization
    organization.http.close()


def event_of(organization, **members) -> bytes:
    return json.dumps(organization.event(**members)).encode()


def with_chunks(organization, chunks: bytes) -> bytes:
    head = request(organization.key, headers=b"Transfer-Encoding: chunked\r\n")
    return head.replace(b"Content-Length: 0\r\n", b"") + chunks


# One connection


def test_a_pipeline_is_answered_in_order(stack, sender):
    """Wrong ones are answered at once, good ones after the broker: the order stays."""
    bodies = [event_of(sender), b"{}", event_of(sender), b"nonsense", event_of(sender)]
    with connect(stack) as wire:
        wire.send(b"".join(request(sender.key, body, headers=b"X-Request-Id: %d\r\n" % i) for i, body in enumerate(bodies)))
        answers = [wire.answer() for _ in bodies]
        assert wire.is_open()
    assert [answer.status for answer in answers] == [201, 422, 201, 400, 201]
    assert [answer.headers["x-request-id"] for answer in answers] == list("01234")
    for body, answer in zip(bodies, answers):
        if answer.status == 201:
            assert json.loads(answer.body)["transaction_id"] == json.loads(body)["transaction_id"]


def test_a_connection_is_kept_and_closed_when_asked(stack, sender):
    with connect(stack) as wire:
        for _ in range(50):
            wire.send(request(sender.key, event_of(sender)))
            assert wire.answer().status == 201
        wire.send(request(sender.key, event_of(sender), headers=b"Connection: close\r\n"))
        assert wire.answer().headers["connection"].lower() == "close"
        assert wire.rest() == b""


def test_http_1_0_closes_unless_asked_to_keep(stack, sender):
    plain = request(sender.key, event_of(sender)).replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Host: test\r\n", b"")
    with connect(stack) as wire:
        wire.send(plain)
        assert wire.answer().status == 201
        assert wire.rest() == b""
    with connect(stack) as wire:
        for _ in range(2):
            wire.send(plain.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n"))
            assert wire.answer().status == 201


@pytest.mark.parametrize("path, allow", [("/v1/events", "POST, OPTIONS"), ("/docs", "GET, HEAD, OPTIONS")])
def test_options_and_other_methods_name_what_is_allowed(stack, sender, path, allow):
    with connect(stack) as wire:
        wire.send(request(sender.key, method="OPTIONS", path=path))
        answer = wire.answer()
        assert (answer.status, answer.headers["allow"]) == (204, allow)
        for method in ("DELETE", "PUT", "PATCH", "TRACE", "BREW", "events"):
            wire.send(request(sender.key, method=method, path=path))
            answer = wire.answer()
            assert (answer.status, answer.headers["allow"]) == (405, allow)
        wire.send(request(sender.key, method="HEAD", path=path))
        assert wire.answer(to_head=True).status == (200 if "GET" in allow else 405)


def test_100_continue_comes_when_the_body_is_wanted_and_only_then(stack, sender):
    body = event_of(sender)
    head = request(sender.key, body, headers=b"Expect: 100-continue\r\n")[: -len(body)]
    with connect(stack) as wire:
        wire.send(head)
        assert wire.answer().status == 100
        wire.send(body)
        assert wire.answer().status == 201
    with connect(stack) as wire:
        wire.send(head.replace(sender.key.encode(), b"bxb_live_" + b"0" * 64))
        assert wire.answer().status == 401
        assert wire.rest() == b""


@pytest.mark.parametrize(
    ("lines", "size", "status"),
    [(1, 8000, 201), (1, 15000, 201), (90, 60, 201), (90, 100, 201), (1, 20000, 431), (400, 20, 431)],
)
def test_headers_have_room_for_what_is_usual(stack, sender, lines, size, status):
    """docs/OPERATIONS.md says how much: 15 KiB, a hundred lines."""
    more = b"".join(b"X-%04d: %s\r\n" % (number, b"a" * (size - 10)) for number in range(lines))
    with connect(stack) as wire:
        wire.send(request(sender.key, event_of(sender), headers=more))
        assert wire.answer().status == status


@pytest.mark.parametrize("size", [1, 2, 7])
def test_tiny_chunks_are_one_body(stack, sender, size):
    body = event_of(sender)
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    assert send_raw(stack, with_chunks(sender, chunks)).status == 201


def test_a_request_that_comes_byte_by_byte_is_one_request(stack, sender):
    with connect(stack) as wire:
        wire.socket.setsockopt(6, 1, 1)  # TCP_NODELAY: each byte travels alone
        for byte in request(sender.key, event_of(sender)):
            wire.send(bytes([byte]))
        assert wire.answer().status == 201


@pytest.fixture(scope="module")
def small(session_stack):
    session_stack.restart("server", server_request_max=str(REQUEST_MAX), server_event_max=str(REQUEST_MAX))
    yield session_stack
    session_stack.restart("server")


@pytest.mark.parametrize("more, status", [(-1, 201), (0, 201), (1, 413)])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_body_may_have_just_the_limit(small, sender, more, status, chunked):
    body = event_of(sender)
    body += b" " * (REQUEST_MAX + more - len(body))
    data = with_chunks(sender, b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)) if chunked else request(sender.key, body)
    assert send_raw(small, data).status == status


# Pages


def test_the_contract_and_the_page_are_served_without_a_key(stack, anonymous):
    root = pathlib.Path(__file__).resolve().parents[2] / "openapi"
    for path, file, kind in (("/openapi.yaml", "openapi.yaml", "application/yaml"), ("/docs", "docs.html", "text/html")):
        answer = anonymous.get(path)
        assert answer.status_code == 200 and answer.headers["Content-Type"].startswith(kind)
        assert answer.content == (root / file).read_bytes()
        assert answer.headers["X-Request-Id"] and "default-src 'none'" in answer.headers["Content-Security-Policy"]
        head = anonymous.head(path)
        assert (head.status_code, head.content) == (200, b"")
    page = (root / "docs.html").read_text()
    assert "http://" not in page and "https://" not in page and "src=" not in page, "it needs nothing from elsewhere"


# Many connections


def memory(stack) -> int:
    return memory_of(stack.running_pid("server"))


def descriptors(stack) -> int:
    return len(list(pathlib.Path(f"/proc/{stack.running_pid('server')}/fd").iterdir()))


def test_thousands_that_leave_while_they_wait_leave_nothing_behind(stack, sender):
    sender.send_until_taken()
    wait_until(lambda: stack.gauge("bxb_server_connections") <= 2, 10, "others are gone")
    fds = descriptors(stack)
    stack.freeze("kafka")
    try:
        for _ in range(GONE // 100):
            wires = [connect(stack) for _ in range(100)]
            for wire in wires:
                wire.send(request(sender.key, event_of(sender)))
            wait_until(lambda: stack.gauge("bxb_server_inflight_events") > 0, 10, "they wait")
            for wire in wires:
                wire.close()
        wait_until(lambda: stack.gauge("bxb_server_inflight_events") == GONE, 10, "all of them were taken")
    finally:
        stack.thaw("kafka")
    wait_until(lambda: stack.gauge("bxb_server_inflight_events") == 0, 60, "the broker has them")
    wait_until(lambda: stack.gauge("bxb_server_inflight_bytes") == 0, 10, "their memory is given back")
    wait_until(lambda: descriptors(stack) <= fds, 10, "their connections are closed")


def test_ten_thousand_idle_connections_leave_room_for_others(stack, sender):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < IDLE + 1000:
        pytest.skip(f"this process may open {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before = memory(stack)
    body = request(sender.key, b"{}", path="/v1/events/validate")
    wires = []
    try:
        for _ in range(IDLE // 100):
            some = [connect(stack) for _ in range(100)]
            for wire in some:
                wire.send(body)
            for wire in some:
                assert wire.answer().status == 200
            wires += some
        assert stack.gauge("bxb_server_connections") >= IDLE
        each = (memory(stack) - before) / IDLE
        print(f"{each / 1024:.1f} KiB an idle connection")
        assert each < 36 * 1024
        began = time.monotonic()
        assert sender.send([sender.event()]) == 201
        assert time.monotonic() - began < 2
        wires[0].send(body)
        assert wires[0].answer().status == 200
    finally:
        for wire in wires:
            wire.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: stack.gauge("bxb_server_connections") < 10, 20, "all are closed")
