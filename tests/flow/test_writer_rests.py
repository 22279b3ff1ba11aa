"""What the writer spends while it has nothing to do but wait.

SPDX-License-Identifier: Apache-2.0
"""

import os
import pathlib
import time

from flow.case import BATCH_ROWS, Case
from flow.store_proxy import INSERT, Strike

INSERT_TAKES_S = 3.0


def cpu_s(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_writer_rests_while_an_insert_takes_long(stack):
    """Also while a part of the next batch is there, which would have been due long ago."""
    with Case(stack) as case:
        case.begin()
        spent = []
        with case.running() as writer:
            writer.wait_ready()

            def take_long() -> None:
                before = cpu_s(writer.process.pid)
                time.sleep(INSERT_TAKES_S)
                spent.append(cpu_s(writer.process.pid) - before)

            case.clickhouse.strike(Strike(INSERT, on_request=take_long))
            (organization,) = case.organizations
            assert organization.send(organization.events(BATCH_ROWS + BATCH_ROWS // 2)) == 201
            case.clickhouse.await_struck()
            case.verify()
        assert spent[0] < 0.1 * INSERT_TAKES_S, f"{spent[0]:.2f} s of CPU in {INSERT_TAKES_S} s of waiting"
