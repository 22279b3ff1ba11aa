"""The rows of flow/fault_rows.py that are about one moment of a batch: the writer, ClickHouse or PostgreSQL die, or
a connection is cut, exactly there. The next run recovers, and the verifier counts.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import os
import signal
import threading

import pytest

from engine.way import Tracer
from flow.case import Case
from flow.stack import is_alive, wait_until
from flow.store_proxy import ANNOUNCES, COMMIT, COMPLETES, INSERT, TO_CLIENT, Strike


@pytest.fixture(scope="module")
def installed(session_stack):
    with Case(session_stack) as case:
        case.begin()
        yield case


@pytest.fixture
def case(installed, stack):
    yield installed
    for proxy in (installed.clickhouse, installed.postgres):
        proxy.heal()
    for writer in installed.writers:
        if writer.process:
            os.kill(writer.process.pid, signal.SIGCONT)
            writer.kill()


def killed_by(case, proxy, strike) -> None:
    """A writer that dies when the strike calls for it. Its batches are full: the events are there before it is."""
    case.send(3, older=0.2)
    proxy.strike(strike(lambda: kill(writer)))
    writer = case.start()
    proxy.await_struck()
    wait_until(lambda: writer.process is None, 10, "the writer is dead")


def kill(writer) -> None:
    os.kill(writer.process.pid, signal.SIGKILL)
    writer.process.wait(30)
    writer.process = None


# The writer dies. Each: where, and whether an intent, and rows of its batch, are there then.

DEATHS = {
    "before the intent's COMMIT": ("postgres", lambda die: Strike(COMMIT, ANNOUNCES, request=0, on_request=die), False),
    "after the intent's COMMIT": ("postgres", lambda die: Strike(COMMIT, ANNOUNCES, on_answer=die), True),
    "before the first byte": ("clickhouse", lambda die: Strike(INSERT, request=0, on_request=die), True),
    "in the middle of the body": ("clickhouse", lambda die: Strike(INSERT, request=3000, on_request=die), True),
    "body complete, answer not read": ("clickhouse", lambda die: Strike(INSERT, on_request=die), True),
    "answer read, before completion": ("clickhouse", lambda die: Strike(INSERT, on_answer=die), True),
    "some blocks landed": ("clickhouse", lambda die: Strike(INSERT, passing=1, request=0, on_request=die), True),
    "before the completing COMMIT": ("postgres", lambda die: Strike(COMMIT, COMPLETES, request=0, on_request=die), True),
    "after the completing COMMIT": ("postgres", lambda die: Strike(COMMIT, COMPLETES, on_answer=die), None),
}


@pytest.mark.parametrize("moment", DEATHS)
def test_the_writer_dies(case, moment):
    store, strike, announced = DEATHS[moment]
    rows = case.rows()
    killed_by(case, getattr(case, store), strike)
    if announced is not None:
        assert bool(case.intent()) == announced
    if moment == "some blocks landed":
        assert len(case.intent()["blocks"]) == 2 and case.rows() > rows
    case.recover()


# A connection to PostgreSQL ends at a COMMIT, and nobody knows whether it took place.


@pytest.mark.parametrize("transaction", [ANNOUNCES, COMPLETES], ids=["announces", "completes"])
@pytest.mark.parametrize("arrives", [False, True], ids=["COMMIT is lost", "its answer is lost"])
def test_the_outcome_of_a_commit_is_unknown(case, transaction, arrives):
    cut = {"answer": 0} if arrives else {"request": 0}
    with case.running() as writer:
        writer.wait_ready()
        case.postgres.strike(Strike(COMMIT, transaction, **cut))
        case.send(3)
        case.postgres.await_struck()
        case.recover()


@pytest.mark.parametrize("arrives", [False, True], ids=["before COMMIT", "after COMMIT"])
def test_postgresql_is_killed_at_commit(case, arrives):
    die = lambda: case.stack.kill("postgres")
    strike = Strike(COMMIT, COMPLETES, answer=0, on_answer=die) if arrives else Strike(COMMIT, COMPLETES, on_request=die)
    with case.running() as writer:
        writer.wait_ready()
        case.postgres.strike(strike)
        case.send(3)
        case.postgres.await_struck()
        case.stack.start("postgres")
        case.recover()


# ClickHouse


@pytest.mark.parametrize("bytes_", [0, 1, 200, 4000], ids=lambda size: f"after {size} bytes")
def test_a_body_is_cut(case, bytes_):
    with case.running() as writer:
        case.clickhouse.strike(Strike(INSERT, request=bytes_))
        case.send(2)
        case.clickhouse.await_struck()
        case.recover()
        assert writer.metric("bxb_writer_read_backs_total") > 0


def answer_length(case) -> int:
    case.clickhouse.strike(Strike(INSERT))
    case.send()
    case.clickhouse.await_struck()
    case.recover()
    return len(case.clickhouse.answer)


def cut_answers(case, step: int) -> int:
    """Cuts one answer after each `step` of its bytes. Returns how many."""
    with case.running() as writer:
        writer.wait_ready()
        cuts = range(0, answer_length(case), step)
        for size in cuts:
            case.clickhouse.strike(Strike(INSERT, answer=size))
            case.send()
            case.clickhouse.await_struck()
            case.at_rest()
        case.verify()
        assert writer.metric("bxb_writer_read_backs_total") >= len(cuts)
    return len(cuts)


def test_an_answer_is_cut(case):
    assert cut_answers(case, step=40) >= 3


@pytest.mark.long
def test_an_answer_is_cut_at_every_byte(case):
    assert cut_answers(case, step=1) > 100


def test_an_insert_takes_longer_than_the_lease(case):
    """The thread of the lease renews it, and another writer that waits for it gets nothing."""
    with case.running() as first:
        case.wait_shared({first: 1}, 30)
        with case.running() as second:
            second.wait_ready()
            case.clickhouse.strike(Strike(INSERT, on_request=lambda: case.clickhouse.hold(TO_CLIENT)))
            case.send(2)
            case.clickhouse.await_struck()
            waited = case.asks("SELECT clock_timestamp() + interval '3 s'")
            wait_until(lambda: case.asks("SELECT clock_timestamp() > %s", waited), 30, "three leases are over")
            assert case.intent()
            case.wait_shared({first: 1, second: 0}, 1)
            case.clickhouse.heal()
            case.recover()


def test_clickhouse_dies_before_it_has_the_body(case):
    with case.running() as writer:
        writer.wait_ready()
        case.clickhouse.strike(Strike(INSERT, request=0, on_request=lambda: case.stack.kill("clickhouse")))
        case.send(2)
        case.clickhouse.await_struck()
        case.stack.start("clickhouse")
        case.recover()


def tracer(stack, fault: str) -> Tracer:
    """Makes renames of ClickHouse's engine go wrong."""
    return Tracer(stack.running_pid("clickhouse"), "rename,renameat,renameat2", fault)


def test_clickhouse_dies_between_its_log_and_its_rename(case):
    """The token is burned: it answers 200 for rows that are gone."""
    with case.running() as writer:
        writer.wait_ready()
        pid = case.stack.running_pid("clickhouse")
        with tracer(case.stack, "signal=SIGKILL:when=1"):
            case.send(1)
            wait_until(lambda: not is_alive(pid), 30, "ClickHouse is dead")
        case.stack.start("clickhouse")
        case.recover()
        assert writer.metric("bxb_writer_tokens_burned_total") == 1


def test_clickhouse_cannot_rename(case):
    """The disk is full: an error comes, the rows do not, and the token is burned all the same."""
    with case.running() as writer:
        writer.wait_ready()
        with tracer(case.stack, "error=ENOSPC"):
            case.send(1)
            wait_until(lambda: writer.metric("bxb_writer_read_backs_total") > 0, 30, "the first answer is in doubt")
        case.recover()
        assert writer.metric("bxb_writer_tokens_burned_total") >= 1
        assert "STD_EXCEPTION" in writer.log()


# Two writers


@contextlib.contextmanager
def frozen_at(case, proxy, marker, after=b""):
    """A writer is frozen with a request that has not arrived; another one has done its batch since."""
    with case.running() as first:
        first.wait_ready()
        frozen = threading.Event()

        def freeze() -> None:
            first.signal(signal.SIGSTOP)
            proxy.hold()
            frozen.set()

        proxy.strike(Strike(marker, after, on_request=freeze))
        case.send(2)
        assert frozen.wait(30)
        with case.running(postgres=case.env["BXB_POSTGRES"], clickhouse_url=case.env["BXB_CLICKHOUSE_URL"]) as second:
            case.wait_shared({second: 1}, 15)
            case.at_rest()
            yield
            first.signal(signal.SIGCONT)
            case.send(2)
            case.recover()


def test_a_frozen_writer_wakes_up_with_its_request(case):
    with frozen_at(case, case.clickhouse, INSERT):
        case.clickhouse.heal()
        case.clickhouse.await_struck()  # now its INSERT has arrived


def test_a_writer_frozen_within_a_transaction_holds_nothing_up(case):
    """It holds the lane's row in PostgreSQL, which ends its session when the lease must have run out."""
    with frozen_at(case, case.postgres, COMMIT, COMPLETES):
        case.postgres.heal()


@pytest.mark.long
def test_a_frozen_writer_wakes_up_when_its_token_is_forgotten(case):
    """No token stops its INSERT any more; but ClickHouse waits for a request no longer than the horizon."""
    with frozen_at(case, case.clickhouse, INSERT):
        table = case.settings.clickhouse_table
        for window in (0, 100_000):
            case.clickhouse_says(f"ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = {window}")
        horizon_s = 1 + 30 + 5
        wait_until(lambda: case.clickhouse.connections() == 0, horizon_s, "ClickHouse has closed its connections")
        case.clickhouse.heal()


def race(case, rounds: int) -> None:
    with case.running() as first, case.running() as second:
        for turn in range(rounds):
            for frozen, awake in ((first, second), (second, first)):
                case.send(1, older=0.1)
                frozen.signal(signal.SIGSTOP)
                case.wait_shared({awake: 1}, 30)
                case.send(1)
                frozen.signal(signal.SIGCONT)
        case.recover()


def test_two_writers_race_while_each_is_frozen_in_turn(case):
    race(case, 2)


@pytest.mark.long
def test_two_writers_race_for_long(case):
    race(case, 40)
