"""Organizations and their keys: who may send, how much, for how long, and with whom at once.

SPDX-License-Identifier: Apache-2.0
"""

import concurrent.futures
import contextlib
import json
import time
from typing import Optional

import httpx

from flow.organization import Organization
from flow.own_server import OwnServer
from flow.stack import wait_until
from flow.test_reject import assert_problem


def limit(organization: Organization, *options: str) -> None:
    """Sets limits, and waits until the server knows them."""
    stack = organization.stack
    changed = json.loads(stack.bxb("org", "update", organization.name, *options, "--json").stdout)
    limited = bool(changed["events_per_second"] or changed["bytes_per_second"])

    def known() -> bool:
        answer = organization.http.post("/v1/events", json=[])
        return ("X-RateLimit-Limit" in answer.headers) == limited

    wait_until(known, 15, f"the server knows the limits {options}")


def left(answer: httpx.Response) -> tuple[int, int, str]:
    headers = answer.headers
    return int(headers["X-RateLimit-Limit"]), int(headers["X-RateLimit-Remaining"]), headers["X-RateLimit-Unit"]


def refusal(answer: httpx.Response) -> Optional[httpx.Response]:
    return answer if answer.is_client_error else None


# How much


def test_a_limit_in_events_takes_a_burst_and_then_what_comes_back(organization, kafka):
    assert not [name for name in organization.post(organization.event()).headers if "ratelimit" in name]
    limit(organization, "--events-per-second", "5", "--burst", "4s")
    answer = organization.post(organization.events(15))
    assert answer.status_code == 201
    assert left(answer) == (20, 5, "events") and int(answer.headers["X-RateLimit-Reset"]) == 3
    began = time.monotonic()
    batch = organization.events(15)
    answer = organization.post(batch)
    assert_problem(answer, 429, "rate_limited")
    assert "5 events a second" in answer.json()["detail"]
    wait_s = int(answer.headers["Retry-After"])
    assert wait_s == 2 and left(answer)[:2] == (20, 5)
    while organization.post(batch).status_code == 429:
        time.sleep(0.05)
    assert 1.8 < time.monotonic() - began < 4
    assert len(kafka.records(organization.id)) == 1 + 15 + 15, "of what was refused nothing was produced"


def test_a_limit_in_bytes_counts_bodies(organization):
    limit(organization, "--bytes-per-second", "1000", "--burst", "10s")
    event = organization.event(properties={"filler": "x" * 6000})
    answer = organization.post(event)
    assert answer.status_code == 201 and left(answer)[0] == 10000 and left(answer)[2] == "bytes"
    answer = organization.post(event)
    assert_problem(answer, 429, "rate_limited")
    assert "1000 bytes a second" in answer.json()["detail"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 4


def test_a_request_larger_than_the_burst_is_told_that_waiting_does_not_help(organization):
    limit(organization, "--events-per-second", "5", "--bytes-per-second", "10KiB", "--burst", "2s")
    answer = organization.post(organization.events(11))
    assert_problem(answer, 413, "larger_than_burst")
    assert "11 events" in answer.json()["detail"] and "10 at once" in answer.json()["detail"]
    answer = organization.post(organization.event(properties={"filler": "x" * 30000}))
    assert_problem(answer, 413, "larger_than_burst")
    assert "Retry-After" not in answer.headers
    assert organization.post(organization.events(10)).status_code == 201


def test_wrong_events_and_checks_count_too(organization):
    limit(organization, "--events-per-second", "1", "--burst", "3s")
    assert organization.post([{}, {}]).status_code == 422
    assert organization.http.post("/v1/events/validate", json=[{}]).status_code == 200
    assert organization.http.post("/v1/events/validate", json=[{}]).status_code == 429


def test_a_limit_is_taken_back_and_set_for_all_by_settings(organization, stack):
    limit(organization, "--events-per-second", "1", "--burst", "1s")
    assert [organization.post(organization.event()).status_code for _ in range(2)] == [201, 429]
    limit(organization, "--events-per-second", "none")
    assert [organization.post(organization.event()).status_code for _ in range(2)] == [201, 201]
    with restarted(stack, limits_events_per_second="1", limits_burst="1s"):
        assert organization.post(organization.events(5)).status_code == 201, "it has a limit of its own: none"
        stack.bxb("org", "update", organization.name, "--events-per-second", "default")
        refused = wait_until(lambda: refusal(organization.post(organization.events(5))), 15, "the default holds")
        assert_problem(refused, 413, "larger_than_burst")


def test_send_waits_as_long_as_it_is_told(organization, stack, tmp_path):
    limit(organization, "--events-per-second", "20", "--burst", "1s")
    path = tmp_path / "events.ndjson"
    path.write_text("".join(json.dumps(event) + "\n" for event in organization.events(60)))
    began = time.monotonic()
    stack.bxb("send", str(path), "--batch", "20", api_key=organization.key)
    assert 1.5 < time.monotonic() - began < 20


def test_refusals_are_counted_by_their_code(organization, stack):
    def refused(code: str) -> int:
        with httpx.Client(base_url=stack.env["BXB_ADMIN_URL"], trust_env=False) as admin:
            lines = admin.get("/metrics").text.splitlines()
        return int(next(line for line in lines if f'refused_total{{code="{code}"}}' in line).rsplit(" ", 1)[1])

    codes = ("unauthorized", "rate_limited", "larger_than_burst")
    limit(organization, "--events-per-second", "1", "--burst", "1s")
    before = [refused(code) for code in codes]
    organization.post(organization.events(2))
    organization.post(organization.event())
    organization.post(organization.event())
    with organization.client("nobody's") as http:
        organization.post(organization.event(), http)
    assert [refused(code) for code in codes] == [count + 1 for count in before]


@contextlib.contextmanager
def restarted(stack, **settings: str):
    """The server with other settings for a while."""
    stack.restart("server", **settings)
    try:
        yield
    finally:
        stack.restart("server")


# With whom


def test_an_organization_cannot_hold_all_of_the_memory(stack, organization):
    """While the broker is frozen each request is held. One organization sends all that it can; another still gets in."""
    quiet = Organization(stack, f"{organization.name}-quiet")
    with OwnServer(stack, {"server.inflight_max": "16MiB", "server.deadline": "20s"}) as server:
        server.wait_ready()
        with server.client(quiet.key) as http:
            assert quiet.post(quiet.events(10), http).status_code == 201
        stack.freeze("kafka")
        try:
            with concurrent.futures.ThreadPoolExecutor(24) as pool, contextlib.closing(server.client(quiet.key)) as http:
                noise = [pool.submit(post_batch, server, organization) for _ in range(22)]
                wait_until(lambda: any(done.done() for done in noise), 15, "the noisy organization is refused")
                answer = next(done.result() for done in noise if done.done())
                assert_problem(answer, 503, "overloaded")
                assert "fair to others" in answer.json()["detail"]
                quiet_one = pool.submit(quiet.post, quiet.events(10), http)
                assert not concurrent.futures.wait([quiet_one], timeout=1).done, "it is held like the others, not refused"
                stack.thaw("kafka")
                assert quiet_one.result().status_code == 201
        finally:
            stack.thaw("kafka")
    quiet.http.close()


def post_batch(server: OwnServer, organization: Organization) -> httpx.Response:
    """Of new events: the topic is to hold each once."""
    with server.client(organization.key) as http:
        return organization.post(organization.events(1000), http)
