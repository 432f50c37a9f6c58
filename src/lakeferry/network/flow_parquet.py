"""Flow logs in Parquet -> Arrow rows, whatever types the columns have.

Published files keep numbers as text, with `-` and `None` for no value: types are never trusted.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakeferry.errors import FerryError
from lakeferry.network.fields import FIELDS, column, is_integer, needed
from lakeferry.network.flow_batch import FlowBatch, ReadReport
from lakeferry.network.flow_text import Wish, milliseconds, seconds, statuses

MAGIC = b"PAR1"
_ROWS = 1 << 18  # at once, of few columns: each batch costs half a millisecond
_VALUES = 1 << 21  # at once, of many
_IN_MEMORY = 32 << 20  # bytes; a larger file goes to a temporary one
_NO_VALUE = pa.array(["-", "None", ""])
_BY_COLUMN = {column(name): name for name in FIELDS}


def read_parquet(
    body: Iterator[bytes], name: str, wish: Wish, report: ReadReport
) -> Iterator[FlowBatch]:
    """The rows of one file.

    Raises:
        FerryError: LF-6202 for a wanted column that the file lacks; LF-6204 for a damaged file.
    """
    with _collected(body) as file:
        try:
            yield from _rows(file, name, wish, report)
        except (pa.ArrowInvalid, OSError) as error:
            raise FerryError(
                "LF-6204",
                f"the Parquet file is damaged or cut short: {str(error)[:200]}",
                name,
                "fetch the file again; if it is so at its source, leave it out",
            ) from error


@contextmanager
def _collected(body: Iterator[bytes]) -> Iterator[pa.NativeFile]:
    """The whole file: in memory where it is small, else in a temporary one."""
    held = bytearray()  # grows where it is, and the chunks need not be kept
    for chunk in body:
        held += chunk
        if len(held) > _IN_MEMORY:
            break
    else:
        yield pa.BufferReader(held)
        return
    with tempfile.TemporaryFile() as file:
        file.write(held)
        del held
        file.writelines(body)
        yield pa.PythonFile(file, "r")


def _rows(file: pa.NativeFile, name: str, wish: Wish, report: ReadReport) -> Iterator[FlowBatch]:
    columns = {
        _BY_COLUMN.get(found.name, found.name): found.name
        for found in pq.read_schema(file)
        if _is_plain(found.type)
    }
    fields = tuple(columns)
    wanted = wish.wanted(fields)
    needed(fields, wanted, name)
    extra = ["log-status", *(["start"] if wish.text else [])]
    read = dict.fromkeys((*wanted, *(one for one in extra if one in fields)))
    stored = [columns[one] for one in read] or [columns[fields[0]]]
    coded = [columns[one] for one in read if not is_integer(one)]
    size = min(_ROWS, _VALUES // len(stored))
    file.seek(0)
    with pq.ParquetFile(file, read_dictionary=coded, pre_buffer=False) as opened:
        first = 1
        for batch in opened.iter_batches(batch_size=size, columns=stored, use_threads=False):
            made = {one: _column(batch[columns[one]], one, wish) for one in read}
            rows = _fitting(batch, made, first, name, report)
            first += batch.num_rows
            report.add_rows(name, fields, rows.num_rows)
            if "log-status" in read:
                report.add_statuses(statuses(rows["log-status"]))
            yield FlowBatch(fields, _answer(rows, wanted, wish), name)


def _is_plain(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_dictionary(kind)
    )


def _column(found: pa.Array, name: str, wish: Wish) -> pa.Array:
    if is_integer(name) and not wish.text:
        return _integers(found)
    if wish.text:  # what a line of text would show
        return pc.fill_null(_texts(found), "-")
    if pa.types.is_dictionary(found.type):
        return _none_as_null(found)
    texts = _texts(found)
    return pc.if_else(pc.is_in(texts, _NO_VALUE), pa.scalar(None, pa.string()), texts)


def _none_as_null(found: pa.DictionaryArray) -> pa.DictionaryArray:
    """Texts that mean no value as null, by looking at each distinct text once."""
    texts = _texts(found.dictionary)
    empty = pc.is_in(texts, _NO_VALUE)
    if not pc.any(empty).as_py():
        if texts.type == found.type.value_type:
            return found
        return pa.DictionaryArray.from_arrays(found.indices, texts, safe=False)
    plain = pa.DictionaryArray.from_arrays(found.indices, texts).cast(pa.string())
    plain = pc.if_else(pc.is_in(plain, _NO_VALUE), pa.scalar(None, pa.string()), plain)
    return plain.dictionary_encode()


def _texts(found: pa.Array) -> pa.StringArray:
    if pa.types.is_dictionary(found.type):
        found = found.cast(found.type.value_type)
    return found.cast(pa.string())


def _integers(found: pa.Array) -> pa.Int64Array:
    """Integers from integers or texts; a text that is none is null, as is no value."""
    if pa.types.is_integer(found.type):
        return found.cast(pa.int64())
    texts = _texts(found)
    fine = pc.and_(pc.ascii_is_decimal(texts), pc.less_equal(pc.binary_length(texts), 18))
    return pc.if_else(fine, texts, pa.scalar(None, pa.string())).cast(pa.int64())


def _fitting(
    batch: pa.RecordBatch, made: dict[str, pa.Array], first: int, name: str, report: ReadReport
) -> pa.RecordBatch:
    """The rows without those that hold a text where a number belongs."""
    rows = pa.RecordBatch.from_pydict(made)
    bad: pa.Array | None = None
    for field, values in made.items():
        found = batch[column(field)] if column(field) in batch.schema.names else batch[field]
        if pa.types.is_integer(found.type) or not pa.types.is_integer(values.type):
            continue
        texts = _texts(found)
        stated = pc.and_(pc.is_valid(texts), pc.invert(pc.is_in(texts, _NO_VALUE)))
        wrong = pc.and_(stated, pc.is_null(values))
        for at in pc.indices_nonzero(wrong).to_pylist():
            report.add_bad(name, first + at, texts[at].as_py().encode(), f"{field} is no number")
        bad = wrong if bad is None else pc.or_(bad, wrong)
    return rows if bad is None else rows.filter(pc.invert(bad))


def _answer(rows: pa.RecordBatch, wanted: tuple[str, ...], wish: Wish) -> pa.RecordBatch:
    made = {}
    for name in wanted:
        found = rows[name]
        if name in ("start", "end") and not wish.text:
            found = seconds(found)
        is_coded = pa.types.is_dictionary(found.type)
        made[column(name)] = found.cast(pa.string()) if is_coded and not wish.coded else found
    if wish.text:
        has_start = "start" in rows.schema.names
        nothing = pa.nulls(rows.num_rows, pa.int64())
        made["event_ms"] = milliseconds(rows["start"]) if has_start else nothing
    return pa.RecordBatch.from_pydict(made)
