"""A way to ClickHouse or PostgreSQL that breaks at one chosen byte: before, within or after one chosen request, or
within its answer. Something else can happen at that very moment, such as a kill.

SPDX-License-Identifier: Apache-2.0
"""

import dataclasses
import threading
from typing import Callable, Optional

from flow.fault_proxy import TO_BROKER, TO_CLIENT, FaultProxy, Pair

TAIL = 1 << 20  # bytes of what was sent that `after` is looked for in
INSERT = b"insert_deduplication_token="  # in the request line of each INSERT of the writer
COMMIT = b"COMMIT\0"
ANNOUNCES = b"FOR UPDATE OF p"  # in a transaction that writes an intent
COMPLETES = b"INSERT INTO batch"  # in one that completes a batch


def nothing() -> None:
    """Nothing happens."""


@dataclasses.dataclass
class Strike:
    """What happens once, at the first request that has `marker`, and `after` before it on the same connection."""

    marker: bytes
    after: bytes = b""
    passing: int = 0  # so many of those requests pass before
    request: Optional[int] = None  # bytes of it that arrive before the connection is reset; None: all
    answer: Optional[int] = None  # bytes of its answer that arrive before the connection is reset; None: all
    on_request: Callable[[], None] = nothing  # called before any byte of it arrives
    on_answer: Callable[[], None] = nothing  # called when the answer begins


class StoreProxy(FaultProxy):
    """Passes everything on; `strike` arms it."""

    pair_class = property(lambda self: _StorePair)

    def __init__(self, address: str):
        self._armed: Optional[Strike] = None
        self.insert_settings = ""  # "name=value&…": put before the token of each INSERT, for ClickHouse to act on
        self.struck = threading.Event()
        self.answer = b""  # of the request that was struck, as far as it came
        super().__init__(address)

    def strike(self, strike: Strike) -> None:
        self.answer = b""
        self.struck.clear()
        self._armed = strike

    def redirect(self, address: str) -> None:
        """New connections lead elsewhere; those that stand are reset."""
        host, _, port = address.rpartition(":")
        self._broker = (host, int(port))
        self.reset_connections()

    def connections(self) -> int:
        with self._changed:
            return len(self._pairs)

    def await_struck(self, patience_s: float = 60) -> None:
        assert self.struck.wait(patience_s), f"after {patience_s:g} s nothing was struck"

    def take(self, chunk: bytes, tail: bytes) -> Optional[Strike]:
        """The strike, if this is its request. Threads: any."""
        with self._changed:
            strike = self._armed
            if not strike or strike.marker not in chunk or strike.after not in tail:
                return None
            if strike.passing > 0:
                strike.passing -= 1
                return None
            self._armed = None
            return strike


class _StorePair(Pair):
    """A connection whose bytes are passed on as they come."""

    _struck: Optional[Strike] = None
    _tail = b""
    _left: Optional[int] = None  # bytes that still pass in the direction that is cut

    def _pass_on(self, direction, source, sink, look) -> None:
        try:
            while chunk := source.recv(1 << 16):
                self._proxy.wait(self, direction)
                chunk = look(chunk)
                if direction not in self.lost and chunk:
                    sink.sendall(chunk)
                if self._left == 0:
                    break
        except OSError:
            pass
        finally:
            self.reset()

    def _limited(self, chunk: bytes) -> bytes:
        passing = chunk[: self._left]
        self._left -= len(passing)
        return passing

    def _request(self, chunk: bytes) -> bytes:
        if self._proxy.insert_settings:
            chunk = chunk.replace(INSERT, f"{self._proxy.insert_settings}&".encode() + INSERT, 1)
        self._tail = (self._tail + chunk)[-TAIL:]
        strike = self._struck
        if not strike:
            strike = self._struck = self._proxy.take(chunk, self._tail)
            if not strike:
                return chunk
            self._tail = b""
            self._left = strike.request
            strike.on_request()
            self._proxy.wait(self, TO_BROKER)
            if strike.request is not None or strike.on_request is not nothing:
                self._proxy.struck.set()
        return chunk if strike.request is None else self._limited(chunk)

    def _answer(self, chunk: bytes) -> bytes:
        strike = self._struck
        if not strike or strike.request is not None:
            return chunk
        if not self._proxy.answer:
            strike.on_answer()
            self._left = strike.answer
        self._proxy.answer += chunk
        if strike.answer is None:
            self._struck = None
            self._proxy.struck.set()
            return chunk
        passing = self._limited(chunk)
        if self._left == 0:
            self._proxy.struck.set()
        return passing


__all__ = ["ANNOUNCES", "COMMIT", "COMPLETES", "INSERT", "TO_BROKER", "TO_CLIENT", "StoreProxy", "Strike"]
