"""What the tests of the fault matrix share: an installation of their own behind proxies, events that are waiting in its
topic, writers that are struck, and the verdict.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import re
from typing import Any, Iterator, Optional

import httpx

from flow.installation import Installation, OwnWriter
from flow.stack import Stack, wait_until
from flow.store_proxy import StoreProxy
from verifier.rest import wait_for_rest

BATCH_ROWS = 100
QUICK = {
    "writer_batch_rows": str(BATCH_ROWS),
    "writer_batch_wait": "20ms",
    "writer_lease": "1s",
    "writer_insert_timeout": "5s",
}


class Case(Installation):
    """An installation with one lane and one organization. Its writers reach both stores through proxies."""

    def __init__(self, stack: Stack, **settings: str):
        super().__init__(stack, 1, **{**QUICK, **settings})
        self._engines = contextlib.ExitStack()
        url, uri = stack.env["BXB_CLICKHOUSE_URL"], stack.env["BXB_POSTGRES"]
        self.clickhouse = self._engines.enter_context(StoreProxy(url.removeprefix("http://")))
        (address,) = re.findall(r"@([^/]+)/", uri)
        self.postgres = self._engines.enter_context(StoreProxy(address))
        self._ways = {
            "clickhouse_url": f"http://{self.clickhouse.address}",
            "postgres": uri.replace(address, self.postgres.address),
        }

    def __enter__(self) -> "Case":
        super().__enter__()
        self.make_organizations(1)
        return self

    def __exit__(self, *_) -> None:
        super().__exit__()
        self._engines.close()

    # Steps

    def send(self, batches: int = 1, older: float = 0.0) -> None:
        """Events that make so many batches; of a share `older` of them the month is another one."""
        (organization,) = self.organizations
        assert organization.send(organization.events(batches * BATCH_ROWS, older)) == 201

    def start(self, **settings: Any) -> OwnWriter:
        """A writer that reaches the stores through the proxies; does not wait for anything."""
        return self.writer(**{**self._ways, **settings})

    def begin(self) -> None:
        """From nothing in the ledger to an anchor: what a lane is long after its first start."""
        self.send()
        with self.running():
            self.verify()

    @contextlib.contextmanager
    def running(self, **settings: Any) -> Iterator[OwnWriter]:
        writer = self.start(**settings)
        try:
            yield writer
        finally:
            if writer.process:
                writer.kill()

    def at_rest(self) -> None:
        """Until the writers have done everything that is in Kafka."""
        missing = wait_for_rest(self.settings, 60)
        assert not missing, missing[:5]

    def recover(self, patience_s: float = 60) -> None:
        """The next run, until it is at rest; then everything must have been counted once."""
        for writer in self.writers:
            if writer.process and writer.process.poll() is None:
                return self.verify(patience_s)
        with self.running():
            self.verify(patience_s)

    # What is durable now

    def asks(self, query: str, *parameters: Any) -> Any:
        """The only value of the only row."""
        with self.connection() as connection:
            row = connection.execute(query, parameters).fetchone()
            return row[0] if row else None

    def intent(self) -> Optional[dict]:
        return self.asks("SELECT intent FROM lane")

    def batches(self) -> int:
        return self.asks("SELECT count(*) FROM batch")

    def rows(self) -> int:
        """In ClickHouse."""
        return int(self.clickhouse_says(f"SELECT count() FROM {self.settings.clickhouse_table}"))

    def clickhouse_says(self, query: str) -> str:
        url = self.stack.env["BXB_CLICKHOUSE_URL"]
        return httpx.post(url, content=query, trust_env=False, timeout=30).text

    def await_stop(self, writer: OwnWriter, code: str, patience_s: float = 30) -> None:
        """Until the lane has stopped for this reason, and the log says so with what to do."""
        writer.wait_unready(code, patience_s)
        wait_until(lambda: "LANE_STOPPED" in writer.log().upper(), 10, f"it is logged: {writer.log()[-2000:]}")

    def state(self) -> tuple:
        """All that the stores hold, to be compared: nothing was changed."""
        return *self.ledger_state(), self.rows()

    def ledger_state(self) -> tuple:
        """What PostgreSQL holds of it."""
        marks = self.asks("SELECT array_agg((partition, hwm) ORDER BY partition)::text FROM lane_partition")
        usage = self.asks("SELECT sum(events) FROM usage_hourly")
        return marks, usage, self.batches()
