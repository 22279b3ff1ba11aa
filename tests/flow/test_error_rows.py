"""The tables of the stores' errors are true: each row has a test that is there, or a reason for having none, and
docs/STORE_ERRORS.md says the same.

SPDX-License-Identifier: Apache-2.0
"""

import pytest

from flow.error_rows import (
    CLICKHOUSE_TESTS,
    KAFKA_TESTS,
    NOT_PROVOKED,
    PROVOKED,
    STATE_TESTS,
    THROWN,
    THROWN_BY_A_VIEW,
    all_rows,
    clickhouse,
    kafka,
    page,
    postgres,
)
from flow.stack import REPOSITORY

TESTS = sorted({row.test for row in all_rows() if row.test})


def test_the_page_is_the_tables():
    written = (REPOSITORY / "docs" / "STORE_ERRORS.md").read_text(encoding="utf-8")
    assert written == page(), "cd tests && python -m flow.error_rows >../docs/STORE_ERRORS.md"


def test_each_row_has_a_test_or_a_reason():
    assert len(clickhouse()) > 90 and len(postgres()) > 10 and len(kafka()) > 30
    without = {row.name for row in all_rows() if not row.test}
    assert without == set(NOT_PROVOKED)


def test_nothing_is_said_of_rows_that_are_not_there():
    assert set(CLICKHOUSE_TESTS) <= {row.name for row in clickhouse() if row.test != PROVOKED}
    assert set(THROWN) == {row.name for row in clickhouse() if row.test == THROWN_BY_A_VIEW}
    assert set(KAFKA_TESTS) <= {row.name for row in kafka()}
    assert set(STATE_TESTS) <= {row.code for row in postgres()}


@pytest.mark.parametrize("test", TESTS)
def test_the_test_of_a_row_is_there(test):
    file, _, function = test.partition("::")
    text = (REPOSITORY / "tests" / file).read_text(encoding="utf-8")
    assert f"def {function}(" in text or f", {function})\n" in text
    if file in ("engine/test_old_server.py", "engine/test_verdicts.py") and test not in (PROVOKED, THROWN_BY_A_VIEW):
        for name in [row.name for row in clickhouse() if row.test == test]:
            assert f'"{name}"' in text, "provoked, and held against the table by must_be"
