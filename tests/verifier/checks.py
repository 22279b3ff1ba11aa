"""The checks. Each is a pure function of what was sent and what was read, and returns the
differences it found, one sentence each; none means it holds.

They compare systems at rest: nobody sends, and the writer has caught up (everything_is_done and
no_intent_is_pending say whether it has). What the writer has done is what is at or below its hwm.

SPDX-License-Identifier: Apache-2.0
"""

import bisect
import collections
import hashlib
from typing import Callable, Iterable, Iterator, NamedTuple

from .model import (
    DUPLICATE,
    STORED_OFFSET_BITS,
    Fate,
    Observed,
    Record,
    Row,
    Sent,
    TransactionRecord,
    Unreadable,
    Usage,
    UsageKey,
    format_timestamp,
    usage_of,
)
from .murmur2 import partition_of

VERSION_MAX = 2**64 - 1


class CheckResult(NamedTuple):
    name: str
    compared: int  # how many things were looked at
    differences: list[str]


Differences = Iterator[str]
Check = Callable[[list[Sent], Observed], tuple[int, Iterable[str]]]


def acknowledged_is_in_kafka(sent: list[Sent], observed: Observed):
    """every acknowledged event is in Kafka as it was sent, or was stored before the topic was made anew"""
    by_id = _by_id([*observed.records, *observed.older()])
    acknowledged = [event for event in sent if event.acknowledged]

    def differences() -> Differences:
        for event in acknowledged:
            records = by_id.get(_identity(event))
            if not records:
                yield f"{_name(event)} was acknowledged and is not in Kafka"
                continue
            for record in records:
                yield from _altered(event, record, f"{_name(event)} in Kafka {_place(record)}")

    return len(acknowledged), differences()


def kafka_holds_only_what_was_sent(sent: list[Sent], observed: Observed):
    """nothing is in Kafka more often than it was sent"""
    known = {_identity(event): event for event in sent}
    organizations = {event.organization_id for event in sent}
    by_id = {
        identity: records
        for identity, records in _by_id(observed.records).items()
        if identity[0] in organizations
    }

    def differences() -> Differences:
        for identity, records in by_id.items():
            places = ", ".join(_place(record) for record in records)
            event = known.get(identity)
            if event is None:
                yield f"{_name(records[0])} at {places} was never sent"
            elif len(records) > event.sends:
                yield f"{_name(event)} was sent {event.sends}x and is in Kafka {len(records)}x: {places}"

    return len(by_id), differences()


def records_are_keyed_by_organization(sent: list[Sent], observed: Observed):
    """each record has its organization as key, in the partition of that key"""
    partition = {}  # by key: a hash in Python is slow, and organizations are few

    def differences() -> Differences:
        for record in observed.records:
            if record.key != record.organization_id.encode():
                yield f"{_name(record)} at {_place(record)} has the key {record.key!r}"
            elif record.key not in partition:
                partition[record.key] = partition_of(record.key, observed.partitions)
            if partition.get(record.key, record.partition) != record.partition:
                yield f"{_name(record)} is at {_place(record)}, its key belongs in {partition[record.key]}"

    return len(observed.records), differences()


def clickhouse_has_each_offset_once(sent: list[Sent], observed: Observed):
    """ClickHouse: count() equals uniqExact((kafka_partition, kafka_offset))"""

    def differences() -> Differences:
        if observed.rows_counted != observed.rows_distinct:
            yield f"count() is {observed.rows_counted}, uniqExact is {observed.rows_distinct}"
        if observed.rows_counted != len(observed.rows):
            yield f"count() is {observed.rows_counted}, but {len(observed.rows)} rows were read"

    return observed.rows_counted, differences()


def kafka_equals_clickhouse(sent: list[Sent], observed: Observed):
    """each record that is stored is in ClickHouse once, with the same content, and no other is"""
    rows = collections.defaultdict(list)
    for row in observed.rows:
        rows[row.partition, row.offset].append(row)
    stored = {
        (record.partition, _stored_offset(record.offset, observed)): record for record in observed.stored()
    }
    fates = {
        (partition, _stored_offset(offset, observed)): fate
        for (partition, offset), fate in observed.fates().items()
    }

    def differences() -> Differences:
        for place, record in stored.items():
            found = rows.get(place, [])
            if not found:
                yield f"{_name(record)} at {_place(record)} is not in ClickHouse"
            elif len(found) > 1:
                yield f"{_name(record)} at {_place(record)} is in ClickHouse {len(found)}x"
            for row in found[:1]:
                yield from _row_differences(record, row)
        known = {
            (thing.partition, _stored_offset(thing.offset, observed))
            for thing in (*observed.records, *observed.unreadable)
        }
        for (partition, offset), found in rows.items():
            start = _stored_offset(observed.log_start.get(partition, 0), observed)
            if (partition, offset) not in known and offset >= start:
                yield f"ClickHouse has {_name(found[0])} at {partition}/{offset}, Kafka has no such record"
            if (partition, offset) in fates:
                fate = fates[partition, offset]
                yield f"ClickHouse has {_name(found[0])} at {partition}/{offset}, whose fate is {fate.what}"

    return len(stored), differences()


def every_record_has_a_fate(sent: list[Sent], observed: Observed):
    """what is not stored is a duplicate of a stored record, or a dead letter"""
    fates = observed.fates()
    records = {(record.partition, record.offset): record for record in observed.records}
    stored = collections.defaultdict(list)
    for record in observed.stored():
        stored[_identity(record)].append(record)
    older = collections.defaultdict(list)
    for row in observed.older():
        older[_identity(row)].append(row.offset)

    def differences() -> Differences:
        for record in observed.unreadable:
            fate = fates.get((record.partition, record.offset))
            if record.offset <= observed.hwm.get(record.partition, -1) and (not fate or fate.what == DUPLICATE):
                yield f"the record at {_place(record)} is no event ({record.why}), and no dead letter"
        for place, fate in fates.items():
            record = records.get(place)
            if fate.what == DUPLICATE and record:
                identity = _identity(record)
                yield from _duplicate_differences(record, fate, stored[identity], older[identity], observed)

    return len(fates) + len(observed.unreadable), differences()


def dead_letters_are_kept(sent: list[Sent], observed: Observed):
    """dead letters of the ledger are those of dead_letter, byte for byte as in Kafka"""
    pinned = {place: fate for place, fate in observed.fates().items() if fate.what != DUPLICATE}
    kept = {
        (letter.partition, letter.offset): letter
        for letter in observed.dead_letters
        if letter.incarnation == observed.incarnation
    }
    raw = {
        (record.partition, record.offset): (record.key, record.raw)
        for record in (*observed.records, *observed.unreadable)
    }

    def differences() -> Differences:
        for partition, offset in sorted(pinned.keys() | kept.keys()):
            name = f"the record at {partition}/{offset}"
            fate, letter = pinned.get((partition, offset)), kept.get((partition, offset))
            if not letter:
                yield f"{name} is a dead letter ({fate.what}) of the ledger and not in dead_letter"
            elif not fate:
                yield f"{name} is in dead_letter ({letter.reason}) and no dead letter of the ledger"
            elif fate.what != letter.reason:
                yield f"{name} is {fate.what} in the ledger and {letter.reason} in dead_letter"
            elif (letter.key, letter.value) != raw.get((partition, offset), (letter.key, letter.value)):
                yield f"{name} has other bytes in dead_letter than in Kafka"

    return len(pinned), differences()


def ledger_counts_its_fates(sent: list[Sent], observed: Observed):
    """each batch: records = stored + duplicates + dead letters + lost, as pinned, each within its ranges"""

    def differences() -> Differences:
        for batch in observed.batches:
            name = f"batch {batch.batch_seq} of {batch.lane}"
            duplicates = sum(fate.what == DUPLICATE for fate in batch.fates)
            counted = (batch.records - len(batch.fates) - batch.lost, duplicates, len(batch.fates) - duplicates)
            said = (batch.stored, batch.duplicates, batch.dead_letters)
            if counted != said:
                yield f"{name} says {said} stored, duplicates and dead letters; its fates say {counted}"
            if len({(fate.partition, fate.offset) for fate in batch.fates}) != len(batch.fates):
                yield f"{name} pins two fates of one record"
            spans = {part.partition: part for part in batch.ranges}
            for fate in batch.fates:
                span = spans.get(fate.partition)
                if not span or not span.first <= fate.offset <= span.last:
                    yield f"{name} pins a fate of {fate.partition}/{fate.offset}, which is none of its records"

    return len(observed.batches), differences()


def transactions_are_recorded(sent: list[Sent], observed: Observed):
    """the first stored record of each transactional event is in transaction_record as it was, and no other is"""
    wanted: dict[tuple[str, str], Record] = {}
    recorded = {_identity(row) for row in observed.transactions if row.incarnation < observed.incarnation}
    modes = sorted(
        (part.partition, part.first, part.last, batch.records_mode) for batch in observed.present() for part in batch.ranges
    )
    for record in sorted(observed.stored(), key=lambda record: record.offset):
        at = bisect.bisect_right(modes, (record.partition, record.offset, float("inf"))) - 1
        covered = at >= 0 and modes[at][0] == record.partition and record.offset <= modes[at][2]
        mode = modes[at][3] if covered else "none"
        if mode == "all" or (mode == "marked" and record.transactional):
            wanted.setdefault(_identity(record), record)
    wanted = {identity: record for identity, record in wanted.items() if identity not in recorded}
    found = {_identity(row): row for row in observed.transactions if row.incarnation == observed.incarnation}
    from_start = not any(observed.log_start.values())

    def differences() -> Differences:
        for identity in wanted.keys() - found.keys():
            yield f"{_name(wanted[identity])} at {_place(wanted[identity])} is not in transaction_record"
        for identity in found.keys() - wanted.keys() if from_start else ():
            yield f"{_name(found[identity])} is in transaction_record and does not belong there"
        for identity in wanted.keys() & found.keys():
            record, row = wanted[identity], found[identity]
            name = f"{_name(record)} at {_place(record)} in transaction_record"
            yield from _altered(record, row, name)
            for field in ("partition", "offset", "properties", "external_subscription_id", "ingested_ms"):
                if getattr(record, field) != getattr(row, field):
                    yield f"{name}: {field} is {getattr(row, field)!r}, was {getattr(record, field)!r}"

    return len(wanted), differences()


def sums_are_equal(sent: list[Sent], observed: Observed):
    """counts and exact sums per organization, customer, code and hour are equal everywhere"""
    stored = [*observed.stored(), *observed.older()]  # the latter once were in Kafka
    kafka = usage_of(stored)
    views = {
        "ClickHouse's rows": usage_of(observed.rows),
        "ClickHouse's sum()": observed.clickhouse_usage,
        "PostgreSQL's usage_hourly": observed.postgres_usage,
    }
    from_start = not any(observed.log_start.values())  # else retention took a part of the log

    def differences() -> Differences:
        if from_start:
            for name, view in views.items():
                yield from _usage_differences("Kafka", kafka, name, view)
        yield from _usage_differences(
            "ClickHouse's rows", views["ClickHouse's rows"], "PostgreSQL's usage_hourly", observed.postgres_usage
        )
        organizations = {event.organization_id for event in sent}
        in_kafka = collections.Counter(_identity(record) for record in stored)
        manifest = usage_of(event for event in sent for _ in range(in_kafka[_identity(event)]))
        for name, view in views.items():
            part = {key: usage for key, usage in view.items() if key.organization_id in organizations}
            yield from _usage_differences("the manifest", manifest, name, part)

    return len(kafka), differences()


def ledger_is_contiguous(sent: list[Sent], observed: Observed):
    """the ledger's ranges follow each other up to hwm, and count what Kafka holds"""
    offsets = {partition: [record.offset for record in held] for partition, held in _log(observed).items()}

    def differences() -> Differences:
        yield from _batch_numbers(observed)
        ranges = sorted(part for batch in observed.present() for part in batch.ranges)
        after: dict[int, int] = {}
        for part in ranges:
            name = f"partition {part.partition}: the range {part.first}–{part.last}"
            expected = after.get(part.partition, observed.log_start.get(part.partition, 0))
            if part.first > expected and _count_between(offsets.get(part.partition, []), expected, part.first - 1):
                yield f"{name} leaves out {expected}–{part.first - 1}"
            if part.partition in after and part.first < expected:
                yield f"{name} overlaps the one before it, which ends at {expected - 1}"
            if part.first >= observed.log_start.get(part.partition, 0):
                held = _count_between(offsets.get(part.partition, []), part.first, part.last)
                if held != part.records:
                    yield f"{name} says {part.records} records, Kafka holds {held}"
            after[part.partition] = max(expected, part.last + 1)
        for partition, hwm in observed.hwm.items():
            end = after.get(partition, observed.log_start.get(partition, 0))
            if end != hwm + 1:
                yield f"partition {partition}: the ledger ends at {end - 1}, hwm is {hwm}"

    return len(observed.batches), differences()


def ledger_pins_what_kafka_holds(sent: list[Sent], observed: Observed):
    """the ledger's digests are those of the bytes in Kafka"""
    by_partition = _log(observed)
    by_place = {(record.partition, record.offset): record for held in by_partition.values() for record in held}
    ranges = [
        part
        for batch in observed.present()
        for part in batch.ranges
        if part.first >= observed.log_start.get(part.partition, 0)
    ]

    def differences() -> Differences:
        for part in ranges:
            records = by_partition.get(part.partition, [])
            first = bisect.bisect_left(records, part.first, key=lambda record: record.offset)
            last = bisect.bisect_right(records, part.last, key=lambda record: record.offset)
            if range_digest(records[first:last]) != part.digest:
                yield f"partition {part.partition}: {part.first}–{part.last} has another digest in Kafka"
        for partition, hwm in observed.hwm.items():
            record = by_place.get((partition, hwm))
            if record and hashlib.sha256(record.raw).hexdigest() != observed.anchors.get(partition):
                yield f"partition {partition}: the anchor is not the record at hwm {hwm}"

    return len(ranges), differences()


def range_digest(records: list[Record | Unreadable]) -> str:
    """Of each record: offset and size as 8 bytes each, little-endian, then the value."""
    digest = hashlib.sha256()
    for record in records:
        digest.update(record.offset.to_bytes(8, "little") + len(record.raw).to_bytes(8, "little"))
        digest.update(record.raw)
    return digest.hexdigest()


def lanes_share_the_partitions(sent: list[Sent], observed: Observed):
    """each partition has one lane, whose batches alone have its records, in their order"""

    def differences() -> Differences:
        for partition in range(observed.partitions if observed.lanes else 0):
            lanes = observed.lanes.get(partition, [])
            if len(lanes) != 1:
                yield f"partition {partition} has {len(lanes)} lanes: {', '.join(lanes)}"
        done: dict[tuple[int, int], int] = {}  # by incarnation and partition
        for batch in sorted(observed.batches, key=lambda batch: (batch.lane, batch.batch_seq)):
            for part in batch.ranges:
                name = f"batch {batch.batch_seq} of {batch.lane} has {part.first}–{part.last} of partition {part.partition}"
                if batch.lane not in observed.lanes.get(part.partition, []):
                    yield f"{name}, which is none of its partitions"
                elif part.first <= done.get((batch.incarnation, part.partition), -1):
                    yield f"{name}, which was done up to {done[batch.incarnation, part.partition]} by then"
                else:
                    done[batch.incarnation, part.partition] = part.last

    return len(observed.lanes), differences()


def no_intent_is_pending(sent: list[Sent], observed: Observed):
    """no batch is on its way"""
    return 1, [f"the lane {lane} has a pending intent" for lane in observed.pending]


def everything_is_done(sent: list[Sent], observed: Observed):
    """the writer is at the end of the log"""
    behind = [
        f"partition {partition}: the log ends at {end - 1}, hwm is {observed.hwm.get(partition, -1)}"
        for partition, end in sorted(observed.log_end.items())
        if end > observed.log_start[partition] and observed.hwm.get(partition, -1) != end - 1
    ]
    return len(observed.log_end), behind


CHECKS: tuple[Check, ...] = (
    acknowledged_is_in_kafka,
    kafka_holds_only_what_was_sent,
    records_are_keyed_by_organization,
    everything_is_done,
    no_intent_is_pending,
    clickhouse_has_each_offset_once,
    kafka_equals_clickhouse,
    every_record_has_a_fate,
    dead_letters_are_kept,
    ledger_counts_its_fates,
    transactions_are_recorded,
    ledger_is_contiguous,
    ledger_pins_what_kafka_holds,
    lanes_share_the_partitions,
    sums_are_equal,
)


def verify(sent: Iterable[Sent], observed: Observed, chosen: Iterable[Check] = ()) -> list[CheckResult]:
    """Runs every check, or those that are chosen."""
    sent = list(sent)
    results = []
    for check in chosen or CHECKS:
        compared, differences = check(sent, observed)
        results.append(CheckResult(check.__doc__ or check.__name__, compared, list(differences)))
    return results


def render(results: list[CheckResult], first: int = 5) -> str:
    """A table of the checks, and the first differences of each that does not hold."""
    width = max(len(result.name) for result in results)
    lines = []
    for name, compared, differences in results:
        verdict = f"{len(differences)} DIFFERENCES" if differences else "ok"
        lines.append(f"{name:{width}}  {compared:>9,}  {verdict}")
        lines += [f"    {difference}" for difference in differences[:first]]
        if len(differences) > first:
            lines.append(f"    … and {len(differences) - first:,} more")
    return "\n".join(lines)


def _identity(event: Sent | Record | Row | TransactionRecord) -> tuple[str, str]:
    return event.organization_id, event.transaction_id


def _name(event: Sent | Record | Row | TransactionRecord) -> str:
    return f"{event.transaction_id} of organization {event.organization_id}"


def _place(record: Record | Unreadable) -> str:
    return f"{record.partition}/{record.offset}"


def _by_id(records: list[Record]) -> dict[tuple[str, str], list[Record]]:
    by_id = collections.defaultdict(list)
    for record in records:
        by_id[_identity(record)].append(record)
    return by_id


def _log(observed: Observed) -> dict[int, list[Record | Unreadable]]:
    """Every record there is, by partition and in the order of the offsets."""
    log = collections.defaultdict(list)
    for record in sorted((*observed.records, *observed.unreadable), key=lambda record: record.offset):
        log[record.partition].append(record)
    return log


def _duplicate_differences(
    record: Record, fate: Fate, stored: list[Record], older: list[int], observed: Observed
) -> Differences:
    """A duplicate repeats a stored record that came before, perhaps in a topic that was there before (`older`: stored
    offsets); retention may have taken that one."""
    name = f"{_name(record)} at {_place(record)} is a duplicate"
    firsts = [first for first in stored if first.partition != record.partition or first.offset < record.offset]
    before = [*older, *(_stored_offset(first.offset, observed) for first in firsts)]
    if not before and not any(observed.log_start.values()):
        yield f"{name}, and no record before it is stored"
    if fate.first is not None and before:
        if fate.first not in before:
            yield f"{name} of the record at stored offset {fate.first}, which is another event's"


def _stored_offset(offset: int, observed: Observed) -> int:
    return (observed.incarnation << STORED_OFFSET_BITS) + offset


def _altered(expected: Sent | Record, found: Record | Row | TransactionRecord, name: str) -> Differences:
    for field in ("organization_id", "transaction_id", "external_customer_id", "code", "timestamp_ms", "value"):
        want, have = getattr(expected, field), getattr(found, field)
        if want != have:
            yield f"{name}: {field} is {have}, was {want}"


def _row_differences(record: Record, row: Row) -> Differences:
    name = f"{_name(record)} at {_place(record)} in ClickHouse"
    yield from _altered(record, row, name)
    if row.properties != record.properties:
        yield f"{name}: properties are {row.properties!r}, were {record.properties!r}"
    approximate = None if record.value is None else float(record.value)
    if row.approximate != approximate:
        yield f"{name}: value is {row.approximate!r}, was {approximate!r}"
    if row.version != VERSION_MAX - row.offset:
        yield f"{name}: version is {row.version}, must be {VERSION_MAX - row.offset}"


def _usage_differences(
    left_name: str, left: dict[UsageKey, Usage], right_name: str, right: dict[UsageKey, Usage]
) -> Differences:
    nothing = Usage(0, 0)
    for key in sorted(left.keys() | right.keys()):
        have, want = right.get(key, nothing), left.get(key, nothing)
        if have != want:
            hour = format_timestamp(key.hour_ms)
            yield (
                f"{key.organization_id} {key.external_customer_id} {key.code} {hour}: {left_name} has "
                f"{want.events} events, {want.value_sum}; {right_name} has {have.events}, {have.value_sum}"
            )


def _batch_numbers(observed: Observed) -> Differences:
    numbers = collections.defaultdict(list)
    for batch in observed.batches:
        numbers[batch.lane].append(batch.batch_seq)
        counted = sum(part.records for part in batch.ranges)
        if counted != batch.records:
            yield f"batch {batch.batch_seq} of {batch.lane} says {batch.records} records, its ranges {counted}"
    for lane, found in numbers.items():
        for before, after in zip(sorted(found), sorted(found)[1:]):
            if after != before + 1:
                yield f"lane {lane}: batch {after} follows batch {before}"


def _count_between(offsets: list[int], first: int, last: int) -> int:
    return bisect.bisect_right(offsets, last) - bisect.bisect_left(offsets, first)
