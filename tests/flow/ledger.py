"""A client that keeps a ledger of every answer: it sends each batch until it is taken, whatever happens meanwhile.

SPDX-License-Identifier: Apache-2.0
"""

import collections
import random
import threading
import time

import httpx

from flow.organization import Organization

NO_ANSWER = 0


class Ledger:
    """Threads that send in `with`. At its end each brings its batch to a 201; the organization's manifest has every
    attempt then."""

    def __init__(self, organization: Organization, url: str, threads: int = 8, pause_s: float = 0.02, most: int = 8):
        self.answers: collections.Counter[int] = collections.Counter()  # by status
        self.longest_s = 0.0  # from the first attempt of a batch to its 201
        self._organization, self._url = organization, url
        self._pause_s, self._most = pause_s, most
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._given_up = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(threads)]

    def __enter__(self) -> "Ledger":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, *_) -> None:
        self.finish(patience_s=0 if kind else 120)

    def finish(self, patience_s: float = 120) -> None:
        """No new batches; those on their way are sent until they are taken."""
        self._end.set()
        give_up = time.monotonic() + patience_s
        for thread in self._threads:
            thread.join(max(0, give_up - time.monotonic()))
        stuck = sum(thread.is_alive() for thread in self._threads)
        self._given_up.set()
        for thread in self._threads:
            thread.join()
        if patience_s:
            assert not stuck, f"{stuck} batches were not taken within {patience_s:g} s: {dict(self.answers)}"

    def taken(self) -> int:
        return self.answers[201]

    def refused(self) -> int:
        return self.answers[503]

    def _send(self) -> None:
        with httpx.Client(
            base_url=self._url,
            headers={"Authorization": f"Bearer {self._organization.key}"},
            timeout=60,
            trust_env=False,
        ) as http:
            while not self._end.is_set():
                self._send_until_taken(self._organization.events(random.randint(1, self._most)), http)
                time.sleep(self._pause_s)

    def _send_until_taken(self, batch: list[dict], http: httpx.Client) -> None:
        began = time.monotonic()
        while not self._given_up.is_set():
            status = self._organization.send(batch, http)
            with self._lock:
                self.answers[status] += 1
            if status == 201:
                break
            assert status in (503, NO_ANSWER), f"a valid batch was answered {status}"
            self._given_up.wait(0.1)
        with self._lock:
            self.longest_s = max(self.longest_s, time.monotonic() - began)
