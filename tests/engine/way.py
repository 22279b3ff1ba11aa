"""What stands between a client and an engine: ways that pass bytes on, and faults of the engine's system calls.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import os
import socket
import struct
import subprocess
import threading
from typing import Optional

from engine.conftest import wait_until


class Way:
    """Passes bytes on to a port of this machine. `standing`: the first connection to it is made at once, before anybody
    comes."""

    def __init__(self, port: int, standing: bool = False):
        self._port = port
        self._standing: Optional[socket.socket] = self._connect() if standing else None
        self.connections = 0
        self._ends: list[socket.socket] = []
        self._is_reset = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self._listener.close()

    def reset(self) -> None:
        """Every connection is reset, on both sides."""
        self._is_reset = True
        for end in self._ends:
            with contextlib.suppress(OSError):  # it may have ended already
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RD)  # wakes up who reads it, and closes it

    def to_server(self, chunk: bytes, server: socket.socket) -> None:
        server.sendall(chunk)

    def _connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port))

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            server = self._standing or self._connect()
            self._standing = None
            self._ends += [client, server]
            for source, sink, send in ((client, server, self.to_server), (server, client, lambda chunk, end: end.sendall(chunk))):
                threading.Thread(target=self._pass_on, args=(source, sink, send), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, send) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(1 << 16):
                send(chunk, sink)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                if self._is_reset:
                    end.close()
                else:
                    end.shutdown(socket.SHUT_RDWR)


class Tracer:
    """Makes system calls of a process go wrong, from outside. Runs in `with`."""

    def __init__(self, pid: int, calls: str, fault: str):
        self.pid = pid
        command = ["strace", "-f", "-qq", "-o", os.devnull, "-p", str(pid), f"--trace={calls}", f"--inject={calls}:{fault}"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_until(self.is_attached, 30, "strace has every thread")

    def is_attached(self) -> bool:
        assert self.process.poll() is None, self.process.stderr.read()
        tasks = [f"/proc/{self.pid}/task/{task}/status" for task in os.listdir(f"/proc/{self.pid}/task")]
        return all(f"TracerPid:\t{self.process.pid}\n" in open(task, encoding="utf-8").read() for task in tasks)

    def __enter__(self) -> "Tracer":
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        self.process.wait(30)
