"""CPU per event of bxb-server and bxb-writer as an installation grows: one thing at a time, beside the same with little
of it, in turns.

Each axis is some scenes (scene.py) that differ in one thing. A turn: the server takes a backlog, then the writer drains
it. What the programs need to start and to remember is left out; recovery.py is about that.

SPDX-License-Identifier: Apache-2.0
"""

import statistics
import time

from scene import Scene
from tools import cpu_s, say

GOAL = "0.9 to 1.1"
WARM_UP = 64  # requests before those that count
CHANGES = 4  # of the catalog
SENDERS = 480  # organizations where their number is not what is varied: so many that all partitions have their share


class Axis:
    """Values of one thing; the first is the control. `make` gives a scene its value."""

    def __init__(self, name, values, make, batch=100, rotate=False):
        self.name, self.values, self.make, self.batch, self.rotate = name, values, make, batch, rotate


def axes(ids_max, rows_max):
    """What is varied. Organizations send single events, so that each of many sends some."""
    def organizations(bench, value):
        return Scene(bench.stack, bench.build, f"orgs_{value}", organizations=value)

    def partitions(bench, value):
        return Scene(bench.stack, bench.build, f"partitions_{value}", organizations=SENDERS, partitions=value)

    def ids(bench, value):
        scene = Scene(bench.stack, bench.build, f"ids_{value}", organizations=SENDERS)
        turn(bench, scene, 6400, 100, False)  # the lane needs a past
        if value:
            scene.remember(value, 5000)
        return scene

    def rows(bench, value):
        scene = Scene(bench.stack, bench.build, f"rows_{value}", organizations=SENDERS)
        scene.fill_table(value)
        return scene

    return (
        Axis("organizations", (10, 100_000), organizations, batch=1, rotate=True),
        Axis("partitions", (1, 12, 96), partitions, rotate=True),
        Axis("remembered ids", (0, ids_max), ids, rotate=True),
        Axis("rows in the table", (0, rows_max), rows, rotate=True),
    )


def turn(bench, scene, events, batch, rotate):
    """CPU in µs an event of each process, and the writer's own count of what was stored."""
    scene.start_server()
    first, _ = scene.load(bench, WARM_UP, batch, rotate)
    second, server = scene.load(bench, events // batch, batch, rotate)
    bench.stack.script("stop", "server")
    return {"server": server} | scene.drain(first + second) | {"bare consumer": scene.consume(first + second)}


def catalog_cost(bench, scene):
    """Of bxb-server: seconds from start to ready, and CPU in ms of taking notice of one change of the catalog."""
    url = bench.stack.env["BXB_ADMIN_URL"]
    begun = time.monotonic()
    with scene.program("bxb-server") as server:
        scene.wait_ready(server, url)
        ready = time.monotonic() - begun
        used = []
        for changes in (0, CHANGES):
            before = cpu_s(server.pid)
            for number in range(CHANGES):
                if changes:
                    scene.psql(f"UPDATE organization SET burst_ms = 1000 + {number} WHERE name = 'bench 0'")
                time.sleep(0.7)  # within its poll
            used.append(cpu_s(server.pid) - before)
    return ready, (used[1] - used[0]) / CHANGES * 1000


def growth(bench, events, ids, rows, only):
    bench.stack.script("stop", "writer")
    for axis in axes(ids, rows):
        if not axis.name.startswith(only):
            continue
        count = events // (3 if axis.batch == 1 else 1)
        say(f"growth: {axis.name}: making {', '.join(f'{value:,}' for value in axis.values)}")
        scenes = [axis.make(bench, value) for value in axis.values]
        rounds = []
        for number in range(bench.rounds):
            say(f"growth: {axis.name}, round {number + 1} of {bench.rounds}")
            order = list(zip(axis.values, scenes))
            results = {value: turn(bench, scene, count, axis.batch, axis.rotate)
                       for value, scene in (order if number % 2 == 0 else reversed(order))}
            rounds.append([results[value] for value in axis.values])
        report(bench, axis, rounds, count)
        if axis.name == "organizations":
            report_catalog(bench, axis, scenes)
        for scene in scenes:
            scene.remove()


def report(bench, axis, rounds, events):
    control = axis.values[0]
    for column, value in enumerate(axis.values[1:], 1):
        for name in ("server", "writer", "bare consumer", "engine", "postgres"):
            pairs = [(results[column][name], results[0][name]) for results in rounds]
            bench.table.add("growth", f"{value:,} {axis.name}, {name}; floor: {control:,}", "µs CPU/event", pairs,
                            GOAL if name in ("server", "writer") else "")
    if axis.name == "organizations":
        # Each event of the many is a usage key of its own, of the few none is.
        keys = min(events, axis.values[-1])
        costs = [(results[-1]["postgres"] - results[0]["postgres"]) * events / keys for results in rounds]
        say(f"growth: PostgreSQL: {statistics.median(costs):.1f} µs of CPU for each distinct usage key of a batch")
        bench.table.add("growth", "PostgreSQL: a distinct usage key of a batch; floor: an event of few keys", "µs CPU",
                        [(cost, max(results[0]["postgres"], 0.01)) for cost, results in zip(costs, rounds)])


def report_catalog(bench, axis, scenes):
    say("growth: the catalog")
    rounds = [[catalog_cost(bench, scene) for scene in scenes] for _ in range(bench.rounds)]
    what = f"{axis.values[-1]:,} organizations, bxb-server"
    bench.table.add("growth", f"{what}: start → ready; floor: {axis.values[0]:,}", "s",
                    [(many[0], few[0]) for few, many in rounds])
    bench.table.add("growth", f"{what}: taking notice of a change of one; floor: {axis.values[0]:,}", "ms CPU",
                    [(many[1], max(few[1], 0.1)) for few, many in rounds])
