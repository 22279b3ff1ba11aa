"""Transaction records: the events of a transactional metric, row by row in PostgreSQL.

The verifier compares each with its record in Kafka; these tests make events worth comparing.

SPDX-License-Identifier: Apache-2.0
"""

import decimal

import pytest

from flow.stack import wait_until

# Exact or nothing: digits, signs, times at the edge of a hundred years, any property.
UNUSUAL = (
    {"value": "12345678901234567890.123456789012345678"},
    {"value": "-0.000000000000000001"},
    {"value": None},
    {"properties": {"text": "quote \" backslash \\\\ nul \\u0000 brace } \U0001f4b6", "list": [1.10, None, {}]}},
    {"external_subscription_id": "s {\"},NULL"},
    {"external_customer_id": "NULL", "transaction_id": "{\\"},
)


@pytest.fixture
def transactional(organization, pg):
    """An organization with a transactional metric, "credits"."""
    create = ("metric", "create", "--org", organization.name, "--code", "credits", "--transactional")
    organization.stack.bxb(*create)

    def is_marked() -> bool:
        assert organization.send([organization.event(code="credits")]) == 201
        organization.at_rest()
        return bool(values_of(pg, organization))

    wait_until(is_marked, 20, "the server knows the metric")
    return organization


def values_of(pg, organization):
    rows = "SELECT transaction_id, value FROM transaction_record WHERE organization_id = %s"
    return dict(pg.execute(rows, [organization.id]).fetchall())


def test_each_event_of_a_transactional_metric_is_a_row(transactional, pg):
    events = [transactional.event(code="credits", **change) for change in UNUSUAL]
    for number, event in enumerate(events):
        event["transaction_id"] = f"{number} {event['transaction_id']}"
    plain = [transactional.event(code="seats") for _ in range(5)]
    assert transactional.send([*events, *plain]) == 201
    transactional.verify()
    rows = values_of(pg, transactional)
    assert {event["transaction_id"] for event in events} <= rows.keys()
    assert not {event["transaction_id"] for event in plain} & rows.keys()
    assert rows[events[0]["transaction_id"]] == decimal.Decimal("12345678901234567890.123456789012345678")


@pytest.mark.parametrize("mode", ["all", "none"])
def test_the_setting_takes_all_or_none(stack, transactional, pg, mode):
    stack.restart("writer", records_mode=mode)
    events = [transactional.event(code=code) for code in ("credits", "seats") * 3]
    assert transactional.send(events) == 201
    transactional.verify()
    recorded = values_of(pg, transactional).keys() & {event["transaction_id"] for event in events}
    assert len(recorded) == (len(events) if mode == "all" else 0)
    stack.restart("writer")


def test_a_batch_that_is_built_again_keeps_the_mode_it_was_announced_with(stack, transactional, pg):
    transactional.at_rest()
    stack.stop("clickhouse")
    event = transactional.event(code="credits")  # one: several may come in several batches
    assert transactional.send([event]) == 201
    wait_until(lambda: pg.execute("SELECT 1 FROM lane WHERE intent IS NOT NULL").fetchone(), 30, "an intent")
    stack.kill("writer")
    stack.start("clickhouse")
    stack.start("writer", records_mode="none")
    transactional.verify()
    assert event["transaction_id"] in values_of(pg, transactional)
    stack.restart("writer")
