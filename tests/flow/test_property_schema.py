"""Property schemas of metrics: what is refused or warned of, and how they are made and changed.

SPDX-License-Identifier: Apache-2.0
"""

import json
import time

import httpx
import pytest

from flow.stack import kept_catalog, wait_until

FAILURE, USAGE = 2, 64

CENTS = """{"required": ["price"],
  "properties": {"price": {"multipleOf": 0.01}, "tags": {"items": {"type": "string"}}}}"""
WHOLE = '{"properties": {"price": {"type": "integer"}}}'


def metric(organization, verb, *options, code="seats", schema=None):
    """Makes or changes a metric as an operator does; a schema comes through standard input."""
    arguments = [*options, *(["--schema", "-"] if schema else [])]
    done = organization.stack.bxb(
        "metric", verb, "--org", organization.name, "--code", code, *arguments, "--json", input=schema or ""
    )
    return json.loads(done.stdout)


def post(organization, properties, code="seats"):
    """The answer to one event; what was taken is entered into the manifest."""
    event = organization.event(code=code, properties=properties)
    answer = organization.post(event)
    if answer.status_code == 201:
        organization.record([event], acknowledged=True)
    return answer


def refuses(organization, properties) -> bool:
    return post(organization, properties).status_code == 422


def warns(organization, properties) -> bool:
    answer = post(organization, properties)
    return answer.status_code == 201 and any(
        warning["code"] == "property_schema" for warning in answer.json().get("warnings", [])
    )


def metrics_of(stack) -> dict[str, int]:
    with httpx.Client(base_url=stack.env["BXB_ADMIN_URL"], trust_env=False) as http:
        lines = http.get("/metrics").text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("bxb_server_schema"))
    return {name: int(value) for name, value in pairs}


def mismatches(stack) -> list[int]:
    """How many events were refused, and how many taken with a warning."""
    metrics = metrics_of(stack)
    return [metrics[f'bxb_server_schema_mismatches_total{{mode="{mode}"}}'] for mode in ("reject", "warn")]


def test_properties_that_do_not_fit_are_refused_or_warned_of(organization, stack, kafka):
    made = metric(organization, "create", "--mode", "reject", schema=CENTS)
    assert (made["schema_mode"], made["schema_version"], made["assert_formats"]) == ("reject", 1, False)
    wait_until(lambda: refuses(organization, {"price": 0.001}), 15, "the server knows the schema")
    refused, warned = mismatches(stack)
    problem = post(organization, {"price": 12.345, "tags": ["a"]})
    assert problem.status_code == 422
    assert (problem.json()["code"], problem.json()["pointer"]) == ("property_schema", "/properties/price")
    assert problem.json()["detail"].startswith("multipleOf: ")
    assert post(organization, None).json()["pointer"] == "/properties"
    assert post(organization, {"price": 12.34}).json().get("warnings") is None

    several = ({"price": 1}, {"price": 1, "tags": ["a", 2]})
    events = [organization.event(code="seats", properties=properties) for properties in several]
    several = organization.post(events)
    organization.record(events[:1], acknowledged=True)
    assert several.status_code == 207
    (result,) = several.json()["results"]
    error = result["error"]
    assert (result["index"], error["code"], error["pointer"]) == (1, "property_schema", "/properties/tags/1")
    attributes = {"specversion": "1.0", "id": "i", "source": "/s", "type": "seats", "subject": "c"}
    answer = organization.http.post(
        "/v1/events",
        content=json.dumps({**attributes, "data": {"price": 1, "tags": [1]}}),
        headers={"Content-Type": "application/cloudevents+json"},
    )
    assert (answer.status_code, answer.json()["pointer"]) == (422, "/data/tags/0")
    taken = len(kafka.messages(organization.id))
    checked = organization.http.post("/v1/events/validate", json=events[1]).json()
    assert (checked["valid"], checked["results"][0]["error"]["code"]) == (0, "property_schema")
    assert len(kafka.messages(organization.id)) == taken

    changed = metric(organization, "update", "--mode", "warn")
    assert (changed["schema_mode"], changed["schema_version"]) == ("warn", 1)
    wait_until(lambda: warns(organization, {"price": 0.001}), 15, "the server only warns")
    events = [organization.event(code="seats", properties={"price": price}) for price in (1, 0.001, 0.002)]
    answer = organization.post(events)
    organization.record(events, acknowledged=True)
    (warning,) = answer.json()["warnings"]
    assert answer.status_code == 201
    assert (warning["code"], warning["index"], warning["events"]) == ("property_schema", 1, 2)
    assert (warning["pointer"], warning["detail"].partition(":")[0]) == ("/properties/price", "multipleOf")
    refused_then, warned_then = mismatches(stack)
    assert refused_then - refused >= 4 and warned_then - warned >= 3  # waiting adds to both
    organization.verify()


def test_a_server_knows_a_changed_schema_within_a_second_without_restart(organization, stack):
    stack.restart("server", catalog_poll="500ms")  # as it is by default; the tests' own is shorter
    try:
        server = stack.running_pid("server")
        metric(organization, "create", "--mode", "reject", schema=CENTS)
        wait_until(lambda: refuses(organization, {"price": 0.001}), 15, "the schema is known")
        assert post(organization, {"price": 0.5}).status_code == 201
        assert metric(organization, "update", schema=WHOLE)["schema_version"] == 2
        began = time.monotonic()
        wait_until(lambda: refuses(organization, {"price": 0.5}), 15, "the new schema is known")
        assert time.monotonic() - began < 2  # a second, and this machine's own
        assert post(organization, {}).status_code == 201  # the old one required a price
        removed = metric(organization, "update", "--no-schema")
        assert (removed["schema_mode"], removed["schema_version"]) == ("off", 3)
        wait_until(lambda: not refuses(organization, {"price": 0.5}), 15, "there is no schema")
        assert stack.running_pid("server") == server
    finally:
        stack.restart("server")


def keeps_schema(path, organization) -> bool:
    """Whether the snapshot file has the schema of the organization's metric."""
    kept = kept_catalog(path)["metrics"]
    return any(row["organization_id"] == organization.id and row["schema"] for row in kept)


def test_a_server_that_starts_without_postgres_checks_with_the_schemas(organization, stack, tmp_path):
    metric(organization, "create", "--mode", "reject", schema=CENTS)
    path = tmp_path / "catalog.json"
    stack.restart("server", catalog_snapshot=str(path))
    wait_until(lambda: keeps_schema(path, organization), 30, "the snapshot file has it")
    stack.stop("postgres")
    stack.kill("server")
    try:
        stack.start("server", catalog_snapshot=str(path))
        assert refuses(organization, {"price": 0.001})
        assert post(organization, {"price": 0.01}).status_code == 201
    finally:
        stack.start("postgres")
        stack.restart("server")


def test_a_stored_schema_that_cannot_be_used_stops_nothing(organization, stack, pg):
    metric(organization, "create", "--mode", "reject", schema=CENTS)
    wait_until(lambda: refuses(organization, {"price": 0.001}), 15, "the schema is known")
    broken = "UPDATE metric SET schema = %s WHERE organization_id = %s AND code = 'seats'"
    pg.execute(broken, ['{"newerKeyword": 1}', organization.id])
    wait_until(lambda: not refuses(organization, {"price": 0.001}), 15, "events are taken unchecked")
    assert metrics_of(stack)["bxb_server_schemas_broken"] == 1
    wait_until(lambda: "schema_broken" in stack.log_tail("server"), 15, "it is logged")
    assert organization.id in stack.log_tail("server") and "/newerKeyword" in stack.log_tail("server")
    metric(organization, "update", schema=CENTS)
    wait_until(lambda: refuses(organization, {"price": 0.001}), 15, "the schema is mended")
    assert metrics_of(stack)["bxb_server_schemas_broken"] == 0


def test_a_schema_is_kept_to_the_byte(organization, stack, tmp_path):
    document = '{\n  "enum": [0.10, 1e400],\n "title": "\\u0000"}'
    path = tmp_path / "schema.json"
    path.write_text(f"\n{document}\n\n")
    org = ("--org", organization.name)
    made = metric(organization, "create", "--schema", str(path))
    assert (made["schema_mode"], made["schema_version"]) == ("warn", 1)
    shown = stack.bxb("metric", "show", "seats", *org).stdout
    assert shown == f"{document}\n"
    assert metric(organization, "update", schema=shown)["schema_version"] == 1
    assert metric(organization, "update", "--assert-formats")["schema_version"] == 2
    assert metric(organization, "update", "--assert-formats", "--field", "x")["schema_version"] == 2
    table = stack.bxb("metric", "list", *org).stdout
    assert "SCHEMA" in table and "warn" in table


NEW = ("create", "--code", "new", "--schema", "-")


@pytest.mark.parametrize(
    "arguments, schema, code, said",
    [
        (NEW, '{"items": {"contains": {}}}', FAILURE, 'schema_unsupported at "/items/contains": The keyword'),
        (NEW, '{"type": "text"}', FAILURE, 'schema_invalid at "/type": One of'),
        (NEW, "{", FAILURE, 'schema_invalid at "": '),
        (NEW, " \n", USAGE, "no schema"),
        (NEW, '"' + "x" * 65536 + '"', USAGE, "65536"),
        ((*NEW, "--mode", "perhaps"), "{}", USAGE, "perhaps"),
        ((*NEW, "--no-schema"), "{}", USAGE, "exclude"),
        ((*NEW, "--assert-formats"), '{"format": "email"}', FAILURE, '"/format"'),
        (("create", "--code", "new", "--schema", "/no/such/file"), "", FAILURE, "No such file"),
        (("create", "--code", "new", "--mode", "warn"), "", USAGE, "no schema"),
        (("update", "--code", "seats", "--schema", "-"), '{"$ref": "#/$defs/x"}', FAILURE, 'schema_invalid at "/$ref"'),
        (("update", "--code", "seats", "--no-schema", "--mode", "warn"), "", USAGE, "no schema"),
        (("update", "--code", "seats", "--assert-formats", "--no-assert-formats"), "", USAGE, "exclude"),
        (("show", "new"), "", FAILURE, "no metric"),
        (("show", "bare"), "", FAILURE, "no schema"),
    ],
)
def test_what_cannot_be_a_schema_is_refused_and_changes_nothing(organization, stack, arguments, schema, code, said):
    metric(organization, "create", code="bare")
    metric(organization, "create", schema=CENTS)
    listed = stack.bxb("metric", "list", "--org", organization.name, "--json").stdout
    refused = stack.bxb("metric", *arguments, "--org", organization.name, input=schema, check=False)
    assert refused.returncode == code, refused.stderr
    assert said in refused.stderr and not refused.stdout
    assert stack.bxb("metric", "list", "--org", organization.name, "--json").stdout == listed
