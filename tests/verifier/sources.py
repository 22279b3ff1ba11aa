"""Reads Kafka, ClickHouse and PostgreSQL as they are, through clients that the product does not use.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import decimal
import json
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any, Iterator, Mapping

import confluent_kafka
import psycopg

from .model import (
    DUPLICATE,
    EXACT,
    Batch,
    DeadLetter,
    Fate,
    Observed,
    Range,
    Record,
    Row,
    TransactionRecord,
    Unreadable,
    Usage,
    UsageKey,
    parse_timestamp,
)

KAFKA_PATIENCE_S = 60
_PROPERTIES = ',"properties":'
# Loopback and internal addresses: a proxy of the environment has no business here.
_HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Settings:
    """Where the three systems are. The names are those of the product's settings."""

    kafka: str
    clickhouse_url: str
    postgres: str
    topic: str = "billing-events"
    clickhouse_table: str = "default.events_raw"
    postgres_schema: str = "ingest"

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        database = env.get("BXB_CLICKHOUSE_DATABASE", "default")
        table = env.get("BXB_CLICKHOUSE_TABLE", "events_raw")
        return cls(
            kafka=env["BXB_KAFKA"],
            clickhouse_url=env["BXB_CLICKHOUSE_URL"],
            postgres=env["BXB_POSTGRES"],
            topic=env.get("BXB_EVENTS_TOPIC", "billing-events"),
            clickhouse_table=f"{database}.{table}",
            postgres_schema=env.get("BXB_POSTGRES_SCHEMA", "ingest"),
        )


def observe(settings: Settings) -> Observed:
    """Reads everything. The ledger first: what it calls done must then be found in the others."""
    observed = Observed()
    read_postgres(settings, observed)
    read_clickhouse(settings, observed)
    read_kafka(settings, observed)
    return observed


# PostgreSQL


def read_postgres(settings: Settings, observed: Observed) -> None:
    with _ingest(settings) as connection:
        _read_progress(connection, settings, observed)
        topic = connection.execute("SELECT incarnation FROM topic WHERE name = %s", [settings.topic])
        observed.incarnation = max((incarnation for (incarnation,) in topic), default=0)
        ledger = """SELECT lane.name, batch.batch_seq, batch.records, batch.stored, batch.intent,
                           batch.duplicates, batch.dead_letters, batch.lost
                    FROM batch JOIN lane ON lane.id = lane_id JOIN topic ON topic.id = lane.topic_id
                    WHERE topic.name = %s ORDER BY lane.name, batch.batch_seq"""
        for lane, batch_seq, records, stored, intent, *others, lost in connection.execute(ledger, [settings.topic]):
            ranges, fates = tuple(intent_ranges(intent)), tuple(intent_fates(intent))
            mode = intent["records_mode"]
            pinned = (fates, mode, intent["incarnation"], lost)
            observed.batches.append(Batch(lane, batch_seq, records, stored, ranges, *others, *pinned))
        letters = """SELECT dead_letter.incarnation, partition, log_offset, reason, organization_id::text, key, value
                     FROM dead_letter JOIN topic ON topic.id = topic_id WHERE topic.name = %s"""
        observed.dead_letters = [DeadLetter(*row) for row in connection.execute(letters, [settings.topic])]
        transactions = """SELECT transaction_record.incarnation, partition, log_offset, organization_id::text,
                                 transaction_id, external_customer_id, code,
                                 (extract(epoch FROM "timestamp") * 1000)::bigint, value, properties::text,
                                 external_subscription_id, (extract(epoch FROM ingested_at) * 1000)::bigint
                          FROM transaction_record JOIN topic ON topic.id = topic_id WHERE topic.name = %s"""
        observed.transactions = [
            TransactionRecord(*row) for row in connection.execute(transactions, [settings.topic])
        ]
        usage = """SELECT organization_id::text, external_customer_id, code,
                          (extract(epoch FROM hour) * 1000)::bigint, events, value_sum
                   FROM usage_hourly"""
        for organization_id, customer, code, hour_ms, events, value_sum in connection.execute(usage):
            key = UsageKey(organization_id, customer, code, hour_ms)
            observed.postgres_usage[key] = Usage(events, value_sum)


def read_progress(settings: Settings, observed: Observed) -> None:
    """How far the writer is, and what it has on its way."""
    with _ingest(settings) as connection:
        _read_progress(connection, settings, observed)


def _read_progress(connection: psycopg.Connection, settings: Settings, observed: Observed) -> None:
    progress = """SELECT lane.name, partition, hwm, encode(anchor_digest, 'hex')
                  FROM lane_partition JOIN lane ON lane.id = lane_id JOIN topic ON topic.id = lane.topic_id
                  WHERE topic.name = %s"""
    for lane, partition, hwm, anchor in connection.execute(progress, [settings.topic]):
        observed.lanes.setdefault(partition, []).append(lane)
        observed.hwm[partition] = hwm
        observed.anchors[partition] = anchor or ""
    pending = """SELECT lane.name FROM lane JOIN topic ON topic.id = topic_id
                 WHERE topic.name = %s AND intent IS NOT NULL ORDER BY lane.name"""
    observed.pending = [name for (name,) in connection.execute(pending, [settings.topic])]


@contextlib.contextmanager
def _ingest(settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection in which everything that is read is of one moment."""
    options = f"-c search_path={settings.postgres_schema}"
    with psycopg.connect(settings.postgres, options=options, connect_timeout=10) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield connection


def intent_ranges(intent: Mapping[str, Any]) -> Iterator[Range]:
    """The ranges that a row of the ledger pinned."""
    for part in intent["ranges"]:
        yield Range(part["partition"], part["from"], part["to"], part["records"], part["digest"])


def intent_fates(intent: Mapping[str, Any]) -> Iterator[Fate]:
    """The fates that a row of the ledger pinned: runs of "skip,count,what" for each partition."""
    base = intent["incarnation"] << 48
    for part in intent.get("fates", []):
        offset = 0
        for run in part["runs"].split(";"):
            skip, count, what = run.split(",")
            offset += int(skip)
            for offset in range(offset, offset + int(count)):
                if not what.isdigit():
                    yield Fate(part["partition"], offset, what)
                elif int(what) == 0:
                    yield Fate(part["partition"], offset, DUPLICATE)
                else:
                    yield Fate(part["partition"], offset, DUPLICATE, (base + offset - int(what)) % 2**64)
            offset += 1


# ClickHouse


def clickhouse_query(settings: Settings, query: str) -> Iterator[list]:
    """Runs a query over plain HTTP and yields its rows. A failure in mid-stream is an error too."""
    options = {
        "default_format": "JSONCompactEachRow",
        "output_format_json_quote_64bit_integers": "0",
        "output_format_json_quote_decimals": "1",
        "wait_end_of_query": "1",
    }
    url = f"{settings.clickhouse_url}/?{urllib.parse.urlencode(options)}"
    with _HTTP.open(urllib.request.Request(url, query.encode(), method="POST"), timeout=120) as answer:
        if answer.headers.get("X-ClickHouse-Exception-Code"):
            raise RuntimeError(f"ClickHouse: {answer.read(2000).decode(errors='replace')}")
        for line in answer:
            if line.strip():
                yield json.loads(line)


def read_clickhouse(settings: Settings, observed: Observed) -> None:
    table = settings.clickhouse_table
    uniqueness = f"SELECT count(), uniqExact((kafka_partition, kafka_offset)) FROM {table}"
    ((observed.rows_counted, observed.rows_distinct),) = clickhouse_query(settings, uniqueness)
    rows = f"""SELECT kafka_partition, kafka_offset, version, organization_id, transaction_id,
                      external_customer_id, code, toUnixTimestamp64Milli(timestamp),
                      toString(decimal_value), toString(value), properties FROM {table}"""
    for *place, organization_id, transaction_id, customer, code, timestamp_ms, value, approximate, properties in (
        clickhouse_query(settings, rows)
    ):
        observed.rows.append(
            Row(
                *place,
                organization_id,
                transaction_id,
                customer,
                code,
                timestamp_ms,
                None if value is None else decimal.Decimal(value),
                None if approximate is None else float(approximate),
                properties,
            )
        )
    usage = f"""SELECT organization_id, external_customer_id, code,
                       toUnixTimestamp(toStartOfHour(timestamp)) * 1000, count(), toString(sum(decimal_value))
                FROM {table} GROUP BY ALL"""
    for organization_id, customer, code, hour_ms, events, value_sum in clickhouse_query(settings, usage):
        key = UsageKey(organization_id, customer, code, hour_ms)
        observed.clickhouse_usage[key] = Usage(events, decimal.Decimal(value_sum or 0))


# Kafka


def read_kafka(settings: Settings, observed: Observed) -> None:
    read_kafka_ends(settings, observed)
    for message in kafka_messages(settings, observed.log_start, observed.log_end):
        try:
            observed.records.append(decode_record(message))
        except (ValueError, KeyError, TypeError, AttributeError, decimal.DecimalException) as error:
            observed.unreadable.append(
                Unreadable(
                    message.partition(), message.offset(), message.key() or b"", message.value() or b"", repr(error)
                )
            )


def read_kafka_ends(settings: Settings, observed: Observed) -> None:
    """Waits for a broker that was away: after a pause it may lead no partition for some seconds."""
    give_up = time.monotonic() + KAFKA_PATIENCE_S
    while True:
        try:
            return _read_kafka_ends(settings, observed)
        except confluent_kafka.KafkaException:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.2)


def _read_kafka_ends(settings: Settings, observed: Observed) -> None:
    with _consumer(settings) as consumer:
        partitions = sorted(consumer.list_topics(settings.topic, timeout=10).topics[settings.topic].partitions)
        for partition in partitions:
            place = confluent_kafka.TopicPartition(settings.topic, partition)
            start, end = consumer.get_watermark_offsets(place, timeout=10)
            observed.log_start[partition], observed.log_end[partition] = start, end
    observed.partitions = len(partitions)


def kafka_messages(
    settings: Settings, start: Mapping[int, int], end: Mapping[int, int]
) -> Iterator[confluent_kafka.Message]:
    """Every record of the topic, of each partition from its start to its end (exclusive)."""
    topic = settings.topic
    wanted = {partition for partition in start if start[partition] < end[partition]}
    with _consumer(settings) as consumer:
        consumer.assign([confluent_kafka.TopicPartition(topic, p, start[p]) for p in sorted(wanted)])
        give_up = time.monotonic() + KAFKA_PATIENCE_S
        while wanted:
            messages = consumer.consume(10_000, timeout=0.2)
            for message in messages:
                if message.error():
                    raise confluent_kafka.KafkaException(message.error())
                if message.offset() < end[message.partition()]:
                    yield message
                if message.offset() >= end[message.partition()] - 1:
                    wanted.discard(message.partition())
            if messages:
                give_up = time.monotonic() + KAFKA_PATIENCE_S
            elif time.monotonic() > give_up:
                raise TimeoutError(f"Kafka sent nothing for {KAFKA_PATIENCE_S} s; open: {sorted(wanted)}")


@contextlib.contextmanager
def _consumer(settings: Settings) -> Iterator[confluent_kafka.Consumer]:
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": settings.kafka,
            "group.id": "bxb-verifier",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "check.crcs": True,
        }
    )
    try:
        yield consumer
    finally:
        consumer.close()


def decode_record(message: confluent_kafka.Message) -> Record:
    """Reads the canonical record. Properties are kept as the bytes they are."""
    # Within a string the quotes would be escaped, and no other member before it is an object: the
    # first occurrence is the member itself.
    head, found, rest = message.value().decode().partition(_PROPERTIES)
    event = json.loads(head + "}" if found else head, object_pairs_hook=_members_once)
    properties = rest[:-1]
    if not found or not rest.endswith("}") or not isinstance(json.loads(properties), dict):
        raise ValueError("the last member is not the object properties")
    value = event.get("value")
    if value is not None and not isinstance(value, str):
        raise ValueError("value is not a text")
    return Record(
        message.partition(),
        message.offset(),
        message.key() or b"",
        event["organization_id"],
        event["transaction_id"],
        event["external_customer_id"],
        event["code"],
        parse_timestamp(event["timestamp"]),
        None if value is None else EXACT.create_decimal(value),
        properties,
        message.value(),
        event.get("external_subscription_id"),
        parse_timestamp(event["ingested_at"]),
        event.get("transactional", False),
    )


def _members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object names a member twice")
    return members
