"""A file's statistics in the log against those in its footer. Pure.

Names are physical ones, nested fields joined by dots as in Parquet. Only what both sides state is
compared, and only where it cannot be right in both: a bound that leaves out a value of the footer,
and for numbers and dates any other bound at all. Times are cut to milliseconds by some writers and
text to a prefix, so these may be wider. Before 1900 old writers counted days by another calendar.

Source: Delta protocol, "Per-file Statistics"; Parquet format, `Statistics`.
"""

import datetime
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pyarrow.parquet as pq

_CUT = 32  # characters, the shortest prefix that writers are known to keep of a long text
_MILLISECOND = datetime.timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One statistic that is not the same thing in log and footer."""

    name: str  # such as `minValues.a.b`
    stated: str
    found: str


@dataclass(slots=True)
class _Leaf:
    """The footer's statistics of one column, over all row groups; None: not all state it."""

    low: Any = None
    high: Any = None
    nulls: int | None = 0
    has_bounds: bool = True
    is_single: bool = False  # of 32 bits


def parse_stats(text: str | None) -> Mapping[str, Any]:
    """Statistics as JSON, decimals kept exact. Raises ValueError where they are no JSON object."""
    if not text:
        return {}
    stats = json.loads(text, parse_float=Decimal)
    if not isinstance(stats, dict):
        raise ValueError(f"`{text[:40]}`")
    return stats


def footer_contradictions(
    stats: Mapping[str, Any], footer: pq.FileMetaData
) -> Iterator[Contradiction]:
    """Each statistic of `stats` that the footer contradicts."""
    leaves = _leaves(footer)
    for name, stated in _flat(stats.get("nullCount")):
        leaf = leaves.get(name)
        if leaf and leaf.nulls is not None and isinstance(stated, int) and stated != leaf.nulls:
            yield Contradiction(f"nullCount.{name}", str(stated), str(leaf.nulls))
    for kind, is_low in (("minValues", True), ("maxValues", False)):
        for name, stated in _flat(stats.get(kind)):
            leaf = leaves.get(name)
            if leaf is None or not leaf.has_bounds or stated is None:
                continue
            bound = leaf.low if is_low else leaf.high
            if bound is not None and _is_wrong(stated, bound, leaf, is_low=is_low):
                yield Contradiction(f"{kind}.{name}", str(stated), str(bound))


def _flat(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items() if isinstance(tree, dict) else ():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _leaves(footer: pq.FileMetaData) -> dict[str, _Leaf]:
    leaves: dict[str, _Leaf] = {}
    for group in range(footer.num_row_groups):
        columns = footer.row_group(group)
        for place in range(columns.num_columns):
            column = columns.column(place)
            leaf = leaves.setdefault(column.path_in_schema, _Leaf())
            leaf.is_single = column.physical_type == "FLOAT"
            _add(leaf, column.statistics, columns.num_rows)
    return leaves


def _add(leaf: _Leaf, found: Any, rows: int) -> None:
    nulls = found.null_count if found is not None and found.has_null_count else None
    leaf.nulls = None if nulls is None or leaf.nulls is None else leaf.nulls + nulls
    if rows in (0, nulls):
        return  # no value: no bounds to add
    if found is None or not found.has_min_max:
        leaf.has_bounds = False
        return
    low, high = found.min, found.max
    if not leaf.has_bounds or type(low) is not type(high):
        leaf.has_bounds = False
        return
    leaf.low = low if leaf.low is None else min(leaf.low, low)
    leaf.high = high if leaf.high is None else max(leaf.high, high)


def _is_wrong(stated: Any, bound: Any, leaf: _Leaf, *, is_low: bool) -> bool:
    """Whether a bound of the log cannot be that of a column with this bound in the footer."""
    for kind, judge in _JUDGES:
        if isinstance(bound, kind):
            try:
                return judge(stated, bound, leaf, is_low)
            except (ValueError, TypeError, OverflowError, InvalidOperation):
                return True  # not even a value of the column's type
    return False


def _judge_nothing(stated: Any, bound: Any, leaf: _Leaf, is_low: bool) -> bool:
    del stated, bound, leaf, is_low  # bounds of booleans and binaries are for no reader
    return False


def _judge_integer(stated: Any, bound: int, leaf: _Leaf, is_low: bool) -> bool:
    del leaf, is_low
    return Decimal(stated) != bound


def _judge_float(stated: Any, bound: float, leaf: _Leaf, is_low: bool) -> bool:
    del is_low
    number = float(stated)
    if math.isnan(number) or math.isnan(bound):
        return False  # a footer leaves NaN out, a log may not
    if leaf.is_single:
        return bool(np.float32(number) != np.float32(bound))
    return number != bound


def _judge_decimal(stated: Any, bound: Decimal, leaf: _Leaf, is_low: bool) -> bool:
    del leaf, is_low
    # Some writers state decimals as 64-bit floats.
    return not math.isclose(float(Decimal(stated)), float(bound), rel_tol=1e-14)


def _judge_date(stated: Any, bound: datetime.date, leaf: _Leaf, is_low: bool) -> bool:
    del leaf, is_low
    return bound.year >= 1900 and datetime.date.fromisoformat(str(stated)[:10]) != bound


def _judge_time(stated: Any, bound: datetime.datetime, leaf: _Leaf, is_low: bool) -> bool:
    del leaf
    if bound.year < 1900:
        return False
    found = _utc(bound)
    moment = _utc(datetime.datetime.fromisoformat(str(stated)))
    return moment > found if is_low else moment + _MILLISECOND <= found


def _utc(moment: datetime.datetime) -> datetime.datetime:
    """Without a zone, by the clock of UTC."""
    return moment.astimezone(datetime.UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _judge_text(stated: Any, bound: str, leaf: _Leaf, is_low: bool) -> bool:
    del leaf
    text = str(stated)
    # Either side may have cut a long value, and raised the last letter that it kept.
    if max(len(text), len(bound)) >= _CUT:
        text, bound = text[: _CUT - 1], bound[: _CUT - 1]
    # A prefix of the highest value serves old writers as its bound.
    return text > bound if is_low else text < bound[: len(text)]


_JUDGES: tuple[tuple[type, Callable[[Any, Any, _Leaf, bool], bool]], ...] = (
    (bool, _judge_nothing),
    (int, _judge_integer),
    (float, _judge_float),
    (Decimal, _judge_decimal),
    (datetime.datetime, _judge_time),  # before date, which it is too
    (datetime.date, _judge_date),
    (str, _judge_text),
)
