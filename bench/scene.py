"""A scene: a topic, a table, a schema in PostgreSQL and organizations of its own, in a stack that several share.

What a measurement varies is made by the shortest way that leaves the programs what they would have made themselves:
organizations by SQL, what was seen by bench-remember and rows of the ledger, old rows of the table by the engine.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
import urllib.error
import uuid

from tools import Failure, cpu_s, get, run, tree_cpu_s

CONNECTIONS = 64


class Scene:
    def __init__(self, stack, build, name, organizations=10, partitions=12):
        self.stack, self.build, self.name, self.partitions = stack, build, name, partitions
        self.directory = stack.local / f"scene-{name}"
        self.directory.mkdir()
        self.keys = self.directory / "keys"
        self.settings = {"events_topic": f"bench-{name}", "clickhouse_table": f"bench_{name}",
                         "postgres_schema": f"bench_{name}", "dedup_directory": str(self.directory / "dedup"),
                         "dedup_memory": "4GiB"}
        stack.bxb("migrate", events_partitions=str(partitions), **self.settings)
        self.make_organizations(organizations)

    def remove(self):
        self.stack.clickhouse_write(f"DROP TABLE IF EXISTS {self.settings['clickhouse_table']} SYNC", timeout=600)
        self.psql(f"DROP SCHEMA {self.settings['postgres_schema']} CASCADE")
        shutil.rmtree(self.directory)

    def copy(self, columns, path):
        return f"\\copy {columns} FROM '{path}'"

    def psql(self, *texts):
        """Runs statements in one session; what they print."""
        words = [word for text in texts for word in ("-c", text)]
        return run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.stack.env["BXB_POSTGRES"],
                    "-c", f"SET search_path TO {self.settings['postgres_schema']}", *words])

    def make_organizations(self, count):
        callers = [(str(uuid.uuid4()), f"bxb_live_{secrets.token_hex(32)}") for _ in range(count)]
        organizations, keys = self.directory / "organizations.tsv", self.directory / "api_keys.tsv"
        organizations.write_text("".join(f"{organization}\tbench {n}\n" for n, (organization, _) in enumerate(callers)))
        keys.write_text("".join(
            f"{uuid.uuid4()}\t{organization}\t\\\\x{hashlib.sha256(key.encode()).hexdigest()}\t{key[:17]}\n"
            for organization, key in callers))
        self.psql(self.copy("organization (id, name)", organizations),
                  self.copy("api_key (id, organization_id, sha256, prefix)", keys))
        self.keys.write_text("".join(f"{organization} {key}\n" for organization, key in callers))

    # What was there before

    def remember(self, ids, batch):
        """Segments and rows of the ledger of that many ids. There must have been a batch."""
        lane, secret = self.psql("SELECT max(id), (SELECT encode(secret, 'hex') FROM dedup_key) FROM lane").split("|")
        made = self.directory / "batches.tsv"
        with made.open("w") as out:
            subprocess.run([self.build.program("remember"), "--directory", self.settings["dedup_directory"],
                            "--lane", lane, "--secret", secret.strip(), "--ids", str(ids), "--batch", str(batch),
                            "--partitions", str(self.partitions)], stdout=out, check=True)
        self.psql(
            "CREATE TEMP TABLE made (n bigserial, intent_id uuid, stored bigint, ms bigint)",
            self.copy("made (intent_id, stored, ms)", made),
            # A real batch's intent, so that the rows are as large as real ones.
            "INSERT INTO batch (lane_id, batch_seq, epoch, intent_id, records, stored, intent, completed_at)"
            " SELECT real.lane_id, lane.batch_seq + made.n, real.epoch, made.intent_id, made.stored, made.stored,"
            "        jsonb_set(real.intent, '{id}', to_jsonb(made.intent_id)), to_timestamp(made.ms / 1000.0)"
            " FROM made, lane, (SELECT * FROM batch ORDER BY stored DESC LIMIT 1) AS real",
            "UPDATE lane SET batch_seq = batch_seq + (SELECT count(*) FROM made)",
            "ANALYZE batch")
        made.unlink()

    def fill_table(self, rows):
        """Rows of an earlier time in the table: of this month, of 1,000 organizations, in partitions of the topic
        that there are not, so that the writer's questions about its own find none of them."""
        step = 5_000_000  # a part each, or a few: what merges leave of years
        for first in range(0, rows, step):
            self.stack.clickhouse_write(
                f"INSERT INTO {self.settings['clickhouse_table']}"
                " SELECT toString(UUIDNumToString(MD5(toString(number % 1000)))) AS organization_id,"
                " concat('old-', toString(number)), concat('customer-', toString(number % 100000)), '', 'api_requests',"
                " toDateTime64(toStartOfMonth(now()), 3, 'UTC') + toIntervalMillisecond(number * 977 % (86400000 * 27)),"
                " '{\"region\":\"eu-central-1\",\"status\":201}', 12.5, toDecimal128(12.5, 18), now64(3),"
                " 60000 + number % 12, 140000000000000 + intDiv(number, 12), 18446744073709551615 - number"
                f" FROM numbers({first}, {min(step, rows - first)}) SETTINGS max_insert_threads = 1, insert_deduplicate = 0",
                timeout=600)

    # The programs

    def start_server(self):
        self.stack.restart("server", **self.settings)

    def load(self, bench, requests, batch, rotate=False):
        result = bench.load(self.stack.http(), self.stack.pid("server"), keys=self.keys, batch=batch,
                            connections=CONNECTIONS, requests=requests, flags=("--rotate",) if rotate else ())
        return result["good_in_all"], result["cpu_us_per_event"]

    @contextlib.contextmanager
    def program(self, name, **settings):
        """bxb-writer or bxb-server as a child of ours, so that no script's time is in what is measured."""
        path = self.directory / f"{name}.log"
        environment = {key: value for key, value in os.environ.items() if not key.startswith("BXB_")}
        environment |= {f"BXB_{key.upper()}": value for key, value in (self.settings | settings).items()}
        with path.open("w") as log, subprocess.Popen(
                [self.stack.local / "bin" / name, "--config", self.stack.local / "etc/bxb.conf"],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process:
            process.log = path
            try:
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(40)
                except subprocess.TimeoutExpired:
                    process.kill()

    def wait_ready(self, process, url, seconds=300):
        """Until /readyz says 200; seconds since now."""
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            try:
                get(url + "/readyz")
                return time.monotonic() - begun
            except (urllib.error.URLError, ConnectionError):
                if process.poll() is not None:
                    break
            time.sleep(0.005)
        raise Failure(f"it does not become ready:\n{process.log.read_text()[-2000:]}")

    def drain(self, events):
        """The writer stores what was left in the topic; CPU in µs an event of each process, what it took to
        remember and to connect left out."""
        engine, postgres = self.stack.pid("clickhouse"), self.stack.pid("postgres")
        url = self.stack.env["BXB_WRITER_ADMIN_URL"] + "/metrics"
        with self.program("bxb-writer") as writer:
            begun = time.monotonic()
            while b"event=seen_recalled" not in writer.log.read_bytes():
                self.check(writer, begun, 300)
                time.sleep(0.002)
            before = cpu_s(writer.pid), cpu_s(engine), tree_cpu_s(postgres)
            begun = time.monotonic()
            while stored_of(url) < events:
                self.check(writer, begun, 180)
                time.sleep(0.05)
            after = cpu_s(writer.pid), cpu_s(engine), tree_cpu_s(postgres)
        return dict(zip(("writer", "engine", "postgres"), ((b - a) / events * 1e6 for a, b in zip(before, after))))

    def consume(self, events):
        """A bare consumer reads as much and drops it: CPU in µs an event, which is librdkafka's own."""
        result = self.build.measure("drain", "--kafka", self.stack.kafka(), "--topic", self.settings["events_topic"],
                                    "--records", events)
        return result["consume_cpu_us"] / events

    def check(self, process, begun, seconds):
        if process.poll() is not None or time.monotonic() - begun > seconds:
            raise Failure(f"bxb-writer does not get on:\n{process.log.read_text()[-2000:]}")


def stored_of(url):
    found = re.search(rb'^bxb_writer_records_total\{fate="stored"\} (\d+)', get(url), re.M)
    return int(found.group(1)) if found else 0
