"""What the writer does when ClickHouse, PostgreSQL or Kafka refuse or fail: it waits, reads back, or stops; nothing is changed
meanwhile, and everything is counted once when the trouble is over. flow/error_rows.py has the table.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import re
import threading

import psycopg
import pytest

from engine.old_server import OldServer
from flow.case import Case
from flow.stack import REPOSITORY, wait_until


@pytest.fixture(scope="module")
def installed(session_stack):
    with Case(session_stack) as case:
        case.begin()
        yield case


@pytest.fixture
def case(installed, stack):
    yield installed
    installed.clickhouse.insert_settings = ""
    for writer in installed.writers:
        if writer.process:
            writer.kill()


def is_stopped(writer) -> bool:
    return "event=lane_stopped" in writer.log()


def goes_through(case, trouble, code: str, mentions: str, look=Case.state) -> None:
    """A batch is sent while there is trouble: the writer says so, changes nothing, and counts once afterwards. `look`: at
    what can be asked for meanwhile, and must not move."""
    stops = class_of(code) == "STOP"
    with case.running() as writer:
        writer.wait_ready()
        before = look(case)
        with trouble(case):
            case.send(1)
            writer.wait_unready(code)
            wait_until(lambda: mentions in writer.readiness()[1], 10, f"{mentions}: {writer.readiness()}")
            if stops:
                case.await_stop(writer, code)
            assert look(case) == before
        if stops:
            writer.kill()  # another one need not wait until a stopped lane is tried again
        case.recover()
        assert stops or not is_stopped(writer), writer.log()


def class_of(code: str) -> str:
    """RETRY or STOP, by base/errors.def. `code`: as the program shows it."""
    text = (REPOSITORY / "base" / "errors.def").read_text(encoding="utf-8")
    return re.search(rf'^ERROR\(\w+, "{code}", \d+, (\w+)', text, re.M)[1]


# ClickHouse


def setting(text: str):
    """A setting that comes with each INSERT."""

    @contextlib.contextmanager
    def trouble(case):
        case.clickhouse.insert_settings = text
        try:
            yield
        finally:
            case.clickhouse.insert_settings = ""

    return trouble


def altered(change: str, back: str):
    """The table is altered."""

    @contextlib.contextmanager
    def trouble(case):
        table = case.settings.clickhouse_table
        assert case.clickhouse_says(f"ALTER TABLE {table} {change}") == ""
        try:
            yield
        finally:
            assert case.clickhouse_says(f"ALTER TABLE {table} {back}") == ""

    return trouble


@contextlib.contextmanager
def crowded(case):
    """Another statement of the same user runs, and there must be none."""
    query = "SELECT sleepEachRow(0.5) FROM numbers(1000) SETTINGS max_block_size = 1"
    thread = threading.Thread(target=case.clickhouse_says, args=(query,))
    thread.start()
    running = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sleepEachRow%'"
    try:
        wait_until(lambda: case.clickhouse_says(running) == "1\n", 10, "it runs")
        with setting("max_concurrent_queries_for_user=1")(case):
            yield
    finally:
        case.clickhouse_says("KILL QUERY WHERE query LIKE 'SELECT sleepEachRow%' ASYNC")
        thread.join()


@contextlib.contextmanager
def away(case):
    """The table has another name."""
    table = case.settings.clickhouse_table
    assert case.clickhouse_says(f"RENAME TABLE {table} TO {table}_away") == ""
    try:
        yield
    finally:
        assert case.clickhouse_says(f"RENAME TABLE {table}_away TO {table}") == ""


FULL = f"min_free_disk_bytes_to_perform_insert={1 << 60}"
# A row of clickhouse/verdicts.def each: the trouble, and the code that the writer shows.
CLICKHOUSE = {
    "TOO_MANY_SIMULTANEOUS_QUERIES": (crowded, "clickhouse_unavailable"),
    "MEMORY_LIMIT_EXCEEDED": (setting("max_memory_usage=1&max_untracked_memory=0"), "clickhouse_outcome_unknown"),
    "NOT_ENOUGH_SPACE": (setting(FULL), "clickhouse_outcome_unknown"),
    "TOO_MANY_PARTS": (
        altered("MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1, max_delay_to_insert = 0",
                "RESET SETTING parts_to_throw_insert, parts_to_delay_insert, max_delay_to_insert"),
        "clickhouse_outcome_unknown",
    ),
    "READONLY": (setting("readonly=1"), "clickhouse_refused"),
    "TABLE_IS_PERMANENTLY_READ_ONLY": (
        altered("MODIFY SETTING table_readonly = 1", "MODIFY SETTING table_readonly = 0"), "clickhouse_refused"
    ),
    "UNKNOWN_TABLE": (away, "clickhouse_refused"),
    "VIOLATED_CONSTRAINT": (altered("ADD CONSTRAINT none CHECK kafka_offset < 0", "DROP CONSTRAINT none"), "clickhouse_refused"),
}  # fmt: skip


@pytest.mark.parametrize("name", CLICKHOUSE)
def test_clickhouse_refuses_or_fails(case, name):
    trouble, code = CLICKHOUSE[name]
    tokens = "bxb_writer_tokens_burned_total"
    goes_through(case, trouble, code, name, look=Case.ledger_state if trouble is away else Case.state)
    assert all(writer.metric(tokens) == 0 for writer in case.writers if writer.process), "no token was given up"


@pytest.mark.parametrize("name, number", [("QUOTA_EXCEEDED", 201), ("READONLY", 164)])
def test_a_view_fails_behind_the_table(case, name, number):
    """The table has the rows, though the code says that nothing was sent, or that it is refused: they are found, and that is
    it."""
    table = case.settings.clickhouse_table
    allowed = "allow_custom_error_code_in_throwif=1"
    throws = f"SELECT throwIf(kafka_offset >= 0, 'thrown', toInt16({number})) AS x FROM {table} SETTINGS {allowed}"
    assert case.clickhouse_says(f"CREATE MATERIALIZED VIEW {table}_v ENGINE = Memory AS {throws}") == ""
    try:
        case.send(1)  # before there is a writer, so that it is one batch
        with setting(allowed)(case), case.running() as writer:
            case.recover()
            assert name in writer.log() and not is_stopped(writer), writer.log()
            assert writer.metric("bxb_writer_read_backs_total") == 1
    finally:
        assert case.clickhouse_says(f"DROP TABLE {table}_v SYNC") == ""


def test_a_read_back_asks_for_what_it_must(case):
    """No cache, no limit, and no replica that knows to lack what a quorum has."""
    asked = []
    pair = case.clickhouse.pair_class
    look = pair._request  # every request of the writer passes here
    try:
        pair._request = lambda self, chunk: asked.append(chunk) or look(self, chunk)
        goes_through(case, setting(FULL), "clickhouse_outcome_unknown", "NOT_ENOUGH_SPACE")
    finally:
        pair._request = look
    sent = b"".join(asked).decode(errors="replace")
    queries = re.findall(r"SELECT count\(\), uniqExact.*?FORMAT TabSeparated", sent)
    assert queries
    for wanted in ("select_sequential_consistency = 1", "use_query_cache = 0", "max_rows_to_read = 0", "final = 0"):
        assert all(wanted in query for query in queries), queries[0]


def test_a_clickhouse_that_is_too_old_is_refused(case):
    with OldServer() as old, case.running(clickhouse_url=old.url) as writer:
        writer.wait_unready("clickhouse_refused: ClickHouse 18.16.1 is too old: the writer needs 23.8 or newer")


# PostgreSQL


# States that a trigger can raise: those of the table whose cause cannot be brought about here, and some that it has not.
RAISED = {
    "40001": "postgres_conflict",
    "40003": "postgres_outcome_unknown",
    "08007": "postgres_outcome_unknown",
    "53100": "postgres_unavailable",
    "57P04": "postgres_unavailable",
    "08P01": "postgres_refused",
    "22003": "postgres_refused",
    "58030": "postgres_refused",
    "XX001": "postgres_refused",
}


def raises(state: str):
    """Completing a batch ends with this state."""

    @contextlib.contextmanager
    def trouble(case):
        body = f"BEGIN RAISE 'provoked' USING ERRCODE = '{state}'; END"
        with case.connection() as connection:
            connection.execute(f"CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
            connection.execute("CREATE TRIGGER fails BEFORE INSERT ON batch FOR EACH ROW EXECUTE FUNCTION fail()")
            try:
                yield
            finally:
                connection.execute("DROP FUNCTION fail() CASCADE")

    return trouble


@pytest.mark.parametrize("state", RAISED)
def test_postgresql_fails(case, state):
    """The batch was announced before, so its rows land meanwhile."""
    goes_through(case, raises(state), RAISED[state], "provoked", look=Case.ledger_state)


# Causes that can be brought about


@contextlib.contextmanager
def superuser(case):
    uri = case.stack.settings.postgres.replace("postgresql://bxb@", "postgresql://postgres@")
    with psycopg.connect(uri, autocommit=True) as connection:
        yield connection


def end_sessions(connection) -> None:
    connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bxb'")


def role(change: str, back: str):
    """The role of the programs is another one, for new sessions; those that stand are ended."""

    @contextlib.contextmanager
    def trouble(case):
        with superuser(case) as connection:
            connection.execute(f"ALTER ROLE bxb {change}")
            end_sessions(connection)
            try:
                yield
            finally:
                connection.execute(f"ALTER ROLE bxb {back}")
                end_sessions(connection)

    return trouble


@contextlib.contextmanager
def without_table(case):
    """It has another name. What looks at the ledger meanwhile is told by the name that it has."""
    schema = case.settings.postgres_schema
    with superuser(case) as connection:
        connection.execute(f"ALTER TABLE {schema}.batch RENAME TO batch_away")
        try:
            yield
        finally:
            connection.execute(f"ALTER TABLE {schema}.batch_away RENAME TO batch")


@contextlib.contextmanager
def locked(case):
    """Somebody holds the rows of usage, and nobody waits long for a lock."""
    with role("SET lock_timeout = '100ms'", "RESET lock_timeout")(case), superuser(case) as connection:
        with connection.transaction():
            connection.execute(f"SELECT 1 FROM {case.settings.postgres_schema}.usage_hourly FOR UPDATE")
            yield


CAUSES = {
    "53300": (role("CONNECTION LIMIT 0", "CONNECTION LIMIT -1"), "postgres_unavailable", "too many connections for role"),
    "25006": (
        role("SET default_transaction_read_only = on", "RESET default_transaction_read_only"),
        "postgres_unavailable",
        "25006",
    ),
    "42P01": (without_table, "schema_mismatch", "42P01"),
    "55P03": (locked, "postgres_conflict", "55P03"),
}


@pytest.mark.parametrize("state", CAUSES)
def test_postgresql_is_such_that_it_fails(case, state):
    trouble, code, mentions = CAUSES[state]
    goes_through(case, trouble, code, mentions, look=lambda _: None)


def test_postgresql_does_not_know_the_user_or_the_database(case):
    """28P01 and 3D000: a connection that is refused is tried again, since passwords are changed while programs run."""
    uri = case.env["BXB_POSTGRES"]
    for postgres, mentions in (
        (uri.replace("/bxb?", "/no_such_database?"), 'database "no_such_database" does not exist'),
        (uri.partition("?")[0].replace("bxb@", "bxb:wrong@"), "password authentication failed"),
    ):
        with case.running(postgres=postgres) as writer:
            writer.wait_unready("postgres_unavailable")
            wait_until(lambda: mentions in writer.readiness()[1], 10, f"{mentions}: {writer.readiness()}")
            assert not is_stopped(writer)


def test_postgresql_ends_sessions(case):
    """57P01, in the middle of whatever it is."""
    with case.running() as writer, superuser(case) as connection:
        writer.wait_ready()
        for _ in range(10):
            case.send(1)
            end_sessions(connection)
        case.recover()
        assert not is_stopped(writer), writer.log()


def test_postgresql_finds_a_deadlock(case):
    """40P01: somebody locks what the writer locks, the other way round."""
    schema = case.settings.postgres_schema
    with case.running() as writer, superuser(case) as connection:
        writer.wait_ready()
        deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = 'bxb'"
        with contextlib.suppress(psycopg.errors.DeadlockDetected):
            with connection.transaction():
                connection.execute(f"SELECT 1 FROM {schema}.usage_hourly FOR UPDATE")
                case.send(1)
                waits = "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'bxb' AND wait_event_type = 'Lock'"
                wait_until(lambda: case.asks(waits), 10, "the writer waits")
                connection.execute(f"SELECT 1 FROM {schema}.lane FOR UPDATE")
        case.recover()
        assert "40P01" in writer.log() or case.asks(deadlocks) > 0
        assert not is_stopped(writer), writer.log()
