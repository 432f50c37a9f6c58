"""A schema proposed from a sample of records, for a person to review. Pure.

It is never used by itself: a field that a sample did not show, or showed as a whole number, may be
anything tomorrow.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa

_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d(:?\d\d)?)?"
)  # fmt: skip
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_SCALARS = {
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "text": pa.string(),
    "time": pa.timestamp("us", "UTC"),
    "day": pa.date32(),
}
_MOST_FIELDS = 1000  # of one struct; beyond it names are values


@dataclass(slots=True)
class _Seen:
    """What stood in one place of the records."""

    kinds: Counter[str] = field(default_factory=Counter)
    fields: "dict[str, _Seen]" = field(default_factory=dict)  # of objects
    items: "_Seen | None" = None  # of lists


@dataclass(frozen=True, slots=True)
class Proposal:
    """A schema, and what a reviewer should know."""

    schema: pa.Schema
    records: int  # looked at
    unreadable: int  # that are no JSON objects
    notes: tuple[str, ...]  # one line each: '$.a.b: ...'


def propose(records: Iterable[bytes]) -> Proposal:
    """The narrowest columns that all readable records fit into; no column may be null-free alone
    because a sample had no null, so all are nullable."""
    root, count, unreadable = _Seen(), 0, 0
    for one in records:
        count += 1
        try:
            body = orjson.loads(one)
        except orjson.JSONDecodeError:
            body = None
        if isinstance(body, dict):
            _note(root, body)
        else:
            unreadable += 1
    notes: list[str] = []
    fields = list(_fields(root, "$", notes))
    return Proposal(pa.schema(fields), count, unreadable, tuple(notes))


def _note(seen: _Seen, value: Any) -> None:
    kind = _kind_of(value)
    seen.kinds[kind] += 1
    if kind == "object":
        for name, inner in value.items():
            _note(seen.fields.setdefault(name, _Seen()), inner)
    elif kind == "list":
        seen.items = seen.items or _Seen()
        for inner in value:
            _note(seen.items, inner)


def _kind_of(value: Any) -> str:
    if isinstance(value, str):
        if _TIME.fullmatch(value):
            return "time"
        return "day" if _DAY.fullmatch(value) else "text"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return "number"
    names = {bool: "boolean", int: "integer", float: "number", dict: "object", list: "list"}
    return names.get(type(value), "null")


def _fields(seen: _Seen, path: str, notes: list[str]) -> Iterator[pa.Field]:
    if len(seen.fields) > _MOST_FIELDS:
        notes.append(f"{path}: {len(seen.fields):,} different names: are they values?")
    for name, inner in seen.fields.items():
        kind = _type(inner, f"{path}.{name}", notes)
        if kind is not None:
            yield pa.field(name, kind)


def _type(seen: _Seen, path: str, notes: list[str]) -> pa.DataType | None:
    """The type of a place; None where it can have none, and then a note says why."""
    kinds = _widened({kind for kind in seen.kinds if kind != "null"})
    if len(kinds) != 1:
        said = "only null was seen" if not kinds else f"it is {' and '.join(sorted(kinds))}"
        notes.append(f"{path}: {said}; left out")
        return None
    (kind,) = kinds
    if kind == "object":
        inner = list(_fields(seen, path, notes))
        if not inner:
            notes.append(f"{path}: an object without fields; left out")
        return pa.struct(inner) if inner else None
    if kind == "list":
        assert seen.items is not None
        item = _type(seen.items, f"{path}[]", notes)
        return None if item is None else pa.list_(pa.field("element", item))
    return _SCALARS[kind]


def _widened(kinds: set[str]) -> set[str]:
    if kinds == {"integer", "number"}:
        return {"number"}
    if kinds > {"text"} and kinds <= {"text", "time", "day"}:
        return {"text"}
    return {"text"} if kinds == {"time", "day"} else kinds
