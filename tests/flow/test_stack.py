"""scripts/stack: what a taken port, a second start and a second stack do.

SPDX-License-Identifier: Apache-2.0
"""

import socket

import httpx
import pytest

from flow.stack import NAMES, Stack, free_ports


def test_status_names_all_five(stack):
    status = stack.script("status")
    for name in NAMES:
        assert name in status.stdout


def test_what_runs_is_not_started_twice(stack):
    before = {name: stack.running_pid(name) for name in NAMES}
    stack.up()
    stack.start("server")
    assert {name: stack.running_pid(name) for name in NAMES} == before


def test_stop_and_start_of_one_leaves_the_others(stack):
    before = {name: stack.running_pid(name) for name in NAMES}
    stack.stop("writer")
    assert stack.pid("writer") is None
    assert stack.script("status", check=False).returncode != 0
    stack.start("writer")
    after = {name: stack.running_pid(name) for name in NAMES}
    assert [name for name in NAMES if after[name] != before[name]] == ["writer"]


def test_logs_are_shown_by_name(stack):
    shown = stack.script("logs", "server").stdout.splitlines()
    written = (stack.local / "log" / "server.log").read_text(encoding="utf-8").splitlines()
    assert shown and set(shown) <= set(written)


def test_a_name_that_is_not_there_is_refused(stack):
    refused = stack.script("start", "nonsense", check=False)
    assert refused.returncode == 64 and "NAME" in refused.stderr


@pytest.mark.parametrize("offset", [0, 3, 6], ids=["HTTP", "Kafka", "PostgreSQL"])
def test_a_taken_port_is_an_error_that_names_it_and_starts_nothing(stack, tmp_path, offset):
    second = Stack(tmp_path / "second", free_ports())
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", second.port + offset))
        stranger.listen()
        refused = second.script("up", "--port", str(second.port), check=False, patience_s=300)
        second.down()
    assert refused.returncode != 0
    assert str(second.port + offset) in refused.stdout + refused.stderr
    assert [second.pid(name) for name in NAMES] == [None] * len(NAMES)


@pytest.mark.long
def test_two_stacks_live_side_by_side(stack, tmp_path):
    second = Stack(tmp_path / "second", free_ports())
    try:
        second.up()
        urls = {one.env["BXB_ADMIN_URL"] for one in (stack, second)}
        assert len(urls) == 2
        for url in urls:
            assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
        ids = {one.bxb("org", "create", "side-by-side", "--if-missing").stdout for one in (stack, second)}
        assert len(ids) == 2, "each has its own PostgreSQL"
        second.down()
        assert httpx.get(f"{stack.env['BXB_ADMIN_URL']}/readyz", trust_env=False).status_code == 200
    finally:
        second.down()
