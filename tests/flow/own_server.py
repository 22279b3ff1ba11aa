"""A bxb-server of a test's own beside the stack's: on free ports, with its own settings, and with another topic or
another way to the broker where the test wants one.

SPDX-License-Identifier: Apache-2.0
"""

import itertools
import os
import signal
import subprocess
from typing import Callable, Optional

import httpx

from flow.stack import Stack, free_ports, wait_until

_numbers = itertools.count(1)


class OwnServer:
    """Starts in `with`, and is gone afterwards. `settings`: by their keys, with dots."""

    program = "bxb-server"
    listeners = ("server.listen", "server.admin_listen")  # the admin listener is the last

    def __init__(self, stack: Stack, settings: Optional[dict[str, str]] = None):
        port = free_ports()
        self.url = f"http://127.0.0.1:{port}"
        self.log_path = stack.local / "log" / f"own-{self.program}-{os.getpid()}-{next(_numbers)}.log"
        own = {name: f"127.0.0.1:{port + number}" for number, name in enumerate(self.listeners)}
        own["catalog.poll"] = "50ms"
        self._command = [stack.local / "bin" / self.program, "--config", stack.local / "etc" / "bxb.conf"]
        self._command += [f"--set={key}={value}" for key, value in {**own, **(settings or {})}.items()]
        self.admin = httpx.Client(base_url=f"http://{own[self.listeners[-1]]}", trust_env=False, timeout=10)
        self.environment: dict[str, str] = {}  # beside that of the tests
        self.process: Optional[subprocess.Popen] = None

    def __enter__(self) -> "OwnServer":
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop()
        self.admin.close()

    def start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BXB_")}
        environment |= self.environment
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self._command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def stop(self, patience_s: float = 60) -> None:
        """SIGTERM, until it is gone; SIGKILL after that."""
        if not self.process:
            return
        self.process.terminate()
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self.process = None

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        self.process = None

    def client(self, key: str) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False
        )

    # What it says

    def readiness(self) -> tuple[int, str]:
        """Status and text of /readyz; 0 while nothing answers."""
        try:
            answer = self.admin.get("/readyz")
        except httpx.TransportError as error:
            return 0, str(error)
        return answer.status_code, answer.text

    def wait_ready(self, patience_s: float = 60) -> None:
        self._wait(lambda: self.readiness()[0] == 200, patience_s, "ready")

    def wait_unready(self, mentions: str, patience_s: float = 30) -> None:
        def says() -> bool:
            status, text = self.readiness()
            return status == 503 and mentions in text

        self._wait(says, patience_s, f"not ready because of {mentions}")

    def _wait(self, condition: Callable[[], bool], patience_s: float, what: str) -> None:
        try:
            wait_until(condition, patience_s, what)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it says {self.readiness()}") from None

    def metric(self, series: str) -> int:
        """The value of a counter or gauge, by its name with its labels."""
        for line in self.admin.get("/metrics").text.splitlines():
            name, _, value = line.rpartition(" ")
            if name == series:
                return int(value)
        raise AssertionError(f"no metric {series}")

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")
