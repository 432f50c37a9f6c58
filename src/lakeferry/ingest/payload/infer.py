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
_FEW = 0.05  # of the values of a field may be of other kinds: faults of producers
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
    """The narrowest columns that readable records fit into, all or nearly all of them.

    No column may be null-free alone because a sample had no null, so all are nullable.
    """
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
    taken: dict[str, str] = {}
    for name, inner in seen.fields.items():
        place, other = f"{path}.{name}", taken.get(name.lower())
        if not name or other is not None:
            what = f"Delta takes it for `{other}`" if name else "it has no name"
            notes.append(f"{place}: {what}; left out")
            continue
        kind = _type(inner, place, notes)
        if kind is not None:
            taken[name.lower()] = name
            yield pa.field(name, kind)


def _type(seen: _Seen, path: str, notes: list[str]) -> pa.DataType | None:
    """The type of a place; None where it can have none, and then a note says why."""
    counts = Counter({kind: count for kind, count in seen.kinds.items() if kind != "null"})
    kinds, others = _leading(counts)
    if len(kinds) != 1:
        said = "only null was seen" if not kinds else f"it is {' and '.join(sorted(kinds))}"
        notes.append(f"{path}: {said}; left out")
        return None
    (kind,) = kinds
    if others:
        odd = f"{sum(others.values()):,} of {counts.total():,} values are {' and '.join(others)}"
        notes.append(f"{path}: {odd}; records with them would be bad")
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


def _leading(counts: Counter[str]) -> tuple[set[str], Counter[str]]:
    """The kind of nearly all values, with the few others; all kinds where none is that."""
    ordered = counts.most_common()
    for size in range(len(ordered), 0, -1):
        kinds = _widened({kind for kind, _ in ordered[:size]})
        others = Counter(dict(ordered[size:]))
        if len(kinds) == 1 and others.total() <= _FEW * counts.total():
            return kinds, others
    return _widened(set(counts)), Counter()


def _widened(kinds: set[str]) -> set[str]:
    if kinds == {"integer", "number"}:
        return {"number"}
    if kinds > {"text"} and kinds <= {"text", "time", "day"}:
        return {"text"}
    return {"text"} if kinds == {"time", "day"} else kinds
