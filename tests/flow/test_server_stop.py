"""However the server ends, every event that it acknowledged is in Kafka, and once.

SPDX-License-Identifier: Apache-2.0
"""

import itertools
import threading

from flow.organization import Organization
from flow.stack import wait_until

THREADS = 8
ENOUGH = 400  # acknowledged requests before the end


class Load:
    """Threads that send batches, each once, until the server is gone."""

    def __init__(self, organization: Organization):
        self.organization = organization
        self.statuses: list[int] = []
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(THREADS)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def acknowledged(self) -> int:
        return self.statuses.count(201)

    def _send(self) -> None:
        with self.organization.client() as http:
            for number in itertools.count(1):
                if self._end.is_set():
                    return
                status = self.organization.send(self.organization.events(number % 20 + 1), http)
                self.statuses.append(status)
                if status == 0:
                    return


def test_sigterm_under_load_loses_nothing_that_was_acknowledged(stack, organization):
    with Load(organization) as load:
        wait_until(lambda: load.acknowledged() > ENOUGH, 60, f"{ENOUGH} requests are acknowledged")
        took = stack.terminate("server")
    assert took < 10, "idle connections do not hold a server back that has nothing in flight"
    assert set(load.statuses) <= {201, 503, 0}
    stack.start("server")
    organization.send_until_taken()
    organization.verify()


def test_kill_9_under_load_loses_nothing_that_was_acknowledged(stack, organization):
    for _ in range(3):
        with Load(organization) as load:
            wait_until(lambda: load.acknowledged() > ENOUGH // 3, 60, "requests are acknowledged")
            stack.kill("server")
        stack.start("server")
    organization.send_until_taken()
    organization.verify()


def test_sigterm_waits_for_what_is_in_flight(stack, organization):
    """With the broker frozen a request hangs; a stopping server answers it when the broker thaws."""
    stack.freeze("kafka")
    event = organization.event()
    answers = []
    client = threading.Thread(target=lambda: answers.append(organization.post(event)))
    client.start()
    wait_until(lambda: stack.gauge("bxb_server_inflight_events") >= 1, 20, "the event is in flight")
    stopping = threading.Thread(target=lambda: stack.terminate("server"))
    stopping.start()
    stopping.join(timeout=1)
    assert stopping.is_alive(), "the server waits for the broker"
    stack.thaw("kafka")
    stopping.join(timeout=60)
    client.join(timeout=60)
    assert [answer.status_code for answer in answers] == [201]
    organization.record([event], acknowledged=True)
    stack.start("server")
    organization.verify()
