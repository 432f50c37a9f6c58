"""What a tree says, without its places, and the text at a place."""

from typing import Any

from lakeferry.config.tree import Place, Value


def plain(value: Value) -> Any:
    """Maps and lists of Python; scalars as (kind, text)."""
    if value.kind == "map":
        return {key: plain(entry.value) for key, entry in value.entries.items()}
    if value.kind == "list":
        return [plain(item) for item in value.items]
    return (value.kind, value.text)


def at(text: str, place: Place) -> str:
    """What stands at a place."""
    line = text.split("\n")[place.line - 1]
    return line[place.column - 1 : place.column - 1 + place.length]
