"""A writer that is far behind stays within the memory that docs/OPERATIONS.md states.

SPDX-License-Identifier: Apache-2.0
"""

import concurrent.futures
import json

from flow.installation import Installation
from flow.stack import memory_of, wait_until

MIB = 1 << 20
BOUND = 1024 * MIB
REQUESTS, EVENTS = 120, 150  # in each request
TEXT = 100_000  # of one letter in each event: 1.8 GB in all, a few MB in Kafka


def fall_behind(own: Installation) -> None:
    """Events that are large until they are compressed, of organizations in all parts of the topic."""
    organizations = own.make_organizations(6)
    bodies = [
        json.dumps(
            [one.event(transaction_id=f"TURN-{i}", properties={"text": "x" * TEXT}) for i in range(EVENTS)]
        ).encode()
        for one in organizations
    ]

    def send(turn: int) -> int:
        which = turn % len(organizations)
        body = bodies[which].replace(b"TURN", f"{turn:05d}".encode())
        return organizations[which].http.post("/v1/events", content=body).status_code

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert set(pool.map(send, range(REQUESTS))) == {201}


def test_a_backlog_that_compresses_well_does_not_fill_the_memory(stack):
    with Installation(stack, lanes=1) as own:
        fall_behind(own)
        writer = own.writer()
        stored = 'bxb_writer_records_total{fate="stored"}'
        writer.wait_ready()
        wait_until(lambda: writer.metric(stored) == REQUESTS * EVENTS, 120, "all is stored")
        peak = memory_of(writer.process.pid, "VmHWM")
        print(f"peak {peak / MIB:.0f} MiB")
        assert peak < BOUND
