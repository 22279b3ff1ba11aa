"""Counts what was sent, what Kafka holds, and what ClickHouse and PostgreSQL say about it.

The verifier decides whether the product kept its promises, so it shares no code with it: other
language, other client libraries, its own murmur2, its own reading of the record.

    sources.observe(settings)      reads the three systems as they are
    checks.verify(sent, observed)  compares them; pure, so that it is tested without any of them

SPDX-License-Identifier: Apache-2.0
"""

from .checks import CheckResult, verify
from .model import Observed, Sent, read_manifest, write_manifest

__all__ = ["CheckResult", "Observed", "Sent", "read_manifest", "verify", "write_manifest"]
