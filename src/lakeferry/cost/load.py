"""Bytes a minute that a path has to carry: as planned, or as flow logs saw them.

A load is an array of whole bytes, one entry a minute. It is int64; where a sum could leave int64,
it is an array of Python's integers, so that no figure is ever rounded or wrapped.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Load = np.ndarray  # one entry a minute, bytes, 0 or more; int64 or object (Python's integers)

SAFE = 1 << 62  # sums of two numbers below it stay in int64


def load_of(bytes_by_minute: Sequence[int] | Load) -> Load:
    """A load from bytes by minute.

    Raises:
        ValueError: an entry is negative, or no whole number.
    """
    # A list goes by way of object: numpy would make floats of integers beyond 64 bits.
    given: Load = (
        bytes_by_minute
        if isinstance(bytes_by_minute, np.ndarray)
        else np.array(bytes_by_minute, dtype=object)
    )
    if given.dtype == object:
        is_whole = all(isinstance(one, int) for one in given.tolist())
    else:
        is_whole = np.issubdtype(given.dtype, np.signedinteger)
    if not is_whole:
        raise ValueError("a load is whole bytes a minute")
    below = np.flatnonzero(given < 0)
    if below.size:
        at = int(below[0])
        raise ValueError(f"a load has 0 or more bytes a minute, minute {at} has {given[at]}")
    return given.astype(np.int64 if total(given) < SAFE else object)


def planned_load(size: int, *, minutes: int) -> Load:
    """`size` bytes, evenly over `minutes`.

    A minute gets what is due at its end less what was due at its start, in whole bytes: minutes
    differ by at most one byte, and their sum is `size`.
    """
    if size < 0 or minutes < 1:
        raise ValueError(f"{size} bytes in {minutes} minutes is no plan")
    whole, rest = divmod(size, minutes)
    due = np.arange(minutes + 1, dtype=np.int64) * rest // minutes  # rest < minutes: no overflow
    return load_of(whole + np.diff(due) if size < SAFE else whole + np.diff(due).astype(object))


def seen_load(
    start_s: np.ndarray, end_s: np.ndarray, size: np.ndarray, *, first_s: int, minutes: int
) -> Load:
    """Flow records, each spread evenly over its seconds, binned by minute.

    Args:
        start_s: of each record, s since the epoch (int64).
        end_s: of each record, its end, which is no part of it; a record that ends where it starts
            lasts that one second.
        size: bytes of each record.
        first_s: start of the load's first minute. What lies outside of its minutes is left out.

    A record gives a minute what was due at its end less what was due at its start, in whole bytes:
    a minute is off by less than a byte a record, and no byte is lost or counted twice.

    Source: VPC User Guide, "Flow log records": `start` and `end` of the aggregation interval.
    """
    start = np.asarray(start_s, dtype=np.int64) - first_s
    lasts = np.maximum(np.asarray(end_s, dtype=np.int64) - first_s - start, 1)
    size = np.asarray(size, dtype=np.int64)
    first = start // 60
    pieces = (start + lasts - 1) // 60 - first + 1
    record = np.repeat(np.arange(len(start)), pieces)
    piece = np.arange(len(record)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    minute = first[record] + piece
    until = np.minimum((minute + 1) * 60 - start[record], lasts[record])
    since = np.maximum(minute * 60 - start[record], 0)
    each, rest = np.divmod(size, lasts)  # each x seconds <= size, rest x seconds < lasts^2
    due = each[record] * (until - since) + (
        rest[record] * until // lasts[record] - rest[record] * since // lasts[record]
    )
    inside = (minute >= 0) & (minute < minutes)
    found = np.zeros(minutes, dtype=np.int64 if total(size) < SAFE else object)
    np.add.at(found, minute[inside], due[inside])
    return load_of(found)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What flow records say of several sources, from one minute on."""

    first_s: int  # where the first minute starts, s since the epoch
    loads: Mapping[str, Load]  # all of the same minutes, by source in order


def seen_loads(
    source: Sequence[str], start_s: np.ndarray, end_s: np.ndarray, size: np.ndarray
) -> Seen:
    """Flow records as a load of each source (subnet, worker, device), see `seen_load`.

    Sums by minute (`flow_totals`) are records, too, which last 60 s. From the minute of the first
    second on to that of the last.
    """
    if not len(source):
        return Seen(0, {})
    start, end = (np.asarray(one, dtype=np.int64) for one in (start_s, end_s))
    first = int(start.min()) // 60 * 60
    minutes = -(-max(int(end.max()), int(start.max()) + 1) // 60) - first // 60
    names, whose = np.unique(np.asarray(source), return_inverse=True)
    found = {}
    for at, name in enumerate(names.tolist()):
        own = whose == at
        found[name] = seen_load(
            start[own], end[own], np.asarray(size)[own], first_s=first, minutes=minutes
        )
    return Seen(first, found)


def total(load: Load) -> int:
    """The sum of a load, exact: int64 is summed in halves of 31 bits that cannot overflow."""
    if load.dtype == object:
        return sum(load.tolist())
    load = load.astype(np.int64, copy=False)
    high, low = load >> 31, load & ((1 << 31) - 1)
    return (int(high.sum()) << 31) + int(low.sum())


def summed(loads: Iterable[Load]) -> Load:
    """Loads of the same minutes, as one; shorter ones end in silence."""
    parts = list(loads)
    # Sources of a plan share one array where they have the same load: it is taken once.
    many = Counter(id(part) for part in parts)
    each = {id(part): part for part in parts}
    whole = sum(total(each[one]) * count for one, count in many.items())
    kind = np.int64 if whole < SAFE else object
    found = np.zeros(max((len(part) for part in parts), default=0), dtype=kind)
    for one, count in many.items():
        part = each[one]
        found[: len(part)] += part.astype(kind, copy=False) * count if count > 1 else part
    return found
