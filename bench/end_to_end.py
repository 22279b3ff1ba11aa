"""How long after its 201 an event is counted in ClickHouse and in PostgreSQL, at a constant rate.

Beside a load of batches, single events of a code of their own are sent, and both stores are asked again and
again how many of them an organization has used: the question that billing asks. An event is queryable when the
answer counts it. The same moment for all of its organizations' events: whoever is in the same batch of the
writer, whatever it is, becomes visible with it.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import http.client
import json
import math
import re
import subprocess
import threading
import time
import urllib.parse

from tools import Failure, cpu_s, get, say, tree_cpu_s

EVENTS_PER_S = 10_000
BATCH = 100  # events in a request
CONNECTIONS = 16
PROBES_PER_S = 10
POLL_S = 0.02  # between two questions to a store: what is told is late by this at most, and by the answer's time
WARMUP_S = 3  # probes of the first seconds do not count
CODE, CUSTOMER = "bench_probe", "bench-probe"


def quantile(values, share):
    """The least of the values that is not exceeded by that share of them.

    >>> quantile([30, 10, 20], 0.5), quantile([30, 10, 20], 1), quantile(range(1, 201), 0.99)
    (20, 30, 198)
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def latencies_ms(acked, seen, since):
    """From the 201 of each event since then to the first answer that counted it. An organization's events share a
    partition, so the n-th that was sent is the n-th that is counted. `acked`: when, by organization; `seen`: when how
    many more of which organization were counted.

    >>> latencies_ms({"a": [1, 2, 3], "b": [2.5]}, [(3, "a", 1), (4, "b", 1), (4.5, "a", 2)], since=2)
    [1500.0, 2500.0, 1500.0]
    """
    latencies, done = [], dict.fromkeys(acked, 0)
    for when, organization, more in seen:
        for begun in acked[organization][done[organization]:done[organization] + more]:
            if begun >= since:
                latencies.append(max(0, when - begun) * 1000)
        done[organization] += more
    return latencies


class Repeated(threading.Thread):
    """Does something at fixed times until it is stopped; what goes wrong is told when it ends."""

    def __init__(self, every_s, work):
        super().__init__(daemon=True)
        self.every_s, self.work = every_s, work
        self.ending, self.error = threading.Event(), None

    def run(self):
        due = time.monotonic()
        try:
            while not self.ending.wait(max(0, due - time.monotonic())):
                self.work()
                due = max(due + self.every_s, time.monotonic() - self.every_s)
        except (Failure, OSError, http.client.HTTPException, ValueError) as error:
            self.error = error

    def end(self):
        self.ending.set()
        self.join(30)
        if self.error:
            raise Failure(f"the probe: {self.error}")


class Probe:
    """Marked events, and how often each organization's were counted when."""

    def __init__(self, stack, keys):
        self.callers = [line.split() for line in keys.read_text().splitlines()]
        self.acked = {organization: [] for organization, _ in self.callers}  # when each event got its 201
        self.seen = {"clickhouse": [], "postgres": []}  # (when, organization, how many more)
        self.sent = 0
        self.run_id = f"probe-{time.time_ns():x}"
        self.freshness = []
        self.env = stack.env
        self.server = self.connect("BXB_URL")
        self.engine = self.connect("BXB_CLICKHOUSE_URL")
        self.psql = subprocess.Popen(["psql", "-XAtq", "-F", " ", "-d", self.env["BXB_POSTGRES"]], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # What an earlier probe left.
        self.before = {store: dict(ask()) for store, ask in self.questions()}

    def connect(self, name):
        return http.client.HTTPConnection(urllib.parse.urlsplit(self.env[name]).netloc, timeout=30)

    def questions(self):
        return ("clickhouse", self.ask_clickhouse), ("postgres", self.ask_postgres)

    def send(self):
        organization, key = self.callers[self.sent % len(self.callers)]
        event = {"transaction_id": f"{self.run_id}-{self.sent}", "external_customer_id": CUSTOMER, "code": CODE,
                 "timestamp": time.time(), "value": "1"}
        self.server.request("POST", "/v1/events", json.dumps(event).encode(),
                            {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
        answer = self.server.getresponse()
        answer.read()
        if answer.status != 201:
            raise Failure(f"an event was answered {answer.status}")
        self.sent += 1
        self.acked[organization].append(time.monotonic())

    def ask_clickhouse(self):
        organizations = ",".join(f"'{organization}'" for organization in self.acked)
        self.engine.request("POST", "/", (
            f"SELECT organization_id, count() FROM events_raw WHERE organization_id IN ({organizations})"
            f" AND code = '{CODE}' AND external_customer_id = '{CUSTOMER}' GROUP BY organization_id"
            " SETTINGS max_threads = 1 FORMAT TSV").encode())
        answer = self.engine.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise Failure(text)
        return [(organization, int(count)) for organization, count in map(str.split, text.splitlines())]

    def ask_postgres(self):
        self.psql.stdin.write("SELECT organization_id, sum(events) FROM ingest.usage_hourly"
                              f" WHERE external_customer_id = '{CUSTOMER}' AND code = '{CODE}' GROUP BY 1;\n\\echo .\n")
        self.psql.stdin.flush()
        counts = []
        while (line := self.psql.stdout.readline()) != ".\n":
            if not line:
                raise Failure("psql ended")
            organization, count = line.split()
            counts.append((organization, int(count)))
        return counts

    def look(self, store, ask):
        counts = ask()
        now = time.monotonic()
        before = self.before[store]
        for organization, count in counts:
            if count != before.get(organization, 0):
                self.seen[store].append((now, organization, count - before.get(organization, 0)))
                before[organization] = count

    def note_freshness(self):
        text = get(self.env["BXB_WRITER_ADMIN_URL"] + "/metrics")
        self.freshness.append(float(re.search(rb"^bxb_writer_freshness_seconds (\S+)", text, re.M).group(1)) * 1000)

    @contextlib.contextmanager
    def asking(self):
        threads = [Repeated(POLL_S, lambda s=store, a=ask: self.look(s, a)) for store, ask in self.questions()]
        threads.append(Repeated(0.1, self.note_freshness))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for thread in threads:
                thread.end()

    @contextlib.contextmanager
    def sending(self):
        thread = Repeated(1 / PROBES_PER_S, self.send)
        thread.start()
        try:
            yield
        finally:
            thread.end()

    def all_seen(self):
        return all(sum(more for _, _, more in seen) >= self.sent for seen in self.seen.values())

    def close(self):
        self.server.close()
        self.engine.close()
        self.psql.stdin.close()
        self.psql.wait(10)


def cpu_of(stack):
    used = {name: cpu_s(stack.pid(name)) for name in ("server", "writer", "kafka", "clickhouse")}
    return used | {"postgres": tree_cpu_s(stack.pid("postgres"))}


def load_for(bench, probe, seconds):
    """The load and its probes; returns CPU seconds of each process, events, and when the first probe counts."""
    before, since = cpu_of(bench.stack), time.monotonic() + WARMUP_S
    with probe.sending():
        load = bench.load(bench.stack.http(), bench.stack.pid("server"), batch=BATCH, connections=CONNECTIONS,
                          rate=EVENTS_PER_S / BATCH, warmup=WARMUP_S, seconds=seconds)
    deadline = time.monotonic() + 60
    while not probe.all_seen():
        if time.monotonic() > deadline:
            raise Failure("a minute after the load some of the marked events are still not counted")
        time.sleep(0.05)
    after = cpu_of(bench.stack)
    return {name: after[name] - before[name] for name in after}, load, since


def idle_cost(stack, probe, seconds=3):
    """CPU seconds a second of being asked, by process, when nothing else happens."""
    before = cpu_of(stack)
    time.sleep(seconds)
    after = cpu_of(stack)
    return {name: (after[name] - before[name]) / seconds for name in after}


def end_to_end(bench, seconds, batch_wait):
    stack = bench.stack
    stack.restart("server")  # on the stack's own topic
    stack.restart("writer", writer_batch_wait=batch_wait)
    probe = Probe(stack, bench.keys)
    try:
        with probe.asking():
            idle = idle_cost(stack, probe)
            say(f"end-to-end: {EVENTS_PER_S:,} events/s in batches of {BATCH} over {CONNECTIONS} connections for"
                f" {seconds:g} s; being asked costs"
                f" {', '.join(f'{name} {100 * share:.1f} %' for name, share in idle.items() if share > 0.001)} of a core")
            used, load, since = load_for(bench, probe, seconds)
    finally:
        probe.close()
    report(bench, probe, used, load, since)


def report(bench, probe, used, load, since):
    add = bench.table.add
    what = f"end to end, {load['events_per_s']:,} events/s for {load['seconds']:.0f} s"
    add("end-to-end", f"{what}: 201, p99 of the load; floor: its p50", "ms", [(load["p99_us"] / 1e3, load["p50_us"] / 1e3)])
    worst = 0
    for store in probe.seen:
        latencies = latencies_ms(probe.acked, probe.seen[store], since)
        worst = max(worst, *latencies)
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1)):
            add("end-to-end", f"{what}: 201 → {store}, {name}; floor: the goal", "ms",
                [(quantile(latencies, share), 1000)], "≤ 1" if name == "p99" else "",
                {"probes": len(latencies)})
    add("end-to-end", f"{what}: freshness as the writer says, max; floor: the slowest probe", "ms",
        [(max(probe.freshness), worst)])
    events = load["good_in_all"] + probe.sent
    whole = sum(used.values()) / events * 1e6
    for name, cpu in used.items():
        add("end-to-end", f"{what}: {name}; floor: all processes", "µs CPU/event", [(cpu / events * 1e6, whole)])
