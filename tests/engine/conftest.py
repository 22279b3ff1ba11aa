"""bxb-clickhouse on a data directory and a port of its own.

BXB_TEST_BIN=dir     where the programs are (default: .local/bin of this checkout)
BXB_TEST_PROBES=dir  where the probes are (default: .local/build/tests/engine)

SPDX-License-Identifier: Apache-2.0
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from typing import Any, Callable, Optional

import httpx
import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BXB_TEST_BIN") or REPOSITORY / ".local" / "bin")
PROBES = pathlib.Path(os.environ.get("BXB_TEST_PROBES") or REPOSITORY / ".local" / "build" / "tests" / "engine")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(condition: Callable[[], Any], patience_s: float, what: str) -> None:
    give_up = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < give_up, f"after {patience_s:g} s still not: {what}"
        time.sleep(0.02)


class Engine:
    """One bxb-clickhouse; it can be ended and started again on the same data."""

    def __init__(self, directory: pathlib.Path, **settings: str):
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.settings = settings
        self.process: Optional[subprocess.Popen] = None
        self.http = httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    def command(self, **settings: str) -> list[str]:
        library = subprocess.run(
            [REPOSITORY / "scripts" / "engines", "--path", "chdb"], check=True, capture_output=True, text=True
        ).stdout.strip()
        all_settings = {
            "listen": f"127.0.0.1:{self.port}",
            "data": str(self.directory / "data"),
            "library": library,
            **self.settings,
            **settings,
        }
        sets = [word for name, value in all_settings.items() for word in ("--set", f"engine.{name}={value}")]
        return [str(BIN / "bxb-clickhouse"), *sets]

    def begin(self, **settings: str) -> subprocess.Popen:
        """A further process with the same settings, but for those given."""
        with open(self.directory / "log", "ab") as log:
            environment = {name: value for name, value in os.environ.items() if not name.startswith("BXB_")}
            return subprocess.Popen(self.command(**settings), stderr=log, env=environment)

    def start(self) -> None:
        self.process = self.begin()
        give_up = time.monotonic() + 30
        while True:
            try:
                self.http.get("/ping").raise_for_status()
                return
            except httpx.TransportError:
                assert self.process.poll() is None, self.log()
                assert time.monotonic() < give_up, "not up after 30 s"
                time.sleep(0.02)

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def log(self) -> str:
        return (self.directory / "log").read_text()

    # Asking it

    def post(self, query: str, body: Any = b"", headers: Optional[dict[str, str]] = None, **arguments: str):
        return self.http.post("/", params={"query": query, **arguments}, content=body, headers=headers)

    def run(self, query: str, body: Any = b"", headers: Optional[dict[str, str]] = None, **arguments: str) -> str:
        """What must go well; its answer without the last line break."""
        answer = self.post(query, body, headers, **arguments)
        assert answer.status_code == 200, answer.text
        return answer.text.removesuffix("\n")

    def code(self, answer: httpx.Response) -> Optional[int]:
        code = answer.headers.get("X-ClickHouse-Exception-Code")
        assert (code is None) == (answer.status_code == 200)
        if code:
            assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
        return int(code) if code else None

    def count(self, table: str) -> int:
        return int(self.run(f"SELECT count() FROM {table}"))

    def native(self, rows: int, text: str = "a\\n\\nb") -> bytes:
        """One Native block of columns a, s. Two line breaks stand in each row, unless `text` is another."""
        query = f"SELECT number + 0 AS a, '{text}' AS s FROM numbers({rows}) FORMAT Native"
        return self.post(query, max_block_size=str(rows + 1)).content


@pytest.fixture(scope="session")
def shared_engine():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="bxb-engine-"))
    engine = Engine(directory)
    engine.start()
    try:
        yield engine
    finally:
        engine.end(signal.SIGKILL)
        shutil.rmtree(directory)


@pytest.fixture
def engine(shared_engine):
    return shared_engine


@pytest.fixture
def own_engine(tmp_path):
    """An engine for a test that ends it."""
    engine = Engine(tmp_path)
    engine.start()
    yield engine
    if engine.process.poll() is None:
        engine.end(signal.SIGKILL)
    shutil.rmtree(tmp_path / "data")


@pytest.fixture
def table(engine):
    name = f"t_{uuid.uuid4().hex}"
    engine.run(
        f"CREATE TABLE {name} (a UInt64, s String) ENGINE = MergeTree ORDER BY a"
        " SETTINGS non_replicated_deduplication_window = 1000"
    )
    yield name
    engine.run(f"DROP TABLE {name}")
