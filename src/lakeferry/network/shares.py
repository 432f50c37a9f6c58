"""What a rule found, ranked and summed up in Arrow: objects are made of what is shown alone.

Every question reads the tables of contributions once, one after the other; no contributor is in two
of them, so answers add up. The few contributors with values that no table holds are kept apart.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.network.contributions import Contributions, Key, Share, joined, whole_sum
from lakeferry.network.event_columns import Number

_SUMS = ("high", "low", "n", "min", "max")


@dataclass(frozen=True, slots=True)
class Scope:
    """Periods of a length (s) that begin in [start_s, end_s); None: no such limit."""

    period_s: int
    start_s: int | None = None
    end_s: int | None = None

    def has(self, start_s: int) -> bool:
        return (self.start_s is None or start_s >= self.start_s) and (
            self.end_s is None or start_s < self.end_s
        )


@dataclass(frozen=True, slots=True)
class PeriodShare:
    """What all contributors contributed in one period."""

    contributors: int
    top: Number  # the value of the one that has most
    all: Share

    def and_(self, other: "PeriodShare") -> "PeriodShare":
        """With that of other contributors."""
        return PeriodShare(
            self.contributors + other.contributors,
            max(self.top, other.top),
            self.all.and_(other.all),
        )


@dataclass(frozen=True, slots=True)
class Ranked:
    """The contributors that have most, the greatest first."""

    contributors: int  # of all
    top: tuple[tuple[Key, Number], ...]


class Shares:
    """The contributions of one rule, finished. Small answers are remembered."""

    def __init__(self, found: Contributions, period_s: int) -> None:
        self._found = found
        self.period_s = period_s  # any other is a multiple of it
        self._periods: dict[Scope, Mapping[int, PeriodShare]] = {}
        self._ranked: dict[tuple[Scope, str, int | None], Ranked] = {}

    def by_period(self, scope: Scope) -> Mapping[int, PeriodShare]:
        """All contributors together by the start of the period (s), in order of time."""
        if scope not in self._periods:
            found: dict[int, PeriodShare] = {}
            for table in self._tables(scope):
                for at, one in _period_shares(table):
                    found[at] = found[at].and_(one) if at in found else one
            for shares in self._odd(scope).values():
                for at, share in shares.items():
                    one = PeriodShare(1, share.value, share)
                    found[at] = found[at].and_(one) if at in found else one
            self._periods[scope] = dict(sorted(found.items()))
        return self._periods[scope]

    def ranked(self, scope: Scope, order_by: str, most: int | None) -> Ranked:
        """The greatest `most` contributors by sum, or by their greatest period ('Maximum')."""
        asked = scope, order_by, most
        if asked not in self._ranked:
            odd = self._odd(scope)
            count = len(odd)
            top = _ordered(((key, _value(shares, order_by)) for key, shares in odd.items()), most)
            for table in self._tables(scope):
                values = _values(table, self._found.keys, order_by)
                count += len(values)
                top = _ordered([*top, *_greatest(values, self._found.keys, most)], most)
            self._ranked[asked] = Ranked(count, tuple(top))
        return self._ranked[asked]

    def of(self, scope: Scope, keys: Sequence[Key] | None) -> dict[Key, dict[int, Share]]:
        """Shares of some contributors (None: of all) by the start of the period (s)."""
        wanted = None if keys is None else set(keys)
        found = {
            key: shares
            for key, shares in self._odd(scope).items()
            if wanted is None or key in wanted
        }
        for table in self._tables(scope):
            rows = table if keys is None else self._joined_with(table, keys, "left semi")
            for key, at, share in _objects(rows, self._found.keys):
                found.setdefault(key, {})[at] = share
        return found

    def _tables(self, scope: Scope) -> Iterator[pa.Table]:
        """Tables with `period` as its start (s), without the contributors that are kept apart."""
        for whole in self._found.tables():
            table = whole
            if self._odd_shares:
                table = self._joined_with(table, list(self._odd_shares), "left anti")
            start_s = np.asarray(table["period"]) * self.period_s
            start_s = start_s - start_s % scope.period_s
            table = table.set_column(0, "period", pa.array(start_s))
            if scope.start_s is not None:
                table = table.filter(pc.field("period") >= scope.start_s)
            if scope.end_s is not None:
                table = table.filter(pc.field("period") < scope.end_s)
            if len(table):
                alike = scope.period_s == self.period_s
                yield table if alike else joined(table, self._found.keys)

    def _joined_with(self, table: pa.Table, keys: Sequence[Key], how: str) -> pa.Table:
        names = self._found.keys
        columns = zip(*keys, strict=True) if keys else ((),) * len(names)
        texts = [pa.array(column, pa.string()) for column in columns]
        found = table.join(pa.table(texts, names=names), names, join_type=how, use_threads=False)
        return found.select(table.column_names)

    @cached_property
    def _odd_shares(self) -> dict[Key, dict[int, Share]]:
        """All shares, by number of the period, of who has one that no table holds."""
        found: dict[Key, dict[int, Share]] = {key: {} for _, key in self._found.odd}
        if not found:
            return {}
        for table in self._found.tables():
            rows = self._joined_with(table, list(found), "left semi")
            for key, period, share in _objects(rows, self._found.keys):
                found[key][period] = share
        for (period, key), share in self._found.odd.items():
            one = found[key]
            one[period] = one[period].and_(share) if period in one else share
        return found

    def _odd(self, scope: Scope) -> dict[Key, dict[int, Share]]:
        found: dict[Key, dict[int, Share]] = {}
        for key, shares in self._odd_shares.items():
            for period, share in shares.items():
                at = period * self.period_s
                at -= at % scope.period_s
                if scope.has(at):
                    one = found.setdefault(key, {})
                    one[at] = one[at].and_(share) if at in one else share
        return found


def _value(shares: Mapping[int, Share], order_by: str) -> Number:
    values = (share.value for share in shares.values())
    return max(values) if order_by == "Maximum" else sum(values, 0)


def _ordered(values: Iterable[tuple[Key, Number]], most: int | None) -> list[tuple[Key, Number]]:
    """The greatest first; ties by the bytes of the keys."""
    found = sorted(values, key=lambda item: (-item[1], [text.encode() for text in item[0]]))
    return found[:most]


def _period_shares(table: pa.Table) -> Iterator[tuple[int, PeriodShare]]:
    """Of a table of contributors, all of them together in each period."""
    high, low = np.asarray(table["high"]), np.asarray(table["low"])
    periods, places = np.unique(np.asarray(table["period"]), return_inverse=True)
    order = np.lexsort((low, high))
    greatest = np.zeros(len(periods), dtype=np.int64)
    greatest[places[order]] = order  # the last one that is put there stays: the greatest
    found = table.group_by("period", use_threads=False).aggregate(
        [("high", "sum"), ("low", "sum"), ("n", "sum"), ("min", "min"), ("max", "max"),
         ("n", "count")]
    ).sort_by("period")  # fmt: skip
    names = ("high_sum", "low_sum", "n_sum", "min_min", "max_max", "n_count")
    cells = [found[name].to_pylist() for name in names]
    tops = zip(high[greatest].tolist(), low[greatest].tolist(), strict=True)
    for at, top, high_sum, low_sum, samples, least, most, count in zip(
        periods.tolist(), tops, *cells, strict=True
    ):
        share = Share(whole_sum(high_sum, low_sum), samples, least, most)
        yield at, PeriodShare(count, whole_sum(*top), share)


def _values(table: pa.Table, keys: Sequence[str], order_by: str) -> pa.Table:
    """One row a contributor: keys, high, low."""
    names = list(keys)
    if order_by == "Maximum":
        high, low = np.asarray(table["high"]), np.asarray(table["low"])
        falling = table.take(pa.array(np.lexsort((low, high))[::-1]))
        found = falling.group_by(names, use_threads=False).aggregate(
            [("high", "first"), ("low", "first")]
        )
        return found.rename_columns([*names, "high", "low"])
    one = pa.array(np.zeros(len(table), dtype=np.int64))  # the periods of a contributor are one
    return joined(table.set_column(0, "period", one), names).select([*names, "high", "low"])


def _greatest(values: pa.Table, keys: Sequence[str], most: int | None) -> list[tuple[Key, Number]]:
    if most is not None and most < len(values):
        order = [("high", "descending"), ("low", "descending")]
        order += [(name, "ascending") for name in keys]  # of their bytes, in Arrow
        values = values.take(pc.select_k_unstable(values, most, order))
    cells = (values[name].to_pylist() for name in keys)
    sums = map(whole_sum, values["high"].to_pylist(), values["low"].to_pylist())
    return list(zip(zip(*cells, strict=True), sums, strict=True))


def _objects(table: pa.Table, keys: Sequence[str]) -> Iterator[tuple[Key, int, Share]]:
    """(contributor, period, share) of each row."""
    texts = zip(*(table[name].to_pylist() for name in keys), strict=True)
    cells = (table[name].to_pylist() for name in ("period", *_SUMS))
    for key, at, high, low, samples, least, most in zip(texts, *cells, strict=True):
        yield key, at, Share(whole_sum(high, low), samples, least, most)
