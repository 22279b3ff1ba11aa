"""HTTP byte by byte: what no client library would send.

SPDX-License-Identifier: Apache-2.0
"""

import socket
import urllib.parse
from typing import NamedTuple, Optional


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """One connection. A time-out is an error: a server that says nothing is wrong, too."""

    def __init__(self, url: str, patience_s: float = 20, receive_buffer: Optional[int] = None):
        self.host = urllib.parse.urlsplit(url)
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(patience_s)
        self.socket.connect((self.host.hostname, self.host.port))
        self._read = b""

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self, to_head: bool = False) -> Answer:
        """The next answer. `to_head`: it has no body, whatever its Content-Length says."""
        while b"\r\n\r\n" not in self._read:
            self._more("headers")
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(line.split()[1])
        size = 0 if to_head or status in (100, 204) else int(headers.get("content-length", 0))
        while len(self._read) < size:
            self._more("body")
        body, self._read = self._read[:size], self._read[size:]
        return Answer(status, headers, body)

    def rest(self) -> bytes:
        """Everything until the server closes; a reset is an end like another."""
        while True:
            try:
                data = self.socket.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                rest, self._read = self._read, b""
                return rest
            self._read += data

    def is_open(self) -> bool:
        """Whether the server has not closed; what it sent meanwhile is kept."""
        self.socket.setblocking(False)
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        finally:
            self.socket.setblocking(True)
        self._read += data
        return bool(data)

    def _more(self, what: str) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"the server closed before the {what} of an answer; it sent {self._read[:200]!r}")
        self._read += data


def connect(stack) -> Wire:
    """A connection to the listener for events."""
    return Wire(stack.env["BXB_URL"])


def send_raw(stack, data: bytes) -> Answer:
    """Sends the bytes on a connection of their own, and reads one answer."""
    with connect(stack) as wire:
        wire.send(data)
        return wire.answer()


def request(key: str, body: bytes = b"", *, method: str = "POST", path: str = "/v1/events", headers: bytes = b"") -> bytes:
    """A request as it must be, with the key."""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {key}\r\n".encode()
        + headers
        + f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
