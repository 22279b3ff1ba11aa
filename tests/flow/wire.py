"""HTTP byte by byte: what no client library would send.

SPDX-License-Identifier: Apache-2.0
"""

import socket
import urllib.parse
from typing import NamedTuple


class RawAnswer(NamedTuple):
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes


def connect(stack, patience_s: float = 20) -> socket.socket:
    """A connection to the listener for events."""
    url = urllib.parse.urlsplit(stack.env["BXB_URL"])
    return socket.create_connection((url.hostname, url.port), timeout=patience_s)


def read_answer(connection: socket.socket) -> RawAnswer:
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _some(connection, answer)
    head, _, body = answer.partition(b"\r\n\r\n")
    status_line, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += _some(connection, answer)
    return RawAnswer(int(status_line.split()[1]), headers, body)


def send_raw(stack, request: bytes, patience_s: float = 20) -> RawAnswer:
    """Sends the bytes on a connection of their own, and reads one answer."""
    with connect(stack, patience_s) as connection:
        connection.sendall(request)
        return read_answer(connection)


def _some(connection: socket.socket, so_far: bytes) -> bytes:
    received = connection.recv(65536)
    assert received, f"the connection was closed after {so_far!r}"
    return received
