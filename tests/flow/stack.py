"""A running stack, handled from outside: by scripts/stack, by pid files, by signals.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import pathlib
import random
import shlex
import signal
import socket
import subprocess
import time
import urllib.request
from typing import Any, Callable, Optional, TypeVar

from verifier.__main__ import read_env
from verifier.sources import Settings

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
NAMES = ("kafka", "postgres", "clickhouse", "server", "writer")
PORTS = 10  # of a stack: a block from its base
FIRST_PORT, LAST_PORT = 25000, 32000  # below those that a system gives to outgoing connections
QUICK = {
    "catalog_poll": "50ms",  # each test makes an organization and waits for its key
    "writer_dead_count": "1000",  # the breaker looks at all that was read, not at one test's
}

T = TypeVar("T")


def wait_until(condition: Callable[[], T], patience_s: float, what: str) -> T:
    """Polls until the condition holds and returns what it returned. Times out with `what`."""
    give_up = time.monotonic() + patience_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > give_up:
            raise TimeoutError(f"after {patience_s:g} s still not: {what}")
        time.sleep(0.02)


def free_ports() -> int:
    """The base of a block of ports that nobody listens on; a random one, since runs may meet."""
    bases = range(FIRST_PORT, LAST_PORT, PORTS)
    for base in random.sample(bases, len(bases)):
        if all(_is_free(port) for port in range(base, base + PORTS)):
            return base
    raise RuntimeError(f"no {PORTS} free ports in a row between {FIRST_PORT} and {LAST_PORT}")


def kept_catalog(path: pathlib.Path) -> dict[str, Any]:
    """What a snapshot file of the catalog holds, behind its first line; nothing before it is there."""
    nothing = {"organizations": [], "metrics": []}
    return json.loads(path.read_text().partition("\n")[2]) if path.exists() else nothing


def remembered_port(local: pathlib.Path) -> Optional[int]:
    """The base of the ports of a stack that was there before."""
    try:
        return int((local / "etc" / "port").read_text())
    except FileNotFoundError:
        return None


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def memory_of(pid: int, field: str = "VmRSS") -> int:
    """Bytes that a process has in memory now, or with VmHWM the most that it ever had."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(f"{field}:"))) * 1024


def is_alive(pid: int) -> bool:
    """False for a zombie whose threads have all ended: it holds no port and no file any more."""
    process = pathlib.Path(f"/proc/{pid}")
    try:
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        threads = len(list((process / "task").iterdir()))
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X") or threads > 1


class Stack:
    """One stack in a directory of its own. Settings go to the processes as BXB_… variables."""

    def __init__(self, local: pathlib.Path, port: int):
        self.local = local
        self.port = port
        self._marks: dict[str, int] = {}

    # The whole

    def script(
        self, *arguments: str, settings: Optional[dict[str, str]] = None, check: bool = True, patience_s: float = 180
    ) -> subprocess.CompletedProcess:
        """Runs scripts/stack. `settings` become variables of what it starts."""
        done = subprocess.run(
            [REPOSITORY / "scripts" / "stack", *arguments],
            env=self._environment(settings or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=patience_s,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"stack {shlex.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def up(self) -> None:
        self.script("up", "--port", str(self.port), patience_s=900)

    def down(self) -> None:
        """Ends everything, and makes sure of it by pid: a test run leaves no process behind."""
        pids = {name: self.pid(name) for name in NAMES}
        for pid in filter(None, pids.values()):
            self._signal(pid, signal.SIGCONT)
        try:
            self.script("down", check=False)
        finally:
            for pid in filter(None, pids.values()):
                self._signal(pid, signal.SIGKILL)

    # One process

    def start(self, name: str, **settings: str) -> None:
        """Starts it and waits until it is ready. `server_deadline="2s"` is BXB_SERVER_DEADLINE=2s."""
        self.script("start", name, settings=settings)

    def begin_start(self, name: str, **settings: str) -> subprocess.Popen:
        """Starts it without waiting for anything."""
        command = [REPOSITORY / "scripts" / "stack", "start", name]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, env=self._environment(settings), stdin=quiet, stdout=quiet, stderr=quiet)

    def stop(self, name: str) -> None:
        self.script("stop", name)

    def restart(self, name: str, **settings: str) -> None:
        self.stop(name)
        self.start(name, **settings)

    def terminate(self, name: str, patience_s: float = 60) -> float:
        """SIGTERM, until it is gone. Returns the seconds that it took."""
        pid = self.running_pid(name)
        began = time.monotonic()
        self._signal(pid, signal.SIGTERM)
        wait_until(lambda: not is_alive(pid), patience_s, f"{name} ends after SIGTERM")
        return time.monotonic() - began

    def kill(self, name: str) -> None:
        """SIGKILL, until it is gone."""
        pid = self.running_pid(name)
        self._signal(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid), 30, f"{name} is gone after SIGKILL")
        if name == "postgres":  # a new one takes the zombie of the old one for a running server
            wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), 30, "PostgreSQL's id is free")

    def freeze(self, name: str) -> None:
        self._signal(self.running_pid(name), signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self._signal(self.running_pid(name), signal.SIGCONT)

    def pid(self, name: str) -> Optional[int]:
        """The process of the pid file, if it lives."""
        try:
            pid = int((self.local / "run" / f"{name}.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if is_alive(pid) else None

    def running_pid(self, name: str) -> int:
        pid = self.pid(name)
        if pid is None:
            raise RuntimeError(f"{name} does not run")
        return pid

    def mark_logs(self) -> None:
        """What is logged from now on is what log_tail shows."""
        self._marks = {path.name: path.stat().st_size for path in (self.local / "log").glob("*.log")}

    def log_tail(self, name: str, lines: int = 40) -> str:
        path = self.local / "log" / f"{name}.log"
        if not path.exists():
            return ""
        with open(path, encoding="utf-8", errors="replace") as log:
            log.seek(self._marks.get(path.name, 0))
            return "\n".join(log.read().splitlines()[-lines:])

    # Using it

    @property
    def env(self) -> dict[str, str]:
        return read_env(str(self.local / "env"))

    @property
    def settings(self) -> Settings:
        return Settings.from_env(self.env)

    def gauge(self, name: str) -> float:
        """The value of a metric of the server that has no labels."""
        with urllib.request.urlopen(f"{self.env['BXB_ADMIN_URL']}/metrics", timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                if line.split(" ")[0] == name:
                    return float(line.split(" ")[1])
        raise AssertionError(f"no metric {name}")

    def bxb(
        self, *arguments: str, input: str = "", check: bool = True, patience_s: float = 120, **settings: str
    ) -> subprocess.CompletedProcess:
        """Runs the operator's command line as a user does after `. .local/env`."""
        done = subprocess.run(
            [self.local / "bin" / "bxb", *arguments],
            env={**self._environment({}), **self.env, **_variables(settings)},
            input=input,
            capture_output=True,
            text=True,
            timeout=patience_s,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"bxb {shlex.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def _environment(self, settings: dict[str, str]) -> dict[str, str]:
        """Ours, without the BXB_… of whoever runs the tests."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("BXB_")}
        return {**ours, "BXB_LOCAL": str(self.local), **_variables({**QUICK, **settings})}

    @staticmethod
    def _signal(pid: int, number: int) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def _variables(settings: dict[str, str]) -> dict[str, str]:
    return {f"BXB_{name.upper()}": value for name, value in settings.items()}
