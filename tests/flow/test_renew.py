"""`bxb topic renew` and `bxb lanes repair`: the topic was made anew, or has lost records, and the writers go on. What was
stored before stays counted, everything that is there is counted once, and what is lost is said.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import pty
import signal
import subprocess
import threading
import time

import pytest

from flow.case import BATCH_ROWS, QUICK, Case
from flow.installation import Installation
from flow.log import Log
from flow.stack import wait_until
from flow.store_proxy import INSERT, Strike
from verifier.murmur2 import partition_of

RENEW, REPAIR = ("topic", "renew"), ("lanes", "repair")


@pytest.fixture
def case(stack):
    with Case(stack, records_mode="all") as case:
        case.begin()
        yield case


def mend(case, *arguments: str, expect: int = 0) -> dict:
    """Runs one of the two commands; what it prints as JSON."""
    done = case.bxb(*arguments, "--json", check=False)
    assert done.returncode == expect, done.stderr
    return json.loads(done.stdout)


def refuses(case, *arguments: str, exits: int = 2) -> str:
    """It changes nothing; what it says why."""
    before = case.asks("SELECT array_agg(lane::text ORDER BY id) FROM (SELECT id, batch_seq, intent FROM lane) AS lane")
    done = case.bxb(*arguments, check=False)
    assert done.returncode == exits, (done.stdout, done.stderr)
    assert case.asks("SELECT array_agg(lane::text ORDER BY id) FROM (SELECT id, batch_seq, intent FROM lane) AS lane") == before
    return done.stderr


def later(case) -> None:
    """The operator comes when nothing that was on its way can land any more."""
    case.asks("UPDATE lane SET lease_until = clock_timestamp() - interval '10 minutes' RETURNING 1")


def takes_events(case) -> None:
    """The server knows the new topic."""
    (organization,) = case.organizations
    wait_until(lambda: organization.send([organization.event()]) == 201, 60, "the server knows the new topic")


def on_a_terminal(case, answer: str, expect: int) -> str:
    """`bxb topic renew` as a person runs it; everything that it prints."""
    terminal, end = pty.openpty()
    os.write(terminal, answer.encode())
    command = [case.local / "bin" / "bxb", *RENEW]
    outputs = {"stdin": end, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, env={**os.environ, **case.env}, text=True, timeout=60, check=False, **outputs)
    os.close(end)
    os.close(terminal)
    assert done.returncode == expect, done.stdout
    return done.stdout


def duplicates(case) -> int:
    return int(case.asks("SELECT coalesce(sum(duplicates), 0) FROM duplicate_daily"))


@pytest.mark.parametrize("records", [BATCH_ROWS // 2, 2 * BATCH_ROWS], ids=["shorter", "longer"])
def test_a_topic_that_was_made_anew_is_gone_on_with(case, records):
    """The writer that stopped lives on. Events that the old topic had come again in the new one: they are duplicates."""
    (organization,) = case.organizations
    again = [organization.event() for _ in range(20)]
    assert organization.send(again) == 201
    case.recover()
    stored = case.rows()
    Log(case).make_anew()
    takes_events(case)
    assert organization.send(organization.events(records) + again) == 201
    with case.running() as writer:
        case.await_stop(writer, "log_changed")
        assert "bxb topic renew" in writer.log()
        assert case.rows() == stored
        shown = mend(case, *RENEW, "--dry-run")
        (changed,) = [place for place in shown["partitions"] if place["log"] in ("shorter", "other")]
        assert not shown["done"] and changed["hwm"] == BATCH_ROWS + 20 - 1
        assert changed["log"] == ("shorter" if records < BATCH_ROWS else "other")
        assert case.asks("SELECT incarnation FROM topic") == 0
        assert "--yes" in refuses(case, *RENEW, exits=64)
        told = mend(case, *RENEW, "--yes")
        assert (told["done"], told["incarnation"], told["lost_records"]) == (True, 1, 0)
        case.verify()
        writer.wait_ready()
    assert duplicates(case) == len(again)
    assert case.asks("SELECT found FROM mending WHERE command = 'topic renew'") == told
    assert not mend(case, *RENEW, "--dry-run", expect=1)["done"], "once is enough"


def test_a_topic_is_not_renewed_while_a_writer_works_on_a_lane(stack):
    """One lane has seen the old topic and stops; the other one has not, and works on the new one as if nothing was."""
    with Installation(stack, 2, **QUICK) as own:
        organizations = own.make_organizations(2)
        first = next(o for o in organizations if partition_of(o.id.encode(), 12) % 2 == 0)
        writer = own.writer()
        own.wait_shared({writer: 2}, 60)
        assert first.send(first.events(20)) == 201
        own.verify()
        writer.kill()
        Log(own).make_anew()
        first.send_until_taken()
        writer.start()
        writer.wait_unready("log_changed")
        said = own.bxb(*RENEW, "--yes", check=False)
        assert said.returncode == 2 and "lane 1" in said.stderr and "Stop the writers that work" in said.stderr
        writer.stop()
        own.bxb(*RENEW, "--yes")
        assert first.send(first.events(20)) == 201
        writer.start()
        own.verify()


def test_kafka_was_replaced_by_another_cluster(case):
    """PostgreSQL knows a cluster that is gone; the one that is there has a topic of that name. The messages lead through it."""
    case.send()
    case.recover()
    case.asks("UPDATE topic SET cluster_id = 'one-that-is-gone' RETURNING 1")
    Log(case).make_anew()
    takes_events(case)
    with case.running() as writer:
        writer.wait_unready("table_mismatch")
        assert "bxb topic renew --new-cluster" in writer.readiness()[1]
        assert "--new-cluster" in refuses(case, *RENEW, "--yes")
        told = mend(case, *RENEW, "--new-cluster", "--yes")
        assert (told["cluster_id_before"], told["incarnation"]) == ("one-that-is-gone", 1)
        case.verify()
        writer.wait_ready()
    assert "same cluster" in refuses(case, *RENEW, "--new-cluster", "--yes")


def test_a_writer_that_slept_meanwhile_is_fenced(case):
    """Its lease is over when the topic is renewed: what it still believes changes nothing."""
    with case.running() as writer:
        writer.wait_ready()
        writer.signal(signal.SIGSTOP)
        Log(case).make_anew()
        takes_events(case)
        case.send()
        wait_until(lambda: case.asks("SELECT lease_until < clock_timestamp() FROM lane"), 10, "its lease is over")
        assert "nothing was changed" in on_a_terminal(case, "n\n", 64)
        shown = on_a_terminal(case, "y\n", 0)
        assert "Do it? [y/N]" in shown and "done: the topic has incarnation 1" in shown
        writer.signal(signal.SIGCONT)
        case.verify()
        # By the lease, or by a batch that is to be proven first: whichever comes before the other.
        assert "code=lane_lost" in writer.log() or "code=log_changed" in writer.log()
    assert case.asks("SELECT array_agg(DISTINCT intent ->> 'incarnation') FROM batch") == ["0", "1"]


def test_a_writer_that_is_about_to_take_a_lane_learns_of_it(case):
    """It has read which incarnation the topic has; before it takes the lane that is another one."""
    about_to = threading.Event()

    def hold() -> None:
        case.postgres.hold()
        about_to.set()

    Log(case).make_anew()
    takes_events(case)
    case.postgres.strike(Strike(b"FROM lane WHERE id = $1::integer FOR UPDATE", on_request=hold))
    writer = case.start(writer_lease="60s")  # for so long it may stand still within its transaction
    assert about_to.wait(30)
    mend(case, *RENEW, "--yes")
    case.postgres.heal()
    case.verify()
    assert "lane_stopped" not in writer.log()  # as it would when rows of the old topic seem to be behind its hwm
    assert case.asks("SELECT array_agg(DISTINCT intent ->> 'incarnation') FROM batch") == ["0", "1"]


def announce(case, strike: dict, older: float = 0.0) -> list[dict]:
    """A batch whose writer dies at an INSERT; its events. They are there before the writer, so that they come in one batch."""
    (organization,) = case.organizations
    events = organization.events(BATCH_ROWS, older)
    assert organization.send(events) == 201
    kill = lambda: writer.kill()
    case.clickhouse.strike(Strike(INSERT, **{name: kill if value == "kill" else value for name, value in strike.items()}))
    writer = case.start()
    case.clickhouse.await_struck()
    assert case.intent()
    return events


LANDED, ABSENT = {"on_answer": "kill"}, {"request": 0, "on_request": "kill"}


@pytest.mark.parametrize(
    ("strike", "older", "becomes"),
    [(LANDED, 0.0, "complete"), (ABSENT, 0.0, "forget"), ({**ABSENT, "passing": 1}, 0.5, "complete")],
    ids=["landed", "absent", "one of two blocks landed"],
)
def test_what_was_announced_of_the_old_topic_is_settled(case, strike, older, becomes):
    (organization,) = case.organizations
    events = announce(case, strike, older)
    there = case.rows() - BATCH_ROWS
    Log(case).make_anew()
    takes_events(case)
    later(case)
    told = mend(case, *RENEW, "--yes")
    (batch,) = told["batches"]
    assert (batch["becomes"], batch["lost_records"]) == (becomes, BATCH_ROWS - there)
    assert {block["clickhouse"] for block in batch["blocks"]} == {"landed" if there == BATCH_ROWS else "absent"} | (
        {"landed"} if there else set()
    )
    counted = "SELECT sum(events)::bigint, (SELECT count(*) FROM transaction_record) FROM usage_hourly"
    with case.connection() as connection:
        assert connection.execute(counted).fetchone() == (BATCH_ROWS + there, BATCH_ROWS + there)
    assert case.asks("SELECT sum(lost) FROM batch") == (BATCH_ROWS - there if there else 0)
    assert organization.send(events) == 201  # what an operator does about what was lost
    case.recover()
    assert duplicates(case) == there
    assert case.asks("SELECT count(*) FROM transaction_record") == case.rows()


def test_what_is_on_its_way_is_waited_for(case):
    """A block whose writer was there a moment ago may still land. Who gives up waiting has changed nothing."""
    announce(case, ABSENT)
    Log(case).make_anew()
    takes_events(case)
    before = case.state()
    command = [case.local / "bin" / "bxb", *RENEW, "--yes"]
    environment = {**os.environ, **case.env}
    renew = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        said = renew.stderr.readline()
        assert "waiting 3" in said, said  # 30 s of the server and 5 s of an INSERT, less what has passed
        with case.running() as writer:
            writer.wait_ready()  # it stands by
            held = "SELECT owner LIKE %s AND lease_until > %s FROM lane"
            until = case.asks("SELECT lease_until + interval '1 second' FROM lane")
            wait_until(lambda: case.asks(held, f"%/{renew.pid}/%", until), 10, "it keeps the lane for longer than a lease")
            renew.kill()
            renew.wait(10)
            case.await_stop(writer, "log_changed")
    finally:
        renew.kill()
        renew.communicate()
    assert case.state() == before and case.intent()
    assert case.asks("SELECT incarnation FROM topic") == 0


@pytest.mark.long
def test_a_topic_is_renewed_a_horizon_after_its_writer_died(case):
    (organization,) = case.organizations
    events = announce(case, ABSENT)
    Log(case).make_anew()
    takes_events(case)
    began = time.monotonic()
    assert mend(case, *RENEW, "--yes")["lost_records"] == BATCH_ROWS
    assert time.monotonic() - began > 25
    assert organization.send(events) == 201
    case.recover()


# bxb lanes repair


def test_a_lane_goes_on_behind_a_gap(case):
    (organization,) = case.organizations
    case.send()
    gone = list(organization.sent)[BATCH_ROWS:]
    Log(case).delete_records()
    case.send()
    with case.running() as writer:
        case.await_stop(writer, "log_gap")
        assert "bxb lanes repair" in writer.log()
        told = mend(case, *REPAIR, "--yes")
        assert (told["gone_records"], told["lost_records"], told["incarnation"]) == (BATCH_ROWS, 0, 0)
        case.at_rest()
        assert case.rows() == 2 * BATCH_ROWS
        assert case.asks("SELECT sum(events)::bigint FROM usage_hourly") == 2 * BATCH_ROWS
    again = [organization.event(transaction_id=id) for id in gone]
    assert organization.send(again) == 201
    with case.running():
        case.at_rest()
    assert case.rows() == case.asks("SELECT sum(events)::bigint FROM usage_hourly") == 3 * BATCH_ROWS
    assert not mend(case, *REPAIR, "--dry-run", expect=1)["done"], "once is enough"


@pytest.mark.parametrize(("strike", "there"), [(ABSENT, 0), (LANDED, BATCH_ROWS)], ids=["absent", "landed"])
def test_an_announced_batch_whose_records_are_gone_is_settled(case, strike, there):
    (organization,) = case.organizations
    announce(case, strike)
    Log(case).delete_records()
    later(case)
    told = mend(case, *REPAIR, "--yes")
    assert (told["lost_records"], told["gone_records"]) == (0, BATCH_ROWS - there)
    assert not case.intent()
    case.send()
    with case.running():
        case.at_rest()
    assert case.rows() == case.asks("SELECT sum(events)::bigint FROM usage_hourly") == 2 * BATCH_ROWS + there


def test_an_announced_batch_is_replaced_when_asked(case):
    """Nothing of it has landed and its records are there: they are decided anew, and nothing is lost."""
    announce(case, ABSENT)
    later(case)
    announced = case.intent()["id"]
    assert not mend(case, *REPAIR, "--dry-run", expect=1)["done"], "a writer can build it again"
    told = mend(case, *REPAIR, "--replace", "--yes")
    assert (told["lost_records"], told["gone_records"]) == (0, 0) and not case.intent()
    case.recover()
    assert not case.asks("SELECT count(*) FROM batch WHERE intent_id = %s", announced)


def test_an_announced_batch_that_landed_is_not_replaced(case):
    announce(case, LANDED)
    later(case)
    assert "cannot be replaced" in refuses(case, *REPAIR, "--replace", "--yes")
    case.recover()


def test_each_command_knows_what_the_other_is_for(case):
    Log(case).make_anew()
    assert "bxb topic renew" in refuses(case, *REPAIR, "--yes")
