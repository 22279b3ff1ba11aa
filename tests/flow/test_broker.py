"""While the broker is away the answer is 503, and nothing that was acknowledged is lost.

SPDX-License-Identifier: Apache-2.0
"""

import concurrent.futures
import time

import httpx
import pytest

DEADLINE_S = 2


@pytest.fixture
def impatient(stack):
    """The server answers 503 after two seconds instead of thirty."""
    stack.restart("server", server_deadline=f"{DEADLINE_S}s")
    yield stack
    stack.thaw("kafka")
    stack.restart("server")


def assert_unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]
    assert answer.json()["code"] in ("fate_unknown", "broker_unavailable", "overloaded", "not_ready")


def post_one(organization) -> tuple[httpx.Response, float]:
    event = organization.event()
    began = time.monotonic()
    with organization.client() as http:
        answer = organization.post(event, http)
    organization.record([event], acknowledged=answer.status_code == 201)
    return answer, time.monotonic() - began


def test_a_frozen_broker_is_503_at_the_deadline_and_loses_nothing(impatient, organization):
    assert organization.send(organization.events(20)) == 201
    impatient.freeze("kafka")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post_one(organization), range(16)))
    batch = organization.events(100)
    answer = organization.post(batch)
    organization.record(batch, acknowledged=False)
    assert_unavailable(answer)
    for answer, took in answers:
        assert_unavailable(answer)
        assert took < DEADLINE_S + 3, "the answer came at the deadline"
    assert max(took for _, took in answers) > DEADLINE_S - 0.5, "the broker had its time until the deadline"

    admin = httpx.Client(base_url=impatient.env["BXB_ADMIN_URL"], trust_env=False)
    assert admin.get("/livez").status_code == 200, "a broker that is away is no reason to be restarted"

    impatient.thaw("kafka")
    organization.send_until_taken()
    assert organization.send(organization.events(20)) == 201
    organization.verify()


def test_a_killed_broker_is_503_until_it_is_back(impatient, organization):
    assert organization.send(organization.events(20)) == 201
    impatient.kill("kafka")
    answer, took = post_one(organization)
    assert_unavailable(answer)
    assert took < DEADLINE_S + 3
    impatient.start("kafka")
    organization.send_until_taken()
    assert organization.send(organization.events(20)) == 201
    organization.verify()


def test_a_broker_that_is_frozen_for_less_than_the_deadline_is_waited_for(stack, organization):
    stack.freeze("kafka")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(post_one, organization)
        concurrent.futures.wait([waiting], timeout=1)
        assert not waiting.done(), "nothing is answered before the broker acknowledged"
        stack.thaw("kafka")
        answer, _ = waiting.result(timeout=30)
    assert answer.status_code == 201, answer.text
    organization.verify()
