"""What contributors contributed in each period: sums without rounding, in bounded memory.

Memory grows with the number of different (period, contributor) pairs, not with the events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.network.event_columns import Number

Key = tuple[str, ...]

MOST_KEY_BYTES = 1024  # CloudWatch cuts longer values
_LOW = 32  # bits of the low half of a sum
_COMPACT_AT = 1 << 16  # rows of partial results that are kept before they are joined


@dataclass(frozen=True, slots=True)
class Share:
    """What one contributor contributed in one period."""

    value: Number  # the sum, or the count
    samples: int  # events
    minimum: Number  # of a single event
    maximum: Number

    def and_(self, other: "Share") -> "Share":
        """Both together."""
        return Share(
            self.value + other.value,
            self.samples + other.samples,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
        )


class Contributions:
    """Collects the shares of one rule, batch after batch."""

    def __init__(self, keys: int) -> None:
        self._keys = [f"k{index}" for index in range(keys)]
        self._parts: list[pa.Table] = []
        self._rows = 0
        self._joined = 0
        self._odd: dict[tuple[int, Key], Share] = {}

    def add(
        self,
        periods: np.ndarray,
        keys: Sequence[tuple[np.ndarray, pa.StringArray]],
        values: np.ndarray | None,
    ) -> None:
        """Add events.

        Args:
            periods: int64, the number of each event's period.
            keys: each key field as (codes, distinct texts); none absent.
            values: int64; None counts 1 for each event.
        """
        if not len(periods):
            return
        names = ["period", *self._keys]
        columns = {"period": periods} | {
            name: codes for name, (codes, _) in zip(self._keys, keys, strict=True)
        }
        if values is None:
            table = pa.table(columns)
            grouped = table.group_by(names, use_threads=False).aggregate([([], "count_all")])
            count = grouped["count_all"]
            zero = pa.array(np.zeros(len(count), dtype=np.int64))
            one = pa.array(np.ones(len(count), dtype=np.int64))
            sums = {"high": zero, "low": count, "n": count, "min": one, "max": one}
        else:
            grouped, sums = _summed(columns, names, values)
        part = {"period": grouped["period"]} | {
            name: _cut(texts).take(grouped[name].combine_chunks())
            for name, (_, texts) in zip(self._keys, keys, strict=True)
        }
        self._parts.append(pa.table(part | sums))
        self._rows += len(grouped)
        if self._rows > max(_COMPACT_AT, 2 * self._joined):
            self._join()

    def add_odd(self, period: int, key: Key, value: Number) -> None:
        """Add one event whose value is no small integer."""
        cut = tuple(_cut_text(text) for text in key)
        share = Share(value, 1, value, value)
        before = self._odd.get((period, cut))
        self._odd[period, cut] = share if before is None else before.and_(share)

    def _join(self) -> None:
        if not self._parts:
            return
        names = ["period", *self._keys]
        whole = pa.concat_tables(self._parts)
        found = whole.group_by(names, use_threads=False).aggregate(
            [("high", "sum"), ("low", "sum"), ("n", "sum"), ("min", "min"), ("max", "max")]
        )
        low, high = np.asarray(found["low_sum"]), np.asarray(found["high_sum"])
        # The low halves carry over, so that no number of joins makes them wrap.
        columns = {name: found[name] for name in names} | {
            "high": pa.array(high + (low >> _LOW)),
            "low": pa.array(low & ((1 << _LOW) - 1)),
            "n": found["n_sum"],
            "min": found["min_min"],
            "max": found["max_max"],
        }
        self._parts = [pa.table(columns)]
        self._rows = self._joined = len(found)

    def shares(self) -> Mapping[Key, Mapping[int, Share]]:
        """What each contributor contributed, by the number of the period."""
        self._join()
        found: dict[Key, dict[int, Share]] = {}
        for part in self._parts:
            keys = zip(*(part[name].to_pylist() for name in self._keys), strict=True)
            names = ("period", "high", "low", "n", "min", "max")
            cells = (part[name].to_pylist() for name in names)
            for key, period, high, low, samples, least, most in zip(keys, *cells, strict=True):
                share = Share((high << _LOW) + low, samples, least, most)
                found.setdefault(key, {})[period] = share
        for (period, key), share in self._odd.items():
            periods = found.setdefault(key, {})
            periods[period] = share.and_(periods[period]) if period in periods else share
        return found


def _summed(
    columns: dict[str, np.ndarray], names: list[str], values: np.ndarray
) -> tuple[pa.Table, dict[str, pa.Array]]:
    """Group and add up; a sum is high * 2**32 + low, so that it cannot wrap."""
    halves = {"high": values >> _LOW, "low": values & ((1 << _LOW) - 1), "value": values}
    wanted = [("high", "sum"), ("low", "sum"), *(("value", how) for how in ("count", "min", "max"))]
    grouped = pa.table(columns | halves).group_by(names, use_threads=False).aggregate(wanted)
    ours = {"high": "high_sum", "low": "low_sum", "n": "value_count"}
    ours |= {"min": "value_min", "max": "value_max"}
    return grouped, {name: grouped[column] for name, column in ours.items()}


def _cut(texts: pa.StringArray) -> pa.StringArray:
    """Values as long as CloudWatch keeps them."""
    longest = pc.max(pc.binary_length(texts)).as_py() or 0
    if longest <= MOST_KEY_BYTES:
        return texts
    return pa.array([_cut_text(text) for text in texts.to_pylist()], pa.string())


def _cut_text(text: str) -> str:
    return text.encode()[:MOST_KEY_BYTES].decode(errors="ignore")
