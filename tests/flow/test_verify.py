"""The verifier as a program: it finds a difference in the real systems, names it and exits 1.

SPDX-License-Identifier: Apache-2.0
"""

import decimal
import os
import subprocess
import sys

import pytest

from flow.stack import REPOSITORY
from verifier import write_manifest


@pytest.fixture
def settled(organization):
    """An organization of which everything is stored."""
    assert organization.send(organization.events(20)) == 201
    organization.at_rest()
    return organization


def run_verifier(stack, tmp_path, sent) -> subprocess.CompletedProcess:
    manifest = tmp_path / "sent.ndjson"
    manifest.write_text("".join(line + "\n" for line in write_manifest(sent)))
    command = [sys.executable, "-m", "verifier", "--env", stack.local / "env", "--manifest", manifest, "--wait", "30"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, cwd=REPOSITORY / "tests", env=environment, capture_output=True, text=True, check=False
    )


def test_it_exits_0_when_all_agree(stack, settled, tmp_path):
    verified = run_verifier(stack, tmp_path, settled.sent.values())
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "DIFFERENCES" not in verified.stdout


def test_it_names_an_event_that_was_acknowledged_and_is_nowhere(stack, settled, tmp_path):
    lost = next(iter(settled.sent.values()))._replace(transaction_id="acknowledged-and-lost")
    verified = run_verifier(stack, tmp_path, [*settled.sent.values(), lost])
    assert verified.returncode == 1
    assert "acknowledged-and-lost" in verified.stdout


def test_it_names_the_hour_that_postgresql_counted_wrongly(stack, settled, tmp_path, pg):
    row = "organization_id = %s AND external_customer_id = %s AND code = %s AND hour = %s"
    hours = "SELECT external_customer_id, code, hour, value_sum FROM usage_hourly WHERE organization_id = %s"
    customer, code, hour, right = pg.execute(hours, [settled.id]).fetchone()
    update = f"UPDATE usage_hourly SET value_sum = %s WHERE {row}"
    pg.execute(update, [right + decimal.Decimal("1e-18"), settled.id, customer, code, hour])
    try:
        verified = run_verifier(stack, tmp_path, settled.sent.values())
    finally:
        pg.execute(update, [right, settled.id, customer, code, hour])
    assert verified.returncode == 1
    assert f"{settled.id} {customer} {code} {hour:%Y-%m-%dT%H}" in verified.stdout


def test_it_exits_2_when_it_cannot_read(stack, settled, tmp_path):
    environment = {**os.environ, **stack.env, "BXB_POSTGRES": "postgresql://bxb@127.0.0.1:1/bxb"}
    command = [sys.executable, "-m", "verifier"]
    failed = subprocess.run(
        command, cwd=REPOSITORY / "tests", env=environment, capture_output=True, text=True, check=False
    )
    assert failed.returncode == 2 and "verifier:" in failed.stderr
