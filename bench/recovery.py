"""From kill -9 to ready again: bxb-writer with many ids to remember, and bxb-server from its start.

The segments are written by the code that writes them in bxb-writer, and the ledger has a row for each of their
batches; the ids themselves are random, and were never events. So it is the process itself that is measured, as it
begins after an ordinary life, with everything that it does before it says that it is ready.

SPDX-License-Identifier: Apache-2.0
"""

import re
import signal
import time

from scene import Scene
from tools import Failure, cpu_s, peak_size, say

# Records of a batch. A writer that is busy closes one about every 300 ms; what it leaves at 10,000 events a second is
# like the first, what it leaves at 600 is like the second: 100 million ids, and two batches a second for two days.
BATCHES = (5000, 300)
URLS = {"bxb-writer": "BXB_WRITER_ADMIN_URL", "bxb-server": "BXB_ADMIN_URL"}


def recovery(bench, ids):
    stack = bench.stack
    for name in ("writer", "server"):
        stack.script("stop", name)
    plain = make(bench, "none")
    for batch in BATCHES:
        say(f"recovery: making {ids:,} ids in batches of {batch:,}")
        scene = make(bench, f"b{batch}")
        scene.remember(ids, batch)
        pairs, cpu, inside, memory = [], [], [], []
        for number in range(bench.rounds):
            say(f"recovery: {ids:,} ids in batches of {batch:,}, round {number + 1} of {bench.rounds}")
            seconds, used, said, size = restart_writer(scene, ids)
            floor, floor_used, _, floor_size = restart_writer(plain, 0)
            memory.append(((size - floor_size) / ids, 12))
            pairs.append((seconds, floor))
            cpu.append((used, floor_used))
            inside.append((said, seconds))
        what = f"kill -9 → ready, {ids:,} ids in batches of {batch:,}"
        bench.table.add("recovery", f"{what}; floor: none", "s", pairs, "≤ 2 s (10 M), 10 s (100 M)")
        bench.table.add("recovery", f"{what}: CPU; floor: none", "s CPU", cpu)
        bench.table.add("recovery", f"{what}: peak memory beside that without; floor: what is promised", "bytes/id",
                        memory, "≤ 1")
        bench.table.add("recovery", f"{what}: reading them again; floor: all of it", "s", inside)
        scene.remove()
    pairs = [(start(plain, "bxb-server"), start(plain, "bxb-writer")) for _ in range(bench.rounds)]
    bench.table.add("recovery", "bxb-server: start → ready; floor: bxb-writer without ids", "s", pairs)
    plain.remove()


def make(bench, name):
    """A scene whose lane has a past: an anchor, and a batch in the ledger."""
    scene = Scene(bench.stack, bench.build, f"recovery_{name}")
    scene.start_server()
    events, _ = scene.load(bench, requests=64, batch=100)
    scene.drain(events)
    bench.stack.script("stop", "server")
    return scene


def start(scene, name):
    with scene.program(name) as process:
        return scene.wait_ready(process, scene.stack.env[URLS[name]])


def restart_writer(scene, ids):
    """Seconds from kill -9 until its successor is ready, its CPU until then, seconds that it says remembering took, and its
    peak memory."""
    url = scene.stack.env[URLS["bxb-writer"]]
    with scene.program("bxb-writer") as first:
        scene.wait_ready(first, url)
        begun = time.monotonic()
        first.send_signal(signal.SIGKILL)
        first.wait()
        with scene.program("bxb-writer") as second:
            scene.wait_ready(second, url)
            seconds, used, size = time.monotonic() - begun, cpu_s(second.pid), peak_size(second.pid)
            log = second.log.read_text()
    said = re.search(r"event=seen_recalled .*ids=(\d+) from_segments=(\d+) .*ms=(\d+)", log)
    if not said or int(said.group(2)) < ids:
        raise Failure(f"not everything came from segments:\n{log[-2000:]}")
    return seconds, used, int(said.group(3)) / 1000, size
