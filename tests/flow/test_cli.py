"""What an operator does with bxb: migrate, organizations, keys, sending a file, status.

SPDX-License-Identifier: Apache-2.0
"""

import hashlib
import json
import os
import pty
import secrets
import subprocess

import pytest

from flow.stack import wait_until

FINDING, FAILURE, USAGE, SETTINGS = 1, 2, 64, 78


def write_events(path, lines) -> str:
    path.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))
    return str(path)


# migrate


def test_migrating_again_changes_nothing(stack, pg, ch):
    state = "SELECT store, version, sha256, applied_at FROM migration ORDER BY store, version"
    before = pg.execute(state).fetchall()
    table = ch.query("SELECT uuid FROM system.tables WHERE name = 'events_raw'").result_rows
    again = stack.bxb("migrate")
    assert "already applied" in again.stdout
    assert {store for store, *_ in before} == {"postgres", "clickhouse"}
    assert pg.execute(state).fetchall() == before
    assert ch.query("SELECT uuid FROM system.tables WHERE name = 'events_raw'").result_rows == table


def test_two_migrations_at_once_make_one_schema(stack, pg):
    """Each in a schema of its own, which neither finds."""
    schema = f"ingest_{secrets.token_hex(4)}"
    command = [stack.local / "bin" / "bxb", "--set", f"postgres.schema={schema}"]
    environment = {**os.environ, **stack.env}
    both = [subprocess.Popen([*command, "migrate"], env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(b" applied" in output.replace(b"already applied", b"") for output in outputs) == 1
    pg.execute(f"DROP SCHEMA {schema} CASCADE")


def test_a_changed_migration_is_refused(stack, pg):
    """As when the program is another one than the one that made the schema."""
    step = "store = 'postgres' AND version = 1"
    (applied,) = pg.execute(f"SELECT sha256 FROM migration WHERE {step}").fetchone()
    pg.execute(f"UPDATE migration SET sha256 = sha256('other') WHERE {step}")
    try:
        refused = stack.bxb("migrate", check=False)
    finally:
        pg.execute(f"UPDATE migration SET sha256 = %s WHERE {step}", [applied])
    assert refused.returncode == FAILURE
    assert "0001" in refused.stderr
    stack.bxb("migrate")


# Organizations and keys


def test_organizations_are_listed_and_made_once(organization, stack):
    listed = json.loads(stack.bxb("org", "list", "--json").stdout)
    assert [entry["id"] for entry in listed if entry["name"] == organization.name] == [organization.id]
    assert organization.name in stack.bxb("org", "list").stdout
    again = stack.bxb("org", "create", organization.name, check=False)
    assert again.returncode == FAILURE and "already" in again.stderr
    assert stack.bxb("org", "create", organization.name, "--if-missing").stdout.strip() == organization.id


def test_an_organization_may_bring_its_id(stack):
    name, given = f"given-{secrets.token_hex(4)}", "6f1c2d3e-4b5a-4c6d-8e7f-" + secrets.token_hex(6)
    assert stack.bxb("org", "create", name, "--id", given).stdout.strip() == given
    assert stack.bxb("org", "create", "other-" + name, "--id", "no-uuid", check=False).returncode in (FAILURE, USAGE)
    assert stack.bxb("org", "create", "other-" + name, "--id", given, check=False).returncode == FAILURE


def test_a_key_is_shown_once_and_listed_by_its_first_characters(organization, stack):
    assert organization.key.startswith("bxb_live_") and len(organization.key) == len("bxb_live_") + 64
    listing = stack.bxb("key", "list", "--org", organization.name, "--json").stdout
    assert organization.key not in listing
    (entry,) = json.loads(listing)
    assert organization.key.startswith(entry["prefix"])
    assert (entry["organization_id"], entry["scopes"], entry["state"]) == (organization.id, ["events:write"], "active")


def test_a_key_that_exists_elsewhere_is_imported_by_its_hash(organization, stack):
    key = "bxb_live_" + secrets.token_hex(32)
    sha256 = hashlib.sha256(key.encode()).hexdigest()
    importing = ("key", "import", "--org", organization.name, "--sha256", sha256)
    imported = json.loads(stack.bxb(*importing, "--scope", "events:write", "--expires", "2030-01-31", "--json").stdout)
    organization.wait_for_key(key)
    listed = json.loads(stack.bxb("key", "list", "--org", organization.name, "--json").stdout)
    (entry,) = [entry for entry in listed if entry["id"] == imported["id"]]
    assert (entry["scopes"], entry["expires_at"]) == (["events:write"], "2030-01-31T00:00:00Z")
    again = stack.bxb(*importing, check=False)
    assert again.returncode == FAILURE and "already" in again.stderr


def test_a_key_that_has_ended_before_it_began_is_not_made(organization, stack):
    for expires in ("2020-01-01", "90", "tomorrow"):
        refused = stack.bxb("key", "create", "--org", organization.name, "--expires", expires, check=False)
        assert (refused.returncode, refused.stdout) == (USAGE, "") and f"'{expires}'" in refused.stderr


def test_limits_are_shown_and_changed_one_by_one(organization, stack):
    def change(*options):
        changed = json.loads(stack.bxb("org", "update", organization.name, *options, "--json").stdout)
        return [changed[name] for name in ("events_per_second", "bytes_per_second", "burst_ms")]

    assert change("--events-per-second", "2000") == [2000, None, None]
    assert change("--bytes-per-second", "4MiB", "--burst", "30s") == [2000, 4 << 20, 30000]
    assert change("--events-per-second", "none", "--burst", "default") == [0, 4 << 20, None]
    assert change("--unknown-codes", "accept", "--events-per-second", "default") == [None, 4 << 20, None]
    for wrong in (["--events-per-second", "0"], ["--burst", "none"], ["--bytes-per-second", "-1"], []):
        assert stack.bxb("org", "update", organization.name, *wrong, check=False).returncode == USAGE


def test_a_test_key_and_an_expiring_key_work_until_their_end(organization, stack):
    create = ("key", "create", "--org", organization.id, "--json")
    short = json.loads(stack.bxb(*create, "--test", "--expires", "3s").stdout)["key"]
    assert short.startswith("bxb_test_")
    with organization.client(short) as http:
        wait_until(lambda: organization.is_known(http), 3, "the key is known before it ends")
        wait_until(lambda: http.post("/v1/events", json={}).status_code == 401, 15, "the key has ended")


def test_a_key_without_the_scope_is_403(organization, stack):
    made = stack.bxb("key", "create", "--org", organization.name, "--scope", "events:read", "--json")
    with organization.client(json.loads(made.stdout)["key"]) as http:
        answer = wait_until(
            lambda: (lambda answer: answer.status_code != 401 and answer)(http.post("/v1/events", json={})),
            15,
            "the key is known",
        )
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "arguments",
    [
        ("org", "create"),
        ("key", "create"),
        ("key", "create", "--org"),
        ("send",),
        ("send", "a", "b"),
        ("send", "x", "--batch", "0"),
        ("status", "--nonsense"),
        ("nonsense",),
    ],
    ids=" ".join,
)
def test_a_command_line_that_cannot_be_understood_ends_with_64(stack, arguments):
    refused = stack.bxb(*arguments, check=False)
    assert refused.returncode == USAGE
    assert "--help" in refused.stderr


def test_a_setting_that_is_wrong_ends_with_78(stack):
    assert stack.bxb("--set", "nonsense=1", "org", "list", check=False).returncode == SETTINGS
    assert stack.bxb("--set", "events.partitions=none", "org", "list", check=False).returncode == SETTINGS


def test_a_secret_is_not_taken_from_a_command_line(stack, organization, tmp_path):
    refused = stack.bxb("--set", f"api_key={organization.key}", "send", "-", check=False)
    assert refused.returncode == SETTINGS and organization.key not in refused.stderr and "api_key_file" in refused.stderr
    path = tmp_path / "key"
    path.write_text(organization.key)
    stack.bxb("--set", f"api_key_file={path}", "send", "-", input=json.dumps(organization.event()) + "\n")


def test_postgresql_that_is_away_ends_with_2(stack):
    failed = stack.bxb("--set", "postgres=postgresql://bxb@127.0.0.1:1/bxb", "org", "list", check=False)
    assert failed.returncode == FAILURE
    assert "bxb@" not in failed.stderr, "the connection string is a secret"


COMMANDS = [
    "migrate",
    "org create",
    "org update",
    "org list",
    "metric create",
    "metric update",
    "metric list",
    "key create",
    "key import",
    "key revoke",
    "key list",
    "send",
    "status",
]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_has_help(stack, command):
    assert "usage" in stack.bxb(*command.split(), "--help").stdout.lower()


# send


def test_a_file_is_sent_and_every_event_is_in_both_stores(organization, stack, tmp_path):
    events = organization.events(5_000)
    path = write_events(tmp_path / "events.ndjson", events)
    organization.record(events, acknowledged=True)
    done = stack.bxb("send", path, "--json", api_key=organization.key)
    summary = json.loads(done.stdout)
    assert (summary["sent"], summary["accepted"], summary["rejected"], summary["unsettled"]) == (5_000, 5_000, 0, 0)
    organization.verify()


def test_standard_input_is_sent_in_small_batches(organization, stack, kafka):
    events = [organization.event() for _ in range(105)]
    lines = "\n\n".join(json.dumps(event) for event in events)  # no line feed at the end, and empty lines
    command = ("send", "-", "--batch", "10", "--concurrency", "3", "--quiet")
    done = stack.bxb(*command, input=lines, api_key=organization.key)
    assert "accepted 105" in done.stdout
    assert done.stderr == ""
    sent = {event["transaction_id"] for event in events}
    assert {record.transaction_id for record in kafka.records(organization.id)} == sent


def test_rejected_lines_are_named_and_the_exit_code_is_1(organization, stack, kafka, tmp_path):
    good = [organization.event() for _ in range(5)]
    bad = {**organization.event(), "timestamp": "never"}
    path = write_events(tmp_path / "events.ndjson", [*good[:2], bad, "nonsense\n", *good[2:]])
    done = stack.bxb("send", path, check=False, api_key=organization.key)
    assert done.returncode == FINDING
    assert f"{path}:3: timestamp_invalid" in done.stderr
    assert f"{path}:4: json_malformed" in done.stderr
    assert "accepted 5" in done.stdout and "rejected 2" in done.stdout
    assert len(kafka.records(organization.id)) == 5


def test_a_terminal_shows_a_progress_bar(organization, stack, tmp_path):
    path = write_events(tmp_path / "events.ndjson", organization.events(20_000))
    ours, theirs = pty.openpty()
    command = [stack.local / "bin" / "bxb", "send", path, "--batch", "20", "--concurrency", "2"]
    environment = {**os.environ, **stack.env, "BXB_API_KEY": organization.key}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:  # the other end was closed
            pass
        os.close(ours)
        assert b"accepted 20000" in process.stdout.read()
    assert process.returncode == 0
    assert b"\r[#" in shown and b"%" in shown


def test_without_a_key_nothing_is_sent(stack, tmp_path):
    path = write_events(tmp_path / "events.ndjson", ["{}\n"])
    for key in ("", "bxb_live_" + "0" * 64):
        done = stack.bxb("send", path, check=False, api_key=key)
        assert done.returncode in (FAILURE, SETTINGS)
        assert "key" in done.stderr.lower()


def test_a_file_that_is_not_there_ends_with_2(organization, stack, tmp_path):
    done = stack.bxb("send", str(tmp_path / "none.ndjson"), check=False, api_key=organization.key)
    assert done.returncode == FAILURE and "none.ndjson" in done.stderr


def test_a_server_that_is_away_is_waited_for(organization, stack, tmp_path):
    events = [organization.event() for _ in range(50)]
    path = write_events(tmp_path / "events.ndjson", events)
    stack.terminate("server")
    given_up = stack.bxb("send", path, "--give-up", "1s", check=False, api_key=organization.key)
    assert given_up.returncode == FAILURE
    environment = {**os.environ, **stack.env, "BXB_API_KEY": organization.key}
    command = [stack.local / "bin" / "bxb", "send", path]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as waiting:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(timeout=1)
        stack.start("server")
        output, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0 and b"accepted 50" in output
    organization.record(events, acknowledged=True)
    organization.verify()


# status


def test_status_tells_what_both_stores_hold(organization, stack, ch, pg):
    assert organization.send(organization.events(10)) == 201
    organization.at_rest()
    status = json.loads(stack.bxb("status", "--json").stdout)
    ((rows,),) = ch.query("SELECT count() FROM default.events_raw").result_rows
    ((events,),) = pg.execute("SELECT sum(events)::bigint FROM usage_hourly").fetchall()
    assert (status["clickhouse_rows"], status["usage_events"], status["ledger_stored"]) == (rows, events, rows)
    assert status["lag"] == 0
    assert len(status["partitions"]) == 12
    assert f"rows in ClickHouse    {rows}\n" in stack.bxb("status").stdout


def test_status_says_what_cannot_be_reached(stack):
    stack.terminate("writer")
    down = stack.bxb("status", check=False)
    assert down.returncode in (FINDING, FAILURE)
    assert "writer" in down.stdout + down.stderr
    stack.start("writer")
    # Ready is not at once: the lease of the one before may have to run out.
    wait_until(lambda: stack.bxb("status", check=False).returncode == 0, 60, "all is well again")
