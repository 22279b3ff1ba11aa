"""A second PostgreSQL that begins as a copy of the stack's: a backup that is restored, or a standby that is promoted.

SPDX-License-Identifier: Apache-2.0
"""

import os
import pathlib
import shutil
import subprocess
import tempfile

import psycopg

from flow.stack import REPOSITORY, Stack, free_ports, wait_until


class OwnPostgres:
    """A copy is made in `with`; start() runs it. Gone afterwards."""

    def __init__(self, stack: Stack):
        self._stack = stack
        self._base = pathlib.Path(tempfile.mkdtemp(prefix="bxb-postgres-"))
        self._data = self._base / "data"
        self._port = free_ports()
        self.address = f"127.0.0.1:{self._port}"
        self._process = None

    def __enter__(self) -> "OwnPostgres":
        os.chmod(self._base, 0o755)
        source = self._superuser(self._stack.settings.postgres)
        self._run("pg_basebackup", "-D", str(self._data), "-d", source, "-X", "stream", "-c", "fast")
        return self

    def __exit__(self, *_) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(60)
        shutil.rmtree(self._base, ignore_errors=True)

    @property
    def uri(self) -> str:
        before, _, after = self._stack.settings.postgres.partition("@")
        return f"{before}@{self.address}/{after.partition('/')[2]}"

    def start(self) -> None:
        """Runs the copy as it is: what happened since is lost, and nobody says so."""
        options = ["-c", f"port={self._port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        command = self._command("postgres", "-D", str(self._data), *options)
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
        wait_until(self._answers, 60, "the copy answers")

    def promote(self) -> None:
        """Runs the copy as a standby that had lost touch, and makes it the primary: a new timeline."""
        (self._data / "standby.signal").touch()
        self.start()
        with psycopg.connect(self._superuser(self.uri), autocommit=True) as connection:
            connection.execute("SELECT pg_promote(true, 60)")
        wait_until(self._is_primary, 60, "the copy takes writes")

    def _is_primary(self) -> bool:
        with psycopg.connect(self.uri) as connection:
            return connection.execute("SELECT NOT pg_is_in_recovery()").fetchone()[0]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.uri, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    @staticmethod
    def _superuser(uri: str) -> str:
        return uri.replace("postgresql://bxb@", "postgresql://postgres@")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(self._command(program, *arguments), check=True, capture_output=True, timeout=120)

    def _command(self, program: str, *arguments: str) -> list[str]:
        """As scripts/stack runs PostgreSQL's programs: they refuse root."""
        script = '. "$1"/scripts/lib.sh; . "$1"/scripts/stack-services.sh; postgres_as; bin=$(postgres_bin); shift'
        script += '; program=$1; shift; exec "${prefix[@]}" "$bin/$program" "$@"'
        return ["bash", "-c", script, "bash", str(REPOSITORY), program, *arguments]
