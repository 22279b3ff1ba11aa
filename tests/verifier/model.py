"""What the verifier compares: the manifest of a sender, and what was read from the three systems.

SPDX-License-Identifier: Apache-2.0
"""

import datetime
import decimal
import json
from dataclasses import dataclass, field
from typing import Iterable, Iterator, NamedTuple, Optional

# Money is added exactly or not at all: a sum that needed rounding raises.
EXACT = decimal.Context(prec=200, traps=[decimal.Inexact, decimal.InvalidOperation])

HOUR_MS = 3_600_000
STORED_OFFSET_BITS = 48


class Sent(NamedTuple):
    """One event as its sender knows it."""

    organization_id: str
    transaction_id: str
    external_customer_id: str
    code: str
    timestamp_ms: int
    value: Optional[decimal.Decimal] = None
    acknowledged: bool = True  # answered 200 or 201; else its fate is unknown to the sender
    sends: int = 1  # how often it went out; it may stand in Kafka as often, and not more


class Record(NamedTuple):
    """One record of the topic."""

    partition: int
    offset: int
    key: bytes
    organization_id: str
    transaction_id: str
    external_customer_id: str
    code: str
    timestamp_ms: int
    value: Optional[decimal.Decimal]
    properties: str
    raw: bytes = b""  # the value of the record, as it stands in Kafka
    external_subscription_id: Optional[str] = None
    ingested_ms: int = 0
    transactional: bool = False


class Unreadable(NamedTuple):
    """A record of the topic that is no event."""

    partition: int
    offset: int
    key: bytes
    raw: bytes
    why: str


class Row(NamedTuple):
    """One row of the ClickHouse table. `offset` is the stored offset: incarnation * 2^48 + offset."""

    partition: int
    offset: int
    version: int
    organization_id: str
    transaction_id: str
    external_customer_id: str
    code: str
    timestamp_ms: int
    value: Optional[decimal.Decimal]
    approximate: Optional[float]
    properties: str


class UsageKey(NamedTuple):
    organization_id: str
    external_customer_id: str
    code: str
    hour_ms: int


class Usage(NamedTuple):
    events: int
    value_sum: decimal.Decimal


class Range(NamedTuple):
    """Consecutive offsets of one partition that one batch of the ledger covers."""

    partition: int
    first: int
    last: int
    records: int
    digest: str = ""  # SHA-256 in hexadecimal over all records: see checks.range_digest


DUPLICATE = "duplicate"


class Fate(NamedTuple):
    """What the ledger pinned of a record that is not stored."""

    partition: int
    offset: int
    what: str  # DUPLICATE, or the reason of a dead letter
    first: Optional[int] = None  # stored offset of the record that a duplicate repeats, when known


class Batch(NamedTuple):
    """One row of the ledger."""

    lane: str
    batch_seq: int
    records: int
    stored: int
    ranges: tuple[Range, ...]
    duplicates: int = 0
    dead_letters: int = 0
    fates: tuple[Fate, ...] = ()
    records_mode: str = "marked"  # which records go to transaction_record: marked, all or none
    incarnation: int = 0  # of the topic when it was read
    lost: int = 0  # announced, never landed, given up by an operator's command


class DeadLetter(NamedTuple):
    """One row of dead_letter."""

    incarnation: int
    partition: int
    offset: int
    reason: str
    organization_id: Optional[str]
    key: bytes
    value: bytes


class TransactionRecord(NamedTuple):
    """One row of transaction_record."""

    incarnation: int
    partition: int
    offset: int
    organization_id: str
    transaction_id: str
    external_customer_id: str
    code: str
    timestamp_ms: int
    value: Optional[decimal.Decimal]
    properties: str
    external_subscription_id: Optional[str]
    ingested_ms: int


@dataclass
class Observed:
    """What was read from Kafka, ClickHouse and PostgreSQL at one time."""

    partitions: int = 0
    log_start: dict[int, int] = field(default_factory=dict)  # first offset there is
    log_end: dict[int, int] = field(default_factory=dict)  # one behind the last
    records: list[Record] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)

    rows: list[Row] = field(default_factory=list)
    rows_counted: int = 0  # count() of the table
    rows_distinct: int = 0  # uniqExact((kafka_partition, kafka_offset))
    clickhouse_usage: dict[UsageKey, Usage] = field(default_factory=dict)  # added by the engine

    postgres_usage: dict[UsageKey, Usage] = field(default_factory=dict)
    hwm: dict[int, int] = field(default_factory=dict)  # per partition; -1: nothing done
    anchors: dict[int, str] = field(default_factory=dict)  # SHA-256 of the record at hwm
    lanes: dict[int, list[str]] = field(default_factory=dict)  # per partition, those that have it
    batches: list[Batch] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    transactions: list[TransactionRecord] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)  # lanes with an intent
    incarnation: int = 0  # of the topic that is there now

    def present(self) -> list[Batch]:
        """The batches of the topic that is there now: what older ones read is no longer in Kafka."""
        return [batch for batch in self.batches if batch.incarnation == self.incarnation]

    def older(self) -> list[Row]:
        """The rows of topics that were there before."""
        return [row for row in self.rows if row.offset >> STORED_OFFSET_BITS < self.incarnation]

    def fates(self) -> dict[tuple[int, int], Fate]:
        """What is pinned, by partition and offset."""
        return {(fate.partition, fate.offset): fate for batch in self.present() for fate in batch.fates}

    def stored(self) -> list[Record]:
        """The records that must be in both stores: what is done and has no other fate."""
        fates = self.fates()
        return [
            record
            for record in self.records
            if record.offset <= self.hwm.get(record.partition, -1)
            and (record.partition, record.offset) not in fates
        ]


def usage_of(events: Iterable[Sent | Record | Row]) -> dict[UsageKey, Usage]:
    """Adds events up by organization, customer, code and hour."""
    totals: dict[UsageKey, Usage] = {}
    nothing = Usage(0, decimal.Decimal(0))
    for event in events:
        hour_ms = event.timestamp_ms - event.timestamp_ms % HOUR_MS
        key = UsageKey(event.organization_id, event.external_customer_id, event.code, hour_ms)
        before = totals.get(key, nothing)
        value = decimal.Decimal(0) if event.value is None else event.value
        totals[key] = Usage(before.events + 1, EXACT.add(before.value_sum, value))
    return totals


def parse_timestamp(text: str) -> int:
    """RFC 3339 to Unix milliseconds; further digits are cut."""
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (moment - epoch) // datetime.timedelta(milliseconds=1)


def format_timestamp(timestamp_ms: int) -> str:
    """Unix milliseconds as RFC 3339 in UTC."""
    moment = datetime.datetime.fromtimestamp(timestamp_ms // 1000, datetime.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{timestamp_ms % 1000:03d}Z"


def read_manifest(lines: Iterable[str]) -> Iterator[Sent]:
    """Reads a manifest: NDJSON with the names of an event, and organization_id.

    `acknowledged` (default true) and `sends` (default 1) are the sender's knowledge.
    """
    for line in lines:
        if not line.strip():
            continue
        entry = json.loads(line, parse_float=str, parse_int=str)
        value = entry.get("value")
        yield Sent(
            entry["organization_id"],
            entry["transaction_id"],
            entry["external_customer_id"],
            entry["code"],
            parse_timestamp(entry["timestamp"]),
            None if value is None else decimal.Decimal(value),
            entry.get("acknowledged", True),
            int(entry.get("sends", 1)),
        )


def write_manifest(sent: Iterable[Sent]) -> Iterator[str]:
    """The lines that read_manifest reads."""
    for event in sent:
        entry = event._asdict()
        entry["timestamp"] = format_timestamp(entry.pop("timestamp_ms"))
        entry["value"] = None if event.value is None else format(event.value, "f")
        yield json.dumps(entry, ensure_ascii=False)
