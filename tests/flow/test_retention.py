"""What PostgreSQL keeps, and for how long.

Rows are made old by hand, and put back afterwards: the verifier counts them.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib

from flow.stack import wait_until


@contextlib.contextmanager
def kept(pg, table, where):
    """A copy of rows that the test lets go."""
    pg.execute(f"CREATE TABLE kept AS SELECT * FROM {table} WHERE {where}")
    try:
        yield
    finally:
        pg.execute(f"INSERT INTO {table} SELECT * FROM kept ON CONFLICT DO NOTHING")
        pg.execute("DROP TABLE kept")


def count(pg, table, where) -> int:
    return pg.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0]


def test_the_ledger_outlives_kafka_and_not_much_longer(stack, organization, pg):
    for _ in range(3):
        assert organization.send([organization.event()]) == 201
        organization.at_rest()
    last = pg.execute("SELECT max(batch_seq) FROM batch").fetchone()[0]
    old, young = f"batch_seq = {last - 1}", f"batch_seq = {last - 2}"
    with kept(pg, "batch", f"{old} OR {young} OR batch_seq = {last}"):
        # Kafka keeps the topic for 7 days: a ledger that is asked for 1 day keeps 8.
        pg.execute(f"UPDATE batch SET completed_at = now() - interval '9 days' WHERE {old} OR batch_seq = {last}")
        pg.execute(f"UPDATE batch SET completed_at = now() - interval '7 days 20 hours' WHERE {young}")
        stack.restart("writer", retention_ledger="1d")
        wait_until(lambda: count(pg, "batch", old) == 0, 30, "the old batch is removed")
        assert count(pg, "batch", young) == 1
        assert count(pg, "batch", f"batch_seq = {last}") == 1, "the last one stays"
        stack.stop("writer")
        pg.execute(f"DELETE FROM batch WHERE {young} OR batch_seq = {last}")
    stack.start("writer")
    organization.verify()


def test_letters_that_were_handled_go_and_open_ones_stay(stack, organization, kafka, pg):
    kafka.produce(organization.id, b"{", b"[")
    mine = f"organization_id = '{organization.id}'"
    wait_until(lambda: count(pg, "dead_letter", mine) == 2, 30, "the letters are kept")
    first = f"{mine} AND log_offset = (SELECT min(log_offset) FROM dead_letter WHERE {mine})"
    with kept(pg, "dead_letter", first):
        pg.execute(f"UPDATE dead_letter SET state = 'discarded' WHERE {first}")
        ages = "state_at = now() - interval '3 days', appended_at = now() - interval '3 days'"
        pg.execute(f"UPDATE dead_letter SET {ages} WHERE {mine}")
        stack.restart("writer", retention_dead_letters="2d")
        wait_until(lambda: count(pg, "dead_letter", f"{mine} AND state <> 'open'") == 0, 30, "the letter is removed")
        assert count(pg, "dead_letter", mine) == 1
    stack.restart("writer")
    organization.verify()


def test_totals_are_kept_as_long_as_is_set(stack, organization, pg):
    pg.execute("INSERT INTO usage_hourly VALUES (%s, 'c', 'k', '2001-01-01T00:00Z', 1, 1)", [organization.id])
    mine = f"organization_id = '{organization.id}'"
    stack.restart("writer")
    assert organization.send([organization.event()]) == 201
    organization.at_rest()
    assert count(pg, "usage_hourly", mine) == 2, "for ever, by default"
    stack.restart("writer", retention_usage="3650d")
    wait_until(lambda: count(pg, "usage_hourly", mine) == 1, 30, "the total is removed")
    stack.restart("writer")
    organization.verify()
