"""Every record ends in one fate, and a batch that is built again has the fates that were pinned.

What is no event is put into the topic past the server, as another producer might.

SPDX-License-Identifier: Apache-2.0
"""

import json

import httpx
import pytest

from flow.stack import wait_until
from verifier.sources import intent_fates

NO_EVENTS = (
    b"",
    b"{]",
    b"\xff\xfe\x00",
    b'{"organization_id":"x"}',
    b"[]",
)


@pytest.fixture
def batched_writer(stack):
    """A writer that gathers for a while, so that what is sent at one time is one batch."""
    stack.restart("writer", writer_batch_wait="300ms", writer_lease="1s")
    yield stack
    for name in ("clickhouse", "writer"):
        if stack.pid(name):
            stack.stop(name)
        stack.start(name)


def dead_letters(pg, organization):
    rows = "SELECT log_offset, reason, detail, key, value, state FROM dead_letter WHERE organization_id = %s"
    return {offset: rest for offset, *rest in pg.execute(rows + " ORDER BY log_offset", [organization.id])}


def as_record(organization, event) -> bytes:
    """What the server makes of the event."""
    record = {"organization_id": organization.id, **event, "ingested_at": event["timestamp"]}
    record["properties"] = record.pop("properties")  # the last one
    return json.dumps(record, separators=(",", ":")).encode()


def records_by_fate(stack) -> dict[str, int]:
    text = httpx.get(stack.env["BXB_WRITER_ADMIN_URL"] + "/metrics", trust_env=False).text
    name = "bxb_writer_records_total{fate="
    lines = [line.removeprefix(name) for line in text.splitlines() if line.startswith(name)]
    return {fate.strip('"}'): int(count) for fate, count in (line.split(" ") for line in lines)}


def test_what_is_no_event_becomes_a_dead_letter_and_holds_nothing_up(stack, organization, kafka, pg):
    organization.at_rest()  # what tests before left is counted
    before = records_by_fate(stack)
    assert organization.send(organization.events(50)) == 201
    offsets = kafka.produce(organization.id, *NO_EVENTS)
    assert organization.send(organization.events(50)) == 201
    organization.verify()
    letters = dead_letters(pg, organization)
    assert list(letters) == offsets
    for offset, value in zip(offsets, NO_EVENTS):
        reason, detail, key, kept, state = letters[offset]
        assert (reason, bytes(key), bytes(kept), state) == ("record_invalid", organization.id.encode(), value, "open")
        assert detail
    after = records_by_fate(stack)
    assert after["dead_letter"] == before["dead_letter"] + len(NO_EVENTS)
    assert after["stored"] == before["stored"] + 100


def test_an_event_whose_organization_is_none_is_kept_without_one(stack, organization, kafka, pg):
    (offset,) = kafka.produce("nobody", b"{}")
    organization.verify()
    letter = "SELECT organization_id FROM dead_letter WHERE log_offset = %s AND convert_from(key, 'UTF8') = 'nobody'"
    assert pg.execute(letter, [offset]).fetchall() == [(None,)]


def test_a_batch_of_nothing_but_dead_letters_needs_no_clickhouse(batched_writer, organization, kafka, pg):
    organization.at_rest()
    batched_writer.stop("clickhouse")
    offsets = kafka.produce(organization.id, *NO_EVENTS * 4)
    wait_until(lambda: len(dead_letters(pg, organization)) == len(offsets), 30, "the batch is completed")
    batches = "SELECT records, stored, dead_letters, intent -> 'blocks' FROM batch ORDER BY completed_at DESC LIMIT 1"
    records, stored, dead, blocks = pg.execute(batches).fetchone()
    assert (stored, blocks) == (0, []) and records == dead > 0
    batched_writer.start("clickhouse")
    assert organization.send(organization.events(3)) == 201
    organization.verify()


def readiness(stack) -> str:
    try:
        return httpx.get(stack.env["BXB_WRITER_ADMIN_URL"] + "/readyz", trust_env=False).text
    except httpx.TransportError:
        return ""


def test_the_breaker_stops_before_the_topic_becomes_dead_letters(batched_writer, organization, kafka, pg):
    batched_writer.restart("writer", writer_dead_count="15", writer_dead_share="20", writer_dead_window="1s")
    kafka.produce(organization.id, *NO_EVENTS)  # few: they pass
    wait_until(lambda: len(dead_letters(pg, organization)) == len(NO_EVENTS), 30, "the letters are kept")
    assert organization.send(organization.events(20)) == 201
    bad = kafka.produce(organization.id, *NO_EVENTS * 4)
    wait_until(lambda: "dead_letters" in readiness(batched_writer), 30, "the lane stops")
    assert "would be dead letters" in readiness(batched_writer)
    assert httpx.get(batched_writer.env["BXB_WRITER_ADMIN_URL"] + "/livez", trust_env=False).status_code == 200
    assert batched_writer.bxb("status", check=False).returncode == 1
    assert len(dead_letters(pg, organization)) == len(NO_EVENTS), "nothing of the batch has happened"
    (done,) = pg.execute(
        "SELECT hwm FROM lane_partition WHERE partition = %s", [kafka.messages(organization.id)[0].partition()]
    ).fetchone()
    assert done < bad[0]
    batched_writer.kill("writer")
    batched_writer.start("writer", writer_dead_share="100")
    organization.verify()
    assert len(dead_letters(pg, organization)) == 5 * len(NO_EVENTS)


@pytest.fixture
def announced(batched_writer, organization, kafka, pg):
    """A batch that was announced but could not be sent, and whose writer is dead; and its intent."""
    organization.at_rest()
    batched_writer.stop("clickhouse")
    events = [organization.event() for _ in range(5)]
    kafka.produce(organization.id, *NO_EVENTS, *(as_record(organization, event) for event in events))
    organization.record(events, acknowledged=True)
    pending = "SELECT intent FROM lane WHERE intent IS NOT NULL"
    wait_until(lambda: pg.execute(pending).fetchone(), 30, "the batch is announced")
    batched_writer.kill("writer")
    (intent,) = pg.execute(pending).fetchone()
    return intent


def go_on(stack):
    stack.start("clickhouse")
    stack.start("writer", writer_lease="1s")


def rewrite(pg, intent) -> None:
    pg.execute("UPDATE lane SET intent = %s", [json.dumps(intent)])


def test_a_batch_is_built_again_with_its_dead_letters(batched_writer, announced, organization, pg):
    assert {fate.what for fate in intent_fates(announced)} == {"record_invalid"}
    go_on(batched_writer)
    organization.verify()
    assert len(dead_letters(pg, organization)) == len(NO_EVENTS)


def test_the_pinned_fates_count_whatever_else_could_be_said(batched_writer, announced, organization, kafka, pg):
    """The last event is pinned as a dead letter by a writer that could not store it: ours could."""
    last = kafka.messages(organization.id)[-1]
    (span,) = announced["ranges"]
    assert (span["partition"], span["to"]) == (last.partition(), last.offset())
    pinned = [fate.offset for fate in intent_fates(announced)]
    announced["fates"][0]["runs"] += f";{last.offset() - max(pinned) - 1},1,value_unstorable"
    announced["blocks"][-1]["rows"] -= 1
    rewrite(pg, announced)
    go_on(batched_writer)
    organization.verify()
    reason, detail, _, value, _ = dead_letters(pg, organization)[last.offset()]
    assert (reason, detail, bytes(value)) == ("value_unstorable", "", last.value())


def test_a_record_pinned_as_stored_that_cannot_be_stored_stops_the_lane(batched_writer, announced, organization, pg):
    as_it_was = json.dumps(announced)
    announced["blocks"][-1]["rows"] += len(list(intent_fates(announced)))
    announced["fates"] = []
    rewrite(pg, announced)
    batched_writer.start("clickhouse")
    batched_writer.begin_start("writer", writer_lease="1s")
    wait_until(lambda: "was to be stored, and cannot be any more" in readiness(batched_writer), 30, "the lane stops")
    assert not dead_letters(pg, organization)
    batched_writer.kill("writer")
    rewrite(pg, json.loads(as_it_was))
    batched_writer.start("writer", writer_lease="1s")
    organization.verify()
