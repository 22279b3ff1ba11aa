"""What is wrong is refused with a reason that a program can read, and nothing of it reaches Kafka.

SPDX-License-Identifier: Apache-2.0
"""

import json

import httpx
import pytest

from flow.organization import DAY_MS, Organization, now_ms
from flow.stack import wait_until
from flow.wire import send_raw
from verifier.model import format_timestamp

JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["title"] and problem["detail"]
    assert answer.headers["X-Request-Id"]
    return problem


def assert_nothing_produced(organization, kafka) -> None:
    """Sends one good event; it is the first and only one under the organization's key."""
    event = organization.event()
    assert organization.send([event]) == 201
    assert [record.transaction_id for record in kafka.records(organization.id)] == [event["transaction_id"]]


# Who may send


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer bxb_live_" + "0" * 64,
        "Bearer bxb_test_" + "0" * 64,
        "Bearer nonsense",
        "Bearer " + "x" * 4000,
        "Basic dXNlcjpwYXNzd29yZA==",
    ],
    ids=["no header", "empty", "no key", "unknown key", "unknown test key", "no key at all", "long", "basic"],
)
def test_without_a_valid_key_the_answer_is_401(anonymous, organization, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = anonymous.post("/v1/events", json=organization.event(), headers=headers)
    assert_problem(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_with_a_digit_changed_is_unknown(organization):
    last = "0" if organization.key[-1] != "0" else "1"
    with organization.client(organization.key[:-1] + last) as http:
        assert_problem(http.post("/v1/events", json=organization.event()), 401, "unauthorized")


def test_a_revoked_key_ends_and_the_other_key_goes_on(organization, stack):
    created = json.loads(stack.bxb("key", "create", "--org", organization.name, "--json").stdout)
    organization.wait_for_key(created["key"])
    with organization.client(created["key"]) as http:
        assert organization.post(organization.event(), http).status_code == 201
        stack.bxb("key", "revoke", created["id"])
        wait_until(lambda: http.post("/v1/events", json={}).status_code == 401, 15, "the revoked key is refused")
        assert_problem(organization.post(organization.event(), http), 401, "unauthorized")
    assert organization.post(organization.event()).status_code == 201


def test_a_refusal_before_the_body_was_read_leaves_the_connection_usable(anonymous, organization):
    for _ in range(3):
        assert_problem(anonymous.post("/v1/events", json=organization.event()), 401, "unauthorized")


# One event that is wrong


def without(name):
    return lambda event: {key: member for key, member in event.items() if key != name}


def having(**members):
    return lambda event: {**event, **members}


def text(old, new):
    """Changes the text of the event: what json.dumps cannot write."""
    return lambda event: json.dumps(event, ensure_ascii=False).replace(old, new)


def deep(levels):
    return json.loads("[" * levels + "]" * levels)


STRANGER = "0190d6a0-0000-7000-8000-000000000001"
INVALID = {
    "no transaction_id": (without("transaction_id"), "field_missing", "/transaction_id"),
    "no code": (without("code"), "field_missing", "/code"),
    "no timestamp": (without("timestamp"), "field_missing", "/timestamp"),
    "no customer": (without("external_customer_id"), "field_missing", "/external_customer_id"),
    "null for a required field": (having(code=None), "field_missing", "/code"),
    "a number as transaction_id": (having(transaction_id=5), "field_type", "/transaction_id"),
    "a list as code": (having(code=["x"]), "field_type", "/code"),
    "an object as timestamp": (having(timestamp={}), "field_type", "/timestamp"),
    "a list as properties": (having(properties=[]), "field_type", "/properties"),
    "a text as properties": (having(properties="{}"), "field_type", "/properties"),
    "an empty transaction_id": (having(transaction_id=""), "field_empty", "/transaction_id"),
    "an empty code": (having(code=""), "field_empty", "/code"),
    "256 characters": (having(code="x" * 256), "field_too_long", "/code"),
    "256 characters of three bytes": (having(code="客" * 256), "field_too_long", "/code"),
    "a NUL": (having(transaction_id="a\0b"), "field_character", "/transaction_id"),
    "a line feed": (having(code="a\nb"), "field_character", "/code"),
    "a DEL": (having(code="a\x7fb"), "field_character", "/code"),
    "two names that disagree": (having(event_name="other"), "field_conflict", None),
    "a member twice": (text('"code":', '"code": "first", "code":'), "duplicate_key", "/code"),
    "a member twice, escaped": (text('"code":', '"\\u0063ode": "first", "code":'), "duplicate_key", "/code"),
    "a property twice": (text('"number"', '"a":{"b":1,"b":2}, "number"'), "duplicate_key", "/properties/a/b"),
    "a lone surrogate": (text("api_calls", "api\\ud800calls"), "utf8_invalid", "/code"),
    "a reversed surrogate pair": (text("api_calls", "\\udc00\\ud800"), "utf8_invalid", "/code"),
    "33 levels": (having(properties={"a": deep(32)}), "nesting_too_deep", None),
    "a timestamp that is none": (having(timestamp="yesterday"), "timestamp_invalid", "/timestamp"),
    "a thirteenth month": (having(timestamp="2026-13-01T00:00:00Z"), "timestamp_invalid", "/timestamp"),
    "a day that is not": (having(timestamp="2026-02-29T00:00:00Z"), "timestamp_invalid", "/timestamp"),
    "an empty timestamp": (having(timestamp=""), None, "/timestamp"),
    "36 days ago": (having(timestamp=format_timestamp(now_ms() - 36 * DAY_MS)), "timestamp_too_old", "/timestamp"),
    "the year 1969": (having(timestamp="1969-12-31T23:59:59Z"), None, "/timestamp"),
    "an hour ahead": (having(timestamp=format_timestamp(now_ms() + 3_600_000)), "timestamp_in_future", "/timestamp"),
    "a value that is none": (having(value="twelve"), "value_invalid", "/value"),
    "a value with a comma": (having(value="1,5"), "value_invalid", "/value"),
    "an infinite value": (having(value="Infinity"), "value_invalid", "/value"),
    "an empty value": (having(value=""), "value_invalid", "/value"),
    "a boolean value": (having(value=True), None, "/value"),
    "21 digits before the point": (having(value="1" + "0" * 20), "value_out_of_range", "/value"),
    "19 digits behind the point": (having(value="0." + "0" * 18 + "1"), "value_out_of_range", "/value"),
    "a huge exponent": (having(value="1e1000000000"), "value_out_of_range", "/value"),
    "another organization": (having(organization_id=STRANGER), "organization_mismatch", "/organization_id"),
    "more than 256 KiB": (having(properties={"text": "x" * 270_000}), "event_too_large", None),
}


def body_of(organization, change) -> bytes:
    changed = change(organization.event(code="api_calls"))
    return changed.encode() if isinstance(changed, str) else json.dumps(changed, ensure_ascii=False).encode()


@pytest.mark.parametrize("kind", INVALID)
def test_an_invalid_event_is_422_with_a_code_and_a_pointer(shared, kind):
    change, code, pointer = INVALID[kind]
    answer = shared.http.post("/v1/events", content=body_of(shared, change), headers=JSON)
    problem = assert_problem(answer, 422, code or answer.json().get("code"))
    if pointer:
        assert problem["pointer"] == pointer


def test_of_all_those_invalid_events_none_is_in_kafka(organization, kafka):
    for change, _, _ in INVALID.values():
        answer = organization.http.post("/v1/events", content=body_of(organization, change), headers=JSON)
        assert answer.status_code == 422
    assert_nothing_produced(organization, kafka)


def test_bytes_that_are_no_utf8_are_422(organization, kafka):
    for bad in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe5\xae"):
        body = json.dumps(organization.event(code="CODE")).encode().replace(b"CODE", b"a" + bad)
        assert_problem(organization.http.post("/v1/events", content=body, headers=JSON), 422, "utf8_invalid")
    assert_nothing_produced(organization, kafka)


@pytest.fixture(scope="module")
def shared(session_stack):
    """An organization for tests that only ask and produce nothing."""
    organization = Organization(session_stack, f"reject-{now_ms()}")
    yield organization
    organization.http.close()


# Bodies that are wrong


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body[:-1],
        lambda body: body + "]",
        lambda body: body.replace("}, {", "} {"),
        lambda body: body[:-1] + ",]",
        lambda body: body.replace('"code"', "'code'"),
        lambda body: body.replace('"number": 1}', '"number": NaN}'),
        lambda body: body.replace('"number": 1}', '"number": 01}'),
        lambda body: body.replace('"number": 1}', '"number": 1,}'),
        lambda body: body.replace('"code"', '"a\tb": 1, "code"'),
        lambda body: "\ufeff" * 2 + body,
        lambda body: "hello",
    ],
    ids=[
        "cut",
        "trailing",
        "no comma",
        "comma at the end",
        "quotes",
        "NaN",
        "01",
        "comma in an object",
        "tab",
        "two byte order marks",
        "no JSON",
    ],
)
def test_a_body_that_is_no_json_is_400_and_nothing_of_it_is_produced(organization, kafka, spoil):
    body = spoil(json.dumps([organization.event(properties={"number": 1}) for _ in range(3)]))
    answer = organization.http.post("/v1/events", content=body.encode(), headers=JSON)
    assert_problem(answer, 400, "json_malformed")
    assert_nothing_produced(organization, kafka)


@pytest.mark.parametrize("body", [b"", b"  \n"], ids=["nothing", "blanks"])
def test_an_empty_body_is_400(shared, body):
    for headers in (JSON, NDJSON):
        assert_problem(shared.http.post("/v1/events", content=body, headers=headers), 400, "body_empty")


@pytest.mark.parametrize("body", ["5", '"text"', "null", "true"])
def test_json_that_holds_no_event_is_refused(shared, body):
    answer = shared.http.post("/v1/events", content=body, headers=JSON)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["code"] in ("event_not_object", "json_malformed", "body_empty")


def test_a_batch_with_some_wrong_events_takes_the_others(organization, kafka):
    events = [organization.event() for _ in range(6)]
    wrong = {1: {**events[1], "code": 5}, 4: {**events[4], "timestamp": "never"}, 5: 42}
    answer = organization.post([wrong.get(index, event) for index, event in enumerate(events)])
    assert answer.status_code == 207, answer.text
    counts = answer.json()
    assert (counts["ingested"], counts["rejected"]) == (3, 3)
    rejected = {result["index"]: result for result in counts["results"]}
    assert set(rejected) == set(wrong)
    codes = {index: result["error"]["code"] for index, result in rejected.items()}
    assert codes == {1: "field_type", 4: "timestamp_invalid", 5: "event_not_object"}
    assert rejected[1]["transaction_id"] == events[1]["transaction_id"]
    assert rejected[1]["error"]["pointer"].endswith("/code")
    taken = [events[index]["transaction_id"] for index in (0, 2, 3)]
    assert [record.transaction_id for record in kafka.records(organization.id)] == taken


def test_a_batch_of_which_nothing_is_right_is_422(organization, kafka):
    answer = organization.post([without("code")(organization.event()) for _ in range(2)])
    assert answer.status_code == 422
    counts = answer.json()
    assert (counts["ingested"], counts["rejected"]) == (0, 2)
    assert_nothing_produced(organization, kafka)


def test_a_broken_line_of_ndjson_is_its_own_error(organization, kafka):
    lines = [json.dumps(organization.event()) for _ in range(5)]
    lines[1], lines[3] = lines[1][:-5], "nonsense"
    answer = organization.http.post("/v1/events", content="\n".join(lines), headers=NDJSON)
    assert answer.status_code == 207, answer.text
    assert [(result["index"], result["error"]["code"]) for result in answer.json()["results"]] == [
        (1, "json_malformed"),
        (3, "json_malformed"),
    ]
    assert len(kafka.records(organization.id)) == 3


def test_all_or_nothing_when_asked(organization, kafka):
    events = [organization.event(), without("code")(organization.event())]
    answer = organization.post(events, params={"atomic": "true"})
    assert answer.status_code in (409, 422), answer.text
    assert_nothing_produced(organization, kafka)


def test_10001_events_are_413_and_none_is_taken(organization, kafka):
    answer = organization.post([organization.event() for _ in range(10_001)])
    assert_problem(answer, 413, "too_many_events")
    assert_nothing_produced(organization, kafka)


def test_10000_wrong_events_are_named_one_by_one(organization, kafka):
    answer = organization.post([having(timestamp="never")(organization.event()) for _ in range(10_000)])
    assert answer.status_code == 422, answer.text[:1000]
    assert [result["index"] for result in answer.json()["results"]] == list(range(10_000))
    assert_nothing_produced(organization, kafka)


# The request itself


def test_a_path_that_is_not_there_is_404(shared):
    for path in ("/", "/v1", "/v1/event", "/v1/events/x", "/v2/events"):
        assert_problem(shared.http.post(path, json={}), 404, "route_unknown")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_405_and_names_those_that_are_taken(shared, method):
    answer = shared.http.request(method, "/v1/events")
    assert_problem(answer, 405, "method_not_allowed")
    assert "POST" in [name.strip() for name in answer.headers["Allow"].split(",")]


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "json"])
def test_another_media_type_is_415(shared, media_type):
    answer = shared.http.post("/v1/events", content=b"{}", headers={"Content-Type": media_type})
    assert_problem(answer, 415, "media_type_unknown")


def test_another_encoding_is_415(shared):
    answer = shared.http.post("/v1/events", content=b"{}", headers={**JSON, "Content-Encoding": "br"})
    assert_problem(answer, 415, "encoding_unknown")


def test_an_ill_formed_request_id_is_replaced(shared):
    for bad in ("x" * 1000, "a b", 'a"b', "<script>"):
        answer = shared.http.post("/v1/events", json={}, headers={"X-Request-Id": bad})
        assert answer.headers["X-Request-Id"] not in (bad, "")


@pytest.mark.parametrize(
    "lengths",
    [
        ["Content-Length: 2", "Content-Length: 3"],
        ["Content-Length: 2", "Content-Length: 2"],
        ["Content-Length: 2", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 2"],
    ],
    ids=["two that differ", "two that agree", "and chunked", "chunked and a length"],
)
def test_a_request_with_an_ambiguous_length_is_refused(stack, shared, lengths):
    authorization = f"Authorization: Bearer {shared.key}"
    head = ["POST /v1/events HTTP/1.1", "Host: x", authorization, "Content-Type: application/json"]
    chunked = any("chunked" in line for line in lengths)
    body = b"2\r\n{}\r\n0\r\n\r\n" if chunked else b"{}"
    status, headers, answer = send_raw(stack, "\r\n".join([*head, *lengths, "", ""]).encode() + body)
    assert status == 400, answer
    assert json.loads(answer)["code"] == "request_ambiguous"
    assert headers.get("connection", "").lower() == "close"


def test_a_body_over_the_limit_is_refused_before_it_is_sent(stack, shared):
    head = [
        "POST /v1/events HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {shared.key}",
        "Content-Type: application/json",
        f"Content-Length: {17 * 1024 * 1024}",
        "Expect: 100-continue",
    ]
    status, _, answer = send_raw(stack, "\r\n".join([*head, "", ""]).encode())
    assert status == 413, answer
    assert json.loads(answer)["code"] == "body_too_large"


def test_a_chunked_body_over_the_limit_is_refused(stack, shared):
    def chunks():
        for _ in range(18):
            yield b" " * 1024 * 1024

    try:
        answer = shared.http.post("/v1/events", content=chunks(), headers=JSON)
    except httpx.TransportError:
        pass  # the connection may be closed while the rest is still on its way
    else:
        assert answer.status_code == 413, answer.text
    assert shared.http.post("/v1/events", json={}).status_code == 422, "the server goes on"
