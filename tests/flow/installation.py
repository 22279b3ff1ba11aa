"""Another installation on the stack's engines: with a topic, a schema, a table, a server and writers of its own.

SPDX-License-Identifier: Apache-2.0
"""

import os
import pathlib
import signal
import subprocess
from typing import Optional

import psycopg

from flow.organization import Organization
from flow.own_server import OwnServer
from flow.stack import Stack, wait_until
from flow.topic import OwnTopic
from verifier import verify
from verifier.checks import render
from verifier.murmur2 import partition_of
from verifier.rest import wait_for_rest
from verifier.sources import Settings, observe

PARTITIONS = 12
ORGANIZATIONS_MAX = 40
ENDPOINTS = ("kafka", "postgres", "clickhouse_url")  # settings without a section


class OwnWriter(OwnServer):
    """A bxb-writer beside the stack's."""

    program = "bxb-writer"
    listeners = ("writer.admin_listen",)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    @property
    def owns(self) -> str:
        """How its lanes name it: the end of lane.owner."""
        return f"/{self.process.pid}/%"


class Installation:
    """Like a Stack to an Organization. Starts in `with`; every process of it is gone afterwards."""

    def __init__(self, stack: Stack, lanes: int, **settings: str):
        name = f"own_{os.getpid()}_{os.urandom(4).hex()}"
        self.stack = stack
        self._own = {
            "events_topic": name,
            "events_partitions": str(PARTITIONS),
            "postgres_schema": name,
            "clickhouse_table": name,
            "writer_lanes": str(lanes),
            **settings,
        }
        self.server = OwnServer(stack, self._dotted())
        self.writers: list[OwnWriter] = []
        self.organizations: list[Organization] = []

    def __enter__(self) -> "Installation":
        self.bxb("migrate")
        self.server.start()
        self.server.wait_ready()
        return self

    def __exit__(self, *_) -> None:
        for organization in self.organizations:
            organization.http.close()
        for process in (self.server, *self.writers):
            if process.process:
                process.process.send_signal(signal.SIGCONT)
                process.kill()
            process.admin.close()

    def _dotted(self, **settings: str) -> dict[str, str]:
        return {key if key in ENDPOINTS else key.replace("_", ".", 1): value for key, value in {**self._own, **settings}.items()}

    # What an Organization wants of a Stack

    @property
    def local(self) -> pathlib.Path:
        return self.stack.local

    @property
    def env(self) -> dict[str, str]:
        own = {f"BXB_{key.upper()}": value for key, value in self._own.items()}
        return {**self.stack.env, **own, "BXB_URL": self.server.url}

    @property
    def settings(self) -> Settings:
        return Settings.from_env(self.env)

    def bxb(self, *arguments: str, **options) -> subprocess.CompletedProcess:
        return self.stack.bxb(*arguments, **{**self._own, **options})

    # Writers

    def writer(self, environment: Optional[dict[str, str]] = None, **settings: str) -> OwnWriter:
        """Starts another one; does not wait for anything."""
        writer = OwnWriter(self.stack, self._dotted(**settings))
        writer.environment = environment or {}
        writer.start()
        self.writers.append(writer)
        return writer

    def connection(self) -> psycopg.Connection:
        options = f"-c search_path={self._own['postgres_schema']}"
        return psycopg.connect(self.env["BXB_POSTGRES"], options=options, autocommit=True)

    def owned(self, connection: psycopg.Connection, writer: OwnWriter) -> int:
        """How many lanes the ledger gives this writer now."""
        count = "SELECT count(*) FROM lane WHERE owner LIKE %s AND lease_until > clock_timestamp()"
        return connection.execute(count, [f"%{writer.owns}"]).fetchone()[0]

    def wait_shared(self, wanted: dict[OwnWriter, int], patience_s: float) -> None:
        """Until each writer has that many lanes."""
        with self.connection() as connection:
            have = lambda: {writer: self.owned(connection, writer) for writer in wanted}
            wait_until(lambda: have() == wanted, patience_s, f"shares of {list(wanted.values())}")

    # Load and judgement

    def make_organizations(self, lanes: int) -> list[Organization]:
        """As many as it takes to have an event of every lane."""
        covered: set[int] = set()
        while len(covered) < lanes and len(self.organizations) < ORGANIZATIONS_MAX:
            organization = Organization(self, f"organization-{len(self.organizations)}")
            self.organizations.append(organization)
            covered.add(partition_of(organization.id.encode(), PARTITIONS) % lanes)
        return self.organizations

    def verify(self, patience_s: float = 60) -> None:
        """All three systems agree with each other and with what was sent."""
        missing = wait_for_rest(self.settings, patience_s)
        assert not missing, f"after {patience_s:g} s the writers are not done: {missing[:5]}"
        sent = [entry for organization in self.organizations for entry in organization.sent.values()]
        results = verify(sent, observe(self.settings))
        assert not any(result.differences for result in results), "\n" + render(results)
