"""Requests that somebody on the way may read otherwise than we do: refused, byte by byte.

Whoever can make a proxy and a server disagree about where a request ends puts requests of his own
into the connections of others. So each of these is refused and the connection closed: nothing that
stands behind it is taken for a request.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import re

import pytest

from flow.organization import Organization
from flow.test_reject import assert_nothing_produced
from flow.wire import Wire, request

# KEY stands for the key, EVENT for an event, SIZE and HEX for its size.
LINE = b"POST /v1/events HTTP/1.1\r\n"
HEAD = b"Host: test\r\nAuthorization: Bearer KEY\r\n"
LENGTH = b"Content-Length: SIZE\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"HEX\r\nEVENT\r\n0\r\n\r\n"


def with_headers(headers: bytes, body: bytes = b"EVENT") -> bytes:
    return LINE + HEAD + headers + b"\r\n" + body


def with_chunks(chunks: bytes) -> bytes:
    return with_headers(CHUNKED, chunks)


AMBIGUOUS = {
    # two lengths
    "length and chunked": with_headers(LENGTH + CHUNKED, CHUNKS),
    "chunked and length": with_headers(CHUNKED + LENGTH, CHUNKS),
    "length 0 and chunked": with_headers(b"Content-Length: 0\r\n" + CHUNKED, CHUNKS),
    "two lengths that are equal": with_headers(LENGTH + LENGTH),
    "two lengths that differ": with_headers(LENGTH + b"Content-Length: 0\r\n"),
    "two lengths that differ, the other order": with_headers(b"Content-Length: 0\r\n" + LENGTH),
    # Transfer-Encoding
    "chunked twice": with_headers(CHUNKED + CHUNKED, CHUNKS),
    "chunked, chunked": with_headers(b"Transfer-Encoding: chunked, chunked\r\n", CHUNKS),
    "gzip, chunked": with_headers(b"Transfer-Encoding: gzip, chunked\r\n", CHUNKS),
    "chunked, gzip": with_headers(b"Transfer-Encoding: chunked, gzip\r\n", CHUNKS),
    "chunked, identity": with_headers(b"Transfer-Encoding: chunked, identity\r\n", CHUNKS),
    "identity": with_headers(b"Transfer-Encoding: identity\r\n" + LENGTH),
    "identity alone": with_headers(b"Transfer-Encoding: identity\r\n"),
    "xchunked": with_headers(b"Transfer-Encoding: xchunked\r\n", CHUNKS),
    "quoted chunked": with_headers(b'Transfer-Encoding: "chunked"\r\n', CHUNKS),
    "chunked with a parameter": with_headers(b"Transfer-Encoding: chunked;a=b\r\n", CHUNKS),
    "an empty coding": with_headers(b"Transfer-Encoding:\r\n" + LENGTH),
    "a coding behind a vertical tab": with_headers(b"Transfer-Encoding: \x0bchunked\r\n", CHUNKS),
    "chunked in HTTP/1.0": with_chunks(CHUNKS).replace(b"HTTP/1.1", b"HTTP/1.0"),
    # headers that are not written as they must be
    "a space before the colon": with_headers(b"Content-Length : SIZE\r\n"),
    "a tab before the colon": with_headers(b"Transfer-Encoding\t: chunked\r\n", CHUNKS),
    "a continued header": with_headers(b"X-Long: a\r\n b\r\n" + LENGTH),
    "a continued Transfer-Encoding": with_headers(b"Transfer-Encoding:\r\n chunked\r\n", CHUNKS),
    "a continued header at the end": with_headers(LENGTH + b"X-Long: a\r\n\tContent-Length: 0\r\n"),
    "a length in a continuation": with_headers(b"X-Long: a\r\n " + LENGTH),
    "a bare LF behind the request line": LINE.replace(b"\r", b"") + HEAD + LENGTH + b"\r\nEVENT",
    "a bare LF behind a header": with_headers(b"X-One: a\n" + LENGTH),
    "a bare LF behind the last header": with_headers(b"Content-Length: SIZE\n"),
    "a bare LF for the empty line": LINE + HEAD + LENGTH + b"\nEVENT",
    "bare LFs all over": with_headers(LENGTH).replace(b"\r\n", b"\n"),
    "a bare CR in a value": with_headers(b"X-One: a\rTransfer-Encoding: chunked\r\n" + LENGTH),
    "a bare CR behind a value": with_headers(b"X-One: a\r\r\n" + LENGTH),
    "a bare CR before a name": with_headers(b"\rTransfer-Encoding: chunked\r\n" + LENGTH),
    "NUL in a value": with_headers(b"X-One: a\0b\r\n" + LENGTH),
    "NUL behind a length": with_headers(b"Content-Length: SIZE\0\r\n"),
    "NUL behind the last header": with_headers(CHUNKED.replace(b"\r", b"\0\r"), CHUNKS),
    "NUL for the empty line": LINE + HEAD + LENGTH + b"\0\r\nEVENT",
    "NUL before a value": with_headers(b"X-One:\0a\r\n" + LENGTH),
    "a control character in a value": with_headers(b"X-One: \x01\r\n" + LENGTH),
    "a name with a slash": with_headers(b"X/One: a\r\n" + LENGTH),
    "an empty name": with_headers(b": a\r\n" + LENGTH),
    "a name that begins with a space": LINE + b" X-One: a\r\n" + HEAD + LENGTH + b"\r\nEVENT",
    # the request line
    "two spaces behind the method": with_headers(LENGTH).replace(b"POST ", b"POST  "),
    "two spaces before the version": with_headers(LENGTH).replace(b" HTTP", b"  HTTP"),
    "NUL in the target": with_headers(LENGTH).replace(b"/v1/events", b"/v1/events\0/x"),
    "a tab in the target": with_headers(LENGTH).replace(b"/v1/events", b"/v1/events?\tx"),
    "a space in the target": with_headers(LENGTH).replace(b"/v1/events", b"/v1/events /x"),
    # Host
    "no host": with_headers(LENGTH).replace(b"Host: test\r\n", b""),
    "two hosts that are equal": with_headers(b"Host: test\r\n" + LENGTH),
    "two hosts that differ": with_headers(b"Host: other\r\n" + LENGTH),
}

# What libmicrohttpd refuses before our code sees it, in its own words (HTML).
BY_THE_LIBRARY = {
    "a length with a plus": (with_headers(b"Content-Length: +SIZE\r\n"), 400),
    "a length with a list": (with_headers(b"Content-Length: SIZE, SIZE\r\n"), 400),
    "a negative length": (with_headers(b"Content-Length: -SIZE\r\n"), 400),
    "a length in hex": (with_headers(b"Content-Length: 0xHEX\r\n"), 400),
    "a length with a dot": (with_headers(b"Content-Length: SIZE.0\r\n"), 400),
    "a space behind a length": (with_headers(b"Content-Length: SIZE \r\n"), 400),
    "an empty length": (with_headers(b"Content-Length:\r\n"), 400),
    "a length beyond 64 bits": (with_headers(b"Content-Length: 18446744073709551617\r\n"), 413),
    "a name without a colon": (with_headers(b"X-One\r\n" + LENGTH), 400),
    "NUL in a name": (with_headers(b"X\0One: a\r\n" + LENGTH), 400),
    "no version": (b"POST /v1/events\r\n" + HEAD + LENGTH + b"\r\nEVENT", (400, 505)),
    "HTTP/2.0": (with_headers(LENGTH).replace(b"HTTP/1.1", b"HTTP/2.0"), 505),
    "http/1.1 in small letters": (with_headers(LENGTH).replace(b"HTTP/1.1", b"http/1.1"), (400, 505)),
    "HTTP/1.11": (with_headers(LENGTH).replace(b"HTTP/1.1", b"HTTP/1.11"), (400, 505)),
    "spaces behind the version": (with_headers(LENGTH).replace(b"HTTP/1.1", b"HTTP/1.1  "), (400, 505)),
    "a chunk size that is no number": (with_chunks(b"xyz\r\nEVENT\r\n0\r\n\r\n"), 400),
    "a chunk size in C's notation": (with_chunks(b"0xHEX\r\nEVENT\r\n0\r\n\r\n"), 400),
    "a chunk size with a plus": (with_chunks(b"+HEX\r\nEVENT\r\n0\r\n\r\n"), 400),
    "a negative chunk size": (with_chunks(b"-1\r\nEVENT\r\n0\r\n\r\n"), 400),
    "an empty chunk size": (with_chunks(b"\r\nEVENT\r\n0\r\n\r\n"), 400),
    "a chunk size behind a space": (with_chunks(b" HEX\r\nEVENT\r\n0\r\n\r\n"), 400),
    "a chunk size before a space": (with_chunks(b"HEX \r\nEVENT\r\n0\r\n\r\n"), 400),
    "a chunk size beyond 64 bits": (with_chunks(b"10000000000000001\r\nEVENT\r\n0\r\n\r\n"), 413),
    "a chunk that is longer than its size": (with_chunks(b"1\r\nEVENT\r\n0\r\n\r\n"), 400),
}

# Understood in one way only, or of no weight: a plain answer.
HARMLESS = {
    "an empty line before the request": (b"\r\n" + with_headers(LENGTH), 422),
    "a header that is longer than most": (with_headers(b"X-Long: " + b"a" * 8000 + b"\r\n" + LENGTH), 422),
    "no space behind the colon": (with_headers(b"Content-Length:SIZE\r\n"), 422),
    "spaces around a value": (with_headers(b"X-One: \t a \t\r\n" + LENGTH), 422),
    "zeros before a length": (with_headers(b"Content-Length: 000SIZE\r\n"), 422),
    "Chunked with a capital": (with_headers(b"Transfer-Encoding: Chunked\r\n", CHUNKS), 422),
    "zeros before a chunk size": (with_chunks(b"000HEX\r\nEVENT\r\n000\r\n\r\n"), 422),
    "a chunk extension": (with_chunks(b"HEX;a=b;c\r\nEVENT\r\n0;d\r\n\r\n"), 422),
    "trailers": (with_chunks(b"HEX\r\nEVENT\r\n0\r\nContent-Length: 0\r\nAuthorization: Bearer x\r\n\r\n"), 422),
    "TE": (with_headers(b"TE: trailers, chunked\r\nConnection: TE\r\n" + LENGTH), 422),
    "the length named in Connection": (with_headers(b"Connection: Content-Length\r\n" + LENGTH), 422),
    "an absolute target": (with_headers(LENGTH).replace(b"/v1/events", b"http://test/v1/events"), 404),
    "an authority for a target": (with_headers(LENGTH).replace(b"/v1/events", b"test:80"), 404),
    "CONNECT": (with_headers(b"").replace(b"POST /v1/events", b"CONNECT test:80"), 404),
    "a fragment": (with_headers(LENGTH).replace(b"/v1/events", b"/v1/events#x"), 404),
    "%00 in the path": (with_headers(LENGTH).replace(b"/v1/events", b"/v1/events%00"), 404),
    "%2f in the path": (with_headers(LENGTH).replace(b"/v1/events", b"/v1%2fevents"), 404),
    "an escaped letter in the path": (with_headers(LENGTH).replace(b"/v1/events", b"/v1/event%73"), 404),
    ".. in the path": (with_headers(LENGTH).replace(b"/v1/events", b"/v1/x/../events"), 404),
    ". in the path": (with_headers(LENGTH).replace(b"/v1/events", b"/v1/./events"), 404),
    "two slashes": (with_headers(LENGTH).replace(b"/v1/events", b"//v1/events"), 404),
    "a backslash": (with_headers(LENGTH).replace(b"/v1/events", b"/v1\\events"), 404),
    "the same path in capitals": (with_headers(LENGTH).replace(b"/v1/events", b"/V1/events"), 404),
}


def fill_in(row: bytes, organization) -> bytes:
    """An event that is refused by itself, so that a row which passes shows by its 422."""
    event = json.dumps({"transaction_id": "smuggled", "padding": "x"}).encode()
    row = row.replace(b"KEY", organization.key.encode()).replace(b"EVENT", event)
    return row.replace(b"SIZE", b"%d" % len(event)).replace(b"HEX", b"%x" % len(event))


@pytest.fixture(scope="module")
def sender(session_stack):
    """One organization for the whole table."""
    organization = Organization(session_stack, f"smuggler-{os.urandom(3).hex()}")
    yield organization
    organization.http.close()


def refused(stack, organization, row: bytes) -> bytes:
    """The one answer to a row and a good request behind it, up to the end of the connection."""
    behind = request(organization.key, json.dumps(organization.event()).encode())
    with Wire(stack.env["BXB_URL"]) as wire:
        wire.send(fill_in(row, organization) + behind)
        return wire.rest()


def statuses_of(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", answers)]


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_can_be_read_in_two_ways_is_refused_and_ends_the_connection(stack, sender, name):
    answers = refused(stack, sender, AMBIGUOUS[name])
    assert statuses_of(answers) == [400], answers
    assert b'"code":"request_ambiguous"' in answers


@pytest.mark.parametrize("name", BY_THE_LIBRARY)
def test_what_the_library_refuses_ends_the_connection_too(stack, sender, name):
    row, wanted = BY_THE_LIBRARY[name]
    answers = refused(stack, sender, row)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    # Of a wrong Content-Length it writes the head of its answer twice. None is about what follows.
    assert answers and set(statuses_of(answers)) <= set(wanted), answers


@pytest.mark.parametrize("name", HARMLESS)
def test_what_has_one_meaning_is_answered_once(stack, sender, name):
    row, wanted = HARMLESS[name]
    with Wire(stack.env["BXB_URL"]) as wire:
        wire.send(fill_in(row, sender))
        assert wire.answer().status == wanted


def test_nothing_behind_a_chunked_body_is_taken_for_a_request(stack, sender):
    """The library ends the line of a chunk's size at a bare LF, which others on the way may not."""
    for chunks in (CHUNKS, CHUNKS.replace(b"\r\n", b"\n"), b"HEX;\nx\r\nEVENT\r\n0\r\n\r\n"):
        (status,) = statuses_of(refused(stack, sender, with_chunks(chunks)))
        assert status in (400, 422)


def test_a_request_inside_a_body_stays_a_body(stack, sender):
    inner = request(sender.key, json.dumps(sender.event()).encode())
    with Wire(stack.env["BXB_URL"]) as wire:
        wire.send(request(sender.key, inner) + request(sender.key, b"{}"))
        assert json.loads(wire.answer().body)["code"] == "json_malformed"
        assert json.loads(wire.answer().body)["code"] == "field_missing"
        assert wire.is_open()


def test_nothing_of_it_reached_the_topic(sender, kafka):
    assert_nothing_produced(sender, kafka)
