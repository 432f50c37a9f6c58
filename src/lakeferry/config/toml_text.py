"""TOML -> a tree with places. `tomllib` says what it means; a second pass says where it stands."""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from lakeferry.config.problems import Problem
from lakeferry.config.tree import MAX_DEPTH, MAX_VALUES, Entry, Place, Value

_BLANKS = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|[A-Za-z0-9_-]+')
_STRING = re.compile(
    r'"""(?:[^"\\]|\\[\s\S]|"(?!""))*"{3,5}'
    r"|'''(?:[^']|'(?!''))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
)
_BARE = re.compile(r"[^,\]}#\n]*")
_AT = re.compile(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$")

Path = tuple[str, ...]
Span = tuple[int, int]


def read_toml(text: str, file: str) -> tuple[Value | None, list[Problem]]:
    """The tree of one document, and what is wrong with it; no tree where it is no TOML."""
    lines = _Lines(text, file)
    try:
        meant = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = _AT.match(str(error))
        place = lines.place((len(text), len(text) + 1))
        if found and found[2]:
            place = Place(file, int(found[2]), int(found[3]))
        said = found[1] if found else str(error) or f"nested deeper than {MAX_DEPTH}"
        what = f"this is no TOML: {said[:1].lower()}{said[1:]}"
        return None, [Problem("LF-2002", place, what, "mend the TOML")]
    scan = _Scan(text.replace("\r\n", " \n"))
    scan.document()
    tree = _Tree(text, scan, lines)
    root = tree.value(meant, ())
    if tree.size > MAX_VALUES or tree.height > MAX_DEPTH:
        what = f"nested deeper than {MAX_DEPTH}, or more than {MAX_VALUES:,} values"
        return None, [Problem("LF-2002", Place(file, 1, 1), what, "write less into one file")]
    return root, []


class _Lines:
    """Where a character of the text stands."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._starts = [0] + [found.end() for found in re.finditer("\n", text)]
        self._end = len(text)

    def place(self, span: Span) -> Place:
        at, end = span
        line = bisect_right(self._starts, at)
        start = self._starts[line - 1]
        last = self._starts[line] - 1 if line < len(self._starts) else self._end
        return Place(self._file, line, at - start + 1, max(1, min(end, last) - at))


class _Scan:
    """The spans of keys and values of a document that `tomllib` has read. It checks nothing."""

    def __init__(self, text: str) -> None:
        self.keys: dict[Path, Span] = {}
        self.values: dict[Path, Span] = {}
        self._text = text
        self._tables: dict[Path, int] = {}  # how many of an array of tables came so far

    def document(self) -> None:
        within: Path = ()
        at = self._skip(0)
        while at < len(self._text):
            if self._text[at] == "[":
                within, at = self._header(at)
            else:
                at = self._pair(at, within)
            at = self._skip(at)

    def _header(self, at: int) -> tuple[Path, int]:
        many = self._text.startswith("[[", at)
        opened = at
        path: Path = ()
        parts = list(self._key_parts(at + 1 + many))
        for number, (key, span) in enumerate(parts, start=1):
            path = (*path, key)
            self.keys.setdefault(path, span)
            if many and number == len(parts):
                self._tables[path] = self._tables.get(path, 0) + 1
            if path in self._tables:
                path = (*path, str(self._tables[path] - 1))
        at = self._text.index("]", parts[-1][1][1]) + 1 + many
        self.values.setdefault(path, (opened, at))
        return path, at

    def _key_parts(self, at: int) -> Iterator[tuple[str, Span]]:
        while True:
            at = self._space(at)
            found = _KEY.match(self._text, at)
            assert found is not None
            raw = found[0]
            yield (next(iter(tomllib.loads(f"{raw} = 1"))), (at, found.end()))
            at = self._space(found.end())
            if self._text[at : at + 1] != ".":
                return
            at += 1

    def _pair(self, at: int, within: Path) -> int:
        path = within
        for key, span in self._key_parts(at):
            path = (*path, key)
            self.keys.setdefault(path, span)
            at = span[1]
        at = self._space(self._text.index("=", at) + 1)
        return self._value(at, path)

    def _value(self, at: int, path: Path) -> int:
        first = self._text[at]
        if first in "\"'":
            found = _STRING.match(self._text, at)
            assert found is not None
            end = found.end()
        elif first == "[":
            end = self._list(at, path)
        elif first == "{":
            end = self._table(at, path)
        else:
            bare = _BARE.match(self._text, at)
            assert bare is not None
            end = at + len(bare[0].rstrip())
        self.values[path] = (at, end)
        return end

    def _list(self, at: int, path: Path) -> int:
        at, count = self._skip(at + 1), 0
        while self._text[at] != "]":
            at = self._skip(self._value(at, (*path, str(count))))
            count += 1
            at = self._skip(at + 1) if self._text[at] == "," else at
        return at + 1

    def _table(self, at: int, path: Path) -> int:
        at = self._skip(at + 1)
        while self._text[at] != "}":
            at = self._skip(self._pair(at, path))
            at = self._skip(at + 1) if self._text[at] == "," else at
        return at + 1

    def _skip(self, at: int) -> int:
        found = _BLANKS.match(self._text, at)
        return found.end() if found else at

    def _space(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at


class _Tree:
    """What was read, with where it stands."""

    def __init__(self, text: str, scan: _Scan, lines: _Lines) -> None:
        self.size = self.height = 0
        self._text = text
        self._scan = scan
        self._lines = lines

    def value(self, meant: Any, path: Path) -> Value:
        self.size += 1
        self.height = max(self.height, len(path) + 1)
        place = self._place(path)
        if isinstance(meant, dict):
            entries = {
                key: Entry(self._key((*path, key)), self.value(inner, (*path, key)))
                for key, inner in meant.items()
            }
            return Value("map", place, entries=entries)
        if isinstance(meant, list):
            items = tuple(
                self.value(inner, (*path, str(index))) for index, inner in enumerate(meant)
            )
            return Value("list", place, items=items)
        if isinstance(meant, str):
            return Value("text", place, text=meant)
        start, end = self._scan.values[path]
        return Value(_kind(meant), place, text=self._text[start:end])

    def _key(self, path: Path) -> Place:
        return self._lines.place(self._scan.keys[path])

    def _place(self, path: Path) -> Place:
        # A table that only dotted keys or deeper headers name stands where its key does.
        span = self._scan.values.get(path) or self._scan.keys.get(path) or (0, 1)
        return self._lines.place(span)


def _kind(meant: Any) -> str:
    """A date or a time is text as it was written, as it is in YAML."""
    if isinstance(meant, bool):
        return "boolean"
    if isinstance(meant, int):
        return "integer"
    return "number" if isinstance(meant, float) else "text"
