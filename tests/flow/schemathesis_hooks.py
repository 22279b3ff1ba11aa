"""What schemathesis needs to know of our media types.

SPDX-License-Identifier: Apache-2.0
"""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(_context, value) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "surrogatepass")
