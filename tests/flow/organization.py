"""An organization of a test's own: its key, its events, and the manifest of what it sent.

SPDX-License-Identifier: Apache-2.0
"""

import concurrent.futures
import itertools
import json
import random
import threading
import time
import uuid
from typing import Any, Callable, Iterable, Optional

import httpx

from verifier import Sent, verify
from verifier.checks import render
from verifier.model import EXACT, format_timestamp, parse_timestamp
from verifier.rest import wait_for_rest
from verifier.sources import observe

from .stack import Stack, wait_until

DAY_MS = 86_400_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Organization:
    """Sends events under its own key and remembers each with what the server said about it.

    Threads: send, post and record may be called from any.
    """

    def __init__(self, stack: Stack, name: str):
        self.stack = stack
        self.name = name
        self.id = stack.bxb("org", "create", name).stdout.strip()
        self.key = self.new_key()
        self.sent: dict[str, Sent] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._random = random.Random(name)
        self.http = self.client()
        self.wait_for_key()

    def new_key(self) -> str:
        return json.loads(self.stack.bxb("key", "create", "--org", self.name, "--json").stdout)["key"]

    def client(self, key: Optional[str] = None) -> httpx.Client:
        """Another connection pool, under this key or another."""
        return httpx.Client(
            base_url=self.stack.env["BXB_URL"],
            headers={"Authorization": f"Bearer {key or self.key}"},
            timeout=60,
            trust_env=False,
        )

    def wait_for_key(self, key: Optional[str] = None) -> None:
        """Servers learn of a key within the catalog's poll."""
        with self.client(key) as http:
            wait_until(lambda: self.is_known(http), 15, f"the server knows the key of {self.name}")

    @staticmethod
    def is_known(http: httpx.Client) -> bool:
        """Whether the key is valid; asked with an event that is none, so nothing is produced."""
        return http.post("/v1/events", json={}).status_code == 422

    # Events

    def event(self, **members: Any) -> dict[str, Any]:
        """A valid event with an id of its own. A member that is given as None is left out."""
        number = next(self._numbers)
        event = {
            "transaction_id": f"{self.name}-{number}",
            "external_customer_id": f"customer-{number % 5}",
            "code": ("api_calls", "storage", "seats", "egress")[number % 4],
            "timestamp": format_timestamp(now_ms() - number % 3600 * 1000),
            "value": f"{self._random.randrange(10**9)}.{self._random.randrange(10**9):09d}",
            "properties": {"region": "eu-central-1", "number": number},
            **members,
        }
        return {name: member for name, member in event.items() if member is not None}

    def events(self, count: int, older: float = 0.05) -> list[dict[str, Any]]:
        """Many events; the share `older` is of the month before, another partition in ClickHouse."""
        events = [self.event() for _ in range(count)]
        for event in events:
            if self._random.random() < older:
                event["timestamp"] = format_timestamp(now_ms() - 32 * DAY_MS)
            if self._random.random() < 0.05:
                del event["value"]
        return events

    def record(self, events: Iterable[dict[str, Any]], acknowledged: bool) -> None:
        """Enters events into the manifest. Sent again, they may be in Kafka as often."""
        with self._lock:
            for event in events:
                entry = self.manifest_entry(event, acknowledged)
                before = self.sent.get(entry.transaction_id)
                if before:
                    entry = entry._replace(
                        acknowledged=acknowledged or before.acknowledged, sends=before.sends + 1
                    )
                self.sent[entry.transaction_id] = entry

    def manifest_entry(self, event: dict[str, Any], acknowledged: bool) -> Sent:
        value = event.get("value")
        return Sent(
            self.id,
            event["transaction_id"],
            event["external_customer_id"],
            event["code"],
            parse_timestamp(event["timestamp"]),
            None if value is None else EXACT.create_decimal(str(value)),
            acknowledged,
        )

    # Sending

    def post(self, body: Any, http: Optional[httpx.Client] = None, **options: Any) -> httpx.Response:
        return (http or self.http).post("/v1/events", json=body, **options)

    def send(self, events: list[dict[str, Any]], http: Optional[httpx.Client] = None) -> int:
        """Sends a batch once, and notes its fate. Returns the status, 0 when no answer came."""
        try:
            status = self.post(events, http).status_code
        except httpx.TransportError:
            status = 0
        self.record(events, acknowledged=status == 201)
        return status

    def send_load(
        self, batches: Iterable[list[dict[str, Any]]], threads: int = 4, per_second: Optional[float] = None
    ) -> list[int]:
        """Sends each batch once, from several threads, at a pace. Returns the statuses."""
        batches = iter(batches)
        began, taken, lock = time.monotonic(), itertools.count(), threading.Lock()

        def work() -> list[int]:
            statuses = []
            with self.client() as http:
                while True:
                    with lock:
                        batch = next(batches, None)
                        turn = began + next(taken) / per_second if per_second else began
                    if batch is None:
                        return statuses
                    time.sleep(max(0, turn - time.monotonic()))
                    statuses.append(self.send(batch, http))

        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            workers = [pool.submit(work) for _ in range(threads)]
            return [status for worker in workers for status in worker.result()]

    def send_until_taken(self, patience_s: float = 60) -> None:
        """Sends new events, one by one, until one is taken: the service is back."""
        wait_until(lambda: self.send([self.event()]) == 201, patience_s, "an event is taken again")

    # Judging

    def at_rest(self, patience_s: float = 60) -> None:
        """Waits until the writer has done everything that is in Kafka."""
        missing = wait_for_rest(self.stack.settings, patience_s)
        assert not missing, f"after {patience_s:g} s the writer is not done: {missing[:5]}"

    def verify(self, patience_s: float = 60) -> None:
        """All three systems agree with each other, and with what this organization sent."""
        self.at_rest(patience_s)
        results = verify(self.sent.values(), observe(self.stack.settings))
        assert not any(result.differences for result in results), "\n" + render(results)


def batches_of(events: list[dict[str, Any]], size: Callable[[], int]) -> Iterable[list[dict[str, Any]]]:
    """Cuts events into batches whose sizes the function gives."""
    at = 0
    while at < len(events):
        end = at + size()
        yield events[at:end]
        at = end


def is_uuid5(text: str) -> bool:
    return str(uuid.UUID(text)) == text and uuid.UUID(text).version == 5
