"""bxb dead: what an operator does with records that could not be stored.

SPDX-License-Identifier: Apache-2.0
"""

import json

import pytest

from flow.stack import wait_until

FAILURE, USAGE = 2, 64


@pytest.fixture
def letters(organization, kafka, pg):
    """Three dead letters of an organization: two without a code, and bytes that are no text."""
    lacking = {"organization_id": organization.id, "external_customer_id": "c", "properties": {}}
    values = [json.dumps({**lacking, "transaction_id": f"lacking-{n}"}).encode() for n in range(2)]
    offsets = kafka.produce(organization.id, *values, b"\xff\x00")
    count = "SELECT count(*) FROM dead_letter WHERE organization_id = %s"
    wait_until(lambda: pg.execute(count, [organization.id]).fetchone() == (3,), 30, "the letters are kept")
    partition = kafka.messages(organization.id)[0].partition()
    return [f"0/{partition}/{offset}" for offset in offsets]


def listed(organization, *options: str) -> dict[str, dict]:
    rows = json.loads(organization.stack.bxb("dead", "list", "--org", organization.name, *options, "--json").stdout)
    return {row["id"]: row for row in rows}


def test_letters_are_listed_and_shown(stack, organization, letters):
    found = listed(organization)
    assert list(found) == letters
    assert {row["reason"] for row in found.values()} == {"record_invalid"}
    assert "code is missing" in found[letters[0]]["detail"]
    assert listed(organization, "--reason", "value_unstorable") == {}
    assert list(listed(organization, "--limit", "2")) == letters[:2]
    assert letters[0] in stack.bxb("dead", "list", "--org", organization.name).stdout
    shown = json.loads(stack.bxb("dead", "show", letters[0]).stdout)
    assert (shown["id"], shown["state"], shown["key"]) == (letters[0], "open", organization.id)
    assert json.loads(shown["value"])["transaction_id"] == "lacking-0"
    assert json.loads(stack.bxb("dead", "show", letters[2]).stdout)["value_hex"] == "ff00"
    assert json.loads(stack.bxb("dead", "show", letters[1], "--value").stdout)["transaction_id"] == "lacking-1"


def test_a_corrected_record_is_stored_and_counted(stack, organization, letters):
    event = organization.event(transaction_id="lacking-0", external_customer_id="c")
    record = {"organization_id": organization.id, **event, "ingested_at": event["timestamp"]}
    record["properties"] = record.pop("properties")
    redriven = stack.bxb(
        "dead", "redrive", letters[0], "--file", "-", "--json", input=json.dumps(record, separators=(",", ":")) + "\n"
    )
    assert json.loads(redriven.stdout) == {"redriven": 1, "skipped": 0, "dry_run": False}
    organization.record([event], acknowledged=True)
    organization.verify()
    assert list(listed(organization)) == letters[1:]
    assert listed(organization, "--all")[letters[0]]["state"] == "redriven"
    again = stack.bxb("dead", "redrive", letters[0], check=False)
    assert again.returncode == FAILURE and "no open letter" in again.stderr


def test_what_is_redriven_as_it_was_is_judged_anew(stack, organization, letters):
    dry = json.loads(stack.bxb("dead", "redrive", "--org", organization.name, "--dry-run", "--json").stdout)
    assert dry == {"redriven": 3, "skipped": 0, "dry_run": True}
    assert list(listed(organization)) == letters
    assert "3 letters redriven" in stack.bxb("dead", "redrive", "--org", organization.name, "--rate", "2").stdout
    organization.at_rest()
    fresh = listed(organization)
    assert len(fresh) == 3 and not fresh.keys() & set(letters), "as bad as before, under offsets of their own"
    assert {listed(organization, "--all")[letter]["state"] for letter in letters} == {"redriven"}
    organization.verify()


def test_letters_are_discarded(stack, organization, letters):
    count = ("dead", "discard", "--org", organization.name, "--reason", "record_invalid", "--json")
    assert json.loads(stack.bxb(*count, "--dry-run").stdout)["discarded"] == 3
    assert json.loads(stack.bxb("dead", "discard", letters[1], "--json").stdout)["discarded"] == 1
    assert json.loads(stack.bxb(*count).stdout)["discarded"] == 2
    assert listed(organization) == {}
    assert list(listed(organization, "--state", "discarded")) == letters


def test_a_conflict_is_not_redriven(stack, organization, letters, pg):
    change = "UPDATE dead_letter SET reason = %s WHERE organization_id = %s AND log_offset = %s"
    offset = letters[1].rsplit("/", 1)[1]
    pg.execute(change, ["duplicate_conflict", organization.id, offset])
    try:
        refused = stack.bxb("dead", "redrive", letters[1], check=False)
        assert refused.returncode == USAGE and "another content" in refused.stderr
        dry = json.loads(stack.bxb("dead", "redrive", "--org", organization.name, "--dry-run", "--json").stdout)
        assert (dry["redriven"], dry["skipped"]) == (2, 1)
        only = json.loads(stack.bxb("dead", "redrive", "--org", organization.name, "--json").stdout)
        assert (only["redriven"], only["skipped"]) == (2, 1)
        assert listed(organization)[letters[1]]["state"] == "open"
    finally:
        pg.execute(change, ["record_invalid", organization.id, offset])


@pytest.mark.parametrize(
    "arguments",
    [
        ("dead", "redrive"),
        ("dead", "discard"),
        ("dead", "redrive", "0/0/0", "--all"),
        ("dead", "redrive", "--all", "--file", "-"),
        ("dead", "list", "--state", "lost"),
    ],
    ids=" ".join,
)
def test_a_choice_that_is_none_is_refused(stack, arguments):
    assert stack.bxb(*arguments, check=False).returncode == USAGE


def test_a_correction_may_not_change_the_organization(stack, organization, letters, tmp_path):
    event = organization.event()
    record = {"organization_id": "00000000-0000-4000-8000-000000000000", **event, "ingested_at": event["timestamp"]}
    path = tmp_path / "record.json"
    path.write_text(json.dumps(record))
    refused = stack.bxb("dead", "redrive", letters[0], "--file", str(path), check=False)
    assert refused.returncode != 0 and "another organization" in refused.stderr
    path.write_text("{}")
    refused = stack.bxb("dead", "redrive", letters[0], "--file", str(path), check=False)
    assert refused.returncode != 0 and "missing" in refused.stderr
    assert list(listed(organization)) == letters
