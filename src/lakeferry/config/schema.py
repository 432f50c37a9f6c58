"""The JSON Schema of the manifest, for editors: made from its shape, so the two cannot differ."""

from collections.abc import Iterable
from typing import Any

from lakeferry.config import quantities, references
from lakeferry.config.manifest_shape import MANIFEST
from lakeferry.config.shape import (
    Boolean,
    Either,
    Integer,
    ListOf,
    MapOf,
    Number,
    Quantity,
    Record,
    Shape,
    Text,
)

NAME = "lakeferry.manifest/1"


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `lakeferry.yaml`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": NAME,
        "title": "lakeferry manifest",
        "description": "Units are written out; secrets are references. What a command needs beyond "
        "`version` it says itself.",
        **_of(MANIFEST),
    }


def _of(shape: Shape) -> dict[str, Any]:
    made: dict[str, Any] = {"type": _TYPES.get(type(shape), "object")}
    match shape:
        case Text():
            made = _text(shape)
        case Quantity():
            made = _quantity(shape)
        case Integer(only=only) if only is not None:
            made = {"const": only}
        case Integer() | Number():
            made["minimum"] = shape.least
        case ListOf():
            made["items"] = _of(shape.item)
        case MapOf():
            made = _map(shape)
        case Record():
            made = _record(shape)
        case Either():
            made = _any_of(_of(one) for one in shape.shapes)
        case _:
            pass
    return made


_TYPES = {Integer: "integer", Number: "number", Boolean: "boolean", ListOf: "array"}


def _any_of(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    found = list(parts)
    return found[0] if len(found) == 1 else {"anyOf": found}


def _text(shape: Text) -> dict[str, Any]:
    if shape.secret:
        about = "a reference; a literal secret is refused"
        return {"type": "string", "pattern": references.SECRET, "description": about}
    if shape.choices:
        return {"enum": list(shape.choices)}
    if shape.literal:
        made = {"type": "string", "not": {"pattern": references.HOLDS_ONE}}
        return {**made, "pattern": shape.pattern} if shape.pattern else made
    if not shape.pattern:
        return {"type": "string"}
    return {"type": "string", "pattern": f"({shape.pattern})|({references.HOLDS_ONE})"}


def _quantity(shape: Quantity) -> dict[str, Any]:
    if shape.choices:
        return {"enum": list(shape.choices)}
    patterns = (quantities.KINDS[kind].pattern for kind in shape.kinds)
    return _any_of({"type": "string", "pattern": pattern} for pattern in patterns)


def _map(shape: MapOf) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "additionalProperties": _of(shape.value)}
    if shape.key.pattern:
        made["propertyNames"] = {"pattern": shape.key.pattern}
    if shape.known:
        made["properties"] = {name: _of(one) for name, one in shape.known.items()}
    return made


def _record(shape: Record) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "additionalProperties": False}
    required = [name for name, one in shape.fields.items() if one.required]
    if required:
        made["required"] = required
    made["properties"] = {}
    for name, one in shape.fields.items():
        said = f"{one.about}; default: {one.default}" if one.default else one.about
        made["properties"][name] = {"description": said, **_of(one.shape)}
    return made
