"""Sizes, rates, times and durations as people write and read them. Pure.

Sizes are decimal unless written binary (`GiB`). A `b` for byte could mean bit, so it is refused.
"""

import re
from datetime import UTC, datetime

from lakeferry.config.quantities import Unreadable, duration_s
from lakeferry.errors import FerryError

_DECIMAL = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
_BINARY = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50, "E": 2**60}
_RATE = re.compile(r"^\s*([0-9]+(?:\.[0-9]+)?)\s*([kKMGTPE]?)(i?)(B|bit|b)(/s|/h)\s*$")


def parse_rate(text: str, flag: str = "--limit-rate") -> float:
    """Bytes a second from `200MB/s`, `1 Gbit/s`, `64 MiB/s`, `5 GB/h`. Raises LF-2001."""
    found = _RATE.match(text)
    if found is None or found[4] == "b" or (found[3] and found[2] in ("", "k")):
        raise FerryError(
            "LF-2001",
            f"`{text}` is no rate",
            f"{flag}; a plain `b` could mean bit or byte",
            "write 200MB/s, 64MiB/s or 1Gbit/s",
        )
    scale = _BINARY[found[2]] if found[3] else _DECIMAL["k" if found[2] == "K" else found[2]]
    bytes_each = scale / 8 if found[4] == "bit" else scale
    rate = float(found[1]) * bytes_each / (3600 if found[5] == "/h" else 1)
    if rate <= 0:
        raise FerryError("LF-2001", f"`{text}` moves nothing", flag, "leave it out")
    return rate


def parse_time(text: str, flag: str = "--timestamp") -> int:
    """Milliseconds since the epoch from ISO 8601; without a zone it is UTC. Raises LF-2001."""
    try:
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        raise FerryError(
            "LF-2001",
            f"`{text}` is no time",
            flag,
            "write 2026-11-24, 2026-11-24T09:42:10Z or 2026-11-24 10:42:10+01:00",
        ) from None
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def parse_duration(text: str, flag: str, *, least: int = 1) -> int:
    """Seconds from `30 min`, `6h`. Raises LF-2001 for what is none, or less than `least`."""
    try:
        found = duration_s(text)
    except Unreadable as error:
        raise FerryError(error.code, f"`{text}` {error.what}", flag, error.next_step) from error
    if found < least:
        raise FerryError("LF-2001", f"`{text}` is no time", flag, "write it as in `30 min`")
    return found


def parse_pairs(pairs: list[str], option: str) -> dict[str, str]:
    """`["a=b"]` -> `{"a": "b"}`. Raises LF-2001 for one without `=`."""
    found = {}
    form = "OLD=NEW" if option == "--map-prefix" else "NAME=VALUE"
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise FerryError("LF-2001", f"`{pair}` is no {form}", option, f"write {option} {form}")
        found[name] = value
    return found


def counted(number: int, noun: str) -> str:
    """`1 file`, `4,000 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size_text(size: float) -> str:
    """`5.2 TB`: decimal, one digit behind the point."""
    for unit in ("B", "kB", "MB", "GB", "TB", "PB"):
        if size < 999.95 or unit == "PB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError


def duration_text(seconds: float) -> str:
    """At most two units: `0.2 s`, `41 min 12 s`, `3d 12h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400}d {whole % 86400 // 3600}h"


def time_text(ms: int) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    when = datetime.fromtimestamp(ms / 1000, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
