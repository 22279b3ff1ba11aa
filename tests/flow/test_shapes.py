"""Other ways for an event to come: compressed, as a CloudEvent, only to be checked.

SPDX-License-Identifier: Apache-2.0
"""

import gzip
import json
import zlib

import pytest

from flow.organization import now_ms
from verifier.model import format_timestamp

JSON = {"Content-Type": "application/json"}


def ids(records):
    return [record.transaction_id for record in records]


# Checking


def test_validation_says_what_is_wrong_and_produces_nothing(organization, kafka):
    right, wrong = organization.event(), organization.event(code=None)
    answer = organization.http.post("/v1/events/validate", json=[right, wrong])
    assert answer.status_code == 200, answer.text
    checks = answer.json()
    assert (checks["valid"], checks["rejected"]) == (1, 1)
    assert [(result["index"], result["error"]["code"]) for result in checks["results"]] == [(1, "field_missing")]
    assert checks["events"][0]["transaction_id"] == right["transaction_id"]
    single = organization.http.post("/v1/events/validate/", json=wrong)
    assert (single.status_code, single.json()["valid"]) == (200, 0)
    broken = organization.http.post("/v1/events/validate", content=b"{", headers=JSON)
    assert (broken.status_code, broken.json()["code"]) == (400, "json_malformed")
    assert organization.send([right]) == 201
    assert ids(kafka.records(organization.id)) == [right["transaction_id"]]


# The header Idempotency-Key


def test_the_idempotency_key_names_a_single_event_that_has_no_id(organization, kafka):
    key = f"{organization.name}-key"
    for event in (organization.event(transaction_id=None), {"event": organization.event(transaction_id=None)}):
        answer = organization.post(event, headers={"Idempotency-Key": key})
        assert answer.status_code == 201, answer.text
        assert answer.json()["transaction_id"] == key
    own = organization.event()
    assert organization.post(own, headers={"Idempotency-Key": key}).json()["transaction_id"] == own["transaction_id"]
    many = organization.post([organization.event(transaction_id=None)], headers={"Idempotency-Key": key})
    assert many.json()["results"][0]["error"]["code"] == "field_missing"
    long = organization.post(organization.event(transaction_id=None), headers={"Idempotency-Key": "x" * 256})
    assert (long.status_code, long.json()["code"]) == (422, "field_too_long")
    assert ids(kafka.records(organization.id)) == [key, key, own["transaction_id"]]


# Compression


def post_compressed(organization, body, coding="gzip", path="/v1/events"):
    return organization.http.post(path, content=body, headers={**JSON, "Content-Encoding": coding})


def test_a_gzipped_body_is_taken(organization, kafka):
    events = [organization.event() for _ in range(100)]
    whole = json.dumps(events).encode()
    assert post_compressed(organization, gzip.compress(whole)).status_code == 201
    assert ids(kafka.records(organization.id)) == [event["transaction_id"] for event in events]
    organization.record(events, acknowledged=True)
    members = gzip.compress(whole[:1000]) + gzip.compress(b"") + gzip.compress(whole[1000:])
    assert post_compressed(organization, members, path="/v1/events/validate").json()["valid"] == 100
    organization.verify()


@pytest.mark.parametrize(
    "body",
    [gzip.compress(b"[]" * 1000)[:-9], gzip.compress(b"{}") + b"{}", b"{}", zlib.compress(b"{}")],
    ids=["cut", "trailing", "plain", "zlib"],
)
@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_body_that_cannot_be_inflated_is_400(organization, body, coding):
    answer = post_compressed(organization, body, coding)
    assert (answer.status_code, answer.json()["code"]) == (400, "encoding_corrupt")


def test_a_bomb_is_413_and_the_server_goes_on(organization):
    bomb = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    body = b"".join(bomb.compress(zeros) for _ in range(1024)) + bomb.flush()
    assert len(body) < 4 << 20
    answer = post_compressed(organization, body)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert organization.send([organization.event()]) == 201


# CloudEvents


def cloudevent(organization, **attributes):
    event = organization.event()
    return {
        "specversion": "1.0",
        "id": event["transaction_id"],
        "source": "/orders",
        "type": event["code"],
        "subject": event["external_customer_id"],
        "time": event["timestamp"],
        "data": event["properties"],
        **attributes,
    }


def test_cloudevents_are_taken(organization, kafka):
    events = [cloudevent(organization, comexample="x"), cloudevent(organization)]
    kinds = {"Content-Type": "application/cloudevents-batch+json; charset=utf-8"}
    answer = organization.http.post("/v1/events", content=json.dumps(events), headers=kinds)
    assert answer.status_code == 201, answer.text
    assert answer.json()["warnings"][0]["pointer"] == "/comexample"
    one = cloudevent(organization)
    del one["time"]
    answer = organization.http.post(
        "/v1/events", content=json.dumps(one), headers={"Content-Type": "application/cloudevents+json"}
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["timestamp"] == answer.json()["created_at"]
    assert ids(kafka.records(organization.id)) == [event["id"] for event in [*events, one]]
    organization.at_rest()


def test_a_cloudevent_in_binary_mode_is_taken(organization, kafka):
    headers = {
        "Content-Type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": f"{organization.name}%20%C3%A4",
        "ce-source": "/orders",
        "ce-type": "api_calls",
        "ce-subject": "customer-1",
        "ce-time": format_timestamp(now_ms()),
    }
    answer = organization.http.post("/v1/events", content=b'{"k": 1}', headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.json()["transaction_id"] == f"{organization.name} ä"
    assert answer.json()["properties"] == {"k": 1}
    del headers["ce-subject"]
    answer = organization.http.post("/v1/events", content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["code"], answer.json()["pointer"]) == (422, "field_missing", "/subject")
    assert ids(kafka.records(organization.id)) == [f"{organization.name} ä"]


# Client libraries of others


def test_a_client_of_lago_sends(organization, kafka):
    """As lago-python-client 1.55 writes its requests and reads the answers."""
    event = {
        "transaction_id": f"{organization.name}-1",
        "external_subscription_id": "subscription-1",
        "code": "api_calls",
        "timestamp": None,
        "precise_total_amount_cents": None,
        "properties": {"k": 1},
    }
    answer = organization.http.post("/api/v1/events", json={"event": event})
    assert answer.status_code == 200, answer.text
    echoed = answer.json()["event"]
    for member in ("transaction_id", "external_subscription_id", "code", "properties"):
        assert echoed[member] == event[member]
    assert echoed["lago_id"] and isinstance(echoed["timestamp"], str)
    second = {**event, "transaction_id": f"{organization.name}-2", "timestamp": now_ms() // 1000}
    answer = organization.http.post("/api/v1/events/batch", json={"events": [second]})
    assert answer.status_code == 200, answer.text
    assert [entry["transaction_id"] for entry in answer.json()["events"]] == [second["transaction_id"]]
    third = {**second, "transaction_id": f"{organization.name}-3"}
    answer = organization.http.post("/api/v1/events/batch", json={"events": [third, {**third, "code": None}]})
    assert answer.status_code == 422, answer.text
    assert answer.json()["error_details"] == {"1": {"code": ["field_missing"]}}
    assert ids(kafka.records(organization.id)) == [event["transaction_id"], second["transaction_id"]]


def test_a_client_of_openmeter_sends(organization, kafka):
    """As openmeter 1.0.0b236 writes its requests; it takes nothing but 204 for success."""
    kinds = {"Content-Type": "application/cloudevents+json"}
    one = cloudevent(organization)
    answer = organization.http.post("/api/v1/events", content=json.dumps(one), headers=kinds)
    assert (answer.status_code, answer.content) == (204, b"")
    batch = {"Content-Type": "application/cloudevents-batch+json"}
    many = [cloudevent(organization) for _ in range(3)]
    assert organization.http.post("/api/v1/events", content=json.dumps(many), headers=batch).status_code == 204
    mixed = [cloudevent(organization), cloudevent(organization, subject=None)]
    answer = organization.http.post("/api/v1/events", content=json.dumps(mixed), headers=batch)
    assert answer.status_code == 422, answer.text
    assert (answer.json()["ingested"], answer.json()["results"][0]["index"]) == (1, 1)
    taken = [one, *many, mixed[0]]
    assert ids(kafka.records(organization.id)) == [event["id"] for event in taken]
