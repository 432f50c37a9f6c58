"""A document as a tree in which every value knows where it was written.

YAML, JSON and TOML give the same tree. Text stays as it was written: `22:00` is text, and so is
what YAML 1.1 would take for a date, a number of base 60 or a boolean. What the two versions of
YAML take for different numbers (`1e9`, `0471`) is 'ambiguous', and whoever meets it refuses it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MAX_BYTES = 10_000_000
MAX_DEPTH = 50
MAX_VALUES = 200_000  # with every alias counted as what it stands for


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was written."""

    file: str  # as given; '--set', or the flag, for what the command line says
    line: int  # from 1; 0: the whole of a flag
    column: int  # from 1, in characters
    length: int = 1  # characters, within the line

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value` of a map."""

    place: Place  # of the key
    value: "Value"


@dataclass(frozen=True, slots=True)
class Value:
    """One node of the tree."""

    kind: str  # 'map', 'list', 'text', 'integer', 'number', 'boolean', 'null', 'ambiguous'
    place: Place
    text: str = ""  # of a scalar, as written
    entries: Mapping[str, Entry] = field(default_factory=dict)  # of a map
    items: tuple["Value", ...] = ()  # of a list

    def get(self, *path: str) -> "Value | None":
        """The value below these keys; None where there is none."""
        found: Value | None = self
        for key in path:
            entry = found.entries.get(key) if found is not None else None
            found = entry.value if entry is not None else None
        return found


def leaves(value: Value, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Value]]:
    """Every scalar, and every empty map or list, with its path; in the order of the document."""
    if value.entries:
        for key, entry in value.entries.items():
            yield from leaves(entry.value, (*path, key))
    elif value.items:
        for index, item in enumerate(value.items):
            yield from leaves(item, (*path, str(index)))
    else:
        yield path, value


@dataclass(frozen=True, slots=True)
class Document:
    """What was read, and the texts to quote from."""

    root: Value
    texts: Mapping[str, str]  # by the file of a place
