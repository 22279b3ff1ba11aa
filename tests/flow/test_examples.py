"""Each example of docs/ERRORS.md, sent as it stands there, is answered as it says there.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import json
import threading

import pytest

from flow.examples import Example, read_examples, request_bytes
from flow.organization import Organization, now_ms
from flow.stack import Stack, wait_until
from flow.wire import connect, send_raw

EXAMPLES = read_examples()
PLAIN = [code for code, example in EXAMPLES.items() if not example.given]
DEADLINE_S = 1


def check(answer, example: Example) -> None:
    status, headers, body = answer
    problem = json.loads(body)
    assert (status, problem["code"], problem.get("pointer", "")) == (example.status, example.code, example.pointer), body
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-request-id"]
    assert (int(headers.get("retry-after", 0)) > 0) == (status in (429, 503))


def send(stack: Stack, example: Example, key: str):
    return send_raw(stack, request_bytes(example, key))


@pytest.fixture(scope="module")
def shared(session_stack):
    organization = Organization(session_stack, f"examples-{now_ms()}")
    yield organization
    organization.http.close()


@pytest.mark.parametrize("code", PLAIN)
def test_an_example_is_answered_as_it_says(stack, shared, code):
    check(send(stack, EXAMPLES[code], shared.key), EXAMPLES[code])


# What must be so first. Each is a context that yields the key to send with.


@contextlib.contextmanager
def reading_key(stack, organization):
    key = json.loads(stack.bxb("key", "create", "--org", organization.name, "--scope", "events:read", "--json").stdout)
    wait_until(lambda: send(stack, EXAMPLES["forbidden"], key["key"])[0] == 403, 15, "the server knows the key")
    yield key["key"]


@contextlib.contextmanager
def one_event_a_second(stack, organization):
    stack.bxb("org", "update", organization.name, "--events-per-second", "1", "--burst", "1s")
    wait_until(lambda: send(stack, EXAMPLES["rate_limited"], organization.key)[0] == 429, 15, "the limit holds")
    yield organization.key


@contextlib.contextmanager
def one_event_at_once(stack, organization):
    with one_event_a_second(stack, organization) as key:
        wait_until(lambda: send(stack, EXAMPLES["larger_than_burst"], key)[0] == 413, 15, "there is one again")
        yield key


@contextlib.contextmanager
def known_codes(stack, organization):
    stack.bxb("org", "update", organization.name, "--unknown-codes", "reject")
    wait_until(lambda: send(stack, EXAMPLES["unknown_code"], organization.key)[0] == 422, 15, "unknown codes are refused")
    yield organization.key


@contextlib.contextmanager
def property_schema(stack, organization):
    schema = EXAMPLES["property_schema"].given.partition(" schema ")[2]
    path = stack.local / "schema.json"
    path.write_text(schema)
    stack.bxb("metric", "create", "--org", organization.name, "--code", "api", "--schema", str(path), "--mode", "reject")
    wait_until(lambda: send(stack, EXAMPLES["property_schema"], organization.key)[0] == 422, 15, "the schema counts")
    yield organization.key


@contextlib.contextmanager
def without_postgres(stack, organization):
    stack.stop("postgres")
    stack.terminate("server")
    starting = stack.begin_start("server", catalog_snapshot="")
    wait_until(lambda: is_up(stack), 30, "the server listens")
    yield organization.key
    stack.start("postgres")
    assert starting.wait() == 0


def is_up(stack) -> bool:
    try:
        connect(stack).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def memory_used_up(stack, organization):
    size = 1 << 20
    stack.restart("server", server_request_max=str(size), server_inflight_max=str(size))
    head = f"POST /v1/events HTTP/1.1\r\nHost: example\r\nAuthorization: Bearer {organization.key}\r\n"
    with connect(stack) as connection:
        connection.send(f"{head}Content-Length: {size}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert connection.answer().status == 100, "the request has its share"
        yield organization.key
    stack.restart("server")


@contextlib.contextmanager
def frozen_kafka(stack, organization):
    stack.restart("server", server_deadline=f"{DEADLINE_S}s")
    organization.send_until_taken()
    stack.freeze("kafka")
    yield organization.key
    stack.thaw("kafka")
    stack.restart("server")


@contextlib.contextmanager
def kafka_frozen_for_a_while(stack, organization):
    example = EXAMPLES["broker_unavailable"]
    with frozen_kafka(stack, organization) as key:
        wait_until(lambda: json.loads(send(stack, example, key)[2])["code"] == example.code, 60, "the server noticed")
        yield key


GIVEN = {
    "the key has only the scope events:read": reading_key,
    "the organization may send one event a second and has just sent one": one_event_a_second,
    "the organization may send one event at once": one_event_at_once,
    "the organization takes only the codes of its metrics": known_codes,
    'the metric api has the schema {"required":["region"]}': property_schema,
    "the server has just started without catalog.snapshot, and PostgreSQL cannot be reached": without_postgres,
    "other requests have used up server.inflight_max": memory_used_up,
    "Kafka stops answering": frozen_kafka,
    "Kafka has not answered for a while": kafka_frozen_for_a_while,
}
STOPPING = "the server was told to stop"


@pytest.mark.parametrize("code", [code for code in EXAMPLES if EXAMPLES[code].given not in (None, STOPPING)])
def test_an_example_with_a_condition_is_answered_as_it_says(stack, organization, code):
    example = EXAMPLES[code]
    assert example.given in GIVEN, "tell the test how to bring this about"
    with GIVEN[example.given](stack, organization) as key:
        check(send(stack, example, key), example)


def test_a_server_that_was_told_to_stop_says_so(stack, organization):
    (example,) = (example for example in EXAMPLES.values() if example.given == STOPPING)
    request = request_bytes(example, organization.key)
    with connect(stack) as connection:
        connection.send(request[:20])  # the connection is there before the server stops to listen
        stack.freeze("kafka")
        held = threading.Thread(target=lambda: organization.send([organization.event()]))
        held.start()
        wait_until(lambda: stack.gauge("bxb_server_inflight_events") > 0, 20, "an event is in flight")
        stopping = threading.Thread(target=lambda: stack.terminate("server"))
        stopping.start()
        wait_until(lambda: not is_up(stack), 20, "the server listens no more")
        connection.send(request[20:])
        check(connection.answer(), example)
    stack.thaw("kafka")
    stopping.join()
    held.join()
