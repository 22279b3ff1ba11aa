"""The rows of flow/fault_rows.py in which PostgreSQL comes back from before: it has forgotten batches whose rows are in
ClickHouse. The lane stops rather than storing them again.

SPDX-License-Identifier: Apache-2.0
"""

import pytest

from flow.case import Case
from flow.own_postgres import OwnPostgres


@pytest.fixture
def case(stack):
    with Case(stack) as case:
        case.begin()
        yield case


@pytest.fixture
def copy(case):
    with OwnPostgres(case.stack) as copy:
        yield copy


def test_a_backup_is_restored(case, copy):
    """Batches were completed since: ClickHouse knows more than the ledger."""
    case.send(2)
    case.recover()
    rows = case.rows()
    copy.start()
    case.postgres.redirect(copy.address)
    with case.running() as writer:
        case.await_stop(writer, "ledger_rolled_back")
    assert case.rows() == rows


def test_a_backup_is_restored_while_the_writer_runs(case, copy):
    with case.running() as writer:
        case.send(2)
        case.recover()
        rows = case.rows()
        copy.start()
        case.postgres.redirect(copy.address)
        case.send(1)
        case.await_stop(writer, "ledger_rolled_back")
        assert case.rows() == rows


def test_a_backup_that_lacks_nothing_is_restored(case, copy):
    copy.start()
    case.postgres.redirect(copy.address)
    with case.running() as writer:
        writer.wait_ready()


@pytest.mark.long
def test_a_standby_without_the_last_commits_is_promoted(case, copy):
    """Another timeline: first nothing that is on its way may arrive any more, then the table is looked at."""
    with case.running() as writer:
        case.send(2)
        case.recover()
        rows = case.rows()
        copy.promote()
        case.postgres.redirect(copy.address)
        case.send(1)
        writer.wait_unready("waiting")
        assert case.rows() == rows
        case.await_stop(writer, "ledger_rolled_back", patience_s=90)
        assert case.rows() == rows


@pytest.mark.long
def test_a_standby_that_lacks_nothing_is_promoted(case, copy):
    copy.promote()
    case.postgres.redirect(copy.address)
    with case.running() as writer:
        writer.wait_unready("waiting")
        writer.wait_ready(90)
