"""Arrow batches of files -> lines of a commit, vectorised.

Rows that hold what is rare (fields that we do not know, control characters) are written one by
one. Absent and null fields are left out, unknown fields are merged back unchanged.

Source: Delta protocol, "Add File and Remove File"; RFC 8259 for the escapes.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

# A line takes about as many bytes as its row in Arrow, and one string column holds 2 GiB at most.
_SLICE_BYTES = 128 << 20
_ODD = r"[\x00-\x1f]"
_ADD = (
    ("path", "text"),
    ("partitionValues", "map"),
    ("size", "number"),
    ("modificationTime", "number"),
    ("dataChange", "number"),
    ("stats", "text"),
    ("tags", "map"),
    ("deletionVector", "vector"),
    ("baseRowId", "number"),
    ("defaultRowCommitVersion", "number"),
    ("clusteringProvider", "text"),
)
_REMOVE = (
    ("path", "text"),
    ("deletionTimestamp", "number"),
    ("dataChange", "number"),
    ("extendedFileMetadata", "number"),
    ("partitionValues", "map"),
    ("size", "number"),
    ("stats", "text"),
    ("tags", "map"),
    ("deletionVector", "vector"),
    ("baseRowId", "number"),
    ("defaultRowCommitVersion", "number"),
)
_VECTOR = (
    ("storageType", "text"),
    ("pathOrInlineDv", "text"),
    ("offset", "number"),
    ("sizeInBytes", "number"),
    ("cardinality", "number"),
    ("maxRowIndex", "number"),
)


def add_lines(batch: pa.RecordBatch) -> bytes:
    """Rows of FILE_SCHEMA (further columns are ignored) -> one `add` line each, `\\n` ended."""
    return _lines(batch, "add", _ADD)


def remove_lines(batch: pa.RecordBatch, deletion_timestamp: int) -> bytes:
    """Rows of FILE_SCHEMA -> one `remove` line each.

    Args:
        batch: live files; `dataChange` is taken as it stands.
        deletion_timestamp: ms since the epoch.

    Unknown fields of an `add` mean nothing in a `remove` and are left out.
    """
    count = len(batch)
    names = [name for name, _ in _REMOVE if name in batch.schema.names]
    columns = {name: batch.column(name) for name in names if name != "deletionTimestamp"}
    columns["deletionTimestamp"] = pa.repeat(pa.scalar(deletion_timestamp, pa.int64()), count)
    columns["extendedFileMetadata"] = pa.repeat(pa.scalar(True), count)
    return _lines(pa.RecordBatch.from_pydict(columns), "remove", _REMOVE)


def _lines(batch: pa.RecordBatch, action: str, fields: tuple[tuple[str, str], ...]) -> bytes:
    return b"".join(_piece(piece, action, fields) for piece in halved(batch, _SLICE_BYTES))


def halved(batch: pa.RecordBatch, max_bytes: int) -> Iterator[pa.RecordBatch]:
    """The rows of a batch in slices of at most `max_bytes` of Arrow data, one row at least."""
    if batch.nbytes <= max_bytes or len(batch) < 2:
        yield batch
        return
    half = len(batch) // 2
    yield from halved(batch.slice(0, half), max_bytes)
    yield from halved(batch.slice(half), max_bytes)


def _piece(batch: pa.RecordBatch, action: str, fields: tuple[tuple[str, str], ...]) -> bytes:
    if len(batch) == 0:
        return b""
    lines = _object([(name, kind, batch.column(name)) for name, kind in fields])
    lines = pc.binary_join_element_wise(f'{{"{action}":', lines, "}\n", "")
    odd = _odd_rows(batch, fields)
    if pc.any(odd).as_py():
        rows = batch.filter(odd).to_pylist(maps_as_pydicts="strict")
        slow = [_slow_line(row, action, fields) for row in rows]
        lines = pc.replace_with_mask(lines, odd, pa.array(slow, pa.string()))
    return _bytes_of(lines)


def _bytes_of(strings: pa.StringArray) -> bytes:
    """All strings of an array, one behind the other."""
    return bytes(_view_of(strings))


def _view_of(strings: pa.StringArray) -> memoryview:
    _, offsets, data = strings.buffers()
    if data is None or len(strings) == 0:
        return memoryview(b"")
    ends = memoryview(offsets).cast("i")
    start, stop = ends[strings.offset], ends[strings.offset + len(strings)]
    return memoryview(data)[start:stop]


def _object(members: list[tuple[str, str, pa.Array]]) -> pa.Array:
    """One JSON object a row, without its null members. The first member is never null."""
    parts: list[Any] = ["{"]
    for name, kind, column in members:
        text = _RENDER[kind](column)
        if text is not None:
            comma = "," if len(parts) > 1 else ""
            parts.append(pc.binary_join_element_wise(f'{comma}"{name}":', text, ""))
    return pc.binary_join_element_wise(
        *parts, "}", "", null_handling="replace", null_replacement=""
    )


def _quoted(column: pa.Array) -> pa.Array:
    escaped = pc.replace_substring(column, "\\", "\\\\")
    return pc.binary_join_element_wise('"', pc.replace_substring(escaped, '"', '\\"'), '"', "")


def _text(column: pa.Array) -> pa.Array | None:
    return None if column.null_count == len(column) else _quoted(column)


def _number(column: pa.Array) -> pa.Array | None:
    return None if column.null_count == len(column) else pc.cast(column, pa.string())


def _map(column: pa.MapArray) -> pa.Array | None:
    if column.null_count == len(column):
        return None
    column = pa.concat_arrays([column])  # a slice keeps its parent's entries
    values = pc.fill_null(_quoted(column.items), "null")
    entries = pc.binary_join_element_wise(_quoted(column.keys), values, ":")
    lists = pa.ListArray.from_arrays(column.offsets, entries, mask=pc.is_null(column))
    return pc.binary_join_element_wise("{", pc.binary_join(lists, ","), "}", "")


def _vector(column: pa.StructArray) -> pa.Array | None:
    if column.null_count == len(column):
        return None
    names = [field.name for field in column.type]
    members = [(name, kind, column.field(name)) for name, kind in _VECTOR if name in names]
    return pc.if_else(column.is_valid(), _object(members), pa.scalar(None, pa.string()))


_RENDER = {"text": _text, "number": _number, "map": _map, "vector": _vector}


def _odd_rows(batch: pa.RecordBatch, fields: tuple[tuple[str, str], ...]) -> pa.Array:
    """Rows that the vectorised way would write wrongly."""
    odd = pa.repeat(pa.scalar(False), len(batch))
    if "extra" in batch.schema.names:
        odd = batch.column("extra").is_valid()
    for name, kind in fields:
        column = batch.column(name)
        if kind == "text":
            odd = pc.or_(odd, _odd_texts(column))
        elif kind == "vector":
            odd = pc.or_(odd, _odd_texts(column.field("pathOrInlineDv")))
        elif kind == "map":
            entries = pa.concat_arrays([column])
            if _has_control(entries.keys) or _has_control(entries.items):
                # Rare, so that all rows of the batch may go the slow way.
                return pa.repeat(pa.scalar(True), len(batch))
    return odd


def _odd_texts(column: pa.StringArray) -> pa.Array:
    if not _has_control(column):
        return pa.repeat(pa.scalar(False), len(column))
    return pc.fill_null(pc.match_substring_regex(column, _ODD), False)


def _has_control(column: pa.StringArray) -> bool:
    """Whether some value may hold a control character; looks at bytes, not at values."""
    return bool((np.frombuffer(_view_of(column), np.uint8) < 0x20).any())


def _slow_line(row: dict[str, Any], action: str, fields: tuple[tuple[str, str], ...]) -> str:
    body = {name: row[name] for name, _ in fields if row[name] is not None}
    vector = body.get("deletionVector")
    if vector is not None:
        body["deletionVector"] = {key: value for key, value in vector.items() if value is not None}
    for name, value in exact_json(row.get("extra") or "{}").items():
        if name == "deletionVector" and "deletionVector" in body:
            body[name] = body[name] | value
        else:
            body[name] = value
    return orjson.dumps({action: body}).decode() + "\n"


def exact_json(text: str | bytes) -> Any:
    """A JSON value whose numbers keep their text, however long, when orjson writes them again."""

    def number(literal: str) -> orjson.Fragment:
        return orjson.Fragment(literal)

    return json.loads(text, parse_int=number, parse_float=number)
