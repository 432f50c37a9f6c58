"""Bytes, packets and rows by interface, minute, direction and what else is asked, in Arrow.

Rows are summed batch by batch; only the sums are kept, so memory grows with the groups, not with
the rows. A minute is that in which a row's capture began (`start`), as Contributor Insights counts.
"""

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.network.fields import column
from lakeferry.network.flow_batch import FlowBatch

MINUTE = "minute"  # s since the epoch, a multiple of 60
BY_DIRECTION = ("interface-id", MINUTE, "flow-direction")
_MOST_SUMS = 1 << 18  # partial sums before they are summed again


def columns_for(by: Sequence[str]) -> tuple[str, ...]:
    """The fields to read for totals by `by`."""
    keys = ("start" if name == MINUTE else name for name in by)
    return tuple(dict.fromkeys((*keys, "bytes", "packets")))


class FlowTotals:
    """Sums that eat batches (read typed, best `coded`) and are a table at the end."""

    def __init__(self, by: Sequence[str] = BY_DIRECTION) -> None:
        self._by = [column(name) for name in by]
        self._sums: list[pa.Table] = []
        self._rows = 0

    def add(self, batch: FlowBatch) -> None:
        rows = batch.rows
        if not rows.num_rows:
            return
        sums = _summed_by_code(self._by, rows)
        self._sums.append(sums if sums is not None else self._summed(rows))
        self._rows += len(self._sums[-1])
        if self._rows > _MOST_SUMS:
            self._sums = [self.table()]
            self._rows = len(self._sums[0]) // 2  # many groups are not summed again each time

    def table(self) -> pa.Table:
        """One row a group: the keys, then bytes, packets and records (int64)."""
        if not self._sums:
            kinds = [(name, pa.int64() if name == MINUTE else pa.string()) for name in self._by]
            sums = [(name, pa.int64()) for name in ("bytes", "packets", "records")]
            return pa.schema([*kinds, *sums]).empty_table()
        whole = pa.concat_tables(self._sums, promote_options="permissive")
        return _named(
            whole.group_by(self._by, use_threads=False).aggregate(
                [("bytes", "sum"), ("packets", "sum"), ("records", "sum")]
            ),
            self._by,
        )

    def drain(self, before_s: int) -> pa.Table:
        """Take the groups of minutes before a time out, and answer them. `by` must have MINUTE."""
        whole = self.table()
        old = pc.fill_null(pc.less(whole[MINUTE], before_s), True)
        kept = whole.filter(pc.invert(old))
        self._sums, self._rows = ([kept] if kept.num_rows else []), 0
        return whole.filter(old)

    def _summed(self, rows: pa.RecordBatch) -> pa.Table:
        keys = {
            name: _stepped(rows["start"], 60) if name == MINUTE else rows[name] for name in self._by
        }
        table = pa.table({**keys, "bytes": rows["bytes"], "packets": rows["packets"]})
        found = table.group_by(self._by, use_threads=False).aggregate(
            [("bytes", "sum"), ("packets", "sum"), ([], "count_all")]
        )
        return _plain(_named(found, self._by))


def _named(found: pa.Table, by: list[str]) -> pa.Table:
    """Sums in the order of the keys, under plain names; a group without bytes has 0."""
    records = "records_sum" if "records_sum" in found.column_names else "count_all"
    sums = {
        name: pc.fill_null(found[source].cast(pa.int64()), 0)
        for name, source in zip(
            ("bytes", "packets", "records"), ("bytes_sum", "packets_sum", records), strict=True
        )
    }
    return pa.table({**{name: found[name] for name in by}, **sums})


def _plain(sums: pa.Table) -> pa.Table:
    """The same with texts for codes: each batch has codes of its own."""
    for at, name in enumerate(sums.column_names):
        if pa.types.is_dictionary(sums.schema.field(name).type):
            sums = sums.set_column(at, name, sums[name].cast(pa.string()))
    return sums


_DENSE = 1 << 16  # cells that are worth an array


def _summed_by_code(by: Sequence[str], rows: pa.RecordBatch) -> pa.Table | None:
    """Sums by adding into an array with a cell for each combination of codes.

    None where the combinations are too many.
    """
    codes = [_codes(rows["start"], 60) if name == MINUTE else _codes(rows[name], 1) for name in by]
    cells = math.prod(len(texts) for _, texts in codes)
    if cells > _DENSE:
        return None
    cell = codes[0][0].astype(np.int64)
    for code, texts in codes[1:]:
        cell *= len(texts)
        cell += code
    records = _added(1, cell, cells)
    used = np.flatnonzero(records)
    sums = {name: _added(_filled(rows[name], 0), cell, cells) for name in ("bytes", "packets")}
    made: dict[str, pa.Array] = {}
    left = used
    for name, (_, texts) in zip(reversed(by), reversed(codes), strict=True):
        left, at = np.divmod(left, len(texts))
        made[name] = texts.take(pa.array(at))
    columns = {name: made[name] for name in by}
    totals = {name: pa.array(one[used]) for name, one in {**sums, "records": records}.items()}
    return pa.table({**columns, **totals})


def _added(values: np.ndarray | int, cell: np.ndarray, cells: int) -> np.ndarray:
    """The sum of each cell. `bincount` takes twice as long, and adds as doubles."""
    sums = np.zeros(cells, np.int64)
    np.add.at(sums, cell, values)
    return sums


def _codes(key: pa.Array, step: int) -> tuple[np.ndarray, pa.Array]:
    """Numbers from 0 for the values of a key, and the values; the last one is null where any is.

    Integers are rounded down to a multiple of `step`.
    """
    if pa.types.is_integer(key.type) and not key.null_count:
        low, high = (one.as_py() for one in pc.min_max(key).values())
        low -= low % step
        if low >= 0 and high - low < _DENSE * step:
            # Half as wide, a division takes half as long; the difference fits where both wrap.
            least = np.int64(low)
            above = np.subtract(np.asarray(key), least, dtype=np.int32, casting="unsafe")
            return above // step, pa.array(range(low, high + 1, step), pa.int64())
    found = key if pa.types.is_dictionary(key.type) else _stepped(key, step).dictionary_encode()
    texts = found.dictionary
    codes = _filled(found.indices, len(texts))
    return codes, pa.concat_arrays([texts, pa.nulls(1, texts.type)]) if found.null_count else texts


def _stepped(key: pa.Array, step: int) -> pa.Array:
    """Integers as multiples of `step`; anything as it is where that is 1."""
    return key if step == 1 else pc.multiply(pc.divide(key, step), step)


def _filled(found: pa.Array, value: int) -> np.ndarray:
    """Integers with a value for null."""
    return np.asarray(pc.fill_null(found, value) if found.null_count else found)
