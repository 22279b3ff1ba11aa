"""python -m verifier --env .local/env --manifest sent.ndjson

Prints a table of the checks and exits 1 when one does not hold, with the first differences named;
2 when something cannot be read. Run it from tests/, or with tests/ in PYTHONPATH.

SPDX-License-Identifier: Apache-2.0
"""

import argparse
import os
import re
import sys

from .checks import render, verify
from .model import read_manifest
from .rest import wait_for_rest
from .sources import Settings, observe


def read_env(path: str) -> dict[str, str]:
    """The assignments of a shell file such as `export BXB_KAFKA='127.0.0.1:9092'`."""
    assignment = re.compile(r"^\s*(?:export\s+)?(\w+)=(['\"]?)(.*)\2\s*$")
    with open(path, encoding="utf-8") as file:
        found = (assignment.match(line) for line in file)
        return {match[1]: match[3] for match in found if match}


def main() -> int:
    parser = argparse.ArgumentParser(prog="verifier", description=__doc__.split("\n\n")[1])
    parser.add_argument("--env", help="file of BXB_… assignments (default: the environment)")
    parser.add_argument("--manifest", help="NDJSON of what was sent; without it only the systems are compared")
    parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="let the writer catch up first")
    parser.add_argument("--first", type=int, default=5, help="differences shown of each check (default 5)")
    arguments = parser.parse_args()
    try:
        settings = Settings.from_env({**os.environ, **(read_env(arguments.env) if arguments.env else {})})
        sent = []
        if arguments.manifest:
            with open(arguments.manifest, encoding="utf-8") as file:
                sent = list(read_manifest(file))
        wait_for_rest(settings, arguments.wait)
        results = verify(sent, observe(settings))
    except Exception as error:  # whatever it was, nothing was verified
        print(f"verifier: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(render(results, arguments.first))
    return 1 if any(result.differences for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
