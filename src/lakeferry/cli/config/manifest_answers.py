"""A manifest as lines for people: what is in it, and where each value comes from. Pure."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lakeferry.config.manifest import Manifest
from lakeferry.config.manifest_shape import MANIFEST
from lakeferry.config.shape import MapOf, Record
from lakeferry.config.tree import Value, leaves
from lakeferry.config.yaml_text import kind_of

_PLAIN = re.compile(r"[A-Za-z0-9_./$][A-Za-z0-9_./$@{}:%+=-]*(?: ?[A-Za-z0-9/%]+)*")
# Of a URL the place is shown; what follows may be the secret of whoever gave it.
_URL_PATH = re.compile(r"^(https?://)(?:[^/@\s]*@)?([^/\s]+)/\S+$")
# What these do not say another level may say; `wanted_answers` knows for each of them.
_INHERITING = ("families", "sources")
_COUNTED = (("sources", "source"), ("waves", "wave"), ("streams", "stream"))


def counts(manifest: Manifest) -> dict[str, int]:
    """How many sources, waves and streams there are."""
    found = {}
    for key, _ in _COUNTED:
        part = manifest.root.get(key)
        found[key] = len(part.entries) if part is not None else 0
    return found


def checked_lines(manifest: Manifest, signs: Mapping[str, str]) -> list[str]:
    """A manifest without a fault."""
    numbers = counts(manifest)
    said = [
        f"{numbers[key]} {noun}{'' if numbers[key] == 1 else 's'}"
        for key, noun in _COUNTED
        if numbers[key]
    ]
    parts = [key for key in manifest.root.entries if key not in numbers and key != "version"]
    lines = [f"  {signs['ok']} {manifest.file}  {', '.join(parts)}"]
    return [*lines, f"    {', '.join(said)}"] if said else lines


def tree_lines(root: Value, indent: int = 0) -> list[str]:
    """The document as YAML."""
    lines: list[str] = []
    space = " " * indent
    for key, entry in root.entries.items():
        value = entry.value
        if value.entries:
            lines += [f"{space}{scalar(key)}:", *tree_lines(value, indent + 2)]
        elif value.items:
            lines.append(f"{space}{scalar(key)}:")
            for item in value.items:
                lines += _item_lines(item, indent + 2)
        else:
            lines.append(f"{space}{scalar(key)}: {_leaf(value)}")
    return lines


def tree_body(value: Value) -> Any:
    """The document as JSON: numbers and booleans as such, all else as text."""
    if value.kind == "map":
        return {key: tree_body(entry.value) for key, entry in value.entries.items()}
    if value.kind == "list":
        return [tree_body(item) for item in value.items]
    if value.kind in ("integer", "number", "boolean"):
        return json.loads(value.text.lower().replace("_", ""))
    return url_shown(value.text)


def resolved_rows(root: Value) -> list[tuple[str, str, str]]:
    """Every value as (path, value, place); defaults of the parts that are there, with `default`."""
    rows = [(".".join(path), _leaf(value), str(value.place)) for path, value in leaves(root)]
    rows += [(path, default, "default") for path, default in _defaults(root, MANIFEST, ())]
    return sorted(rows, key=lambda row: _order(row[0]))


def row_lines(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """The same in columns."""
    widths = [max(len(row[index]) for row in rows) for index in (0, 1)]
    return [
        f"{path + ':':{widths[0] + 1}}  {value:{widths[1]}}  {where}" for path, value, where in rows
    ]


def _order(path: str) -> tuple[int, str]:
    first = path.partition(".")[0]
    keys = list(MANIFEST.fields)
    return keys.index(first) if first in keys else len(keys), path


def _defaults(value: Value, shape: Record, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for key, field in shape.fields.items():
        inner = value.get(key)
        if not path and key in _INHERITING:
            continue
        if inner is None and field.default:
            yield ".".join((*path, key)), field.default
        elif isinstance(field.shape, Record):
            below = inner if inner is not None and inner.kind == "map" else None
            if below is not None:
                yield from _defaults(below, field.shape, (*path, key))
        elif isinstance(field.shape, MapOf) and isinstance(field.shape.value, Record):
            for name, entry in (inner.entries if inner is not None else {}).items():
                yield from _defaults(entry.value, field.shape.value, (*path, key, name))


def _item_lines(item: Value, indent: int) -> list[str]:
    if not item.entries:
        return [f"{' ' * indent}- {_leaf(item)}"]
    first, *rest = tree_lines(item, indent + 2)
    return [f"{' ' * indent}- {first.strip()}", *rest]


def _leaf(value: Value) -> str:
    if value.kind in ("map", "list"):
        return "{}" if value.kind == "map" else "[]"
    if value.kind != "text":
        return value.text
    return scalar(url_shown(value.text))


def url_shown(text: str) -> str:
    """Of a URL only its host; anything else as it is."""
    return _URL_PATH.sub(r"\1\2/***", text)


def scalar(text: str) -> str:
    """As it may stand in YAML: in quotes where it would be something else without them."""
    if _PLAIN.fullmatch(text) and kind_of(text) == "text" and ": " not in text:
        return text
    return json.dumps(text, ensure_ascii=False)
