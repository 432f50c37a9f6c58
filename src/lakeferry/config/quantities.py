"""Sizes, rates, durations and shares as a manifest writes them: always with their unit. Pure.

A `b` may be a bit or a byte, and a `K` 1000 or 1024, so both are refused with their readings.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

_POWERS = {"": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
_NAMES = {"k": "kilo", "M": "mega", "G": "giga", "T": "tera", "P": "peta", "E": "exa"}
_EACH_S = {"s": 1, "min": 60, "h": 3600, "d": 86_400}

# The patterns of the JSON Schema too, so they keep to what all of its dialects know.
SIZE = r"^[0-9]+(\.[0-9]+)? ?(B|[kMGTPE]B|[KMGTPE]iB)$"
RATE = r"^[0-9]+(\.[0-9]+)? ?(bit|[kMGTP]bit|B|[kMGTP]B|[KMGTP]iB)/(s|min|h|d)$"
DURATION = r"^[0-9]+ ?(s|min|h|d)$"
SHARE = r"^[0-9]+(\.[0-9]+)?%$"
FACTOR = r"^[0-9]+(\.[0-9]+)?x$"

_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(.*)", re.DOTALL)
_CLEAR = re.compile(r"[kMGTPE]B(/.*)?")
_VAGUE = re.compile(r"([kmgtpe])b(?:/(s|min|h|d))?|([kmgtpe])(?:bps|bits?ps)", re.IGNORECASE)


class Unreadable(ValueError):
    """Text that is no quantity of the kind that is asked for. Whoever knows the place says it."""

    def __init__(self, code: str, what: str, next_step: str) -> None:
        super().__init__(code, what, next_step)
        self.code = code
        self.what = what  # after the text itself: 'has no unit'
        self.next_step = next_step


@dataclass(frozen=True, slots=True)
class Kind:
    """What a place wants: its pattern, its name, and how it is written."""

    name: str
    pattern: str
    example: str


KINDS = {
    "size": Kind("a size", SIZE, "`64 GB`, `2 PiB` or `512 MB`"),
    "rate": Kind("a rate", RATE, "`40 Gbit/s`, `2 GB/s` or `5 GB/h`"),
    "duration": Kind("a duration", DURATION, "`60 s`, `30 min`, `6 h` or `30 d`"),
    "share": Kind("a share", SHARE, "`1%` or `0.5%`"),
    "factor": Kind("a factor", FACTOR, "`2x`"),
}


def size_bytes(text: str) -> int:
    """Bytes of `64 GB`, `2 PiB`. Raises Unreadable."""
    number, unit = _parts(text, "size")
    return round(number * _bytes_of(unit))


def rate_bytes_per_s(text: str) -> float:
    """Bytes a second of `40 Gbit/s`, `2 GB/s`, `5 GB/h`. Raises Unreadable."""
    number, unit = _parts(text, "rate")
    amount, _, each = unit.partition("/")
    return float(number * _bytes_of(amount) / _EACH_S[each])


def duration_s(text: str) -> int:
    """Seconds of `30 min`, `6 h`. Raises Unreadable."""
    number, unit = _parts(text, "duration")
    return int(number) * _EACH_S[unit]


def share(text: str) -> float:
    """`25%` -> 0.25. Raises Unreadable."""
    number, _ = _parts(text, "share")
    return float(number / 100)


def factor(text: str) -> float:
    """`2x` -> 2.0. Raises Unreadable."""
    number, _ = _parts(text, "factor")
    return float(number)


def readable(text: str, kind: str) -> None:
    """Raises Unreadable where the text is no quantity of a key of `KINDS`."""
    _parts(text, kind)


def _parts(text: str, kind: str) -> tuple[Decimal, str]:
    wanted = KINDS[kind]
    if re.fullmatch(wanted.pattern, text) is None:
        raise _unreadable(text, wanted)
    found = _NUMBER.fullmatch(text)
    assert found is not None
    return Decimal(found[1]), found[2]


def _bytes_of(unit: str) -> Decimal:
    if unit.endswith("bit"):
        return Decimal(1000) ** _POWERS[unit[:-3]] / 8
    if unit.endswith("iB"):
        return Decimal(1024) ** _POWERS["k" if unit[0] == "K" else unit[0]]
    return Decimal(1000) ** _POWERS[unit[:-1]]


def _unreadable(text: str, wanted: Kind) -> Unreadable:
    found = _NUMBER.fullmatch(text.strip())
    number, unit = (found[1], found[2]) if found else ("", "")
    vague = _VAGUE.fullmatch(unit)
    if vague and not _CLEAR.fullmatch(unit) and wanted.name in ("a size", "a rate"):
        return _two_readings(number, vague)
    if found and not unit:
        return Unreadable("LF-2001", "has no unit", f"write {wanted.example}")
    what = f"is no {wanted.name.partition(' ')[2]}"
    return Unreadable("LF-2001", what, f"write it as in {wanted.example}")


def _two_readings(number: str, vague: re.Match[str]) -> Unreadable:
    letter = (vague[1] or vague[3]).lower()
    prefix = letter if letter == "k" else letter.upper()
    power = _POWERS[prefix]
    each = "/s" if vague[3] else f"/{vague[2]}" if vague[2] else ""
    if vague[0].startswith("KB"):
        return Unreadable(
            "LF-2011",
            f"can mean {number} times 1000 or 1024 bytes",
            f"write {number} kB{each} (10^3 bytes) or {number} KiB{each} (2^10 bytes)",
        )
    name = _NAMES[prefix]
    what = (
        f"can mean {number} {name}bytes ({number} {prefix}B) or {number} {name}bits "
        f"({number} {prefix}b = {_eighth(Decimal(number), power)}B)"
    )
    if each:
        step = f"write {number} {prefix}bit{each} or {number} {prefix}B{each}"
    else:
        binary = "Ki" if prefix == "k" else f"{prefix}i"
        step = (
            f"write {number} {prefix}B (10^{3 * power} bytes) or {number} {binary}B "
            f"(2^{10 * power} bytes)"
        )
    return Unreadable("LF-2011", what, step)


def _eighth(number: Decimal, power: int) -> str:
    """`250 T` for 2 with the power of peta."""
    eighth, prefixes = number / 8, list(_POWERS)
    if eighth < 1:
        eighth, power = eighth * 1000, power - 1
    return f"{float(eighth):g} {prefixes[power]}"
