"""The verifier finds a lost, a doubled and an altered event, wherever it happened.

Each test takes a world in which all is well, breaks one thing and expects that the check for it, by
name, says so; fed from memory, without Kafka or a store.

SPDX-License-Identifier: Apache-2.0
"""

import decimal
import hashlib
import json

import pytest

from verifier import checks, verify
from verifier.model import (
    DUPLICATE,
    Batch,
    DeadLetter,
    Fate,
    Observed,
    Range,
    Record,
    Row,
    Sent,
    TransactionRecord,
    Unreadable,
    Usage,
    format_timestamp,
    parse_timestamp,
    read_manifest,
    usage_of,
    write_manifest,
)
from verifier.murmur2 import partition_of
from verifier.sources import decode_record, intent_fates, intent_ranges

PARTITIONS = 12
ORGANIZATIONS = ["0190d6a0-0000-7000-8000-000000000001", "0190d6a0-0000-7000-8000-000000000002"]
START_MS = parse_timestamp("2026-11-23T08:00:00.123Z")


def sent_events(count=60):
    for number in range(count):
        yield Sent(
            ORGANIZATIONS[number % 2],
            f"event-{number}",
            f"customer-{number % 3}",
            "api_calls" if number % 5 else "storage",
            START_MS + number * 240_000,
            decimal.Decimal(number) / 8 if number % 7 else None,
        )


def row_of(record, incarnation=0):
    offset = (incarnation << 48) + record.offset
    return Row(
        record.partition,
        offset,
        2**64 - 1 - offset,
        record.organization_id,
        record.transaction_id,
        record.external_customer_id,
        record.code,
        record.timestamp_ms,
        record.value,
        None if record.value is None else float(record.value),
        record.properties,
    )


def world(sent, incarnation=0):
    """What the three systems hold when everything went well; two batches did it."""
    observed = Observed(partitions=PARTITIONS, incarnation=incarnation)
    observed.log_start = dict.fromkeys(range(PARTITIONS), 0)
    observed.log_end = dict.fromkeys(range(PARTITIONS), 0)
    for event in sent:
        key = event.organization_id.encode()
        partition = partition_of(key, PARTITIONS)
        raw = repr(event).encode()  # any bytes that tell events apart
        offset, marked = observed.log_end[partition], event.transaction_id.endswith("5")
        record = Record(
            partition, offset, key, *event[:6], '{"region":"eu"}', raw, "subscription", START_MS, marked
        )
        observed.records.append(record)
        observed.log_end[partition] += 1
    store(observed)
    return observed


def store(observed, fates=()):
    """What a correct writer makes of the records, given what becomes of those that are not stored."""
    places = {(fate.partition, fate.offset) for fate in fates}
    stored = [record for record in observed.records if (record.partition, record.offset) not in places]
    observed.rows = [row_of(record, observed.incarnation) for record in stored]
    recount(observed)
    observed.postgres_usage = usage_of(stored)
    observed.transactions = [transaction_of(record, observed.incarnation) for record in stored if record.transactional]
    observed.hwm = {partition: end - 1 for partition, end in observed.log_end.items()}
    observed.lanes = {partition: ["0"] for partition in observed.log_end}
    held = [*observed.records, *observed.unreadable]
    last = {record.partition: record for record in sorted(held, key=lambda record: record.offset)}
    observed.anchors = {partition: hashlib.sha256(record.raw).hexdigest() for partition, record in last.items()}
    observed.batches = []
    for batch_seq, (low, high) in enumerate([(0, 0.5), (0.5, 1)], 1):
        ranges = tuple(
            range_of(observed, partition, int(end * low), int(end * high) - 1)
            for partition, end in observed.log_end.items()
            if end
        )
        observed.batches.append(batch_of(batch_seq, ranges, fates, observed.incarnation))
    raw = {(record.partition, record.offset): record for record in held}
    for fate in fates:
        if fate.what != DUPLICATE:
            record = raw[fate.partition, fate.offset]
            letter = (observed.incarnation, fate.partition, fate.offset, fate.what, None, record.key, record.raw)
            observed.dead_letters.append(DeadLetter(*letter))


def transaction_of(record, incarnation=0):
    place = (incarnation, record.partition, record.offset)
    return TransactionRecord(*place, *record[3:10], record.external_subscription_id, record.ingested_ms)


def batch_of(batch_seq, ranges, fates, incarnation=0):
    spans = {part.partition: part for part in ranges}
    own = tuple(
        fate
        for fate in fates
        if fate.partition in spans and spans[fate.partition].first <= fate.offset <= spans[fate.partition].last
    )
    records = sum(part.records for part in ranges)
    duplicates = sum(fate.what == DUPLICATE for fate in own)
    dead = len(own) - duplicates
    return Batch("0", batch_seq, records, records - len(own), ranges, duplicates, dead, own, incarnation=incarnation)


def range_of(observed, partition, first, last):
    held = [
        record
        for record in (*observed.records, *observed.unreadable)
        if record.partition == partition and first <= record.offset <= last
    ]
    held.sort(key=lambda record: record.offset)
    return Range(partition, first, last, len(held), checks.range_digest(held))


def recount(observed):
    """What ClickHouse answers about its rows."""
    observed.rows_counted = len(observed.rows)
    observed.rows_distinct = len({(row.partition, row.offset) for row in observed.rows})
    observed.clickhouse_usage = usage_of(observed.rows)


@pytest.fixture
def sent():
    return list(sent_events())


@pytest.fixture
def observed(sent):
    return world(sent)


def broken(sent, observed):
    """The names of the checks that do not hold, with what they say."""
    return {result.name: result.differences for result in verify(sent, observed) if result.differences}


def name(check):
    return check.__doc__


def test_all_is_well_when_all_is_well(sent, observed):
    results = verify(sent, observed)
    assert broken(sent, observed) == {}
    nothing_to_compare = {name(checks.every_record_has_a_fate), name(checks.dead_letters_are_kept)}
    assert {result.name for result in results if not result.compared} == nothing_to_compare


@pytest.fixture
def mixed(sent):
    """A world in which the last record but one repeats the first, and the last one is no event."""
    observed = world(sent + [sent[0]])
    sent[0] = sent[0]._replace(sends=2)
    again = observed.records[-1]
    garbage = Unreadable(again.partition, again.offset + 1, again.key, b"{]", "a bracket")
    observed.unreadable = [garbage]
    observed.log_end[again.partition] += 1
    fates = [
        Fate(again.partition, again.offset, DUPLICATE, observed.records[0].offset),
        Fate(garbage.partition, garbage.offset, "record_invalid"),
    ]
    store(observed, fates)
    return observed


def change_batch(observed, index=1, **changes):
    observed.batches[index] = observed.batches[index]._replace(**changes)


def test_all_is_well_with_a_duplicate_and_a_dead_letter(sent, mixed):
    assert broken(sent, mixed) == {}
    assert sum(batch.stored for batch in mixed.batches) == 60
    assert mixed.batches[1].duplicates == mixed.batches[1].dead_letters == 1


def test_all_is_well_in_a_later_incarnation_of_the_topic(sent):
    assert broken(sent, world(sent, incarnation=3)) == {}


@pytest.fixture
def renewed(sent):
    """The first half was stored of a topic that is gone, the rest of the one that was made anew; there the first event
    came again."""
    old, observed = world(sent[:30]), world([*sent[30:], sent[0]], incarnation=1)
    sent[0] = sent[0]._replace(sends=2)
    again = observed.records[-1]
    store(observed, [Fate(again.partition, again.offset, DUPLICATE, old.records[0].offset)])
    observed.rows = old.rows + observed.rows
    recount(observed)
    observed.postgres_usage = usage_of(observed.rows)
    observed.transactions = old.transactions + observed.transactions
    later = [batch._replace(batch_seq=batch.batch_seq + len(old.batches)) for batch in observed.batches]
    observed.batches = old.batches + later
    return observed


def test_all_is_well_after_the_topic_was_made_anew(sent, renewed):
    assert broken(sent, renewed) == {}
    assert sum(batch.stored for batch in renewed.batches) == 60


def test_an_event_that_went_with_the_old_topic_is_lost(sent, renewed):
    lost = renewed.rows.pop(3)
    recount(renewed)
    found = broken(sent, renewed)
    assert lost.transaction_id in found[name(checks.acknowledged_is_in_kafka)][0]
    assert name(checks.sums_are_equal) in found  # PostgreSQL has counted it


def test_an_event_that_is_stored_of_both_topics_is_doubled(sent, renewed):
    again = renewed.records[-1]
    renewed.batches = [batch._replace(fates=()) for batch in renewed.batches]
    renewed.rows.append(row_of(again, incarnation=1))
    recount(renewed)
    assert name(checks.sums_are_equal) in broken(sent, renewed)


def test_a_duplicate_of_what_no_topic_had_is_found(sent, renewed):
    renewed.rows = [row for row in renewed.rows if row.transaction_id != sent[0].transaction_id]
    recount(renewed)
    found = broken(sent, renewed)[name(checks.every_record_has_a_fate)]
    assert "no record before it is stored" in found[0]


def test_what_was_announced_and_given_up_is_counted_as_lost(sent, renewed):
    batch = renewed.batches[1]
    change_batch(renewed, records=batch.records + 2, ranges=(batch.ranges[0]._replace(records=batch.ranges[0].records + 2), *batch.ranges[1:]))
    assert list(broken(sent, renewed)) == [name(checks.ledger_counts_its_fates)]
    change_batch(renewed, lost=2)
    assert broken(sent, renewed) == {}


def test_all_is_well_when_an_unacknowledged_event_did_or_did_not_arrive(sent, observed):
    arrived = Sent(*sent[0][:6], acknowledged=False)
    never = Sent(*sent[0][:1], "never-arrived", *sent[0][2:6], acknowledged=False)
    assert broken([arrived, *sent[1:], never], observed) == {}


def test_all_is_well_when_an_event_that_was_sent_twice_is_there_twice(sent):
    observed = world(sent + [sent[4]])
    sent[4] = sent[4]._replace(sends=2)
    assert broken(sent, observed) == {}


# Between the sender and Kafka.


def test_an_acknowledged_event_that_is_not_in_kafka_is_lost(sent):
    observed = world(sent[:-1])
    (difference,) = broken(sent, observed)[name(checks.acknowledged_is_in_kafka)]
    assert "event-59" in difference and "not in Kafka" in difference


@pytest.mark.parametrize(
    "change",
    [
        {"value": decimal.Decimal("0.12500000000000001")},
        {"value": None},
        {"code": "api_call"},
        {"external_customer_id": "customer-9"},
        {"timestamp_ms": START_MS + 240_001},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_event_that_kafka_holds_otherwise_than_it_was_sent_is_altered(sent, change):
    observed = world([sent[0], sent[1]._replace(**change), *sent[2:]])
    differences = broken(sent, observed)[name(checks.acknowledged_is_in_kafka)]
    assert len(differences) == 1 and "event-1 " in differences[0] and next(iter(change)) in differences[0]


def test_an_event_that_is_in_kafka_twice_and_was_sent_once_is_doubled(sent):
    observed = world(sent + [sent[7]])
    (difference,) = broken(sent, observed)[name(checks.kafka_holds_only_what_was_sent)]
    assert "event-7 " in difference and "2x" in difference


def test_an_event_in_kafka_that_nobody_sent_is_named(sent):
    observed = world(sent)
    differences = broken(sent[:-1], observed)
    assert "never sent" in differences[name(checks.kafka_holds_only_what_was_sent)][0]


def test_another_organization_is_none_of_the_manifests_business(sent, observed):
    assert broken([event for event in sent if event.organization_id == ORGANIZATIONS[0]], observed) == {}


def test_a_record_under_another_key_is_named(sent, observed):
    observed.records[3] = observed.records[3]._replace(key=ORGANIZATIONS[0].encode())
    assert name(checks.records_are_keyed_by_organization) in broken(sent, observed)


def test_records_in_a_partition_that_their_key_does_not_give_are_named(sent, observed):
    observed.partitions = PARTITIONS + 1
    assert name(checks.records_are_keyed_by_organization) in broken(sent, observed)


# Between Kafka and the stores.


def test_a_record_that_is_not_in_clickhouse_is_lost(sent, observed):
    lost = observed.rows.pop(17)
    recount(observed)
    differences = broken(sent, observed)
    (difference,) = differences[name(checks.kafka_equals_clickhouse)]
    assert lost.transaction_id in difference and "not in ClickHouse" in difference
    assert name(checks.sums_are_equal) in differences


def test_a_row_that_is_in_clickhouse_twice_is_doubled(sent, observed):
    observed.rows.append(observed.rows[17])
    recount(observed)
    differences = broken(sent, observed)
    assert "2x" in differences[name(checks.kafka_equals_clickhouse)][0]
    assert name(checks.clickhouse_has_each_offset_once) in differences
    assert name(checks.sums_are_equal) in differences


def test_one_row_lost_and_another_doubled_do_not_make_up_for_each_other(sent, observed):
    observed.rows[16] = observed.rows[14]
    recount(observed)
    differences = broken(sent, observed)
    assert len(differences[name(checks.kafka_equals_clickhouse)]) == 2
    assert name(checks.clickhouse_has_each_offset_once) in differences


@pytest.mark.parametrize(
    "change",
    [
        {"value": decimal.Decimal("2.1250000000000001")},
        {"approximate": 2.25},
        {"transaction_id": "event-71"},
        {"external_customer_id": "customer-9"},
        {"timestamp_ms": START_MS},
        {"version": 1},
        {"properties": "{}"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_row_that_differs_from_its_record_is_altered(sent, observed, change):
    observed.rows[17] = observed.rows[17]._replace(**change)
    recount(observed)
    assert name(checks.kafka_equals_clickhouse) in broken(sent, observed)


def test_a_row_that_kafka_does_not_have_is_named(sent, observed):
    stray = observed.rows[0]._replace(offset=1000, version=2**64 - 1001)
    observed.rows.append(stray)
    recount(observed)
    assert "no such record" in broken(sent, observed)[name(checks.kafka_equals_clickhouse)][0]


def test_rows_of_another_incarnation_are_not_those_of_this_one(sent, observed):
    observed.incarnation = 1
    assert name(checks.kafka_equals_clickhouse) in broken(sent, observed)


def test_rows_older_than_what_kafka_still_has_are_no_strays(sent, observed):
    partition = observed.records[0].partition
    observed.log_start[partition] = 1
    del observed.records[0]
    assert name(checks.kafka_equals_clickhouse) not in broken([], observed)


def test_an_event_that_postgresql_counted_twice_is_found_by_its_hour(sent, observed):
    key, usage = next(iter(observed.postgres_usage.items()))
    observed.postgres_usage[key] = Usage(usage.events + 1, usage.value_sum)
    differences = broken(sent, observed)
    assert list(differences) == [name(checks.sums_are_equal)]
    assert key.external_customer_id in differences[name(checks.sums_are_equal)][0]


def test_a_sum_that_is_off_in_the_eighteenth_digit_is_found(sent, observed):
    key, usage = next(iter(observed.postgres_usage.items()))
    off = usage.value_sum + decimal.Decimal("1e-18")
    observed.postgres_usage[key] = Usage(usage.events, off)
    assert name(checks.sums_are_equal) in broken(sent, observed)


def test_an_hour_that_postgresql_does_not_have_is_found(sent, observed):
    observed.postgres_usage.popitem()
    assert name(checks.sums_are_equal) in broken(sent, observed)


def test_a_sum_that_clickhouse_itself_adds_wrongly_is_found(sent, observed):
    key, usage = observed.clickhouse_usage.popitem()
    observed.clickhouse_usage[key] = Usage(usage.events, usage.value_sum + 1)
    assert name(checks.sums_are_equal) in broken(sent, observed)


# Fates.


def test_a_duplicate_that_is_stored_after_all_is_found(sent, mixed):
    mixed.rows.append(row_of(mixed.records[-1]))
    recount(mixed)
    differences = broken(sent, mixed)
    assert "whose fate is duplicate" in differences[name(checks.kafka_equals_clickhouse)][0]
    assert name(checks.sums_are_equal) in differences


def test_a_duplicate_that_was_counted_is_found(sent, mixed):
    mixed.postgres_usage = usage_of(mixed.records)
    assert list(broken(sent, mixed)) == [name(checks.sums_are_equal)]


def test_a_stored_record_that_is_called_a_duplicate_is_a_lost_event(sent, mixed):
    record = mixed.records[3]
    store(mixed, [*mixed.batches[0].fates, *mixed.batches[1].fates, Fate(record.partition, record.offset, DUPLICATE)])
    mixed.dead_letters = mixed.dead_letters[:1]
    (difference,) = broken(sent, mixed)[name(checks.every_record_has_a_fate)]
    assert "no record before it is stored" in difference


def test_a_duplicate_of_what_comes_after_it_is_found(sent, mixed):
    fates = mixed.batches[1].fates
    first = mixed.records[0]
    store(mixed, [Fate(first.partition, first.offset, DUPLICATE), fates[1]])
    mixed.dead_letters = mixed.dead_letters[:1]
    assert "no record before it" in broken(sent, mixed)[name(checks.every_record_has_a_fate)][0]


def test_a_duplicate_of_another_event_is_found(sent, mixed):
    duplicate, dead = mixed.batches[1].fates
    change_batch(mixed, fates=(duplicate._replace(first=duplicate.first + 1), dead))
    assert "another event's" in broken(sent, mixed)[name(checks.every_record_has_a_fate)][0]


def test_a_record_that_is_no_event_needs_to_be_a_dead_letter(sent, mixed):
    duplicate, dead = mixed.batches[1].fates
    change_batch(mixed, fates=(duplicate,), dead_letters=0, stored=30)
    differences = broken(sent, mixed)
    assert "no dead letter" in differences[name(checks.every_record_has_a_fate)][0]
    assert "no dead letter of the ledger" in differences[name(checks.dead_letters_are_kept)][0]


def test_a_dead_letter_that_was_not_kept_is_found(sent, mixed):
    mixed.dead_letters = []
    (difference,) = broken(sent, mixed)[name(checks.dead_letters_are_kept)]
    assert "not in dead_letter" in difference


@pytest.mark.parametrize("change", [{"value": b"{}"}, {"key": b""}, {"reason": "value_unstorable"}], ids=str)
def test_a_dead_letter_that_was_altered_is_found(sent, mixed, change):
    mixed.dead_letters = [mixed.dead_letters[0]._replace(**change)]
    assert list(broken(sent, mixed)) == [name(checks.dead_letters_are_kept)]


def test_a_dead_letter_of_another_incarnation_is_another_record(sent, mixed):
    mixed.dead_letters.append(mixed.dead_letters[0]._replace(incarnation=7, offset=0))
    assert broken(sent, mixed) == {}


@pytest.mark.parametrize("change", [{"stored": 31}, {"duplicates": 0}, {"dead_letters": 2}], ids=str)
def test_a_batch_that_counts_other_fates_than_it_pinned_is_found(sent, mixed, change):
    change_batch(mixed, **change)
    assert list(broken(sent, mixed)) == [name(checks.ledger_counts_its_fates)]


def test_a_fate_outside_of_its_batch_is_found(sent, mixed):
    fates = mixed.batches[1].fates
    change_batch(mixed, fates=())
    change_batch(mixed, 0, fates=fates)
    assert "none of its records" in broken(sent, mixed)[name(checks.ledger_counts_its_fates)][1]


# Transaction records.


def test_a_transaction_that_is_not_recorded_is_found(sent, observed):
    lost = observed.transactions.pop()
    (difference,) = broken(sent, observed)[name(checks.transactions_are_recorded)]
    assert lost.transaction_id in difference and "is not in transaction_record" in difference


def test_a_transaction_of_an_event_that_is_none_is_found(sent, observed):
    plain = next(record for record in observed.records if not record.transactional)
    observed.transactions.append(transaction_of(plain))
    assert "does not belong" in broken(sent, observed)[name(checks.transactions_are_recorded)][0]


@pytest.mark.parametrize(
    "change",
    [
        {"value": decimal.Decimal("1e-18")},
        {"timestamp_ms": START_MS - 1},
        {"properties": "{}"},
        {"external_subscription_id": None},
        {"ingested_ms": 0},
        {"offset": 10**6},
        {"code": "x"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_transaction_that_was_altered_is_found(sent, observed, change):
    observed.transactions[2] = observed.transactions[2]._replace(**change)
    (difference,) = broken(sent, observed)[name(checks.transactions_are_recorded)]
    assert next(iter(change)) in difference


def test_each_batch_has_its_own_mode(sent, observed):
    change_batch(observed, 0, records_mode="none")
    change_batch(observed, 1, records_mode="all")
    second = {part.partition: part.first for part in observed.batches[1].ranges}
    observed.transactions = [
        transaction_of(record) for record in observed.records if record.offset >= second[record.partition]
    ]
    assert broken(sent, observed) == {}


# The ledger.


def test_a_gap_between_two_batches_is_found(sent, observed):
    first, second = observed.batches
    part = second.ranges[0]
    shorter = part._replace(first=part.first + 1, records=part.records - 1)
    observed.batches[1] = second._replace(records=second.records - 1, ranges=(shorter, *second.ranges[1:]))
    assert "leaves out" in broken(sent, observed)[name(checks.ledger_is_contiguous)][0]


def test_offsets_that_kafka_never_used_are_no_gap(sent, observed):
    partition = observed.batches[1].ranges[0].partition
    for things in (observed.records, observed.transactions):
        for at, thing in enumerate(things):
            if thing.partition == partition and thing.offset >= observed.batches[1].ranges[0].first:
                things[at] = thing._replace(offset=thing.offset + 2)
    observed.rows = [row_of(record) for record in observed.records]
    observed.log_end[partition] += 2
    observed.hwm[partition] += 2
    first, *rest = observed.batches[1].ranges
    moved = range_of(observed, partition, first.first + 2, first.last + 2)
    observed.batches[1] = observed.batches[1]._replace(ranges=(moved, *rest))
    assert broken(sent, observed) == {}


def test_overlapping_ranges_are_found(sent, observed):
    first, second = observed.batches
    part = second.ranges[0]
    longer = part._replace(first=part.first - 1, records=part.records + 1)
    observed.batches[1] = second._replace(records=second.records + 1, ranges=(longer, *second.ranges[1:]))
    assert "overlaps" in broken(sent, observed)[name(checks.ledger_is_contiguous)][0]


def test_a_batch_that_is_missing_from_the_ledger_is_found(sent, observed):
    del observed.batches[0]
    assert "leaves out" in broken(sent, observed)[name(checks.ledger_is_contiguous)][0]


def test_a_hole_in_the_batch_numbers_is_found(sent, observed):
    observed.batches[1] = observed.batches[1]._replace(batch_seq=3)
    assert "follows" in broken(sent, observed)[name(checks.ledger_is_contiguous)][0]


def test_a_range_that_counts_other_than_kafka_is_found(sent, observed):
    part = observed.batches[0].ranges[0]
    wrong = part._replace(records=part.records + 1)
    observed.batches[0] = observed.batches[0]._replace(ranges=(wrong, *observed.batches[0].ranges[1:]))
    differences = broken(sent, observed)[name(checks.ledger_is_contiguous)]
    assert "Kafka holds" in differences[1] and "its ranges" in differences[0]


def test_bytes_that_changed_in_kafka_are_found(sent, observed):
    observed.records[9] = observed.records[9]._replace(raw=b"other bytes")
    (difference,) = broken(sent, observed)[name(checks.ledger_pins_what_kafka_holds)]
    assert "another digest" in difference


def test_the_digest_covers_offset_and_size_of_each_record():
    records = [Record(0, offset, b"", "", "", "", "", 0, None, "", raw) for offset, raw in ((5, b"ab"), (7, b"c"))]
    pinned = (5).to_bytes(8, "little") + (2).to_bytes(8, "little") + b"ab"
    pinned += (7).to_bytes(8, "little") + (1).to_bytes(8, "little") + b"c"
    assert checks.range_digest(records) == hashlib.sha256(pinned).hexdigest()


def test_an_anchor_that_is_not_the_last_record_is_found(sent, observed):
    partition = observed.records[0].partition
    observed.anchors[partition] = "0" * 64
    assert "anchor" in broken(sent, observed)[name(checks.ledger_pins_what_kafka_holds)][0]


def test_an_hwm_beyond_the_ledger_is_found(sent, observed):
    del observed.batches[1]
    assert "the ledger ends" in broken(sent, observed)[name(checks.ledger_is_contiguous)][0]


def test_a_pending_intent_is_found(sent, observed):
    observed.pending = ["0"]
    assert name(checks.no_intent_is_pending) in broken(sent, observed)


def test_a_partition_with_two_lanes_or_none_is_found(sent, observed):
    observed.lanes[3] = ["0", "1"]
    del observed.lanes[4]
    found = broken(sent, observed)[name(checks.lanes_share_the_partitions)]
    assert ["has 2 lanes" in found[0], "has 0 lanes" in found[1]] == [True, True]


def test_a_batch_of_another_lane_than_the_partitions_is_found(sent, observed):
    observed.batches[1] = observed.batches[1]._replace(lane="1")
    found = broken(sent, observed)[name(checks.lanes_share_the_partitions)]
    assert "none of its partitions" in found[0]


def test_batches_that_were_done_out_of_order_are_found(sent, observed):
    first, second = observed.batches
    observed.batches = [first._replace(batch_seq=2), second._replace(batch_seq=1)]
    assert "by then" in broken(sent, observed)[name(checks.lanes_share_the_partitions)][0]


def test_a_writer_that_is_behind_is_found(sent, observed):
    partition = observed.records[0].partition
    observed.hwm[partition] -= 1
    assert name(checks.everything_is_done) in broken(sent, observed)


def test_a_partition_without_records_needs_no_hwm(sent, observed):
    empty = next(partition for partition, end in observed.log_end.items() if not end)
    del observed.hwm[empty]
    assert broken(sent, observed) == {}


# Reading.


class Message:
    def __init__(self, value, key=b"o", partition=3, offset=9):
        self.value, self.key = lambda: value.encode(), lambda: key
        self.partition, self.offset = lambda: partition, lambda: offset


RECORD = (
    '{"organization_id":"o","transaction_id":"t \\",\\"properties\\":","external_customer_id":"c",'
    '"code":"k","timestamp":"2026-11-23T08:00:00.123Z","ingested_at":"2026-11-23T08:00:01.000Z",'
    '"value":"12.50","properties":{"properties": {"a":1.10}, "b":[]}}'
)


def test_a_record_is_read_with_its_exact_value_and_its_properties_byte_for_byte():
    record = decode_record(Message(RECORD))
    assert record.transaction_id == 't ","properties":'
    assert record.value == decimal.Decimal("12.5") and str(record.value) == "12.50"
    assert record.properties == '{"properties": {"a":1.10}, "b":[]}'
    assert (record.partition, record.offset, record.key) == (3, 9, b"o")
    assert record.timestamp_ms == START_MS


def test_the_ranges_of_a_batch_are_read_from_its_intent():
    part = {"partition": 3, "from": 5, "to": 9, "records": 4, "digest": "ab", "anchor_digest": "cd"}
    assert list(intent_ranges({"ranges": [part], "blocks": []})) == [Range(3, 5, 9, 4, "ab")]


def test_the_fates_of_a_batch_are_read_from_its_runs():
    parts = [{"partition": 3, "runs": "17,3,1200;0,1,record_invalid;5,1,0"}, {"partition": 9, "runs": "2,1,1"}]
    assert list(intent_fates({"fates": parts, "incarnation": 1})) == [
        *(Fate(3, offset, DUPLICATE, (1 << 48) + offset - 1200) for offset in (17, 18, 19)),
        Fate(3, 20, "record_invalid"),
        Fate(3, 26, DUPLICATE),
        Fate(9, 2, DUPLICATE, (1 << 48) + 1),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        RECORD[:-1],
        RECORD + "}",
        RECORD.replace('"code":"k"', '"code":"k","code":"k"'),
        RECORD.replace('"12.50"', "12.5"),
        RECORD.replace('{"properties": {"a":1.10}, "b":[]}', "[]"),
    ],
    ids=["empty", "array", "nothing in it", "cut", "more behind it", "a member twice", "a value", "properties"],
)
def test_what_is_no_record_is_refused(text):
    with pytest.raises((ValueError, KeyError, TypeError)):
        decode_record(Message(text))


def test_a_manifest_is_read_as_it_was_written(sent):
    sent[3] = sent[3]._replace(acknowledged=False, sends=2, value=decimal.Decimal("0.000000000000000001"))
    assert list(read_manifest(write_manifest(sent))) == sent


def test_numbers_in_a_manifest_are_taken_as_their_text():
    event = {"organization_id": "o", "transaction_id": "t", "external_customer_id": "c", "code": "k"}
    line = json.dumps({**event, "timestamp": "2026-11-23"})
    (event,) = read_manifest([line[:-1] + ',"value":12345678901234567890.123456789012345678}'])
    assert event.value == decimal.Decimal("12345678901234567890.123456789012345678")


def test_timestamps_are_cut_to_the_millisecond_never_rounded():
    assert parse_timestamp("2026-11-23T09:00:00.123999+01:00") == START_MS
    assert format_timestamp(START_MS) == "2026-11-23T08:00:00.123Z"
