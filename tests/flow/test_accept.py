"""An event that is posted is in Kafka, in ClickHouse and in PostgreSQL: once, and exactly.

SPDX-License-Identifier: Apache-2.0
"""

import datetime
import decimal
import json
import pathlib
import shutil
import subprocess
import uuid

import confluent_kafka
import pytest

from flow.organization import DAY_MS, batches_of, is_uuid5, now_ms
from flow.stack import REPOSITORY
from verifier.model import parse_timestamp
from verifier.murmur2 import partition_of

PARTITIONS = 12


# Answers


def test_one_event_is_answered_201_with_the_event_as_accepted(organization):
    event = organization.event(external_subscription_id="subscription-1", value="12.50")
    answer = organization.post(event)
    organization.record([event], acknowledged=True)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    accepted = answer.json()
    for member in ("transaction_id", "external_customer_id", "external_subscription_id", "code", "value", "properties"):
        assert accepted[member] == event[member], member
    assert parse_timestamp(accepted["timestamp"]) == parse_timestamp(event["timestamp"])
    assert is_uuid5(accepted["id"])
    assert abs(parse_timestamp(accepted["created_at"]) - now_ms()) < 60_000


def test_the_curl_of_a_user_is_taken(organization, stack):
    event = organization.event()
    curl = subprocess.run(
        ["curl", "-sS", "--noproxy", "*", "-X", "POST", f"{stack.env['BXB_URL']}/v1/events"]
        + ["-H", f"Authorization: Bearer {organization.key}", "-H", "Content-Type: application/json"]
        + ["-w", "\n%{http_code}", "-d", json.dumps(event)],
        capture_output=True,
        text=True,
        check=True,
    )
    body, _, status = curl.stdout.rpartition("\n")
    assert status == "201", curl.stdout
    assert json.loads(body)["transaction_id"] == event["transaction_id"]


NDJSON = "application/x-ndjson"


@pytest.mark.parametrize(
    "media_type, render",
    [
        ("application/json", lambda events: json.dumps(events)),
        ("application/json; charset=utf-8", lambda events: json.dumps({"events": events})),
        ("Application/JSON", lambda events: json.dumps(events, indent=2)),
        (NDJSON, lambda events: "\n".join(json.dumps(event) for event in events)),
        (NDJSON, lambda events: "".join(json.dumps(event) + "\r\n" for event in events)),
        (NDJSON + "; charset=utf-8", lambda events: "\n\n".join(json.dumps(event) for event in events) + "\n"),
    ],
    ids=["array", "events", "indented", "ndjson", "ndjson with CRLF", "ndjson with empty lines"],
)
def test_many_events_are_answered_201_with_their_number(organization, kafka, media_type, render):
    events = [organization.event() for _ in range(7)]
    answer = organization.http.post("/v1/events", content=render(events), headers={"Content-Type": media_type})
    assert answer.status_code == 201, answer.text
    counts = answer.json()
    assert (counts["ingested"], counts["rejected"]) == (7, 0)
    assert [record.transaction_id for record in kafka.records(organization.id)] == [
        event["transaction_id"] for event in events
    ]


def test_an_event_in_an_envelope_is_one_event(organization, kafka):
    event = organization.event()
    answer = organization.post({"event": event})
    assert answer.status_code == 201, answer.text
    assert [record.transaction_id for record in kafka.records(organization.id)] == [event["transaction_id"]]


def test_a_chunked_body_is_taken(organization, kafka):
    body = json.dumps([organization.event() for _ in range(50)]).encode()
    chunks = (bytes(chunk) for chunk in batches_of(list(body), lambda: 777))
    answer = organization.http.post("/v1/events", content=chunks, headers={"Content-Type": "application/json"})
    assert answer.request.headers["Transfer-Encoding"] == "chunked"
    assert answer.status_code == 201, answer.text
    assert len(kafka.records(organization.id)) == 50


def test_a_large_batch_is_taken_whole(organization):
    events = [organization.event(properties={"text": "x" * 200}) for _ in range(10_000)]
    assert organization.send(events) == 201
    organization.verify()


def test_results_lists_every_event_when_asked(organization):
    events = [organization.event() for _ in range(3)]
    results = organization.post(events, params={"results": "all"}).json()["results"]
    assert [(result["index"], result["transaction_id"]) for result in results] == [
        (index, event["transaction_id"]) for index, event in enumerate(events)
    ]


# Kafka


def test_the_record_in_kafka_has_the_organization_as_key_and_the_fields_in_order(organization, kafka):
    properties = '{"b" : 1.10,  "a":"\\u00e9é", "list":[ 1e400, null ]}'
    event = organization.event(external_subscription_id="s", value="12.50", properties={})
    body = json.dumps(event).replace('"properties": {}', f'"properties":{properties}')
    answer = organization.http.post("/v1/events", content=body.encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 201, answer.text
    (message,) = kafka.messages(organization.id)
    assert message.timestamp()[0] == confluent_kafka.TIMESTAMP_LOG_APPEND_TIME
    document = json.loads(message.value())
    assert document["organization_id"] == organization.id
    assert list(document) == [
        "organization_id",
        "transaction_id",
        "external_customer_id",
        "code",
        "timestamp",
        "ingested_at",
        "external_subscription_id",
        "value",
        "properties",
    ]
    assert document["value"] == "12.50"
    assert message.value().decode().endswith(f'"properties":{properties}}}')
    assert abs(parse_timestamp(document["ingested_at"]) - now_ms()) < 60_000


def kafka_jars() -> str:
    """The directory of the jars that the stack's broker was started from."""
    engines = [REPOSITORY / "scripts" / "engines", "--path", "kafka"]
    return subprocess.run(engines, capture_output=True, text=True, check=True).stdout.strip()


def test_the_partition_is_the_one_of_kafkas_java_client(stack, organization, kafka):
    java = shutil.which("java")
    keys = [organization.id, *(str(uuid.uuid4()) for _ in range(2000)), "ü", "", "x", "xy", "xyz"]
    computed = subprocess.run(
        [java, "-cp", f"{kafka_jars()}/*", pathlib.Path(__file__).with_name("Partition.java"), str(PARTITIONS)],
        input="".join(f"{key}\n" for key in keys),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "jdk.compiler" not in computed.stderr, "this Java has no compiler: install a JDK (default-jdk-headless)"
    assert computed.returncode == 0, computed.stderr
    java_says = [int(line) for line in computed.stdout.split()]
    assert [partition_of(key.encode(), PARTITIONS) for key in keys] == java_says
    assert organization.send([organization.event()]) == 201
    (message,) = kafka.messages(organization.id)
    assert message.partition() == java_says[0]


# The stores


def test_an_event_is_in_both_stores_once_with_its_exact_value(organization, pg, ch, ch_http):
    event = organization.event(value="12345678901234567890.123456789012345678", external_subscription_id="sub")
    assert organization.send([event]) == 201
    organization.at_rest()
    where = f"WHERE organization_id = '{organization.id}'"
    names = ["transaction_id", "external_customer_id", "external_subscription_id", "code"]
    expected = [event[name] for name in names]
    query = f"""SELECT {", ".join(names)}, toString(decimal_value), properties, toUnixTimestamp64Milli(timestamp)
                FROM default.events_raw {where}"""
    ((*identity, value, properties, timestamp_ms),) = ch_http(query)
    assert identity == expected
    assert decimal.Decimal(value) == decimal.Decimal(event["value"])
    assert json.loads(properties) == event["properties"]
    assert timestamp_ms == parse_timestamp(event["timestamp"])

    # The official client says the same.
    ((count, total),) = ch.query(f"SELECT count(), sum(decimal_value) FROM default.events_raw {where}").result_rows
    assert (count, total) == (1, decimal.Decimal(event["value"]))

    usage = "SELECT external_customer_id, code, hour, events, value_sum FROM usage_hourly WHERE organization_id = %s"
    ((customer, code, hour, events, value_sum),) = pg.execute(usage, [organization.id]).fetchall()
    assert (customer, code, events) == (event["external_customer_id"], event["code"], 1)
    assert value_sum == decimal.Decimal(event["value"])
    moment = datetime.datetime.fromisoformat(event["timestamp"])
    assert hour == moment.replace(minute=0, second=0, microsecond=0)


VALUES = {
    "12.50": "12.50",
    '"12.50"': "12.50",
    "0": "0",
    "-0.000000000000000001": "-0.000000000000000001",
    "99999999999999999999.999999999999999999": "99999999999999999999.999999999999999999",
    "-99999999999999999999.999999999999999999": "-99999999999999999999.999999999999999999",
    "0.1": "0.1",
    "1e3": "1000",
    "1.5E-3": "0.0015",
    "9007199254740993": "9007199254740993",
    "null": None,
}


def test_values_are_kept_exactly_and_never_pass_through_a_double(organization, kafka):
    # Each value has a customer of its own, so that each stands alone in the sums.
    events, bodies = [], []
    for number, (given, kept) in enumerate(VALUES.items()):
        event = organization.event(value=kept, external_customer_id=f"customer-of-value-{number}")
        events.append(event)
        bodies.append(json.dumps({**event, "value": 0}).replace('"value": 0', f'"value": {given}'))
    answer = organization.http.post("/v1/events", content="\n".join(bodies), headers={"Content-Type": NDJSON})
    assert answer.status_code == 201, answer.text
    organization.record(events, acknowledged=True)
    assert [document.get("value") for document in kafka.documents(organization.id)] == list(VALUES.values())
    organization.verify()


def timestamps():
    """Ways to write a moment of yesterday, and what is kept of it."""
    ms = now_ms() - DAY_MS
    ms -= ms % 60_000 - 1_234  # …:01.234
    moment = datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc)
    local = moment.astimezone(datetime.timezone(datetime.timedelta(hours=5, minutes=30)))
    plain = f"{moment:%Y-%m-%dT%H:%M:%S}"
    midnight = parse_timestamp(f"{moment:%Y-%m-%d}")
    return {
        "RFC 3339": (f"{plain}.234Z", ms),
        "with an offset": (f"{local:%Y-%m-%dT%H:%M:%S}.234+05:30", ms),
        "without an offset": (f"{plain}.234", ms),
        "a date": (f"{moment:%Y-%m-%d}", midnight),
        "whole seconds": (f"{plain}Z", ms - 234),
        "nanoseconds are cut": (f"{plain}.234999999Z", ms),
        "Unix seconds": (ms // 1000, ms - 234),
        "Unix seconds as text": (str(ms // 1000), ms - 234),
        "decimal Unix seconds": (decimal.Decimal(ms) / 1000, ms),
        "decimal Unix seconds as text": (f"{ms // 1000}.2349", ms),
        "Unix milliseconds": (ms, ms),
        "Unix milliseconds as text": (str(ms), ms),
    }


def test_timestamps_are_read_in_every_documented_form(organization, kafka):
    bodies = []
    for written, _ in timestamps().values():
        text = json.dumps(written) if isinstance(written, (str, int)) else str(written)
        bodies.append(json.dumps(organization.event(timestamp=0)).replace('"timestamp": 0', f'"timestamp": {text}'))
    answer = organization.http.post("/v1/events", content="\n".join(bodies), headers={"Content-Type": NDJSON})
    assert answer.status_code == 201, answer.text
    kept = [record.timestamp_ms for record in kafka.records(organization.id)]
    assert dict(zip(timestamps(), kept)) == {name: ms for name, (_, ms) in timestamps().items()}


def test_identifiers_may_have_255_characters_of_any_script(organization):
    events = [
        organization.event(transaction_id=f"{organization.id}-" + "ß" * 218, external_customer_id="客" * 255),
        organization.event(transaction_id='quotes " and \\ and / and \u2028', code="код 🙂"),
        organization.event(external_customer_id="a'b\\'c"),
    ]
    assert organization.send(events) == 201
    organization.verify()


def test_a_subscription_alone_stands_for_the_customer(organization, kafka):
    event = organization.event(external_customer_id=None, external_subscription_id="subscription-7")
    assert organization.post(event).status_code == 201
    (document,) = kafka.documents(organization.id)
    assert document["external_customer_id"] == "subscription-7"


def test_the_other_names_of_fields_are_taken(organization, kafka):
    event = organization.event(transaction_id=None, code=None, idempotency_key="mine-1", event_name="api_calls")
    assert organization.post(event).status_code == 201
    (record,) = kafka.records(organization.id)
    assert (record.transaction_id, record.code) == ("mine-1", "api_calls")


def test_the_idempotency_key_of_the_header_serves_an_event_without_one(organization, kafka):
    answer = organization.post(organization.event(transaction_id=None), headers={"Idempotency-Key": "from-the-header"})
    assert answer.status_code == 201, answer.text
    assert [record.transaction_id for record in kafka.records(organization.id)] == ["from-the-header"]


def test_an_unknown_member_is_dropped_and_named_in_a_warning(organization, kafka):
    answer = organization.post(organization.event(colour="red"))
    assert answer.status_code == 201
    assert "colour" in json.dumps(answer.json().get("warnings", answer.json()))
    assert "colour" not in kafka.documents(organization.id)[0]


def test_events_of_two_months_and_two_organizations_are_all_counted(stack, organization):
    other = type(organization)(stack, f"{organization.name}-other")
    for sender in (organization, other):
        assert sender.send(sender.events(500, older=0.5)) == 201
    organization.verify()
    other.verify()
    other.http.close()


def test_every_answer_names_its_request(organization):
    answer = organization.post(organization.event(), headers={"X-Request-Id": "mine-0123.abc"})
    assert answer.headers["X-Request-Id"] == "mine-0123.abc"
    own = {organization.post(organization.event()).headers["X-Request-Id"] for _ in range(2)}
    assert len(own) == 2 and all(own)


def test_a_traceparent_is_passed_on_with_every_record(organization, kafka):
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    batch = organization.events(3)
    assert organization.post(batch, headers={"traceparent": parent}).status_code == 201
    organization.record(batch, acknowledged=True)
    assert organization.post(organization.event(), headers={"traceparent": "nonsense"}).status_code == 201
    headers = [message.headers() for message in kafka.messages(organization.id)]
    assert headers.count([("traceparent", parent.encode())]) == 3
    assert headers.count(None) == 1
