"""What the parts of ./scripts/bench share. SPDX-License-Identifier: Apache-2.0"""

import contextlib
import os
import pathlib
import re
import shlex
import subprocess
import sys
import urllib.request


class Failure(Exception):
    """Something that ends the run; its text is for whoever ran it."""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def run(command, **options):
    """Runs a command that must succeed, and returns its standard output."""
    command = [str(word) for word in command]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False, **options)
    if done.returncode != 0:
        raise Failure(f"{shlex.join(command)}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def cpu_s(pid):
    """User and system time of a process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_size(pid):
    """Bytes of memory that a process had at most."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+)", status).group(1)) * 1024


def get(url, timeout=10):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=timeout) as answer:
        return answer.read()


def tree_cpu_s(pid):
    """Time of a process, of its children that have ended, and of those that live."""
    tick = os.sysconf("SC_CLK_TCK")

    def fields(process):
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()

    total = sum(int(field) for field in fields(pid)[11:15])
    for directory in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            child = fields(directory.name)
            if int(child[1]) == pid:
                total += int(child[11]) + int(child[12])
    return total / tick
