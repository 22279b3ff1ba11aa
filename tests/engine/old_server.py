"""Debian's clickhouse-server of 2018 (18.16.1) on a port and in a directory of its own: a real server of ClickHouse's, with
replicas and ZooKeeper where a test wants them. Its settings are older than the writer's: `Stripped` takes those out of the
requests that it does not know, so that the writer's own client can be held against its answers.

SPDX-License-Identifier: Apache-2.0
"""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
from typing import Callable, Optional

import httpx

from engine.conftest import REPOSITORY, free_port
from engine.way import Way

CONFIG = """<yandex>
<logger><level>warning</level><log>{directory}/log</log><errorlog>{directory}/errors</errorlog></logger>
<http_port>{port}</http_port><tcp_port>{tcp}</tcp_port><listen_host>127.0.0.1</listen_host>
<interserver_http_port>{interserver}</interserver_http_port><interserver_http_host>127.0.0.1</interserver_http_host>
<keep_alive_timeout>{keep_alive_s}</keep_alive_timeout><mark_cache_size>5242880</mark_cache_size>
<path>{directory}/data/</path><tmp_path>{directory}/tmp/</tmp_path>
<users_config>users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
{zookeeper}</yandex>
"""
USERS = """<yandex><profiles><default/></profiles><quotas><default/>
<few><interval><duration>3600</duration><queries>1</queries></interval></few></quotas><users>
{users}</users></yandex>
"""
USER = "<{0}><password>{1}</password><networks><ip>{3}</ip></networks><profile>default</profile><quota>{2}</quota></{0}>\n"
ZOOKEEPER = "<zookeeper><node><host>127.0.0.1</host><port>{}</port></node><session_timeout_ms>2000</session_timeout_ms></zookeeper>"

UNKNOWN_THERE = (
    "async_insert|insert_deduplicate|insert_deduplication_token|optimize_on_insert|max_insert_threads|input_format_parallel_parsing"
)


def unpacked() -> pathlib.Path:
    """Where scripts/engines has put Debian's packages."""
    done = subprocess.run([REPOSITORY / "scripts" / "engines", "--path", "debian"], check=True, capture_output=True, text=True)
    return pathlib.Path(done.stdout.strip())


class Process:
    """A program in a directory of its own. Runs in `with`, and is gone with its data afterwards."""

    def __init__(self) -> None:
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bxb-old-"))
        self.port = free_port()
        self.process: Optional[subprocess.Popen] = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        with open(self.directory / "out", "ab") as out:
            environment = {**os.environ, "TZ": "UTC"}
            self.process = subprocess.Popen(self.command(), cwd=self.directory, stdout=out, stderr=out, env=environment)
        give_up = time.monotonic() + 30
        while not self.answers():
            assert self.process.poll() is None and time.monotonic() < give_up, (self.directory / "out").read_text()
            time.sleep(0.05)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        if self.process:
            self.process.kill()
            self.process.wait(30)
        shutil.rmtree(self.directory, ignore_errors=True)


class ZooKeeper(Process):
    @staticmethod
    def program(name: str, *arguments: str) -> list[str]:
        jars = ("zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-simple", "metrics-core", "snappy-java")
        path = ":".join(str(unpacked() / "usr" / "share" / "java" / f"{jar}.jar") for jar in jars)
        java = ["java", "-Xmx64m", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", path]
        return [*java, f"org.apache.zookeeper.{name}", *arguments]

    def command(self) -> list[str]:
        settings = [f"dataDir={self.directory}/data", f"clientPort={self.port}", "clientPortAddress=127.0.0.1", "tickTime=500"]
        (self.directory / "zoo.cfg").write_text("\n".join([*settings, "admin.enableServer=false", ""]))
        return self.program("server.ZooKeeperServerMain", str(self.directory / "zoo.cfg"))

    def forget(self, path: str) -> None:
        """Takes a node and what is below it away, behind the servers that use it."""
        client = self.program("ZooKeeperMain", "-server", f"127.0.0.1:{self.port}", "deleteall", path)
        subprocess.run(client, check=True, capture_output=True, timeout=60)

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"srvr")
                return b"Mode: standalone" in connection.recv(4096)
        except OSError:
            return False


class OldServer(Process):
    def __init__(self, keep_alive_s: int = 10, zookeeper: Optional[ZooKeeper] = None):
        super().__init__()
        here = "127.0.0.1"
        users = USER.format("default", "", "default", here) + USER.format("few", "", "few", here)
        users += USER.format("closed", "secret", "default", here) + USER.format("elsewhere", "", "default", "192.0.2.1")
        (self.directory / "users.xml").write_text(USERS.format(users=users))
        self.native_port = free_port()
        (self.directory / "config.xml").write_text(
            CONFIG.format(
                directory=self.directory,
                port=self.port,
                tcp=self.native_port,
                interserver=free_port(),
                keep_alive_s=keep_alive_s,
                zookeeper=ZOOKEEPER.format(zookeeper.port) if zookeeper else "",
            )
        )
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    def command(self) -> list[str]:
        return [str(unpacked() / "usr" / "sbin" / "clickhouse-server"), "--config-file=config.xml"]

    def answers(self) -> bool:
        try:
            return self.http.get("/ping").text == "Ok.\n"
        except httpx.TransportError:
            return False

    def __exit__(self, *_) -> None:
        self.http.close()
        super().__exit__(*_)

    def run(self, query: str, body: bytes = b"", **settings: str) -> str:
        answer = self.http.post("/", params={"query": query, **settings}, content=body)
        assert answer.status_code == 200, answer.text
        return answer.text.removesuffix("\n")

    def native(self, query: str) -> bytes:
        return self.http.post("/", params={"query": f"{query} FORMAT Native"}).content

    def count(self, table: str, **settings: str) -> int:
        return int(self.run(f"SELECT count() FROM {table}", **settings))


class Stripped(Way):
    """A way to an old server: takes out of each request what the server does not know, and puts `settings` in. `within`: is
    called once, in the middle of a body that is longer than what the server reads before it begins."""

    READ_BEFORE = 2 << 20  # its buffer, and max_query_size

    def __init__(self, server: OldServer):
        self.settings: dict[str, str] = {}
        self.within: Optional[Callable[[], object]] = None
        self._passed = 0
        super().__init__(server.port)

    def to_server(self, chunk: bytes, server: socket.socket) -> None:
        if chunk.startswith(b"POST /?"):
            self._passed = 0
            line, rest = chunk.split(b"\r\n", 1)
            line = re.sub(rb"&(" + UNKNOWN_THERE.encode() + rb")=[^& ]*", b"", line)
            more = "".join(f"&{name}={value}" for name, value in self.settings.items())
            chunk = line.replace(b" HTTP/1.1", more.encode() + b" HTTP/1.1") + b"\r\n" + rest
        if self.within and self._passed > self.READ_BEFORE:
            within, self.within = self.within, None
            within()
        server.sendall(chunk)
        self._passed += len(chunk)
