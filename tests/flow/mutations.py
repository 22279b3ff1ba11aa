"""Requests that were right, changed by chance.

SPDX-License-Identifier: Apache-2.0
"""

import gzip
import json
import random
from typing import NamedTuple

JSON = "application/json"
KINDS = (
    JSON,
    "application/x-ndjson",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/vnd.api+json; charset=utf-8",
    "text/plain",
    "application/json; charset",
    "application/",
)
TOKENS = (
    *(b"\0", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\n", b"\r\n", b"\n\n", b"\xff", b"\xc3", b"\xed\xa0\x80"),
    *(b"\\ud800", b"\\u0000", b"1e999999999", b"-", b"null", b"true", b"{}", b"[]", b'"events":', b'"event":', b"\xef\xbb\xbf"),
    *(b'"transaction_id":', b'"code":1,', b'"organization_id":"x",', b'"timestamp":0,', b"9" * 50, b"[" * 40, b" " * 300),
)


class Request(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


def zstd(plain: bytes) -> bytes:
    """One frame with one stored block; by hand, since Python's library has no zstd."""
    size = len(plain)
    assert 256 <= size < 65536 + 256
    return b"\x28\xb5\x2f\xfd\x60" + (size - 256).to_bytes(2, "little") + (size << 3 | 1).to_bytes(3, "little") + plain


def right_requests(organization) -> list[Request]:
    """One of every shape, encoding and path."""
    one, *many = (organization.event() for _ in range(6))
    several = json.dumps(many).encode()
    lines = "\r\n\n".join(json.dumps(event) for event in many).encode()
    clouds = [
        {"specversion": "1.0", "source": "/s", "id": event["transaction_id"], "type": event["code"]}
        | {"subject": "customer", "time": event["timestamp"], "data": event["properties"]}
        for event in many
    ]
    batch = json.dumps(clouds).encode()
    binary = {f"ce-{name}": text for name, text in clouds[0].items() if name != "data"}
    every = {"Content-Type": JSON}
    return [
        Request("/v1/events", every, json.dumps(one).encode()),
        Request("/v1/events", every, several),
        Request("/v1/events/batch", every, json.dumps({"events": many}).encode()),
        Request("/events", every, json.dumps({"event": one}).encode()),
        Request("/events/batch", {"Content-Type": "application/x-ndjson"}, lines),
        Request("/v1/events", {"Content-Type": "application/cloudevents+json"}, json.dumps(clouds[0]).encode()),
        Request("/v1/events", {"Content-Type": "application/cloudevents-batch+json"}, batch),
        Request("/v1/events", {**every, **binary}, b'{"k": [1, 2.50]}'),
        Request("/v1/events", {**every, "Content-Encoding": "gzip"}, gzip.compress(several)),
        Request("/v1/events", {**every, "Content-Encoding": "zstd"}, zstd(several)),
        Request("/v1/events/validate", every, several),
        Request("/api/v1/events", every, json.dumps({"event": one}).encode()),
        Request("/api/v1/events/batch", every, json.dumps({"events": many}).encode()),
    ]


class Mutator:
    def __init__(self, seed: int):
        self._random = random.Random(seed)

    def mutated(self, request: Request) -> Request:
        """Changed in up to four places of its body, seldom in its headers; sometimes not at all."""
        body, headers = bytearray(request.body), request.headers
        for _ in range(self._random.randint(0, 4)):
            self._random.choice((self._flip, self._cut, self._repeat, self._insert, self._end))(body)
        if self._random.random() < 0.05:
            headers = {**headers, "Content-Type": self._random.choice(KINDS)}
        if self._random.random() < 0.03:
            headers = {**headers, "Content-Encoding": self._random.choice(("gzip", "zstd", "br", "identity"))}
        return Request(request.path, headers, bytes(body))

    def _span(self, body: bytearray, most: int) -> slice:
        start = self._random.randrange(len(body) + 1)
        return slice(start, start + self._random.randint(1, most))

    def _flip(self, body: bytearray) -> None:
        if body:
            body[self._random.randrange(len(body))] ^= 1 << self._random.randrange(8)

    def _cut(self, body: bytearray) -> None:
        del body[self._span(body, 20)]

    def _repeat(self, body: bytearray) -> None:
        span = self._span(body, 60)
        body[span.start : span.start] = body[span]

    def _insert(self, body: bytearray) -> None:
        at = self._random.randrange(len(body) + 1)
        body[at:at] = self._random.choice(TOKENS)

    def _end(self, body: bytearray) -> None:
        if self._random.random() < 0.2:
            del body[self._random.randrange(len(body) + 1) :]
