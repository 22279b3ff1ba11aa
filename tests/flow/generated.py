"""Events made by chance, written as JSON by hand, each with what must be kept of it.

Nothing of this is read from the product: the expectation is made before the text.

SPDX-License-Identifier: Apache-2.0
"""

import datetime
import decimal
import json
import random
from typing import NamedTuple, Optional

from .organization import DAY_MS

DEPTH_MAX = 32  # levels of an event, itself included
TEXT_MAX = 255  # code points of an identifier
WHOLE_DIGITS, PART_DIGITS = 20, 18

# One-byte, two-byte, three-byte, astral; what JSON must escape stands in PROPERTY_CHARACTERS only.
CHARACTERS = "abcXYZ019 _-.:/'\\\"~%{}[],äßéñЖя客户\u2028\ufffd\uffff🙂𝄞\U0010ffff"
PROPERTY_CHARACTERS = CHARACTERS + "\n\t\b\x01\x1f\x7f\x80"
BLANKS = ("", "", "", "", " ", "\n", "\t", "\r\n  ")


class Kept(NamedTuple):
    """What stands in ClickHouse, but for organization and place."""

    transaction_id: str
    external_customer_id: str
    external_subscription_id: str
    code: str
    timestamp_ms: int
    value: Optional[decimal.Decimal]
    properties: str


class Generated(NamedTuple):
    text: str  # JSON
    kept: Kept

    def on_one_line(self) -> "Generated":
        """The same with blanks for its line feeds, which stand only between tokens."""
        kept = self.kept._replace(properties=self.kept.properties.replace("\n", " "))
        return Generated(self.text.replace("\n", " "), kept)


class Generator:
    """The same events for the same seed, but for the times, which are around `now`."""

    def __init__(self, seed: int, prefix: str, now: int):
        self.seed = seed
        self._random = random.Random(seed)
        self._prefix = prefix
        self._now = now
        self._number = 0

    # Texts

    def characters(self, alphabet: str, count: int) -> str:
        return "".join(self._random.choices(alphabet, k=count))

    def quoted(self, text: str) -> str:
        """A JSON string: each character plain or escaped, where it may be either."""
        escaped = self._random.random() < 0.3
        return '"' + "".join(self._character(c, escaped and self._random.random() < 0.5) for c in text) + '"'

    def _character(self, c: str, escaped: bool) -> str:
        if escaped:
            units = c.encode("utf-16-be")
            return "".join(f"\\u{units[i] << 8 | units[i + 1]:04{self._random.choice('xX')}}" for i in range(0, len(units), 2))
        if c in '"\\' or c < " ":
            return json.dumps(c)[1:-1]
        return c

    def identifier(self) -> str:
        roll = self._random.random()
        if roll < 0.6:
            return self.characters("abcdefgh-0123", self._random.randint(1, 20))
        return self.characters(CHARACTERS, TEXT_MAX if roll > 0.97 else self._random.randint(1, 40))

    # Times and values

    def timestamp(self) -> tuple[str, int]:
        """As JSON, and in milliseconds."""
        ms = self._now - self._random.randrange(34 * DAY_MS)
        forms = (self._rfc3339, self._rfc3339, self._local, self._date, self._seconds, self._milliseconds)
        return self._random.choice(forms)(ms)

    @staticmethod
    def _moment(ms: int, offset_min: int = 0) -> datetime.datetime:
        zone = datetime.timezone(datetime.timedelta(minutes=offset_min))
        return datetime.datetime.fromtimestamp(ms // 1000, zone)

    def _rfc3339(self, ms: int) -> tuple[str, int]:
        digits = self._random.randint(1, 9)  # what is below the millisecond is cut
        fraction = f"{ms % 1000:03d}{self._random.randrange(10**6):06d}"[:digits]
        kept = ms - ms % 1000 + int(fraction.ljust(3, "0")[:3])
        offset = self._random.randrange(-14 * 60, 14 * 60)
        sign, hours, minutes = "-" if offset < 0 else "+", *divmod(abs(offset), 60)
        return f'"{self._moment(ms, offset):%Y-%m-%dT%H:%M:%S}.{fraction}{sign}{hours:02d}:{minutes:02d}"', kept

    def _local(self, ms: int) -> tuple[str, int]:
        zone = self._random.choice(("", "Z", "z"))
        between = self._random.choice("Tt ")
        return f'"{self._moment(ms):%Y-%m-%d}{between}{self._moment(ms):%H:%M:%S}{zone}"', ms - ms % 1000

    def _date(self, ms: int) -> tuple[str, int]:
        return f'"{self._moment(ms):%Y-%m-%d}"', ms - ms % DAY_MS

    def _seconds(self, ms: int) -> tuple[str, int]:
        text = self._random.choice((f"{ms // 1000}.{ms % 1000:03d}", f"{ms // 1000}.{ms % 1000:03d}999"))
        return self._number_or_text(text), ms

    def _milliseconds(self, ms: int) -> tuple[str, int]:
        return self._number_or_text(str(ms)), ms

    def _number_or_text(self, text: str) -> str:
        return self._random.choice((text, f'"{text}"'))

    def value(self) -> tuple[Optional[str], Optional[decimal.Decimal]]:
        roll = self._random.random()
        if roll < 0.1:
            return None, None
        if roll < 0.15:
            return "null", None
        whole = str(self._random.randrange(10 ** self._random.randint(0, WHOLE_DIGITS)))
        part = self.characters("0123456789", self._random.randint(0, PART_DIGITS))
        sign = self._random.choice(("", "", "-"))
        text = f"{sign}{whole}.{part}" if part else f"{sign}{whole}"
        exact = decimal.Decimal(text)
        if roll < 0.3:  # the same number with an exponent
            digits = (whole + part).lstrip("0") or "0"
            text = f"{sign}{digits}{self._random.choice('eE')}{-len(part)}"
        return self._number_or_text(text), exact

    # Properties

    def blank(self) -> str:
        return self._random.choice(BLANKS)

    def json_value(self, levels: int) -> str:
        """Any JSON of at most that many levels."""
        roll = self._random.random()
        if levels > 0 and roll < 0.25:
            return self.json_object(levels)
        if levels > 0 and roll < 0.4:
            items = [self.json_value(levels - 1) for _ in range(self._random.randint(0, 3))]
            return "[" + self.blank() + f"{self.blank()},{self.blank()}".join(items) + self.blank() + "]"
        if roll < 0.7:
            return self.quoted(self.characters(PROPERTY_CHARACTERS, self._random.randint(0, 12)))
        return self._random.choice(("true", "false", "null", "0", "-0", "1e400", "-12.50", "1E-7", "9" * 40))

    def json_object(self, levels: int) -> str:
        count = self._random.randint(0, 3)
        names = {self.characters(PROPERTY_CHARACTERS, self._random.randint(0, 6)) for _ in range(count)}
        members = [f"{self.quoted(name)}{self.blank()}:{self.blank()}{self.json_value(levels - 1)}" for name in sorted(names)]
        return "{" + self.blank() + f"{self.blank()},{self.blank()}".join(members) + self.blank() + "}"

    def properties(self) -> Optional[str]:
        """As they stand in the event; None: it has none."""
        roll = self._random.random()
        if roll < 0.05:
            return None
        if roll < 0.1:  # as deep as it may be: the event is the first level, this object the second
            lists = DEPTH_MAX - 2
            return '{"deep":' + "[" * lists + "]" * lists + "}"
        if roll < 0.1005:
            return '{"big":' + self.quoted(self.characters("xyz客🙂", 50_000)) + "}"
        return self.json_object(4)

    # Events

    def event(self) -> Generated:
        self._number += 1
        name = f"{self._prefix}-{self._number}-" + self.characters(CHARACTERS, self._random.randint(0, 3))
        customer, subscription = self._customer()
        code = self.identifier()
        timestamp, timestamp_ms = self.timestamp()
        value, exact = self.value()
        properties = self.properties()
        members = {
            self._random.choice(("transaction_id", "transaction_id", "idempotency_key")): self.quoted(name),
            "external_customer_id": customer and self.quoted(customer),
            "external_subscription_id": subscription and self.quoted(subscription),
            self._random.choice(("code", "code", "event_name")): self.quoted(code),
            "timestamp": timestamp,
            "value": value,
            "properties": properties,
        }
        kept = Kept(name, customer or subscription, subscription or "", code, timestamp_ms, exact, properties or "{}")
        return Generated(self._object(members), kept)

    def _customer(self) -> tuple[Optional[str], Optional[str]]:
        customer = self.identifier() if self._random.random() < 0.9 else None
        subscription = self.identifier() if customer is None or self._random.random() < 0.3 else None
        return customer, subscription

    def _object(self, members: dict[str, Optional[str]]) -> str:
        given = [(name, text) for name, text in members.items() if text is not None]
        self._random.shuffle(given)
        written = [f"{self.quoted(name)}{self.blank()}:{self.blank()}{text}" for name, text in given]
        return "{" + self.blank() + f",{self.blank()}".join(written) + "}"
