"""Lines of a commit -> small actions and Arrow batches of files, streaming.

Source: Delta protocol, "Delta Log Entries": newline-delimited JSON, one action a line.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from lakeferry.delta.actions import DELETION_VECTOR, FILE_SCHEMA, MAP, REMOVE_SCHEMA
from lakeferry.delta.json_lines import exact_json
from lakeferry.errors import FerryError

_FLUSH_ROWS = 8_192
_FLUSH_BYTES = 4 << 20  # of JSON held as Python objects before they become a batch
_VECTOR_FIELDS = frozenset(field.name for field in DELETION_VECTOR)


@dataclass(frozen=True, slots=True)
class FileActions:
    """Some adds or some removes of one commit."""

    kind: str  # 'add': rows of FILE_SCHEMA; 'remove': rows of REMOVE_SCHEMA
    batch: pa.RecordBatch
    order: npt.NDArray[np.int64]  # place of each row among the commit's file actions


@dataclass(frozen=True, slots=True)
class OtherAction:
    """Any action that is neither add nor remove, known or not."""

    name: str
    body: Any
    line: int  # from 1


Event = FileActions | OtherAction


def parse_commit(chunks: Iterable[bytes], where: str) -> Iterator[Event]:
    """Read a commit (or a JSON checkpoint) line by line.

    Args:
        chunks: the file's bytes, cut anywhere.
        where: the file's name, for messages.

    Yields:
        Other actions as they come; adds and removes collected into batches of up to 8,192 rows.

    Raises:
        FerryError: LF-3103 for a line that is no JSON object of actions; LF-3105 for an add or
            remove without a path.
    """
    rows = {"add": FileRows(FILE_SCHEMA), "remove": FileRows(REMOVE_SCHEMA)}
    order = held = 0
    for number, line in _lines(chunks):
        for name, body in _actions(line, number, where):
            if name not in rows:
                yield OtherAction(name, body, number)
                continue
            _check_file(body, name, number, where)
            rows[name].append(body, order, line)
            order += 1
        held += len(line)
        if held > _FLUSH_BYTES or sum(map(len, rows.values())) >= _FLUSH_ROWS:
            yield from _flush(rows, number, where)
            held = 0
    yield from _flush(rows, 0, where)


def _lines(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their numbers. A `\\r` before the line's end is blank."""
    number, rest = 0, b""
    for chunk in chunks:
        lines = (rest + chunk if rest else chunk).split(b"\n")
        rest = lines.pop()
        for line in lines:
            number += 1
            if not line.isspace() and line:
                yield number, line
    if rest and not rest.isspace():
        yield number + 1, rest


def _actions(line: bytes, number: int, where: str) -> list[tuple[str, Any]]:
    try:
        parsed = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _broken(where, number, f"no JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise _broken(where, number, "no JSON object")
    return [(name, body) for name, body in parsed.items() if body is not None]


def _check_file(body: Any, name: str, number: int, where: str) -> None:
    if not isinstance(body, dict):
        raise _broken(where, number, f"`{name}` is no JSON object")
    for field in ("partitionValues", "tags", "deletionVector"):
        if not isinstance(body.get(field) or {}, dict):
            raise _broken(where, number, f"`{name}.{field}` is no JSON object")
    if not isinstance(body.get("path"), str):
        raise FerryError(
            "LF-3105",
            f"`{name}` lacks the required field `path`",
            f"{where}, line {number}",
            "the log was damaged; restore the file from a backup",
        )


def _flush(rows: dict[str, "FileRows"], number: int, where: str) -> Iterator[FileActions]:
    for kind, builder in rows.items():
        if len(builder) == 0:
            continue
        try:
            batch, order = builder.take()
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            at = f"before line {number}" if number else "near the end"
            raise FerryError(
                "LF-3103",
                f"a field of an `{kind}` action has another type than the protocol says",
                f"{where}, {at}: {error}",
                "the log was damaged or written by a faulty writer; restore the file",
            ) from error
        yield FileActions(kind, batch, order)


def _broken(where: str, number: int, why: str) -> FerryError:
    return FerryError(
        "LF-3103",
        "a commit of the table cannot be parsed",
        f"{where}, line {number}: {why}",
        "restore the file from a backup, or clone an older `--version`",
    )


class FileRows:
    """Bodies of add or remove actions, column by column, until they become one batch."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._names = [name for name in schema.names if name != "extra"]
        self._known = frozenset(self._names)
        self._action = "remove" if "deletionTimestamp" in self._known else "add"
        self._clear()

    def _clear(self) -> None:
        self._bodies: list[dict[str, Any]] = []
        self._extra: list[str | None] = []
        self._order: list[int] = []

    def __len__(self) -> int:
        return len(self._bodies)

    def append(self, body: dict[str, Any], order: int, line: bytes) -> None:
        """Take one action's body; `line` is the JSON text that holds it, under its action."""
        self._bodies.append(body)
        self._order.append(order)
        vector = body.get("deletionVector")
        if body.keys() <= self._known and (vector is None or vector.keys() <= _VECTOR_FIELDS):
            self._extra.append(None)
        else:
            self._extra.append(self._unknown(exact_json(line)[self._action]))

    def take(self) -> tuple[pa.RecordBatch, npt.NDArray[np.int64]]:
        """All rows so far as one batch, with their places; the builder is empty then."""
        columns = [self._column(name) for name in self._names]
        columns.insert(self._schema.get_field_index("extra"), pa.array(self._extra, pa.string()))
        order = np.array(self._order, dtype=np.int64)
        self._clear()
        return pa.RecordBatch.from_arrays(columns, schema=self._schema), order

    def _column(self, name: str) -> pa.Array:
        values = [body.get(name) for body in self._bodies]
        kind = self._schema.field(name).type
        if kind == MAP:
            # Required in an `add`; some old writers leave an empty one out.
            required = name == "partitionValues" and self._action == "add"
            return _maps([{} if value is None and required else value for value in values])
        return pa.array(values, kind)

    def _unknown(self, body: dict[str, Any]) -> str:
        rest = {name: value for name, value in body.items() if name not in self._known}
        vector = body.get("deletionVector") or {}
        inner = {name: value for name, value in vector.items() if name not in _VECTOR_FIELDS}
        if inner:
            rest["deletionVector"] = inner
        return orjson.dumps(rest).decode()


def _maps(values: list[dict[str, Any] | None]) -> pa.Array:
    keys: list[str] = []
    items: list[str | None] = []
    offsets = [0]
    for value in values:
        for key, item in (value or {}).items():
            keys.append(key)
            # A number or boolean stands for its text, as JSON shows it.
            plain = item is None or isinstance(item, str)
            items.append(item if plain else orjson.dumps(item).decode())
        offsets.append(len(keys))
    mask = pa.array([value is None for value in values]) if None in values else None
    return pa.MapArray.from_arrays(
        pa.array(offsets, pa.int32()),
        pa.array(keys, pa.string()),
        pa.array(items, pa.string()),
        mask=mask,
    )
