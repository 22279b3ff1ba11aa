"""A network between a client and a broker that can be made bad: cut, stuck or lossy in one direction or both, slow, or
lossy in the worst way, which is to deliver a request and lose its answer.

A client of Kafka connects to where the metadata say the broker is, so the proxy puts its own port into them: what the
client learns leads back to the proxy.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import socket
import struct
import threading
from typing import Callable, Iterator, Optional

TO_BROKER, TO_CLIENT = "to broker", "to client"
PRODUCE = 0  # Kafka's number of the request


class FaultProxy:
    """Listens on a port of its own in front of `host:port`; passes everything on until it is told otherwise."""

    def __init__(self, broker: str):
        host, _, port = broker.rpartition(":")
        self._broker = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._changed = threading.Condition()
        self._pairs: set["Pair"] = set()
        self._refusing = self._closed = False
        self._held: set[str] = set()
        self._delay_s = 0.0
        self._lose_answers = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset_connections()

    def __enter__(self) -> "FaultProxy":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    # Faults; each lasts until heal() unless it says otherwise

    def cut(self) -> None:
        """Connections are reset, and new ones too: the broker's host is there, but nothing listens."""
        self._refusing = True
        self.reset_connections()

    def hold(self, *directions: str) -> None:
        """What is sent in these directions (both if none is named) arrives when the network is healed, as TCP has it
        when a cable was out."""
        self._set(held=set(directions or (TO_BROKER, TO_CLIENT)))

    def lose(self, *directions: str) -> None:
        """What is sent in these directions never arrives, and nobody is told: a firewall forgot the connections. They
        stay so when the network is healed; new ones work."""
        with self._changed:
            for pair in self._pairs:
                pair.lost |= set(directions or (TO_BROKER, TO_CLIENT))

    def delay(self, seconds: float) -> None:
        """Each message waits before it is passed on."""
        self._set(delay_s=seconds)

    def lose_answers(self, count: int) -> None:
        """The next `count` requests with records reach the broker; instead of their answer the connection ends."""
        with self._changed:
            self._lose_answers = count

    def answers_lost(self) -> bool:
        """Whether all that lose_answers asked for happened."""
        with self._changed:
            return self._lose_answers == 0

    def heal(self) -> None:
        self._refusing = False
        with self._changed:
            self._lose_answers = 0
        self._set(held=set(), delay_s=0.0)

    def reset_connections(self) -> None:
        with self._changed:
            pairs = list(self._pairs)
        for pair in pairs:
            pair.reset()

    # What the connections ask

    def _set(self, held: Optional[set[str]] = None, delay_s: Optional[float] = None) -> None:
        with self._changed:
            self._held = self._held if held is None else held
            self._delay_s = self._delay_s if delay_s is None else delay_s
            self._changed.notify_all()

    def wait(self, pair: "Pair", direction: str) -> None:
        """As long as a message waits now; less when the fault ends."""
        with self._changed:
            if self._delay_s:
                self._changed.wait_for(lambda: not self._delay_s or pair.ended, timeout=self._delay_s)
            self._changed.wait_for(lambda: direction not in self._held or pair.ended)

    def answer_was_lost(self) -> None:
        with self._changed:
            self._lose_answers = max(0, self._lose_answers - 1)

    def loses_answer(self) -> bool:
        with self._changed:
            return self._lose_answers > 0

    def own_address(self, message: bytes) -> bytes:
        """An answer with the broker's port replaced by the proxy's: both stand behind the same host."""
        host, port = self._broker
        told = host.encode() + struct.pack(">i", port)
        return message.replace(told, host.encode() + struct.pack(">i", self.port))

    def forget(self, pair: "Pair") -> None:
        with self._changed:
            pair.ended = True
            self._pairs.discard(pair)
            self._changed.notify_all()

    @property
    def pair_class(self) -> type["Pair"]:
        """What passes messages on; other protocols have their own."""
        return Pair

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._refusing:
                reset(client)
                continue
            try:
                broker = socket.create_connection(self._broker, timeout=5)
            except OSError:
                reset(client)
                continue
            broker.settimeout(None)
            pair = self.pair_class(self, client, broker)
            with self._changed:
                is_cut = self._refusing  # meanwhile: reset_connections does not know it yet
                if not is_cut:
                    self._pairs.add(pair)
                    pair.start()
            if is_cut:
                pair.reset()


class Pair:
    """A connection of the client and the one to the broker that belongs to it; two threads pass messages on."""

    def __init__(self, proxy: FaultProxy, client: socket.socket, broker: socket.socket):
        self.ended = False
        self.lost: set[str] = set()  # directions
        self._proxy, self._client, self._broker = proxy, client, broker
        self._doomed: Optional[int] = None  # the request whose answer is lost
        for end in (client, broker):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self) -> None:
        ways = (
            (TO_BROKER, self._client, self._broker, self._request),
            (TO_CLIENT, self._broker, self._client, self._answer),
        )
        for way in ways:
            threading.Thread(target=self._pass_on, args=way, daemon=True).start()

    def reset(self) -> None:
        reset(self._client)
        reset(self._broker)
        self._proxy.forget(self)

    def _pass_on(
        self, direction: str, source: socket.socket, sink: socket.socket, look: Callable[[bytes], bytes]
    ) -> None:
        try:
            for message in _messages(source):
                self._proxy.wait(self, direction)
                message = look(message)
                if direction not in self.lost:
                    sink.sendall(message)
        except OSError:
            pass
        finally:
            self.reset()

    def _request(self, message: bytes) -> bytes:
        kind, _, number = struct.unpack_from(">hhi", message, 4)
        if kind == PRODUCE and self._doomed is None and self._proxy.loses_answer():
            self._doomed = number
        return message

    def _answer(self, message: bytes) -> bytes:
        if self._doomed is not None and self._doomed == struct.unpack_from(">i", message, 4)[0]:
            self._proxy.answer_was_lost()
            raise ConnectionResetError
        return self._proxy.own_address(message)


def _messages(source: socket.socket) -> Iterator[bytes]:
    """Kafka's messages, each with the four bytes of its length."""
    with source.makefile("rb") as stream:
        while True:
            head = stream.read(4)
            if len(head) < 4:
                return
            size = struct.unpack(">i", head)[0]
            body = stream.read(size)
            if len(body) < size:
                return
            yield head + body


def reset(end: socket.socket) -> None:
    """RST instead of FIN: whoever waits learns at once that what it sent may be lost."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RD)
    end.close()
