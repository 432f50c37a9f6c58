"""A whole bill: lines counted once, whole periods replaced, then summed for who asks about them.

Lines wait until all files are read, for a line may stand in two of them. What does not fit in
memory waits on disk, in parts by the ends of the line ids, so that the memory that is needed is
that of one part.

Source: Data Exports User Guide, "Understanding export delivery", "Understanding your report
versions", "Viewing your finalized report".
"""

import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.cost.bill.column_values import DECIMAL
from lakeferry.cost.bill.lines import SCHEMA, BillFile, BillReport, read_lines
from lakeferry.cost.bill.usage_types import BILLED_BY_BYTE, meter_of
from lakeferry.errors import FerryError

HOUR, DAY = 3600, 86400  # s

# AWS promises the id to be unique in one partition only, so what is metered is part of the key.
_KEY = ("id", "start", "end", "account", "kind", "usage_type", "operation", "resource")
_FIRST = ("product", "region", "unit", "currency", "period", "tag")
_PARTS = 256
_IN_MEMORY = 64 << 20  # bytes of lines that wait in memory
_A_GROUP = 256  # bytes of a partial sum, about

Final = Literal["final", "open", "unknown"]

# One row a line of what is billed by the byte, and of its hours. path: see `usage_types`.
# resource: the last part of its ARN, "" where the line names none. amount: in the line's unit.
METERED = pa.schema(
    [
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("kind", pa.string()),
        ("path", pa.string()),
        ("measure", pa.string()),
        ("region", pa.string()),
        ("resource", pa.string()),
        ("unit", pa.string()),
        ("amount", DECIMAL),
        ("rate", DECIMAL),
        ("cost", DECIMAL),
    ]
)
_COSTS_BY = ("day", "kind", "product", "usage_type", "operation", "region", "unit", "tag")
_RESOURCES_BY = ("day", "kind", "product", "usage_type", "region", "resource", "tag")


@dataclass(frozen=True, slots=True)
class Bill:
    """What the lines of a bill come to."""

    currency: str
    metered: pa.Table  # see METERED, in order of time and resource
    costs: pa.Table  # sums of amount and cost, and lines, by day (s) and what _COSTS_BY names
    resources: pa.Table | None  # the same by _RESOURCES_BY, where it was asked for
    start: int  # s since the epoch: of the first volume
    end: int  # s: of the last volume, exclusive; what is after it is not billed yet
    final: Final  # whether AWS has closed it
    report: BillReport
    replaced: tuple[str, ...] = ()  # files of older deliveries of a period, which were not read


def read_bill(
    files: Sequence[BillFile],
    *,
    replaced: Sequence[str] = (),
    by_resource: bool = False,
    in_memory: int = _IN_MEMORY,
) -> Bill:
    """Read all files of a bill as one.

    Args:
        files: of one delivery of each period; see `delivery.newest` for older ones.
        replaced: names of older files that were left out, to be told.
        by_resource: sum by resource and day as well, which grows with the resources.
        in_memory: bytes of lines that wait in memory before they go to disk, and of sums before
            they are summed again.

    Raises:
        FerryError: LF-6601, LF-6602 as `read_lines`; LF-6603 where it has no line; LF-6609 for
            more than one currency; LF-6605 for two versions of one line.
    """
    report = BillReport()
    sums = _Sums(by_resource, in_memory // _A_GROUP)
    with tempfile.TemporaryDirectory() as folder:
        waiting = _Waiting(Path(folder), in_memory)
        for file in files:
            for batch in read_lines(file, report):
                waiting.add(batch)
        for lines in waiting.once(report):
            sums.add(lines)
    if not sums.currencies:
        names = ", ".join(one.name for one in files[:5]) or "no file was given"
        raise FerryError(
            "LF-6603",
            "the bill has no line",
            f"{names}; {report.malformed} malformed rows",
            "give the files of the billing period that you ask about",
        )
    return sums.bill(report, tuple(replaced))


class _Waiting:
    """Lines of all files, until all are there: a duplicate may stand in any later file.

    Beyond `most` bytes they go to files by the last two signs of their ids, so that a line and its
    duplicate are in one file, and one file at a time is held.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder, most
        self._held: list[pa.RecordBatch] = []
        self._bytes = 0
        self._writers: dict[int, pa.RecordBatchFileWriter] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        self._held.append(batch)
        self._bytes += batch.nbytes
        if self._bytes > self._most:
            self._spill()

    def once(self, report: BillReport) -> Iterator[pa.Table]:
        """Every line once, part by part."""
        if not self._writers:
            yield _once(pa.Table.from_batches(self._held, SCHEMA), report)
            return
        self._spill()
        for part, writer in sorted(self._writers.items()):
            writer.close()
            with pa.OSFile(str(self._path(part)), "rb") as file:
                yield _once(pa.ipc.open_file(file).read_all(), report)

    def _path(self, part: int) -> Path:
        return self._folder / f"{part}.arrow"

    def _spill(self) -> None:
        # In one piece: to take rows from many pieces costs ten times as much.
        whole = pa.Table.from_batches(self._held, SCHEMA).combine_chunks()
        self._held, self._bytes = [], 0
        ends = pc.utf8_slice_codeunits(whole["id"], -2).combine_chunks().dictionary_encode()
        part_of = [zlib.crc32(one.encode()) % _PARTS for one in ends.dictionary.to_pylist()]
        parts = pa.array(part_of, pa.int32()).take(ends.indices)
        order = pc.sort_indices(parts)
        whole = whole.take(order)
        counts = pc.value_counts(parts.take(order)).to_pylist()
        at = 0
        for found in counts:
            part, rows = found["values"], found["counts"]
            if part not in self._writers:
                self._writers[part] = pa.ipc.new_file(str(self._path(part)), SCHEMA)
            self._writers[part].write_table(whole.slice(at, rows))
            at += rows


def _once(lines: pa.Table, report: BillReport) -> pa.Table:
    """The lines without their duplicates; those without an id cannot have any.

    Raises:
        FerryError: LF-6605 where two lines differ in nothing but what they come to.
    """
    named = lines.filter(pc.not_equal(lines["id"], ""))
    aggregates = [
        *((one, how) for one in ("amount", "cost") for how in ("min", "max")),
        ("rate", "max"),
        ("final", "max"),
        ("tag", "count_distinct"),
        *((one, "first") for one in _FIRST),
    ]
    found = named.group_by(list(_KEY), use_threads=False).aggregate(aggregates)
    differ = pc.or_(
        pc.not_equal(found["amount_min"], found["amount_max"]),
        pc.or_(
            pc.not_equal(found["cost_min"], found["cost_max"]),
            pc.greater(found["tag_count_distinct"], 1),
        ),
    )
    if pc.any(differ).as_py():
        raise _two_versions(found.filter(differ))
    report.duplicates += named.num_rows - found.num_rows
    columns = {one: found[one] for one in _KEY}
    columns |= {one: found[f"{one}_first"] for one in _FIRST}
    columns |= {one: found[f"{one}_max"] for one in ("amount", "cost", "rate", "final")}
    once = pa.table({one: columns[one] for one in SCHEMA.names}, SCHEMA)
    return pa.concat_tables([once, lines.filter(pc.equal(lines["id"], ""))])


def _two_versions(found: pa.Table) -> FerryError:
    one = found.slice(0, 1).to_pylist()[0]
    return FerryError(
        "LF-6605",
        f"{found.num_rows} lines are there in two versions",
        f"line {one['id']}, {one['usage_type']} {one['resource']}: costs {one['cost_min']:f} and "
        f"{one['cost_max']:f}",
        "AWS rewrites a period until it is final: give the files of its newest delivery alone",
    )


class _Sums:
    """What a bill comes to, as its lines come in."""

    def __init__(self, by_resource: bool, most_groups: int) -> None:
        self.currencies: dict[str, int] = {}
        self._metered: list[pa.Table] = []
        self._costs = _Groups(_COSTS_BY, most_groups)
        self._resources = _Groups(_RESOURCES_BY, most_groups) if by_resource else None
        self._start: list[int] = []
        self._end: list[int] = []
        self._states: set[bool | None] = set()

    def add(self, lines: pa.Table) -> None:
        if not lines.num_rows:
            return
        for found in pc.value_counts(lines["currency"]).to_pylist():
            name, count = str(found["values"]), found["counts"]
            self.currencies[name] = self.currencies.get(name, 0) + count
        if len(self.currencies) > 1:
            raise _mixed(self.currencies)
        lines = _with_meters(lines)
        self._states |= set(pc.unique(lines["final"]).to_pylist())
        self._costs.add(lines)
        if self._resources is not None:
            self._resources.add(lines)
        known = pc.is_in(lines["path"], pa.array(BILLED_BY_BYTE))
        metered = lines.filter(known).select(METERED.names)
        self._metered.append(metered)
        volumes = lines.filter(pc.equal(lines["kind"], "Usage"))
        if volumes.num_rows:
            self._start.append(pc.min(volumes["start"]).as_py())
            self._end.append(pc.max(volumes["end"]).as_py())

    def bill(self, report: BillReport, replaced: tuple[str, ...]) -> Bill:
        metered = pa.concat_tables(self._metered).cast(METERED)
        order = [(one, "ascending") for one in METERED.names if one != "rate"]
        return Bill(
            currency=next(iter(self.currencies)),
            metered=metered.sort_by(order),
            costs=self._costs.table(),
            resources=self._resources.table() if self._resources is not None else None,
            start=min(self._start, default=0),
            end=max(self._end, default=0),
            final=_final(self._states),
            report=report,
            replaced=replaced,
        )


def _final(states: set[bool | None]) -> Final:
    """A bill is closed when every line has the number of an invoice."""
    if False in states:
        return "open"
    return "final" if states == {True} else "unknown"


def _mixed(currencies: dict[str, int]) -> FerryError:
    each = ", ".join(f"{count} in {name or '?'}" for name, count in sorted(currencies.items()))
    return FerryError(
        "LF-6609",
        "the bill is in more than one currency",
        f"lines: {each}",
        "reconcile the files of one payer account at a time; no exchange rate is built in",
    )


def _with_meters(lines: pa.Table) -> pa.Table:
    """Lines with what they meter, their Region where it is not stated, and short resource ids."""
    types = lines["usage_type"].combine_chunks().dictionary_encode()
    meters = [meter_of(one) for one in types.dictionary.to_pylist()]

    def taken(values: Sequence[str]) -> pa.Array:
        return pa.array(values, pa.string()).take(types.indices)

    # Without a prefix it is us-east-1, whose usage types never had one.
    prefixed = taken([one.region or "us-east-1" for one in meters])
    stated = lines["region"].combine_chunks()
    resources = lines["resource"].combine_chunks().dictionary_encode()
    short = [one.rsplit("/", 1)[-1] for one in resources.dictionary.to_pylist()]
    columns = {
        "path": taken([one.path for one in meters]),
        "measure": taken([one.measure for one in meters]),
        "region": pc.if_else(pc.equal(stated, ""), prefixed, stated),
        "resource": pa.array(short, pa.string()).take(resources.indices),
        "day": pc.multiply(pc.divide(lines["start"], DAY), DAY),
    }
    kept = lines.drop_columns(["region", "resource"])
    for name, column in columns.items():
        kept = kept.append_column(name, column)
    return kept


class _Groups:
    """Sums of amount and cost, and the number of lines, by some columns."""

    def __init__(self, by: Iterable[str], most: int) -> None:
        self._by, self._most = list(by), most
        self._parts: list[pa.Table] = []
        self._rows = 0

    def add(self, lines: pa.Table) -> None:
        """Sum a batch by itself; the sums of many batches are summed when they are `most` rows."""
        counted = lines.append_column("lines", pa.array([1] * lines.num_rows, pa.int64()))
        self._parts.append(self._summed(counted))
        self._rows += self._parts[-1].num_rows
        if self._rows > self._most:
            self._parts = [self.table()]
            # Sums that cannot be joined any further count by half. Counted whole, once they are
            # more than `most` they would be summed again with every batch.
            self._rows = self._parts[0].num_rows // 2

    def table(self) -> pa.Table:
        return self._summed(pa.concat_tables(self._parts)).sort_by(
            [(one, "ascending") for one in self._by]
        )

    def _summed(self, rows: pa.Table) -> pa.Table:
        sums = ("amount", "cost", "lines")
        found = rows.group_by(self._by, use_threads=False).aggregate([(one, "sum") for one in sums])
        plain = {one: found[one] for one in self._by}
        return pa.table(plain | {one: found[f"{one}_sum"] for one in sums})
