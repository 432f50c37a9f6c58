"""Bytes a minute that a path has to carry: as planned, or as flow logs saw them.

A load is an array of whole bytes, one entry a minute. It is int64; where a sum could leave int64,
it is an array of Python's integers, so that no figure is ever rounded or wrapped.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

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
