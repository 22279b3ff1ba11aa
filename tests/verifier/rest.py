"""Waiting until the writer has caught up, which is when the systems can be compared.

SPDX-License-Identifier: Apache-2.0
"""

import time

import psycopg

from .checks import everything_is_done, no_intent_is_pending
from .model import Observed
from .sources import Settings, read_kafka_ends, read_progress


def wait_for_rest(settings: Settings, patience_s: float) -> list[str]:
    """Waits until the writer is at the end of the log and has nothing on its way, or patience ends.

    Returns what is still missing; empty when all is at rest. A PostgreSQL that is away is waited for.
    """
    give_up = time.monotonic() + patience_s
    while True:
        missing = _missing(settings)
        if not missing or time.monotonic() > give_up:
            return missing
        time.sleep(0.1)


def _missing(settings: Settings) -> list[str]:
    observed = Observed()
    read_kafka_ends(settings, observed)
    try:
        read_progress(settings, observed)
    except psycopg.OperationalError as error:
        return [f"PostgreSQL: {error}"]
    return [
        difference
        for check in (everything_is_done, no_intent_is_pending)
        for difference in check([], observed)[1]
    ]
