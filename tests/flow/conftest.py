"""One private stack for a run of the tests, and an organization of its own for each test.

BXB_TEST_LOCAL=dir  use this stack instead, start it when it does not run, and leave it running

SPDX-License-Identifier: Apache-2.0
"""

import os
import pathlib
import shutil
import tempfile
import urllib.parse

import clickhouse_connect
import httpx
import psycopg
import pytest

from flow.organization import Organization
from flow.stack import NAMES, Stack, free_ports, remembered_port
from flow.topic import OwnTopic, Topic
from verifier.sources import clickhouse_query

STACK = pytest.StashKey[Stack]()

# Everything is on loopback; a proxy of the environment has no business there.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


@pytest.fixture(scope="session")
def session_stack(request):
    given = os.environ.get("BXB_TEST_LOCAL")
    local = pathlib.Path(given or tempfile.mkdtemp(prefix="bxb-flow-")).absolute()
    stack = Stack(local, remembered_port(local) or free_ports())
    request.config.stash[STACK] = stack
    try:
        if not all(stack.pid(name) for name in NAMES):
            stack.up()
        yield stack
    finally:
        if not given:
            stack.down()
            shutil.rmtree(local)


@pytest.fixture
def stack(session_stack):
    """The stack with everything running, whatever the test does to it."""
    session_stack.mark_logs()
    yield session_stack
    for name in NAMES:
        if session_stack.pid(name):
            session_stack.thaw(name)
        else:
            session_stack.start(name)


@pytest.fixture
def organization(stack, request):
    """A new organization with a key that the server knows."""
    stem = request.node.name.removeprefix("test_").partition("[")[0].replace("_", "-")[:40]
    organization = Organization(stack, f"{stem}-{os.urandom(3).hex()}")
    yield organization
    organization.http.close()


@pytest.fixture
def api(organization):
    """An HTTP client with the organization's key."""
    return organization.http


@pytest.fixture
def anonymous(stack):
    """An HTTP client without a key."""
    with httpx.Client(base_url=stack.env["BXB_URL"], timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def kafka(session_stack):
    """The topic, read by confluent-kafka."""
    return Topic(session_stack.settings)


@pytest.fixture
def own_topic(stack):
    """A topic of the test's own, which no writer reads."""
    topic = OwnTopic(stack.settings)
    topic.make()
    yield topic
    topic.remove()


@pytest.fixture
def pg(stack):
    with psycopg.connect(stack.env["BXB_POSTGRES"], options="-c search_path=ingest", autocommit=True) as connection:
        yield connection


@pytest.fixture
def ch(stack):
    """ClickHouse by its official client."""
    url = urllib.parse.urlsplit(stack.env["BXB_CLICKHOUSE_URL"])
    client = clickhouse_connect.get_client(host=url.hostname, port=url.port)
    yield client
    client.close()


@pytest.fixture
def ch_http(stack):
    """ClickHouse by plain HTTP: a function from a query to its rows."""
    return lambda query: list(clickhouse_query(stack.settings, query))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that fails shows what was logged meanwhile."""
    report = yield
    stack = item.config.stash.get(STACK, None)
    if report.failed and stack:
        for name in NAMES:
            tail = stack.log_tail(name)
            if tail:
                report.sections.append((f"{name}.log", tail))
    return report
