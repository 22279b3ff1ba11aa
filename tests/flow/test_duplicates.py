"""An event is counted once however often it is sent, and whatever became of the writer meanwhile.

Repetitions go through Kafka as they are: the broker has them as often as they were sent, the stores
once. The verifier, which knows nothing of how duplicates are found, decides.

SPDX-License-Identifier: Apache-2.0
"""

import json
import random
import re
import time

import httpx
import psycopg
import pytest

from flow.case import BATCH_ROWS, Case
from flow.log import Log
from flow.organization import DAY_MS, Organization, batches_of, now_ms
from flow.stack import wait_until
from verifier.model import format_timestamp

FAST = {"writer_batch_rows": "700", "writer_batch_wait": "20ms", "writer_lease": "1s"}


@pytest.fixture
def writer(stack):
    """A writer that may be restarted with other settings; afterwards the ordinary one runs."""
    yield stack
    for name in ("postgres", "clickhouse"):
        if not stack.pid(name):
            stack.start(name)
    if stack.pid("writer"):
        stack.stop("writer")
    stack.start("writer")


def fates(organization: Organization) -> dict[str, int]:
    """How many records of the organization were duplicates, and how many contradicted the first."""
    duplicates = "SELECT coalesce(sum(duplicates), 0) FROM ingest.duplicate_daily WHERE organization_id = %s"
    conflicts = "SELECT count(*) FROM ingest.dead_letter WHERE organization_id = %s AND reason = 'duplicate_conflict'"
    # A session of its own: the server may have been killed since the test began.
    with psycopg.connect(organization.stack.env["BXB_POSTGRES"]) as connection:
        counts = [connection.execute(sql, [organization.id]).fetchone()[0] for sql in (duplicates, conflicts)]
    return {"duplicates": int(counts[0]), "conflicts": counts[1]}


def metric(stack, name: str) -> int:
    text = httpx.get(stack.env["BXB_WRITER_ADMIN_URL"] + "/metrics", trust_env=False).text
    return int(re.search(rf"^{name} (\d+)$", text, re.M).group(1))


def recalled(stack) -> dict[str, int]:
    """What the writer says of where it found what it had seen, when it last began."""
    lines = [line for line in stack.log_tail("writer", 1000).splitlines() if "event=seen_recalled" in line]
    return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)\b", lines[-1])}


def segments(stack) -> list:
    return sorted((stack.local / "data" / "dedup").glob("lane*/*.seg"))


def test_repetitions_in_one_batch_and_in_later_ones(stack, organization, pg):
    events = organization.events(40)
    assert organization.send(events + events[:20]) == 201
    organization.at_rest()
    assert organization.send(events[10:]) == 201
    organization.at_rest()
    assert organization.send(events[:5]) == 201
    organization.verify()
    assert fates(organization) == {"duplicates": 20 + 30 + 5, "conflicts": 0}
    status = json.loads(stack.bxb("status", "--json").stdout)
    ledger = "SELECT sum(duplicates), sum(dead_letters) FROM batch"
    assert (status["ledger_duplicates"], status["ledger_dead_letters"]) == pg.execute(ledger).fetchone()
    most = "SELECT organization_id::text, sum(duplicates) FROM duplicate_daily GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10"
    shown = [(row["organization_id"], row["duplicates"]) for row in status["duplicates_last_7_days"]]
    assert shown == pg.execute(most).fetchall()
    assert f"{shown[0][1]}  {shown[0][0]} " in stack.bxb("status").stdout


def test_the_same_id_of_another_organization_is_another_event(stack, organization):
    other = Organization(stack, organization.name + "-other")
    events = organization.events(10)
    assert organization.send(events) == 201 and other.send(events) == 201
    organization.verify()
    other.verify()
    assert fates(organization)["duplicates"] == fates(other)["duplicates"] == 0


def test_repetitions_after_a_kill_are_known_from_the_segments(writer, organization):
    writer.mark_logs()
    writer.restart("writer")
    before = recalled(writer)
    events = organization.events(300)
    assert organization.send(events) == 201
    organization.at_rest()
    writer.kill("writer")
    writer.start("writer")
    found = recalled(writer)
    assert found == before | {
        "ids": before["ids"] + 300, "from_segments": before["from_segments"] + 300, "ms": found["ms"]
    }
    assert organization.send(events[::3]) == 201
    organization.verify()
    assert fates(organization) == {"duplicates": 100, "conflicts": 0}


@pytest.mark.parametrize("damage", ["flipped byte", "cut", "deleted", "empty"])
def test_what_segments_lack_is_read_from_clickhouse(writer, organization, damage):
    events = organization.events(200)
    assert organization.send(events) == 201
    organization.at_rest()
    writer.kill("writer")
    for path in segments(writer):
        whole = path.read_bytes()
        if damage == "flipped byte":
            at = random.Random(len(whole)).randrange(len(whole))
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        elif damage == "cut":
            path.write_bytes(whole[:-1])
        elif damage == "empty":
            path.write_bytes(b"")
        else:
            path.unlink()
    writer.mark_logs()
    writer.start("writer")
    found = recalled(writer)
    assert found["from_clickhouse"] > 0 and found["lost"] == 0
    if damage in ("deleted", "empty"):
        assert found["from_segments"] == 0 and found["from_clickhouse"] >= 200
    assert organization.send(events[::2]) == 201
    organization.verify()
    assert fates(organization) == {"duplicates": 100, "conflicts": 0}


def test_what_clickhouse_lacks_too_is_read_from_the_topic(writer, organization, ch):
    events = organization.events(100)
    assert organization.send(events) == 201
    organization.at_rest()
    writer.kill("writer")
    for path in segments(writer):
        path.unlink()
    ch.command("CREATE TABLE taken_away AS events_raw")
    mine = f"organization_id = '{organization.id}'"
    ch.command(f"INSERT INTO taken_away SELECT * FROM events_raw WHERE {mine}")
    ch.command(f"ALTER TABLE events_raw DELETE WHERE {mine} SETTINGS mutations_sync = 1")
    writer.mark_logs()
    writer.start("writer")
    found = recalled(writer)
    assert found["from_topic"] >= 100 and found["lost"] == 0
    ch.command("INSERT INTO events_raw SELECT * FROM taken_away")
    ch.command("DROP TABLE taken_away")
    assert organization.send(events[:50]) == 201
    organization.verify()
    assert fates(organization) == {"duplicates": 50, "conflicts": 0}


def test_a_batch_that_is_gone_everywhere_is_told_and_holds_nothing_up(writer, organization, pg, ch):
    assert organization.send(organization.events(30)) == 201
    organization.at_rest()
    writer.kill("writer")
    for path in segments(writer):
        path.unlink()
    mine = f"organization_id = '{organization.id}'"
    batches = [seq for seq, in pg.execute("SELECT batch_seq FROM batch ORDER BY batch_seq DESC LIMIT 1")]
    unreadable = "UPDATE batch SET intent = jsonb_set(intent, '{version}', %s) WHERE batch_seq = ANY(%s)"
    (version,) = pg.execute("SELECT intent -> 'version' FROM batch ORDER BY batch_seq DESC LIMIT 1").fetchone()
    ch.command("CREATE TABLE taken_away AS events_raw")
    ch.command(f"INSERT INTO taken_away SELECT * FROM events_raw WHERE {mine}")
    ch.command(f"ALTER TABLE events_raw DELETE WHERE {mine} SETTINGS mutations_sync = 1")
    pg.execute(unreadable, ["0", batches])
    writer.mark_logs()
    writer.start("writer")
    assert recalled(writer)["lost"] > 0
    assert "event=seen_lost" in writer.log_tail("writer", 1000)
    assert metric(writer, "bxb_writer_seen_lost_records_total") == recalled(writer)["lost"]
    pg.execute(unreadable, [str(version), batches])
    ch.command("INSERT INTO events_raw SELECT * FROM taken_away")
    ch.command("DROP TABLE taken_away")
    organization.verify()


@pytest.fixture
def bare(stack):
    """An installation without segments, which has stored a batch."""
    with Case(stack, dedup_directory="") as case:
        case.begin()
        yield case


def test_without_anything_it_stops_rather_than_starting_empty(bare):
    """Neither ClickHouse nor the topic has what was stored: a repetition would be counted again."""
    table, before = bare.settings.clickhouse_table, bare.state()
    bare.clickhouse_says(f"CREATE TABLE {table}_kept AS {table}")
    bare.clickhouse_says(f"INSERT INTO {table}_kept SELECT * FROM {table}")
    bare.clickhouse_says(f"ALTER TABLE {table} DELETE WHERE 1 SETTINGS mutations_sync = 1")
    Log(bare).delete_records()
    with bare.running() as writer:
        bare.await_stop(writer, "seen_unknown")
        assert f"{BATCH_ROWS} records were stored lately" in writer.readiness()[1]
        assert "dedup.start_without" in writer.log()
    assert bare.state()[:3] == before[:3]
    with bare.running(dedup_start_without="true") as writer:
        writer.wait_ready()
        assert writer.metric("bxb_writer_seen_lost_records_total") == BATCH_ROWS
        assert "event=seen_lost" in writer.log()
    bare.clickhouse_says(f"INSERT INTO {table} SELECT * FROM {table}_kept")
    bare.clickhouse_says(f"DROP TABLE {table}_kept")
    (organization,) = bare.organizations
    with bare.running() as writer:
        writer.wait_ready()
        assert f"from_clickhouse={BATCH_ROWS}" in writer.log()
        organization.send_until_taken()
        bare.at_rest()
    assert bare.rows() == BATCH_ROWS + 1


def test_a_ledger_that_lost_its_last_batch_is_noticed(bare):
    """Otherwise it would say that nothing was ever stored, and nothing would be looked up."""
    with bare.connection() as connection:
        connection.execute("CREATE TABLE kept AS SELECT * FROM batch")
        connection.execute("DELETE FROM batch")
        with bare.running() as writer:
            bare.await_stop(writer, "seen_unknown")
            assert "is not in the ledger" in writer.readiness()[1]
        connection.execute("INSERT INTO batch SELECT * FROM kept")
    bare.send()
    bare.recover()


@pytest.mark.parametrize("later", [False, True], ids=["in one batch", "later"])
def test_another_content_under_a_known_id_is_a_dead_letter(stack, organization, pg, later):
    event = organization.event(value="12.50")
    changes = (
        {"timestamp": format_timestamp(now_ms() - 2000)},
        {"timestamp": format_timestamp(now_ms() - 33 * DAY_MS)},  # another month, another partition
        {"value": "12.51"},
        {"value": None},
        {"code": "another"},
        {"external_customer_id": "another"},
        {"external_subscription_id": "another"},
        {"properties": {"number": 1}},
    )
    equal = ({"value": "12.5"}, {"value": 12.500}, {})
    repeated = [
        {name: member for name, member in (event | change).items() if member is not None}
        for change in (*changes, *equal)
    ]
    if later:
        assert organization.post([event]).status_code == 201
        organization.at_rest()
        assert organization.post(repeated).status_code == 201
    else:
        assert organization.post([event, *repeated]).status_code == 201
    organization.verify()
    assert fates(organization) == {"duplicates": len(equal), "conflicts": len(changes)}
    stored = "SELECT sum(events), sum(value_sum) FROM usage_hourly WHERE organization_id = %s"
    assert [str(sum) for sum in pg.execute(stored, [organization.id]).fetchone()] == ["1", "12.500000000000000000"]


def test_an_event_without_a_time_of_its_own_is_the_same_later(stack, organization):
    event = organization.event(timestamp=None)
    for _ in range(3):
        assert organization.http.post("/api/v1/events", json={"event": event}).status_code == 200
        organization.at_rest()
        time.sleep(0.01)  # so that the times of receipt differ
    organization.verify()
    assert fates(organization) == {"duplicates": 2, "conflicts": 0}


def test_beyond_the_window_events_are_looked_up(writer, organization):
    tiny = {"dedup_window": "1s", **FAST}
    events = organization.events(60, older=0.5)
    assert organization.send(events) == 201
    organization.at_rest()
    sent = time.monotonic()
    wait_until(lambda: time.monotonic() > sent + 2, 10, "the window is over")
    writer.mark_logs()
    writer.restart("writer", **tiny)
    assert recalled(writer)["ids"] == 0
    assert organization.send(events) == 201
    organization.verify()
    assert metric(writer, "bxb_writer_look_ups_total") >= len(events)
    assert fates(organization) == {"duplicates": len(events), "conflicts": 0}


def test_beyond_the_window_a_transactional_event_is_known_by_its_id_alone(writer, organization, pg):
    create = ("metric", "create", "--org", organization.name, "--code", "credits", "--transactional")
    writer.bxb(*create)

    def is_marked() -> bool:
        assert organization.send([organization.event(code="credits")]) == 201
        organization.at_rest()
        marked = "SELECT count(*) FROM transaction_record WHERE organization_id = %s"
        return pg.execute(marked, [organization.id]).fetchone()[0] > 0

    wait_until(is_marked, 20, "the server knows the metric")
    event = organization.event(code="credits")
    assert organization.send([event]) == 201
    organization.at_rest()
    sent = time.monotonic()
    wait_until(lambda: time.monotonic() > sent + 2, 10, "the window is over")
    writer.restart("writer", dedup_window="1s", **FAST)
    late = event | {"timestamp": format_timestamp(now_ms() - DAY_MS)}
    assert organization.post([event]).status_code == organization.post([late]).status_code == 201
    organization.at_rest()
    assert fates(organization) == {"duplicates": 1, "conflicts": 1}


def test_a_writer_without_a_place_for_segments_works(writer, organization):
    writer.restart("writer", dedup_directory="/proc/none", **FAST)
    events = organization.events(50)
    assert organization.send(events) == 201
    organization.at_rest()
    writer.kill("writer")
    writer.mark_logs()
    writer.start("writer", dedup_directory="/proc/none", **FAST)
    assert recalled(writer)["from_segments"] == 0
    assert organization.send(events) == 201
    organization.verify()
    assert fates(organization)["duplicates"] == 50


def repeat_while_everything_dies(writer, organization, events: int, kills: int) -> None:
    """A third is sent again, in other batches and another order, while writer and stores are killed."""
    dice = random.Random(events)
    everything = organization.events(events)
    again = dice.sample(everything, events // 3)
    mixed = everything + again
    dice.shuffle(mixed)
    writer.restart("writer", **FAST)
    batches = batches_of(mixed, lambda: dice.choice((1, 50, 200, 400)))
    for number, batch in enumerate(list(batches)):
        assert organization.send(batch) == 201
        if number % max(1, len(mixed) // 160 // kills) == 0 and kills > 0:
            kills -= 1
            name = dice.choice(("writer", "writer", "clickhouse", "postgres"))
            writer.kill(name)
            writer.start(name, **(FAST if name == "writer" else {}))
    organization.verify(patience_s=180)
    assert fates(organization) == {"duplicates": len(again), "conflicts": 0}


def test_a_third_sent_again_while_everything_is_killed(writer, organization):
    repeat_while_everything_dies(writer, organization, events=6_000, kills=5)


@pytest.mark.long
def test_80000_events_and_a_third_again_while_everything_is_killed(writer, organization):
    repeat_while_everything_dies(writer, organization, events=80_000, kills=40)
