"""ClickHouse reads every record of the events that the parser accepted: generated events go through HTTP,
topic and writer, and each column is compared with what was meant.

BXB_TEST_SEED=N  makes the events of a run that failed again

SPDX-License-Identifier: Apache-2.0
"""

import decimal
import itertools
import os
import random

import pytest

from flow.generated import Generated, Generator, Kept
from flow.organization import now_ms

EVENTS_OF_ONE_BODY = 500
JSON, NDJSON = "application/json", "application/x-ndjson"
SHAPES = [
    (JSON, lambda texts: "[" + ",".join(texts) + "]"),
    (JSON, lambda texts: '{"events":[' + ",\n".join(texts) + "]}"),
    (NDJSON, lambda texts: "\r\n".join(texts)),
]
COLUMNS = """transaction_id, external_customer_id, external_subscription_id, code,
             toUnixTimestamp64Milli(timestamp), toString(decimal_value), properties"""


def send_all(organization, events: list[Generated]) -> list[Kept]:
    """Sends them in bodies of every shape, and returns what must be kept of them."""
    kept = []
    for at, (media_type, render) in zip(range(0, len(events), EVENTS_OF_ONE_BODY), itertools.cycle(SHAPES)):
        several = events[at : at + EVENTS_OF_ONE_BODY]
        if media_type == NDJSON:
            several = [event.on_one_line() for event in several]
        body = render([event.text for event in several]).encode()
        answer = organization.http.post("/v1/events", content=body, headers={"Content-Type": media_type})
        assert answer.status_code == 201, answer.text[:2000]
        kept += [event.kept for event in several]
    return kept


def kept_by_clickhouse(organization, ch_http) -> dict[str, Kept]:
    rows = ch_http(f"SELECT {COLUMNS} FROM default.events_raw WHERE organization_id = '{organization.id}'")
    kept = {}
    for *texts, timestamp_ms, value, properties in rows:
        row = Kept(*texts, timestamp_ms, None if value is None else decimal.Decimal(value), properties)
        assert row.transaction_id not in kept, f"{row.transaction_id} is there twice"
        kept[row.transaction_id] = row
    return kept


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_clickhouse_has_every_field_of_every_event_that_was_accepted(organization, ch_http, count):
    seed = int(os.environ.get("BXB_TEST_SEED", random.randrange(2**32)))
    print(f"BXB_TEST_SEED={seed}")  # pytest shows it when the test fails
    generator = Generator(seed, organization.name, now_ms())
    meant = send_all(organization, [generator.event() for _ in range(count)])
    organization.at_rest(120)
    kept = kept_by_clickhouse(organization, ch_http)
    wrong = [event for event in meant if kept.get(event.transaction_id) != event]
    assert not wrong, f"{len(wrong)} of {count}, the first: {wrong[0]} is {kept.get(wrong[0].transaction_id)}"
    assert len(kept) == count
