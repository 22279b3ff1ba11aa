"""openapi/openapi.yaml says what the server does: its examples are right, and whatever is sent, the answer is
one of those that it lists, and what was answered as taken is in the topic.

BXB_TEST_SEED=N  makes the requests of a run that failed again

SPDX-License-Identifier: Apache-2.0
"""

import collections
import os
import pathlib
import random
import subprocess
import sys

import httpx
import pytest

from flow.contract import DOCUMENT, Contract
from flow.mutations import Mutator, Request, right_requests

REQUESTS = 1000
CONTRACT = Contract()


def examples():
    return [pytest.param(schema, value, id=place) for place, schema, value in CONTRACT.examples()]


@pytest.mark.parametrize("schema, value", examples())
def test_an_example_of_the_document_fits_its_schema(schema, value):
    CONTRACT.check_value(schema, value)


def send(http: httpx.Client, request: Request) -> httpx.Response:
    return http.post(request.path, content=request.body, headers=request.headers, params={"results": "all"})


def taken_ids(request: Request, answer: httpx.Response) -> list[str]:
    """The events that the answer says are durable."""
    if answer.status_code not in (200, 201, 207) or request.path.endswith("/validate"):
        return []
    body = answer.json()
    if "results" in body:
        return [result["transaction_id"] for result in body["results"] if result["status"] == "accepted"]
    return [event["transaction_id"] for event in body.get("events", [body.get("event", body)])]


def test_a_thousand_mutated_requests_are_answered_as_documented(organization, kafka):
    seed = int(os.environ.get("BXB_TEST_SEED", random.randrange(2**32)))
    print(f"BXB_TEST_SEED={seed}")  # pytest shows it when the test fails
    mutator = Mutator(seed)
    statuses, taken = collections.Counter(), collections.Counter()
    for _ in range(0, REQUESTS, 13):
        for right in right_requests(organization):
            request = mutator.mutated(right)
            answer = send(organization.http, request)
            assert answer.status_code < 500, (request, answer.text)
            try:
                CONTRACT.check_answer(request.path, answer)
            except Exception as error:
                raise AssertionError(f"{request} is answered {answer.status_code} {answer.text}") from error
            assert answer.headers["X-Request-Id"]
            statuses[answer.status_code] += 1
            taken.update(taken_ids(request, answer))
    assert set(statuses) >= {200, 201, 207, 400, 422}, "the requests are of every kind"
    assert organization.send([organization.event()]) == 201, "the server goes on"
    taken.update(list(organization.sent))
    assert collections.Counter(record.transaction_id for record in kafka.records(organization.id)) == taken


@pytest.mark.long
def test_schemathesis_finds_nothing(organization, stack, tmp_path):
    """Requests made of the document, right and wrong ones: no 5xx, and answers as documented.

    Left out: that what fits the schema is taken (it cannot say that times must be of now), and that what does not
    fit is refused (some of it is taken, as by another name).
    """
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(DOCUMENT), "--url", stack.env["BXB_URL"]]
    command += ["--header", f"Authorization: Bearer {organization.key}", "--exclude-tag", "admin"]
    command += ["--exclude-checks", "positive_data_acceptance,negative_data_rejection"]
    command += ["--phases", "examples,coverage,fuzzing", "--max-examples", "100", "--continue-on-failure", "--no-color"]
    hooks = {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(pathlib.Path(__file__).parent)}
    done = subprocess.run(
        command, env={**os.environ, **hooks}, cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2000:]
