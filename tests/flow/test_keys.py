"""API keys and the catalog behind them: what they may do, how fast a change counts, what remains without PostgreSQL.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import pathlib
import signal
import stat
import time

import httpx
import pytest

from flow.organization import Organization
from flow.own_server import OwnServer
from flow.stack import Stack, wait_until
from flow.test_reject import assert_problem

DEFAULT_POLL = {"catalog.poll": "500ms"}


def make_key(organization: Organization, *options: str) -> dict[str, str]:
    return json.loads(organization.stack.bxb("key", "create", "--org", organization.name, *options, "--json").stdout)


def seconds_until(server: OwnServer, key: str, status: int) -> float:
    """How long until an event that is none is answered so under this key."""
    began = time.monotonic()
    with server.client(key) as http:
        wait_until(lambda: http.post("/v1/events", json={}).status_code == status, 15, f"the key is answered {status}")
    return time.monotonic() - began


# Changes


def test_two_keys_are_valid_at_once_and_a_change_counts_within_a_second(stack, organization):
    """With the default poll, five rotations: a new key, then the end of the old one."""
    with OwnServer(stack, DEFAULT_POLL) as server:
        server.wait_ready()
        known, ended = [], []
        old = make_key(organization)
        seconds_until(server, old["key"], 422)
        for _ in range(5):
            new = make_key(organization)
            known.append(seconds_until(server, new["key"], 422))
            with server.client(old["key"]) as http:
                assert organization.post(organization.event(), http).status_code == 201, "both are valid"
            stack.bxb("key", "revoke", old["id"])
            ended.append(seconds_until(server, old["key"], 401))
            old = new
    assert max(known) < 1 and max(ended) < 1, f"known after {known}, ended after {ended}"


def test_a_refusal_tells_why_only_to_whoever_has_the_key(stack, organization):
    revoked, expired = make_key(organization), make_key(organization, "--expires", "1s")
    organization.wait_for_key(revoked["key"])
    stack.bxb("key", "revoke", revoked["id"])
    detail = {}
    for name, key in (("revoked", revoked["key"]), ("expired", expired["key"]), ("unknown", revoked["key"][:-1] + "x")):
        with organization.client(key) as http:
            wait_until(lambda: http.post("/v1/events", json={}).status_code == 401, 15, f"the key is {name}")
            detail[name] = assert_problem(http.post("/v1/events", json={}), 401, "unauthorized")["detail"]
    assert "was revoked" in detail["revoked"] and "has expired" in detail["expired"]
    assert detail["unknown"] == "the API key is not known"


@pytest.mark.parametrize("path", ["/v1/events", "/v1/events/batch", "/v1/events/validate", "/api/v1/events", "/events"])
def test_every_path_asks_for_its_scope(stack, organization, path):
    reading = make_key(organization, "--scope", "events:read", "--scope", "admin")
    both = make_key(organization, "--scope", "events:read", "--scope", "events:write")
    organization.wait_for_key(both["key"])
    with organization.client(reading["key"]) as http:
        problem = assert_problem(http.post(path, json=organization.event()), 403, "forbidden")
        assert "events:write" in problem["detail"]
    with organization.client(both["key"]) as http:
        assert http.post(path, json=organization.event()).status_code in (200, 201)


# Secrecy


def test_a_key_is_in_no_log_and_no_command_line(stack, organization):
    """However a client sends it: in its place, in a wrong one, malformed."""
    key = organization.key
    secret = key.removeprefix("bxb_live_")
    answers = [
        organization.post(organization.event()),
        organization.post([{}]),
        organization.http.post(f"/v1/events?api_key={key}", json={}),
        organization.http.post(f"/{key}", json={}),
        organization.http.post("/v1/events", json={}, headers={"Authorization": key}),
        organization.http.post("/v1/events", json={}, headers={"Authorization": f"Bearer {key} {key}"}),
        organization.http.post("/v1/events", json={}, headers={"Authorization": f"Bearer {key}x"}),
        organization.http.post("/v1/events", json={}, headers={"Authorization": f"Basic {key}"}),
        organization.http.post("/v1/events", json={}, headers={"Content-Type": key}),
        organization.http.request(key[:20], "/v1/events"),
    ]
    for answer in answers:
        assert not parts_of(secret, answer.text), answer.text
    with OwnServer(stack, {"log.level": "debug"}) as server:
        server.wait_ready()
        with server.client(key) as http:
            assert http.post("/v1/events", json=organization.event()).status_code == 201
            assert http.post("/v1/events", json={}, headers={"Authorization": f"Bearer {key}x"}).status_code == 401
        for command in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            assert not parts_of(secret, read_quietly(command)), command
    stack.bxb("send", "-", input=json.dumps(organization.event()) + "\n", api_key=key)
    for log in (stack.local / "log").rglob("*"):
        if log.is_file():
            assert not parts_of(secret, read_quietly(log)), log
    with httpx.Client(base_url=stack.env["BXB_ADMIN_URL"], trust_env=False) as admin:
        assert not parts_of(secret, admin.get("/metrics").text)


def parts_of(secret: str, text: str) -> list[str]:
    """Twelve digits in a row of what is secret of a key: the first eight are shown by `bxb key list`."""
    parts = (secret[at : at + 12] for at in range(8, len(secret) - 11))
    return [part for part in parts if part in text]


def read_quietly(path: pathlib.Path) -> str:
    """"" for a process that has ended meanwhile."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


# Without PostgreSQL


def snapshot_of(stack: Stack, tmp_path: pathlib.Path) -> tuple[pathlib.Path, OwnServer]:
    path = tmp_path / "catalog"
    return path, OwnServer(stack, {"catalog.snapshot": str(path)})


def test_the_catalog_survives_a_restart_without_postgresql_until_its_file_is_damaged(stack, organization, tmp_path):
    path, server = snapshot_of(stack, tmp_path)
    stack.bxb("org", "update", organization.name, "--events-per-second", "1000")
    with server:
        server.wait_ready()
        seconds_until(server, organization.key, 422)
        wait_until(lambda: organization.id in path.read_text(), 15, "the file has the organization")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        stack.stop("postgres")
        server.stop()
        server.start()
        server.wait_ready()
        with server.client(organization.key) as http:
            answer = organization.post(organization.event(), http)
            assert answer.status_code == 201 and answer.headers["X-RateLimit-Limit"] == "10000"
        with server.client("another") as http:
            assert_problem(http.post("/v1/events", json={}), 401, "unauthorized")
        server.stop()
        whole = path.read_bytes()
        for damaged in (whole[:-1], whole.replace(b'"revoked":false', b'"revoked":true ', 1), b"bxb-catalog 2" + whole[13:]):
            path.write_bytes(damaged)
            server.start()
            wait_until(lambda: server.readiness()[0] == 503, 30, "the server lives")
            assert "catalog" in wait_until(lambda: why_not(server, str(path)), 15, "it says that the file cannot be used")
            server.stop()
            assert path.read_bytes() == damaged
        server.start()
        stack.start("postgres")
        server.wait_ready()
        wait_until(lambda: organization.id in path.read_text(), 15, "the file is whole again")


def why_not(server: OwnServer, name: str) -> str:
    """The line of the log that tells of this file."""
    return next((line for line in server.log_path.read_text().splitlines() if name in line and "catalog" in line), "")


def test_a_catalog_older_than_max_stale_is_not_used(stack, organization):
    with OwnServer(stack, {"catalog.max_stale": "1s"}) as server:
        server.wait_ready()
        with server.client(organization.key) as http:
            assert organization.post(organization.event(), http).status_code == 201
            stack.stop("postgres")
            wait_until(lambda: server.readiness()[0] == 503, 15, "the catalog is too old")
            assert "catalog.max_stale" in server.readiness()[1]
            assert_problem(organization.post(organization.event(), http), 503, "not_ready")
            stack.start("postgres")
            server.wait_ready()
            assert organization.post(organization.event(), http).status_code == 201


def test_a_frozen_postgresql_holds_nothing_up(stack, organization):
    """It takes connections and answers nothing: events go on, and so does the stop of the server."""
    with OwnServer(stack) as server:
        server.wait_ready()
        with server.client(organization.key) as http:
            assert organization.post(organization.event(), http).status_code == 201
            freeze_postgres(stack, frozen=True)
            try:
                until = time.monotonic() + 7  # longer than the catalog waits for an answer
                slowest = 0.0
                while time.monotonic() < until:
                    began = time.monotonic()
                    assert organization.post(organization.event(), http).status_code == 201
                    slowest = max(slowest, time.monotonic() - began)
                assert server.readiness()[0] == 200
                assert slowest < 2
            finally:
                freeze_postgres(stack, frozen=False)
        revoked = make_key(organization)
        seconds_until(server, revoked["key"], 422)
        stack.bxb("key", "revoke", revoked["id"])
        assert seconds_until(server, revoked["key"], 401) < 5


def freeze_postgres(stack: Stack, frozen: bool) -> None:
    """Its processes too: each connection has one, which would go on to answer."""
    postmaster = stack.running_pid("postgres")
    children = [
        int(path.parent.name)
        for path in pathlib.Path("/proc").glob("[0-9]*/stat")
        if read_quietly(path).rpartition(")")[2].split()[1:2] == [str(postmaster)]
    ]
    for pid in [postmaster, *children]:
        try:
            os.kill(pid, signal.SIGSTOP if frozen else signal.SIGCONT)
        except ProcessLookupError:
            pass
