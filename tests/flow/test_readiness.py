"""A dependency that is away makes a program not ready, never ends it, and it recovers by itself.

SPDX-License-Identifier: Apache-2.0
"""

import re
import time

import httpx
import pytest

from flow.case import Case
from flow.own_server import OwnServer
from flow.stack import Stack, wait_until


def admin(stack: Stack, name: str) -> httpx.Client:
    url = {"server": "BXB_ADMIN_URL", "writer": "BXB_WRITER_ADMIN_URL"}[name]
    return httpx.Client(base_url=stack.env[url], trust_env=False, timeout=10)


def status_of(http: httpx.Client, path: str) -> int:
    """0 while nothing answers."""
    try:
        return http.get(path).status_code
    except httpx.TransportError:
        return 0


@pytest.mark.parametrize("name", ["server", "writer"])
def test_both_programs_tell_their_state(stack, name):
    with admin(stack, name) as http:
        assert http.get("/livez").status_code == 200
        # A test before may have taken something away for a moment.
        wait_until(lambda: status_of(http, "/readyz") == 200, 60, f"{name} is ready")
        assert http.get("/version").status_code == 200
        assert http.get("/nonsense").status_code == 404
        metrics = http.get("/metrics")
        assert metrics.headers["Content-Type"].startswith("text/plain")
        lines = [line for line in metrics.text.splitlines() if line and not line.startswith("#")]
        assert len(lines) == len({line.rsplit(" ", 1)[0] for line in lines}), "each series stands there once"
        for line in lines:
            float(line.rsplit(" ", 1)[1])
        assert f"bxb_{name}_ready 1" in lines


def test_a_server_is_ready_soon_after_its_start(stack):
    """The topic is looked at before the catalog is there, and soon again: nobody waits a second for that."""
    took = []
    for _ in range(5):
        with OwnServer(stack) as server:
            began = time.monotonic()
            wait_until(lambda: server.readiness()[0] == 200, 60, "ready")
            took.append(time.monotonic() - began)
    assert min(took) < 0.9, took


def test_events_are_counted_by_their_fate(stack, organization):
    def accepted_and_rejected(http):
        lines = dict(line.rsplit(" ", 1) for line in http.get("/metrics").text.splitlines() if line.startswith("bxb_"))
        return [int(lines[f'bxb_server_events_total{{fate="{fate}"}}']) for fate in ("accepted", "rejected")]

    with admin(stack, "server") as http:
        accepted, rejected = accepted_and_rejected(http)
        assert organization.post([organization.event(), organization.event(), 5]).status_code == 207
        assert accepted_and_rejected(http) == [accepted + 2, rejected + 1]


def test_the_server_takes_events_while_postgresql_is_away(stack, organization):
    stack.stop("postgres")
    assert organization.send(organization.events(100)) == 201
    stack.start("postgres")
    organization.verify()


def test_a_server_that_starts_without_postgresql_waits_for_it(stack, organization):
    stack.stop("postgres")
    stack.terminate("server")
    starting = stack.begin_start("server")
    with admin(stack, "server") as http:
        wait_until(lambda: status_of(http, "/livez") == 200, 30, "the server lives")
        assert status_of(http, "/readyz") == 503
        answer = organization.post(organization.event())
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1
        stack.start("postgres")
        wait_until(lambda: status_of(http, "/readyz") == 200, 30, "the server is ready")
    assert starting.wait() == 0
    assert organization.send([organization.event()]) == 201


def test_a_writer_that_starts_without_its_stores_waits_for_them(stack, organization):
    for name in ("writer", "clickhouse", "postgres"):
        stack.stop(name)
    starting = stack.begin_start("writer")
    with admin(stack, "writer") as http:
        wait_until(lambda: status_of(http, "/livez") == 200, 30, "the writer lives")
        assert status_of(http, "/readyz") == 503
        stack.start("postgres")
        assert status_of(http, "/livez") == 200
        assert status_of(http, "/readyz") == 503
        stack.start("clickhouse")
        wait_until(lambda: status_of(http, "/readyz") == 200, 60, "the writer is ready")
    assert starting.wait() == 0
    assert organization.send(organization.events(50)) == 201
    organization.verify()


def test_both_wait_for_a_broker_that_is_away_at_their_start(stack, organization):
    stack.stop("kafka")
    for name in ("server", "writer"):
        stack.terminate(name)
    starting = [stack.begin_start(name) for name in ("server", "writer")]
    with admin(stack, "server") as server, admin(stack, "writer") as writer:
        for http in (server, writer):
            wait_until(lambda: status_of(http, "/livez") == 200, 30, "it lives")
            assert status_of(http, "/readyz") == 503
        stack.start("kafka")
        for http in (server, writer):
            wait_until(lambda: status_of(http, "/readyz") == 200, 60, "it is ready")
    assert [process.wait() for process in starting] == [0, 0]
    assert organization.send(organization.events(50)) == 201
    organization.verify()


def test_an_idle_writer_notices_that_a_dependency_is_frozen(stack, organization):
    assert organization.send([organization.event()]) == 201
    organization.at_rest()
    with admin(stack, "writer") as http:
        for dependency in ("kafka", "clickhouse"):
            stack.freeze(dependency)
            wait_until(lambda: status_of(http, "/readyz") == 503, 20, f"not ready while {dependency} is frozen")
            stack.thaw(dependency)
            wait_until(lambda: status_of(http, "/readyz") == 200, 60, f"ready after {dependency} is back")


@pytest.mark.parametrize("name", ["server", "writer"])
def test_with_nothing_in_flight_it_stops_soon_while_the_broker_is_away(stack, organization, name):
    assert organization.send([organization.event()]) == 201
    organization.at_rest()
    stack.restart(name)
    stack.stop("kafka")
    time.sleep(2)  # not at once: connections are tried again, and requests wait for them
    took = stack.terminate(name)
    stack.start("kafka")
    stack.start(name)
    assert took < 15


def test_a_table_that_forgets_tokens_too_soon(stack):
    """The window is measured against the blocks that land, and the statement of the text mends it."""
    with Case(stack) as case, case.running() as writer:
        case.send(4)
        case.at_rest()
        wait_until(lambda: writer.metric("bxb_writer_tokens_used") > 3, 20, "the blocks are counted")
        writer.wait_ready()
        assert writer.metric("bxb_writer_token_margin_percent") > 10_000
        setting = "MODIFY SETTING non_replicated_deduplication_window ="
        case.clickhouse_says(f"ALTER TABLE {case.settings.clickhouse_table} {setting} 39")
        writer.wait_unready("token_window")
        assert writer.metric("bxb_writer_token_window") == 39 and writer.metric("bxb_writer_token_margin_percent") < 100
        case.send()  # not ready, but at work
        case.at_rest()
        (mends,) = re.findall(r"ALTER TABLE .*", writer.readiness()[1])
        assert mends == f"ALTER TABLE {case.settings.clickhouse_table} {setting} 100000"
        case.clickhouse_says(mends)
        writer.wait_ready()
        case.verify()
