"""The table of the fault matrix is true: its tests are there, its codes are, and docs/FAULTS.md says the same.

SPDX-License-Identifier: Apache-2.0
"""

import pytest

from flow.fault_rows import ONCE, ROWS, page
from flow.stack import REPOSITORY


def test_the_page_is_the_table():
    written = (REPOSITORY / "docs" / "FAULTS.md").read_text(encoding="utf-8")
    assert written == page(), "cd tests && python -m flow.fault_rows >../docs/FAULTS.md"


def test_each_row_has_a_name_of_its_own():
    assert len({row.id for row in ROWS}) == len({row.fault for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_the_test_of_a_row_is_there(row):
    file, _, function = row.test.partition("::")
    text = (REPOSITORY / "tests" / "flow" / f"{file}.py").read_text(encoding="utf-8")
    assert f"def {function}(" in text
    if row.outcome != ONCE:
        errors = (REPOSITORY / "base" / "errors.def").read_text(encoding="utf-8")
        assert f'"{row.outcome}"' in errors
