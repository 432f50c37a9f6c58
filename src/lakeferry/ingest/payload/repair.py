"""A page with bad records or new fields: all good rows kept, each bad one told apart.

The same reader that refused the page refuses the record alone, or the guide refuses what it would
surely refuse; so a record is judged alike whatever came with it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
import pyarrow as pa

from lakeferry.ingest.payload.guide import Guide
from lakeferry.ingest.payload.json_rows import RESCUED, Declared, Unfit, read_page
from lakeferry.ingest.payload.new_fields import NewFields, look_for_new
from lakeferry.ingest.payload.rows import ARRIVAL, Bad, Fault, Rows, arrivals, left

# What parsed rows say of where they come from, behind the columns of the payload.
PROVENANCE = (
    pa.field("_shardId", pa.string()),
    pa.field("_sequenceNumber", pa.string()),
    pa.field("_subSequenceNumber", pa.int64()),
    pa.field("_arrival", ARRIVAL),
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A page, sorted."""

    table: pa.Table  # declared columns, `_rescued_data` if asked for, provenance if asked for
    rows: Rows  # the records of the table's rows, in its order
    bad: Bad
    # Fields that were not declared, as `NewFields` has them; empty if none were seen or none were
    # looked for. With `evolve` and `fail` the page is to be parsed again.
    new_fields: Mapping[str, pa.DataType | None] = field(default_factory=dict)


def parse(
    rows: Rows, declared: Declared, guide: Guide, *, provenance: bool = True, look: bool = False
) -> Parsed:
    """The rows of a page by a declared schema.

    Args:
        guide: of `declared.read_as`; the same for all pages of a stream, for it learns which
            column has bad values.
        provenance: add shard, sequence numbers and arrival.
        look: name new fields though they are ignored; costs a second look, so do it now and then.
    """
    seeks = look or declared.on_new != "ignore"
    new = NewFields()
    at_once = _at_once(rows.data, declared, guide, new_fields="error" if seeks else "ignore")
    if isinstance(at_once, str):
        kept, table, faults = _sorted_out(rows.data, declared, guide, at_once)
        if seeks:
            new = look_for_new([rows.data[one] for one in kept], declared)
            guide.doubted = None if new.types else guide.doubted
    else:
        kept, table, faults = at_once
        if not faults:
            whole = _finished(table, rows, declared, None, provenance)
            return Parsed(whole, rows, Bad(rows.at(()), ()))
    unkept = _unkept(new, declared)
    if unkept:
        faults |= {kept[place]: fault for place, fault in unkept.items()}
        left = [one for one in range(len(kept)) if one not in unkept]
        kept, new = [kept[one] for one in left], new.at(left)
        table = table.take(pa.array(left, pa.int64()))
    bad = sorted(faults)
    good = rows.without(bad)
    return Parsed(
        _finished(table, good, declared, new, provenance),
        good,
        Bad(rows.at(bad), tuple(faults[place] for place in bad)),
        new.types,
    )


def _unkept(new: NewFields, declared: Declared) -> dict[int, Fault]:
    """Records whose new fields would be lost, though they are asked to be kept."""
    if declared.on_new not in ("rescue", "evolve"):
        return {}
    found = dict.fromkeys(new.too_deep, Fault("its new fields are nested too deep"))
    if declared.on_new == "evolve" and declared.is_full:
        for place, text in new.values.items():
            path = _first_of(orjson.loads(text), "$")
            if path is not None:
                found[place] = Fault("a new field, and the table has as many as it may", path)
    return found


def _first_of(value: Any, path: str) -> str | None:
    """The path of a value that is not null."""
    inner: Iterable[tuple[str, Any]]
    if isinstance(value, dict) and value:
        inner = ((f"{path}.{name}", one) for name, one in value.items())
    elif isinstance(value, list) and value:
        inner = ((f"{path}[]", one) for one in value)
    else:
        return None if value is None else path
    found = (_first_of(one, place) for place, one in inner)
    return next((one for one in found if one is not None), None)


def _finished(
    table: pa.Table, rows: Rows, declared: Declared, new: NewFields | None, provenance: bool
) -> pa.Table:
    if declared.on_new == "rescue":
        texts = pa.nulls(len(rows), pa.string()) if new is None else new.texts(len(rows))
        table = table.append_column(pa.field(RESCUED, pa.string()), texts)
    return with_provenance(table, rows) if provenance else table


def with_provenance(table: pa.Table, rows: Rows) -> pa.Table:
    """A table with where each of its rows comes from, behind its columns."""
    columns = (
        pa.repeat(rows.shard_id, len(rows)),
        pa.array(rows.sequence_numbers, pa.string()),
        pa.array(rows.sub_sequences, pa.int64()),
        arrivals(rows),
    )
    for one, column in zip(PROVENANCE, columns, strict=True):
        table = table.append_column(one, column)
    return table


# --- which records are bad ------------------------------------------------------------------

Sorted = tuple[Sequence[int], pa.Table, dict[int, Fault]]


def _at_once(
    data: Sequence[bytes],
    declared: Declared,
    guide: Guide,
    *,
    new_fields: Literal["ignore", "error"],
) -> Sorted | str:
    """Of a page without bad records, or with such as the page before had; or why it is neither."""

    def read(some: Sequence[bytes]) -> pa.Table:
        return read_page(some, declared, new_fields=new_fields)

    if guide.doubted is not None:
        found = _without_sure(data, guide.doubted, read)
        if found is not None:
            return found
        guide.doubted = None
    try:
        return range(len(data)), read(data), {}
    except Unfit as error:
        return str(error)


def _sorted_out(data: Sequence[bytes], declared: Declared, guide: Guide, why: str) -> Sorted:
    """Places of the good records, their rows in order, and what is wrong with each other one.

    Args:
        why: the reader refused the page.
    """

    def read_these(some: Sequence[bytes]) -> pa.Table:
        return read_page(some, declared, new_fields="ignore")

    def read(places: Sequence[int]) -> pa.Table:
        return read_these([data[one] for one in places])

    # Most often all bad records of a page are bad in one column.
    narrow = guide.narrowed(why)
    found = None if narrow is None else _without_sure(data, narrow, read_these)
    if found is not None:
        guide.doubted = narrow
        return found
    faults, doubtful = guide.sorted_out(data)
    left_out = faults.keys() | set(doubtful)
    good, bad = halved([one for one in range(len(data)) if one not in left_out], read)
    more, worse = halved(doubtful, read)
    kept = sorted([*good.places, *more.places])
    # Most often the trusted ones were read at once, and nothing is to be read again.
    whole = good.table if good.table is not None and not more.places else read(kept)
    told = {place: guide.fault(data[place], why) for place, why in (bad | worse).items()}
    return kept, whole, faults | told


def _without_sure(
    data: Sequence[bytes], guide: Guide, read: Callable[[Sequence[bytes]], pa.Table]
) -> Sorted | None:
    """The page without what a guide surely refuses; None where that is not all that is bad."""
    faults, doubtful = guide.sorted_out(data)
    if doubtful or not faults:
        return None
    bad = sorted(faults)
    try:
        table = read(left(data, bad))
    except Unfit:
        return None
    return left(range(len(data)), bad), table, faults


@dataclass(slots=True)
class Good:
    """Places that were read."""

    places: list[int]
    table: pa.Table | None = None  # of all places, where one reading gave them


def halved(
    places: Sequence[int], read: Callable[[Sequence[int]], pa.Table]
) -> tuple[Good, dict[int, str]]:
    """The places that can be read, and why each other cannot: halves of halves, in order."""
    try:
        return Good(list(places), read(places)), {}
    except Unfit as error:
        if len(places) == 1:
            return Good([]), {places[0]: str(error)}
    middle = len(places) // 2
    first, one = halved(places[:middle], read)
    second, other = halved(places[middle:], read)
    return Good([*first.places, *second.places]), one | other
