"""Clients that are slow, gone, many or old-fashioned: none of them is in the way of others.

SPDX-License-Identifier: Apache-2.0
"""

import json
import time

import pytest

from flow.stack import wait_until
from flow.wire import Wire, request

HEADER_S, BODY_S, ANSWER_S = 1.0, 1.0, 1.0
SLOWLORIS = 500


@pytest.fixture(scope="module")
def strict(session_stack):
    """The server has little patience, and a limit of connections that a test can reach."""
    session_stack.restart(
        "server",
        server_header_timeout=f"{HEADER_S:g}s",
        server_body_timeout=f"{BODY_S:g}s",
        server_answer_timeout=f"{ANSWER_S:g}s",
        server_rate_min="1KiB",
        server_connections_max="600",
    )
    yield session_stack
    session_stack.restart("server")


@pytest.fixture
def url(stack) -> str:
    return stack.env["BXB_URL"]


def cut(stack, reason: str) -> float:
    return stack.gauge(f'bxb_server_clients_cut_total{{reason="{reason}"}}')


def wait_for_calm(stack) -> None:
    wait_until(lambda: stack.gauge("bxb_server_connections") == 0, 10, "all connections are closed")


def one_event(organization) -> bytes:
    return json.dumps(organization.event()).encode()


# Slow


def test_headers_that_never_end_are_cut_and_keep_nobody_out(strict, organization, url):
    before = cut(strict, "headers")
    with organization.client() as http:
        assert organization.post(organization.event(), http).status_code == 201
        slow = [Wire(url) for _ in range(SLOWLORIS)]
        began = time.monotonic()
        for wire in slow:
            wire.send(b"POST /v1/events HTTP/1.1\r\nX-Slow: ")
        assert organization.post(organization.event(), http).status_code == 201
        last = slow[0]
        while time.monotonic() < began + 0.7 * HEADER_S:  # one byte now and then is no progress
            last.send(b"a")
            time.sleep(0.1)
        answers = [wire.rest() for wire in slow[1:]]
        assert organization.post(organization.event(), http).status_code == 201
    assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers), answers[0]
    assert b'"code":"request_timeout"' in answers[0]
    assert time.monotonic() - began < 3 * HEADER_S + 5
    assert cut(strict, "headers") - before == SLOWLORIS
    for wire in slow:
        wire.close()


def test_a_request_that_trickles_on_a_kept_connection_is_cut(strict, organization, url):
    with Wire(url) as wire:
        wire.send(request(organization.key, one_event(organization)))
        assert wire.answer().status == 201
        began = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - began < 10 * HEADER_S:
                wire.send(b"\r")
                time.sleep(0.1)
    assert time.monotonic() - began < 3.5 * HEADER_S


def test_an_idle_connection_is_left_alone(strict, organization, url):
    with Wire(url) as wire:
        for pause in (3 * HEADER_S, 0):
            wire.send(request(organization.key, one_event(organization)))
            assert wire.answer().status == 201
            time.sleep(pause)


def test_a_body_that_trickles_is_cut(strict, organization, url):
    before = cut(strict, "body")
    with Wire(url) as wire:
        wire.send(request(organization.key, b"x" * 60000)[:-60000])
        began = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - began < 10 * BODY_S:
                wire.send(b"x")
                time.sleep(0.05)
    assert time.monotonic() - began < 3 * BODY_S
    assert cut(strict, "body") - before == 1


def test_a_slow_body_that_moves_is_waited_for(strict, organization, url):
    """Above the least rate it may take longer than server.body_timeout."""
    body = json.dumps([organization.event(properties={"padding": "x" * 1000}) for _ in range(30)]).encode()
    began = time.monotonic()
    with Wire(url) as wire:
        wire.send(request(organization.key, body)[: -len(body)])
        for at in range(0, len(body), 1000):
            wire.send(body[at : at + 1000])
            time.sleep(0.08)
        assert wire.answer().status == 201
    assert time.monotonic() - began > 1.5 * BODY_S


def test_a_client_that_does_not_read_its_answer_is_cut(strict, organization, url):
    wait_for_calm(strict)
    before = cut(strict, "answer")
    wrong = json.dumps([{}] * 10000).encode()  # 10,000 reasons: more than the system keeps for a reader
    with Wire(url, receive_buffer=4096) as wire:
        wire.send(request(organization.key, wrong, path="/v1/events/validate?results=all") * 6)
        wait_until(lambda: cut(strict, "answer") == before + 1, 10 * ANSWER_S, "the reader is cut")
        wait_for_calm(strict)


def test_an_answer_that_is_read_slowly_arrives(strict, organization, url):
    wrong = json.dumps([{}] * 10000).encode()
    with Wire(url, receive_buffer=65536) as wire:
        wire.send(request(organization.key, wrong, path="/v1/events/validate?results=all"))
        time.sleep(0.5 * ANSWER_S)
        answer = wire.answer()
    assert answer.status == 200 and json.loads(answer.body)["rejected"] == 10000


# Many


def test_a_connection_too_many_is_told_so(strict, organization, url):
    wait_for_calm(strict)
    before = cut(strict, "too_many")
    some = [Wire(url) for _ in range(600)]
    wait_until(lambda: strict.gauge("bxb_server_connections") == 600, 10, "all are accepted")
    with Wire(url) as wire:
        answer = wire.answer()
        assert wire.rest() == b""
    assert answer.status == 503 and answer.headers["retry-after"] == "1"
    assert json.loads(answer.body)["code"] == "overloaded"
    assert cut(strict, "too_many") - before == 1
    for wire in some:
        wire.close()
    wait_for_calm(strict)
    assert organization.post(organization.event(), organization.client()).status_code == 201
