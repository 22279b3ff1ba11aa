"""What is made of the errors of ClickHouse, PostgreSQL and Kafka, and the test that provokes each. The verdicts stand in
clickhouse/verdicts.def, postgres/sqlstates.def and kafka/errors.def; docs/STORE_ERRORS.md is made from them and from this:
`cd tests && python -m flow.error_rows >../docs/STORE_ERRORS.md`.

SPDX-License-Identifier: Apache-2.0
"""

import pathlib
import re
from typing import NamedTuple, Optional

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


class Row(NamedTuple):
    """`test`: "file::function", of tests/; None: not provoked, and NOT_PROVOKED says why."""

    code: str
    name: str
    meaning: str
    test: Optional[str]


VERDICTS_TESTS = "engine/test_verdicts.py"
PROVOKED = f"{VERDICTS_TESTS}::test_provoked"
THROWN_BY_A_VIEW = f"{VERDICTS_TESTS}::test_thrown_by_a_view"
OLD = "engine/test_old_server.py"
WITHOUT_HEADER = f"{OLD}::test_an_error_without_a_header_is_judged_by_its_text"
STORES = "flow/test_store_errors.py"

# Where no provocation of engine/provocations.py has its name.
CLICKHOUSE_TESTS = {
    "QUOTA_EXCEEDED": f"{OLD}::test_a_quota_that_is_used_up",
    "TABLE_IS_READ_ONLY": f"{OLD}::test_keeper_is_frozen_and_killed",
    "KEEPER_EXCEPTION": f"{OLD}::test_keeper_is_frozen_and_killed",
    "TOO_FEW_LIVE_REPLICAS": f"{OLD}::test_quorums_that_are_not_reached",
    "UNKNOWN_STATUS_OF_INSERT": f"{OLD}::test_quorums_that_are_not_reached",
    "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE": f"{OLD}::test_quorums_that_are_not_reached",
    "UNKNOWN_USER": WITHOUT_HEADER,
    "WRONG_PASSWORD": WITHOUT_HEADER,
    "REQUIRED_PASSWORD": WITHOUT_HEADER,
    "REPLICA_IS_NOT_IN_QUORUM": f"{OLD}::test_a_replica_that_lacks_what_a_quorum_has",
    "UNEXPECTED_ZOOKEEPER_ERROR": f"{OLD}::test_keeper_lacks_a_node",
    "NO_ZOOKEEPER": f"{OLD}::test_keeper_is_lost_within_an_insert",
    "SOCKET_TIMEOUT": f"{OLD}::test_a_view_that_asks_another_server",
    "NETWORK_ERROR": f"{OLD}::test_a_view_that_asks_another_server",
    "IP_ADDRESS_NOT_ALLOWED": WITHOUT_HEADER,
    "CANNOT_FSYNC": f"{VERDICTS_TESTS}::test_a_disk_that_does_not_sync",
    "CANNOT_ALLOCATE_MEMORY": f"{VERDICTS_TESTS}::test_memory_that_the_system_does_not_give",
    "CANNOT_SCHEDULE_TASK": f"{VERDICTS_TESTS}::test_threads_that_the_system_does_not_give",
    "ABORTED": f"{VERDICTS_TESTS}::test_an_engine_that_shuts_down",
}

STATE_TESTS = {
    "40P01": f"{STORES}::test_postgresql_finds_a_deadlock",
    "57P": f"{STORES}::test_postgresql_ends_sessions",
    "08": "flow/test_matrix_stores.py::test_the_outcome_of_a_commit_is_unknown",
    "42703": "unit/test_pg.c::says_what_the_caller_can_do",
    "3F000": "unit/test_pg.c::says_what_the_caller_can_do",
    "23505": "unit/test_pg.c::says_what_the_caller_can_do",
}

FETCHES = "unit/test_consumer.c::errors_of_fetches_stop_or_pass"
MOMENTS = "unit/test_topic_moments.c::are_not_answered_by_an_error"
NOT_THERE = "unit/test_topic_moments.c::are_not_answered_of_what_is_not_there"
DAMAGED = "flow/test_matrix_log.py::test_a_batch_is_damaged"
KAFKA_TESTS = {
    "_TRANSPORT": NOT_THERE,
    "_ALL_BROKERS_DOWN": NOT_THERE,
    "_TIMED_OUT": "unit/test_topic_moments.c::are_not_answered_while_the_broker_is_away",
    **dict.fromkeys(["NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE", "BROKER_NOT_AVAILABLE", "REPLICA_NOT_AVAILABLE"], MOMENTS),
    **dict.fromkeys(["KAFKA_STORAGE_ERROR", "FENCED_LEADER_EPOCH", "OFFSET_NOT_AVAILABLE", "UNKNOWN_TOPIC_OR_PART"], MOMENTS),
    **dict.fromkeys(["REQUEST_TIMED_OUT", "NETWORK_EXCEPTION", "UNKNOWN_LEADER_EPOCH", "THROTTLING_QUOTA_EXCEEDED"], FETCHES),
    **dict.fromkeys(["COORDINATOR_LOAD_IN_PROGRESS", "COORDINATOR_NOT_AVAILABLE", "NOT_COORDINATOR", "NOT_CONTROLLER"], FETCHES),
    "_AUTO_OFFSET_RESET": "flow/test_matrix_log.py::test_retention_passes_a_writer_that_was_away",
    "INVALID_MSG": FETCHES,
    "_BAD_MSG": DAMAGED,
    "_BAD_COMPRESSION": DAMAGED,
    "_UNKNOWN_PARTITION": NOT_THERE,
    "_PARTITION_EOF": "unit/test_consumer.c::reads_every_record_in_order_and_tells_the_end",
}

# What is not a row of kafka/errors.def: delivery reports and the producer's own errors.
REFUSES = "unit/test_producer.c::what_a_broker_refuses_is_not_stored_and_what_passes_is_sent_again"
PRODUCER = [
    Row("", "TOPIC_AUTHORIZATION_FAILED, MSG_SIZE_TOO_LARGE, INVALID_RECORD of a broker", "not stored: 503 `broker_unavailable`", REFUSES),
    Row("", "NOT_ENOUGH_REPLICAS, NOT_LEADER_FOR_PARTITION, REQUEST_TIMED_OUT", "librdkafka sends it again until the deadline", REFUSES),
    Row("", "MSG_SIZE_TOO_LARGE, _QUEUE_FULL of librdkafka", "413 `event_too_large`, 503 `overloaded`", "unit/test_producer.c::refuses_a_record_that_is_too_large_and_one_beyond_the_queue"),
    Row("", "_MSG_TIMED_OUT, the record possibly stored", "503 `fate_unknown`", "flow/test_broker.py::test_a_frozen_broker_is_503_at_the_deadline_and_loses_nothing"),
    Row("", "_PURGE_QUEUE, _PURGE_INFLIGHT at the end", "not stored; not known: 503", "unit/test_producer.c::stop_reports_what_was_transmitted_as_unknown"),
    Row("", "_FATAL: OUT_OF_ORDER_SEQUENCE_NUMBER and its like", "what is on its way: 503; the producer is made anew", "flow/test_faults.py::test_a_broker_that_lost_records_makes_the_producer_fail_and_it_is_made_anew"),
    Row("", "TOPIC_AUTHORIZATION_FAILED, and whatever is not in the table, of a consumer", "stops: `kafka_refused`", FETCHES),
]  # fmt: skip

# A connection that PostgreSQL refuses has no code for libpq's caller.
CONNECTING = Row("28P01, 3D000", "at connecting: password, database", "`postgres_unavailable`", f"{STORES}::test_postgresql_does_not_know_the_user_or_the_database")

# Causes that nothing from outside brings about: the code is thrown by a view instead.
THROWN = {
    "NO_FREE_CONNECTION": "of pools of connections to other databases, ODBC and MySQL, which the engine does not have",
    "UNEXPECTED_END_OF_FILE": "of chunked bodies, which the writer does not send, and of files in formats of others, within another error",
    "INSERT_WAS_DEDUPLICATED": "stands in system.part_log; an INSERT is answered with 200",
    "SYSTEM_ERROR": "of calls of the system that an INSERT does not make: those that it makes have codes of their own",
    "QUERY_WAS_CANCELLED_BY_CLIENT": "of the native protocol; over HTTP a client that cancels gets no answer",
    "UNKNOWN_EXCEPTION": "of an exception that is neither ClickHouse's, nor Poco's, nor the standard library's",
    "INCORRECT_NUMBER_OF_COLUMNS": "of CREATE TABLE and of merges",
    "NOT_FOUND_COLUMN_IN_BLOCK": "checked before as another error: NO_SUCH_COLUMN_IN_TABLE, UNKNOWN_IDENTIFIER",
    "LOGICAL_ERROR": "a fault in the server's code",
}

# Of librdkafka, which does not hand them to who asks what is asked here.
NOT_PROVOKED = {
    "_RESOLVE": "told to the callback of errors alone, and shown in /readyz; who asks is told _ALL_BROKERS_DOWN or _TRANSPORT",
    "_SSL": "as _RESOLVE",
    "_TIMED_OUT_QUEUE": "of a request that waited to be sent: it is repeated until the deadline of who asks, which is _TIMED_OUT",
    "_NODE_UPDATE": "of requests to a broker that has got another address: they are repeated",
    "_WAIT_COORD": "of what needs a coordinator: the commit of offsets, whose failures are counted and not judged",
    "_WAIT_CACHE": "of its own waiting for what is known of a topic",
    "_IN_PROGRESS": "of its operations among themselves",
    "OFFSET_OUT_OF_RANGE": "it makes _AUTO_OFFSET_RESET of it",
    "_UNKNOWN_TOPIC": "of a topic that is not there it says _UNKNOWN_PARTITION, and kafka/topic.c looks for it before",
}


def _matches(path: str, pattern: str) -> list[tuple]:
    return re.findall(pattern, (REPOSITORY / path).read_text(encoding="utf-8"), re.M)


def clickhouse() -> list[Row]:
    provoked = set(_matches("tests/engine/provocations.py", r'^(?:@?provokes\(|with_\w+\(|PROVOKED\[)"(\w+)"'))
    rows = _matches("clickhouse/verdicts.def", r"^CODE\((\d+), (\w+), (\w+)\)")
    other = {**CLICKHOUSE_TESTS, **dict.fromkeys(THROWN, THROWN_BY_A_VIEW)}
    test = lambda name: PROVOKED if name in provoked else other.get(name)
    return [Row(code, name, verdict, test(name)) for code, verdict, name in rows]


def postgres() -> list[Row]:
    tests = {}
    for table, test in (("RAISED", "test_postgresql_fails"), ("CAUSES", "test_postgresql_is_such_that_it_fails")):
        text = (REPOSITORY / "tests" / STORES).read_text(encoding="utf-8").partition(f"\n{table}")[2].partition("\n}")[0]
        tests |= {state: f"{STORES}::{test}" for state in re.findall(r'^    "(\w{5})":', text, re.M)}
    tests |= STATE_TESTS
    rows = _matches("postgres/sqlstates.def", r'^STATE\("(\w+)", (\w+), "([^"]+)"\)')
    test = lambda start: tests.get(start) or next((tests[state] for state in tests if state.startswith(start)), None)
    shown = dict(_matches("base/errors.def", r'^ERROR\((\w+), "(\w+)"'))
    return [Row(state, name, shown[code], test(state)) for state, code, name in rows]


def kafka() -> list[Row]:
    rows = _matches("kafka/errors.def", r"^CODE\((\w+), (\w+)\)")
    return [Row("", name, meaning, KAFKA_TESTS.get(name)) for name, meaning in rows]


def all_rows() -> list[Row]:
    """All rows."""
    return [*clickhouse(), *postgres(), CONNECTING, *kafka(), *PRODUCER]


VERDICTS = {
    "NOT_SENT": "the same again, later",
    "UNKNOWN": "read back; no row: the same token again",
    "REFUSED": "read back; no row: the lane stops (`clickhouse_refused`)",
}
MEANINGS = {
    "PASSES": "waits",
    "GAP": "stops: `log_gap`",
    "DAMAGED": "stops: `record_invalid`",
    "NO_TOPIC": "stops: `topic_mismatch`",
    "END": "no error",
}


def _test(row: Row) -> str:
    if not row.test:
        return "–"
    file, _, function = row.test.partition("::")
    return f"`{file}` `{function}`"


def page() -> str:
    """docs/STORE_ERRORS.md."""
    lines = [
        "# Errors of the stores",
        "",
        "Made from `clickhouse/verdicts.def`, `postgres/sqlstates.def`, `kafka/errors.def` and `tests/flow/error_rows.py`: what is",
        "made of each error, and the test that provokes it. A dash: it was not brought about; `NOT_PROVOKED` there says why. What is",
        "behind the choices is in [0023](decisions/0023-doubt-first.md).",
        "",
        "## ClickHouse",
        "",
        "What an INSERT that ended so means. A first attempt that does not end cleanly is always read back before anything else,",
        "whatever the code; the verdict counts from the second one on. A code that is not here is UNKNOWN. `test_provoked` runs on",
        "ClickHouse's current engine, `test_old_server.py` on clickhouse-server 18.16.1 and its replicas. Where nothing from outside",
        "brings the cause about, a view throws the code (`test_thrown_by_a_view`; `THROWN` says why). What a whole writer does is in",
        "`flow/test_store_errors.py`, for codes of each verdict, and step by step in `unit/test_insert.c`.",
        "",
        "| verdict | what the writer does |",
        "|---|---|",
        *(f"| {verdict} | {does} |" for verdict, does in VERDICTS.items()),
        "",
        "| code | name | verdict | test |",
        "|---|---|---|---|",
        *(f"| {row.code} | {row.name} | {row.meaning} | {_test(row)} |" for row in clickhouse()),
        "",
        "## PostgreSQL",
        "",
        "A state, or the class that it begins with; the first row that fits counts, and everything else is `postgres_refused`, with",
        "which a lane stops. `postgres_conflict`, `postgres_unavailable` and `postgres_outcome_unknown` are tried again; where a COMMIT may",
        "have taken place the lane's row is read first.",
        "",
        "| state | name | code | test |",
        "|---|---|---|---|",
        *(f"| {row.code} | {row.name} | `{row.meaning}` | {_test(row)} |" for row in postgres()),
        f"| {CONNECTING.code} | {CONNECTING.name} | {CONNECTING.meaning} | {_test(CONNECTING)} |",
        "",
        "## Kafka",
        "",
        "librdkafka's names, without `RD_KAFKA_RESP_ERR_`. First what the writer reads:",
        "",
        "| name | what the writer does | test |",
        "|---|---|---|",
        *(f"| {row.name} | {MEANINGS[row.meaning]} | {_test(row)} |" for row in kafka()),
        f"| {PRODUCER[-1].name} | {PRODUCER[-1].meaning} | {_test(PRODUCER[-1])} |",
        "",
        "And what `bxb-server` makes of the producer's:",
        "",
        "| name | what callers are told | test |",
        "|---|---|---|",
        *(f"| {row.name} | {row.meaning} | {_test(row)} |" for row in PRODUCER[:-1]),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(page(), end="")
