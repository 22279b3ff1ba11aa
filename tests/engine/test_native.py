"""Values of every type that bxb-writer writes: what its encoder takes comes back from the engine as it was
sent, and what a type cannot hold is refused by the encoder, never stored as something else.

A model in Python says what each type holds; it shares nothing with the encoder.

SPDX-License-Identifier: Apache-2.0
"""

import decimal
import os
import random
import re
import string
import struct
import subprocess
import uuid
from typing import Any, Callable, NamedTuple, Optional

import pytest

from engine.conftest import PROBES

PROBE = PROBES / "native_probe"
SEED = int(os.environ.get("BXB_TEST_SEED", "20261123"))
VALUES = 120  # of each type, besides its edges

decimal.getcontext().prec = 200
DAY_MS = 86_400_000
YEAR_1900_MS, YEAR_2300_MS = -25567 * DAY_MS, 120530 * DAY_MS


class Case(NamedTuple):
    type: str
    source: str  # of native_probe
    values: list[Optional[bytes]]
    expected: Callable[[bytes], Any]  # what must come back; None: the type cannot hold it
    select: str = "toString(v)"
    nullable: bool = False


def case_of(case: Case) -> str:
    return f"{case.type} from {case.source}"


# --- the model


def as_decimal(text: bytes) -> decimal.Decimal:
    return decimal.Decimal(text.decode())


def of_integer(bits: int, signed: bool):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)

    def expected(text: bytes):
        value = as_decimal(text)
        # The encoder reads 76 digits: enough for all but the last tenth of 256 bits.
        if value != value.to_integral_value() or abs(value) >= 10**76:
            return None
        return str(int(value)) if low <= value <= high else None

    return expected


def of_decimal(precision: int, scale: int):
    def expected(text: bytes):
        scaled = as_decimal(text).scaleb(scale)
        return str(int(scaled)) if scaled == scaled.to_integral_value() and abs(scaled) < 10**precision else None

    return expected


def of_float(code: str):
    def expected(text: bytes):
        digits = re.sub(rb"^-?0*", b"", text.split(b".")[0]), (text.split(b".") + [b""])[1].rstrip(b"0")
        if len(digits[0]) > 20 or len(digits[1]) > 18:
            return None
        # Python rounds twice on the way to 32 bits; the values below have few enough digits.
        return struct.pack(f"<{code}", float(text)).hex()

    return expected


def of_text(text: bytes):
    return text.hex()


def of_fixed(size: int):
    return lambda text: text.ljust(size, b"\0").hex() if len(text) <= size and not text.endswith(b"\0") else None


def of_uuid(text: bytes):
    return text.decode() if re.fullmatch(rb"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", text) else None


def of_ticks(scale: int):
    def expected(text: bytes):
        ms = int(text)
        ticks = ms // 10 ** (3 - scale) if scale < 3 else ms * 10 ** (scale - 3)
        return str(ticks) if YEAR_1900_MS <= ms < YEAR_2300_MS and -(2**63) <= ticks < 2**63 else None

    return expected


def of_seconds(text: bytes):
    return str(int(text) // 1000) if 0 <= int(text) // 1000 < 2**32 else None


def of_days(low: int, high: int):
    return lambda text: str(int(text) // DAY_MS) if low <= int(text) // DAY_MS <= high else None


# --- values


def numbers(chance: random.Random, whole: int, part: int) -> list[bytes]:
    """Decimals around the edges of so many digits, and by chance."""
    nines, most = "9" * whole or "0", "9" * part
    texts = ["0", "-0", "0.0", "1", "-1", nines, f"-{nines}", f"{nines}.{most or 0}", f"-{nines}.{most or 0}"]
    texts += [f"1{'0' * whole}", f"-1{'0' * whole}", f"0.{'0' * part}1", f"-0.{'0' * part}1", f"0.{'0' * part}0"]
    texts += [f"0.{'0' * (part - 1)}1", f"-0.{'0' * (part - 1)}1"] if part else []
    for _ in range(VALUES):
        digits = "".join(chance.choices(string.digits, k=chance.randint(1, whole + 1)))
        fraction = "".join(chance.choices(string.digits, k=chance.randint(0, part + 1)))
        texts.append(chance.choice(["", "-"]) + (digits.lstrip("0") or "0") + (f".{fraction}" if fraction else ""))
    return [text.encode() for text in texts]


def integers(chance: random.Random, bits: int) -> list[bytes]:
    edges = [0, 2 ** (bits - 1), 2**bits]
    values = [sign * (edge + step) for edge in edges for step in (-2, -1, 0, 1, 2) for sign in (1, -1)]
    values += [chance.choice([1, -1]) * chance.getrandbits(chance.randint(1, bits + 1)) for _ in range(VALUES)]
    return [str(value).encode() for value in values] + [b"1.0", b"-3.000", b"1.5", b"0.0"]


def times(chance: random.Random) -> list[bytes]:
    edges = [0, 2**31 * 1000, 2**32 * 1000, 65536 * DAY_MS, 2**63 // 10**6, -(2**63) // 10**6, YEAR_1900_MS, YEAR_2300_MS]
    values = [edge + step for edge in edges for step in (-DAY_MS, -1001, -1000, -999, -1, 0, 1, 999, 1000, 1001, DAY_MS)]
    values += [chance.randint(0, 65536 * DAY_MS) for _ in range(VALUES)]
    values += [chance.randint(YEAR_1900_MS, YEAR_2300_MS) for _ in range(VALUES // 4)]
    return [str(value).encode() for value in values + [2**63 - 1, -(2**63)]]


def texts(chance: random.Random, size: int = 40) -> list[bytes]:
    values = [b"", b"\0", b"a", b"a\0", b"\0a", b"\n\n", "äöü€😀".encode(), b"\xff\xfe", b"a" * size, b"a" * (size + 1)]
    values += [bytes(chance.choices(b"ab\0\n\xc3", k=chance.randint(0, size + 1))) for _ in range(VALUES)]
    return values + [chance.choice(values) for _ in range(VALUES)]


def uuids(chance: random.Random) -> list[bytes]:
    values = [str(uuid.UUID(int=number)) for number in (0, 1, 2**64 - 1, 2**64, 2**127, 2**128 - 1)]
    values += [str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(VALUES)]
    wrong = [values[5].upper(), values[0][:-1], values[0] + "0", values[0].replace("-", "0"), "", "g" + values[0][1:]]
    return [text.encode() for text in values + wrong]


def cases() -> list[Case]:
    chance = random.Random(SEED)
    made = []
    for bits in (8, 16, 32, 64, 128, 256):
        for signed in (False, True):
            kind = f"{'' if signed else 'U'}Int{bits}"
            made.append(Case(kind, "decimal", integers(chance, bits), of_integer(bits, signed)))
            small = [text for text in integers(chance, min(bits, 64)) if text.isdigit() and int(text) < 2**64]
            made.append(Case(kind, "u64", small, of_integer(bits, signed)))
    sizes = [(1, 0), (1, 1), (9, 2), (9, 9), (18, 0), (18, 18), (38, 0), (38, 18), (38, 26), (38, 38), (39, 20), (76, 0), (76, 38)]
    for _ in range(10):
        precision = chance.randint(1, 76)
        sizes.append((precision, chance.randint(0, precision)))
    for precision, scale in sizes:
        values = numbers(chance, precision - scale, scale)
        made.append(Case(f"Decimal({precision}, {scale})", "decimal", values, of_decimal(precision, scale)))
    for bits, code in ((32, "f"), (64, "d")):
        few = [text for text in numbers(chance, 6, 2)]
        made.append(Case(f"Float{bits}", "decimal", few, of_float(code), "hex(reinterpretAsFixedString(v))"))
    made.append(Case("Float64", "decimal", numbers(chance, 20, 18), of_float("d"), "hex(reinterpretAsFixedString(v))"))
    for kind, expected in (("Date", of_days(0, 65535)), ("Date32", of_days(-25567, 120529))):
        made.append(Case(kind, "time", times(chance), expected, "toString(toInt32(v))"))
    for kind in ("DateTime", "DateTime('UTC')", "DateTime('Asia/Tokyo')"):
        made.append(Case(kind, "time", times(chance), of_seconds, "toString(toUnixTimestamp(v))"))
    for scale in range(10):
        zone = chance.choice(["", ", 'UTC'", ", 'America/New_York'"])
        made.append(Case(f"DateTime64({scale}{zone})", "time", times(chance), of_ticks(scale), "toString(reinterpretAsInt64(v))"))
    made.append(Case("UUID", "text", uuids(chance), of_uuid))
    for kind, size, expected in (
        ("String", 40, of_text),
        ("FixedString(1)", 1, of_fixed(1)),
        ("FixedString(16)", 16, of_fixed(16)),
        ("FixedString(200)", 200, of_fixed(200)),
    ):
        made.append(Case(kind, "text", texts(chance, size), expected, "lower(hex(v))"))
        made.append(Case(f"LowCardinality({kind})", "text", texts(chance, size), expected, "lower(hex(v))"))
        made.append(Case(f"LowCardinality(Nullable({kind}))", "text", [*texts(chance, size), None], expected, "lower(hex(v))", True))
    made.append(Case("String", "decimal", numbers(chance, 20, 18), of_text, "lower(hex(v))"))
    return made


def nullable(case: Case, chance: random.Random) -> Case:
    values = [value for value in case.values for value in ([None, value] if chance.random() < 0.2 else [value])]
    return case._replace(type=f"Nullable({case.type})", values=values, nullable=True)


def all_cases() -> list[Case]:
    chance = random.Random(SEED + 1)
    plain = cases()
    return plain + [nullable(case, chance) for case in plain if "LowCardinality" not in case.type]


# --- the comparison


def came_back(case: Case, text: str) -> str:
    """The engine's text of a value in the form that the model gives."""
    plain = case.type.removeprefix("Nullable(")
    match = re.match(r"Decimal\(\d+, (\d+)\)", plain)
    if match:
        return str(int(decimal.Decimal(text).scaleb(int(match[1]))))
    return text.lower() if plain.startswith("Float") else text


def outcome_of(case: Case, value: Optional[bytes]) -> Any:
    if value is None:
        return "NULL" if case.nullable else None
    return case.expected(value)


def probe(case: Case, path) -> list[str]:
    lines = "".join("null\n" if value is None else value.hex() + "\n" for value in case.values)
    done = subprocess.run([PROBE, case.type, case.source, path], input=lines.encode(), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().split()


@pytest.mark.parametrize("case", all_cases(), ids=case_of)
def test_what_is_taken_comes_back_and_the_rest_is_refused(engine, tmp_path, case):
    said = probe(case, tmp_path / "block")
    wanted = [outcome_of(case, value) for value in case.values]
    wrong = [(value, word) for value, word, want in zip(case.values, said, wanted) if (word == "ok") != (want is not None)]
    assert not wrong, f"seed {SEED}: taken or refused against the model: {wrong[:5]}"

    name = f"t_{uuid.uuid4().hex}"
    engine.run(f"CREATE TABLE {name} (n UInt64, v {case.type}) ENGINE = MergeTree ORDER BY n")
    try:
        engine.run(f"INSERT INTO {name} (n, v) FORMAT Native", (tmp_path / "block").read_bytes())
        rows = engine.run(f"SELECT n, if(isNull(v), 'NULL', assumeNotNull({case.select})) FROM {name} ORDER BY n FORMAT TSV")
    finally:
        engine.run(f"DROP TABLE {name}")
    stored = {int(n): came_back(case, text) if text != "NULL" else text for n, text in (row.split("\t") for row in rows.split("\n") if row)}
    assert stored == {n: want for n, want in enumerate(wanted) if want is not None}, f"seed {SEED}"


def test_what_is_no_type_of_ours_is_refused_by_name(tmp_path):
    for kind in ("Array(String)", "Enum8('a' = 1)", "Bool", "JSON", "IPv4", "LowCardinality(UInt8)", "Nullable(Nothing)"):
        case = Case(kind, "text", [b"a"], of_text)
        done = subprocess.run([PROBE, kind, "text", tmp_path / "block"], input=b"61\n", capture_output=True, timeout=60)
        assert done.returncode == 1 and kind in done.stderr.decode(), case
