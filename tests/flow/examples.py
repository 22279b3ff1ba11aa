"""The examples of docs/ERRORS.md, read from the document itself.

SPDX-License-Identifier: Apache-2.0
"""

import re
from typing import NamedTuple, Optional

from flow.stack import REPOSITORY
from verifier.model import format_timestamp

from .organization import now_ms

NOW = "2026-11-23T08:00:00Z"  # in the document; the present when it is sent


class Example(NamedTuple):
    code: str
    given: Optional[str]
    request: str  # line and headers, an empty line, the body
    status: int
    pointer: str


def read_examples() -> dict[str, Example]:
    """By code; those that the document says there are none of are left out."""
    text = (REPOSITORY / "docs" / "ERRORS.md").read_text().partition("\n## Examples\n")[2]
    found = (_read(code, body) for code, body in re.findall(r"^### `(\w+)`\n(.*?)(?=^### |\Z)", text, re.M | re.S))
    return {example.code: example for example in found if example}


def _read(code: str, body: str) -> Optional[Example]:
    answered = re.search(r"^Answered (\d+)(?: with the pointer `(.*)`)?\.$", body, re.M)
    if not answered:
        return None
    given = re.search(r"^Given: (.*)\.$", body, re.M)
    lines = body[given.end() if given else 0 : answered.start()].strip("\n").split("\n")
    assert all(line.startswith("    ") or not line for line in lines), body
    return Example(
        code,
        given and given[1],
        "\n".join(line[4:] for line in lines),
        int(answered[1]),
        expanded(answered[2] or ""),
    )


def expanded(text: str) -> str:
    """⟨x⟩×3 stands for xxx."""
    return re.sub(r"⟨(.*?)⟩×(\d+)", lambda found: found[1] * int(found[2]), text, flags=re.S)


def request_bytes(example: Example, key: str) -> bytes:
    """As it goes over the wire: with the headers that every client adds, where it has none of its own."""
    head, _, body = expanded(example.request.replace(NOW, format_timestamp(now_ms()))).partition("\n\n")
    line, *headers = head.split("\n")
    names = {header.partition(":")[0].lower() for header in headers}
    headers.append("Host: example")
    if "authorization" not in names:
        headers.append(f"Authorization: Bearer {key}")
    if not names & {"content-length", "transfer-encoding"}:
        headers.append(f"Content-Length: {len(body.encode())}")
    return "\r\n".join([f"{line} HTTP/1.1", *headers, "", body]).encode()
