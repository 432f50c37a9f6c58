"""A topology as JSON, and back: discovered once, looked at where AWS cannot be asked. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import orjson

from lakeferry.errors import FerryError
from lakeferry.network.topology import Topology

FORMAT = "lakeferry.topology/1"


def topology_text(topology: Topology) -> bytes:
    """JSON with sorted keys; equal topologies give equal bytes."""
    body = {"format": FORMAT, **asdict(topology)}
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n"


def read_topology(text: bytes, where: str) -> Topology:
    """The topology of a JSON text. Keys that are missing have their defaults; more are ignored.

    Raises:
        FerryError: LF-6253 for a text that is none.
    """
    try:
        body = orjson.loads(text)
        if not isinstance(body, dict) or body.get("format") != FORMAT:
            raise ValueError(f"`format` is not {FORMAT}")
        found: Topology = _value(Topology, body)
    except (ValueError, TypeError, KeyError) as error:
        raise FerryError(
            "LF-6253",
            f"this is no saved topology: {error}",
            where,
            "save one with: lakeferry monitor discover --save FILE",
        ) from error
    return found


def _value(kind: Any, body: Any) -> Any:
    """A JSON value as its type says: values of ours, tuples, maps, optional ones."""
    if isinstance(kind, type) and is_dataclass(kind):
        if not isinstance(body, Mapping):
            raise ValueError(f"a {kind.__name__} is no {type(body).__name__}")
        known = _types(kind)
        return kind(**{name: _value(known[name], body[name]) for name in known if name in body})
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple:
        if not isinstance(body, list):
            raise ValueError(f"{body!r} is no list")
        kinds = inner[:1] * len(body) if inner[-1] is ... else inner
        return tuple(_value(one, each) for one, each in zip(kinds, body, strict=True))
    if origin in (Union, UnionType):
        return None if body is None else _value(inner[0], body)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(body, Mapping):
            raise ValueError(f"{body!r} is no object")
        return {str(key): _value(inner[1], each) for key, each in body.items()}
    if kind in (str, int, bool) and not isinstance(body, kind):
        raise ValueError(f"{body!r} is no {kind.__name__}")
    return float(body) if kind is float else body


@cache
def _types(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {one.name: hints[one.name] for one in fields(kind)}
