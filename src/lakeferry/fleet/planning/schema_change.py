"""Two schemas of one table: what changed, and whether the manifest accepts it. Pure.

Additive is what adds: nullable columns anywhere, comments, another order. All else (dropped,
renamed, of another type, NOT NULL in either direction, other partition columns) is more than that.

Source: Delta protocol, "Schema Serialization Format".
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import orjson

Kind = Literal["none", "additive", "other"]
_SHOWN = 3


class SchemaChange(NamedTuple):
    """What became of a schema."""

    kind: Kind
    text: str  # '`weight` float -> double'; '' where nothing changed


def is_accepted(kind: Kind, rule: str) -> bool:
    """Whether `schema_changes` of the manifest, 'none', 'additive' or 'any', lets it pass."""
    match rule:
        case "any":
            return True
        case "additive":
            return kind != "other"
        case _:
            return kind == "none"


def schema_change(
    before: str, after: str, *, partitions: tuple[Sequence[str], Sequence[str]] = ((), ())
) -> SchemaChange:
    """Compare what two versions of a table say of its columns. Properties are no schema.

    Args:
        before, after: `metaData.schemaString`.
        partitions: the partition columns of both.
    """
    found: list[tuple[Kind, str]] = []
    if before != after:
        found += _fields(orjson.loads(before), orjson.loads(after), "")
    was, now = (", ".join(one) or "none" for one in partitions)
    if was != now:
        found.append(("other", f"partition columns {was} -> {now}"))
    if not found:
        return SchemaChange("none", "")
    found.sort(key=lambda one: one[0] != "other")
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    text = ", ".join(text for _, text in found[:_SHOWN]) + more
    return SchemaChange(found[0][0], text)


def _fields(
    before: Mapping[str, Any], after: Mapping[str, Any], above: str
) -> Iterator[tuple[Kind, str]]:
    old = {field["name"]: field for field in before["fields"]}
    new = {field["name"]: field for field in after["fields"]}
    for name, field in old.items():
        here = f"{above}{name}"
        if name not in new:
            yield "other", f"`{here}` is gone"
            continue
        now = new[name]
        if field["nullable"] != now["nullable"]:
            yield "other", f"`{here}` {'may' if now['nullable'] else 'must not'} be null"
        yield from _types(field["type"], now["type"], here)
    for name, field in new.items():
        if name not in old:
            kind: Kind = "additive" if field["nullable"] else "other"
            yield kind, f"`{above}{name}` is new{'' if field['nullable'] else ' and NOT NULL'}"


def _types(before: Any, after: Any, name: str) -> Iterator[tuple[Kind, str]]:
    if before == after:
        return
    match before, after:
        case {"type": "struct"}, {"type": "struct"}:
            yield from _fields(before, after, f"{name}.")
        case {"type": "array"}, {"type": "array"}:
            if before["containsNull"] != after["containsNull"]:
                yield "other", f"`{name}.element` may or may not be null, as it was not"
            yield from _types(before["elementType"], after["elementType"], f"{name}.element")
        case {"type": "map"}, {"type": "map"}:
            if before["valueContainsNull"] != after["valueContainsNull"]:
                yield "other", f"`{name}.value` may or may not be null, as it was not"
            yield from _types(before["keyType"], after["keyType"], f"{name}.key")
            yield from _types(before["valueType"], after["valueType"], f"{name}.value")
        case _:
            yield "other", f"`{name}` {_word(before)} -> {_word(after)}"


def _word(type_: Any) -> str:
    return str(type_["type"]) if isinstance(type_, Mapping) else str(type_)
