"""Billable metrics: where a value comes from, what is marked, which codes are taken.

SPDX-License-Identifier: Apache-2.0
"""

import decimal
import json
import time

import pytest

from flow.stack import kept_catalog, wait_until

NDJSON = {"Content-Type": "application/x-ndjson"}

FAILURE, USAGE = 2, 64


def make_metric(organization, code, *options):
    made = organization.stack.bxb("metric", "create", "--org", organization.name, "--code", code, *options, "--json")
    return json.loads(made.stdout)


def status_of(organization, code) -> int:
    """What an event of this code is answered with."""
    return organization.send([organization.event(code=code)])


def value_of(answer):
    """The value that an answer for one event shows."""
    assert answer.status_code == 201, answer.text
    return answer.json().get("value")


def knows_field(organization, code, field) -> bool:
    """Whether the server takes values of this code from this property."""
    event = organization.event(code=code, value=None, properties={field: "7.50"})
    answer = organization.post(event)
    organization.record([{**event, "value": answer.json().get("value")}], acknowledged=True)
    return value_of(answer) == "7.50"


def wait_for_field(organization, code, field) -> float:
    """Returns the seconds that it took."""
    began = time.monotonic()
    wait_until(lambda: knows_field(organization, code, field), 15, f"the value of {code} is {field}")
    return time.monotonic() - began


VALUES = {  # of the property, as JSON; of the event
    "12345678901234567890.123456789012345678": "12345678901234567890.123456789012345678",
    '"0.000000000000000001"': "0.000000000000000001",
    "-1.5e3": "-1500",
    "9007199254740993": "9007199254740993",
    '"4\\u0032"': "42",
    "null": None,
    "true": None,
    '"12 GB"': None,
    "[1]": None,
}


def test_the_value_of_a_metric_is_exact_in_both_stores(organization, pg, ch_http, kafka):
    make_metric(organization, "storage", "--field", "giga/bytes")
    wait_for_field(organization, "storage", "giga/bytes")
    before = decimal.Decimal("7.50") * sum(sent.value is not None for sent in organization.sent.values())

    events, bodies = [], []
    for given, kept in VALUES.items():
        event = organization.event(code="storage", value=kept, external_customer_id="customer-of-the-metric")
        events.append(event)
        body = json.dumps({**event, "value": "ignored", "properties": {"a": {"giga/bytes": 1}, "giga/bytes": 0}})
        bodies.append(body.replace('"giga/bytes": 0', f'"giga/bytes": {given}'))
    answer = organization.http.post("/v1/events", content="\n".join(bodies), headers=NDJSON)
    assert answer.status_code == 201, answer.text
    (warning,) = answer.json()["warnings"]
    assert (warning["code"], warning["pointer"], warning["events"]) == ("value_ignored", "/value", len(events))
    organization.record(events, acknowledged=True)
    documents = kafka.documents(organization.id)[-len(VALUES) :]
    assert [document.get("value") for document in documents] == list(VALUES.values())

    organization.verify()
    kept = [decimal.Decimal(value) for value in VALUES.values() if value is not None]
    with decimal.localcontext(decimal.Context(prec=60)):
        total = sum(kept)
        everything = total + before
    where = f"WHERE organization_id = '{organization.id}'"
    rows = ch_http(
        "SELECT toString(decimal_value) FROM default.events_raw"
        f" {where} AND external_customer_id = 'customer-of-the-metric' AND decimal_value IS NOT NULL"
    )
    assert sorted(decimal.Decimal(value) for (value,) in rows) == sorted(kept)
    usage = "SELECT sum(value_sum) FROM usage_hourly WHERE organization_id = %s AND external_customer_id LIKE %s"
    assert pg.execute(usage, [organization.id, "customer-of-the-metric"]).fetchone() == (total,)
    assert pg.execute(usage, [organization.id, "%"]).fetchone() == (everything,)


def test_a_value_out_of_range_is_rejected_at_its_property(organization):
    make_metric(organization, "storage", "--field", "gigabytes")
    wait_for_field(organization, "storage", "gigabytes")
    answer = organization.post(organization.event(code="storage", value=None, properties={"gigabytes": "1e20"}))
    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["pointer"]) == ("value_out_of_range", "/properties/gigabytes")


def test_the_record_of_a_transactional_metric_is_marked(organization, kafka):
    make_metric(organization, "credits", "--transactional")

    def is_marked():
        assert status_of(organization, "credits") == 201
        return kafka.documents(organization.id)[-1].get("transactional") is True

    wait_until(is_marked, 15, "records are marked")
    assert status_of(organization, "other") == 201
    assert "transactional" not in kafka.documents(organization.id)[-1]
    organization.verify()


def test_unknown_codes_are_rejected_where_the_organization_says_so(organization, kafka):
    stack = organization.stack
    make_metric(organization, "storage")
    assert status_of(organization, "nonsense") == 201
    stack.bxb("org", "update", organization.name, "--unknown-codes", "reject")
    wait_until(lambda: status_of(organization, "nonsense") == 422, 15, "unknown codes are rejected")
    taken = len(kafka.messages(organization.id))
    problem = organization.post(organization.event(code="nonsense")).json()
    assert (problem["code"], problem["pointer"], problem["status"]) == ("unknown_code", "/code", 422)
    several = organization.post([organization.event(code="storage"), organization.event(code="nonsense")])
    assert several.status_code == 207
    (result,) = several.json()["results"]
    assert (result["index"], result["error"]["code"]) == (1, "unknown_code")
    assert len(kafka.messages(organization.id)) == taken + 1

    make_metric(organization, "nonsense")
    wait_until(lambda: status_of(organization, "nonsense") == 201, 15, "the new code is known")
    stack.bxb("org", "update", organization.id, "--unknown-codes", "accept")
    wait_until(lambda: status_of(organization, "anything") == 201, 15, "unknown codes are accepted")


def test_a_server_knows_of_a_change_within_a_second_without_restart(organization):
    stack = organization.stack
    stack.restart("server", catalog_poll="500ms")  # as it is by default; the tests' own is shorter
    try:
        server = stack.running_pid("server")
        make_metric(organization, "storage", "--field", "a")
        assert wait_for_field(organization, "storage", "a") < 2  # a second, and this machine's own
        stack.bxb("metric", "update", "--org", organization.id, "--code", "storage", "--field", "b")
        assert wait_for_field(organization, "storage", "b") < 2
        assert stack.running_pid("server") == server
    finally:
        stack.restart("server")


def test_a_server_that_starts_without_postgres_knows_the_metrics(organization, tmp_path):
    stack = organization.stack
    make_metric(organization, "storage", "--field", "gigabytes")
    wait_for_field(organization, "storage", "gigabytes")
    stack.bxb("org", "update", organization.name, "--unknown-codes", "reject")
    wait_until(lambda: status_of(organization, "nonsense") == 422, 15, "unknown codes are rejected")
    path = tmp_path / "catalog.json"
    stack.restart("server", catalog_snapshot=str(path))
    wait_until(lambda: keeps_rejecting(path, organization), 30, "the snapshot file has it")
    stack.stop("postgres")
    stack.kill("server")
    try:
        stack.start("server", catalog_snapshot=str(path))
        assert knows_field(organization, "storage", "gigabytes")
        assert status_of(organization, "nonsense") == 422
    finally:
        stack.start("postgres")
        stack.restart("server")


def keeps_rejecting(path, organization) -> bool:
    """Whether the snapshot file has the last change of the organization."""
    return any(
        kept["id"] == organization.id and kept["unknown_codes"] == "reject"
        for kept in kept_catalog(path)["organizations"]
    )


def test_metrics_are_made_changed_and_listed(stack, organization):
    made = make_metric(organization, "storage", "--field", "gigabytes", "--transactional")
    assert (made["code"], made["field_name"], made["transactional"]) == ("storage", "gigabytes", True)
    assert (made["organization_id"], made["organization"]) == (organization.id, organization.name)
    org = ("--org", organization.name)
    update = ("metric", "update", *org, "--code", "storage")
    changed = json.loads(stack.bxb(*update, "--no-transactional", "--json").stdout)
    assert (changed["field_name"], changed["transactional"]) == ("gigabytes", False)
    changed = json.loads(stack.bxb(*update, "--no-field", "--transactional", "--json").stdout)
    assert (changed["field_name"], changed["transactional"]) == (None, True)
    assert stack.bxb("metric", "create", *org, "--code", "api").stdout == "api\n"
    listed = json.loads(stack.bxb("metric", "list", *org, "--json").stdout)
    assert [metric["code"] for metric in listed] == ["api", "storage"]
    table = stack.bxb("metric", "list", *org).stdout
    assert "TRANSACTIONAL" in table and "yes" in table and "no" in table


@pytest.mark.parametrize(
    "arguments, code",
    [
        (("metric", "create", "--org", "{org}", "--code", "there"), FAILURE),
        (("metric", "update", "--org", "{org}", "--code", "missing", "--transactional"), FAILURE),
        (("metric", "create", "--org", "no such organization", "--code", "x"), FAILURE),
        (("metric", "create", "--org", "{org}"), USAGE),
        (("metric", "create", "--org", "{org}", "--code", ""), USAGE),
        (("metric", "create", "--org", "{org}", "--code", "x" * 256), USAGE),
        (("metric", "create", "--org", "{org}", "--code", "x", "--field", ""), USAGE),
        (("metric", "update", "--org", "{org}", "--code", "there", "--field", "a", "--no-field"), USAGE),
        (("metric", "update", "--org", "{org}", "--code", "there", "--transactional", "--no-transactional"), USAGE),
        (("org", "update", "{org}", "--unknown-codes", "perhaps"), USAGE),
        (("org", "update", "{org}"), USAGE),
        (("org", "update", "no such organization", "--unknown-codes", "reject"), FAILURE),
    ],
)
def test_what_cannot_be_is_refused(stack, organization, arguments, code):
    make_metric(organization, "there")
    refused = stack.bxb(*(argument.format(org=organization.name) for argument in arguments), check=False)
    assert refused.returncode == code, refused.stderr
    assert refused.stderr and not refused.stdout


def test_org_create_sets_unknown_codes_also_of_one_that_is_there(stack, organization):
    create = ("org", "create", organization.name, "--if-missing")

    def unknown_codes():
        listed = json.loads(stack.bxb("org", "list", "--json").stdout)
        return [entry["unknown_codes"] for entry in listed if entry["id"] == organization.id]

    assert unknown_codes() == ["accept"]
    assert stack.bxb(*create, "--unknown-codes", "reject").stdout.strip() == organization.id
    assert unknown_codes() == ["reject"]
    stack.bxb(*create)
    assert unknown_codes() == ["reject"]
    other = stack.bxb("org", "create", f"{organization.name}-new", "--unknown-codes", "reject").stdout.strip()
    listed = json.loads(stack.bxb("org", "list", "--json").stdout)
    assert [entry["unknown_codes"] for entry in listed if entry["id"] == other] == ["reject"]
