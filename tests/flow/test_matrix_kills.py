"""A writer is killed at every single write of a run of three batches, recovery included, until runs complete.

Before it, in its middle, and after it: then whoever it was for has it, and the writer does not know.

SPDX-License-Identifier: Apache-2.0
"""

import random
import subprocess

import pytest

from flow.case import Case
from flow.stack import REPOSITORY, wait_until

BATCHES = 3
COMPLETE = 3  # runs in a row are not alike: what else is written depends on time
VERIFY_EVERY = 50
SAMPLE = 8  # of the first SAMPLE_OF writes, for the default run
SAMPLE_OF = 160
WHEN = ("before", "midway", "after")


@pytest.fixture(scope="module")
def preload(tmp_path_factory):
    """support/kill_at.c, built."""
    folder = tmp_path_factory.mktemp("preload")
    library = folder / "kill_at.so"
    (folder / "config.h").write_text("#define _GNU_SOURCE 1\n")
    source = REPOSITORY / "tests" / "support" / "kill_at.c"
    command = ["cc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", f"-I{folder}", "-o", library, source]
    subprocess.run(command, check=True)
    return str(library)


@pytest.fixture
def case(stack):
    with Case(stack) as case:
        case.begin()
        yield case


class Run:
    """Runs of the writer, each killed at one of its writes."""

    def __init__(self, case: Case, preload: str):
        self.case, self.preload = case, preload
        self.kills = self.with_intent = 0

    def is_done(self) -> bool:
        """Everything that was sent has been completed."""
        done = self.case.asks("SELECT sum(hwm + 1) FROM lane_partition")
        return done == len(self.case.organizations[0].sent)

    def once(self, point: int, when: str) -> bool:
        """One run, killed at that write. True when it was three batches and came to their end alive."""
        full = self.is_done()
        if full:
            self.case.send(BATCHES, older=0.1)
        writer = self.case.start(environment={"LD_PRELOAD": self.preload, "KILL_AT": str(point), "KILL_WHEN": when})
        is_dead = lambda: writer.process.poll() is not None
        wait_until(lambda: is_dead() or self.is_done(), 60, f"the writer is done or dead: {writer.log()[-2000:]}")
        completed = full and not is_dead()
        self.kills += is_dead()
        self.with_intent += is_dead() and self.case.intent() is not None
        writer.kill()
        self.case.writers.remove(writer)
        return completed


def test_killed_at_some_writes(case, preload):
    run, chance = Run(case, preload), random.Random(SAMPLE)
    for i, point in enumerate(sorted(chance.sample(range(1, SAMPLE_OF), SAMPLE))):
        run.once(point, WHEN[i % len(WHEN)])
    case.recover()
    assert run.kills >= SAMPLE / 2


@pytest.mark.long
@pytest.mark.parametrize("when", WHEN)
def test_killed_at_every_write(case, preload, capsys, when):
    run, point, completed = Run(case, preload), 0, 0
    while completed < COMPLETE:
        point += 1
        completed += run.once(point, when)
        if run.kills % VERIFY_EVERY == 0:
            case.recover()
    case.recover()
    with capsys.disabled():
        print(f"\nkilled {when} {run.kills} writes, {run.with_intent} times with an intent; the last run made {point}")
    assert run.kills >= 100 and run.with_intent >= 10
