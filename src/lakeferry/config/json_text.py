"""JSON -> a tree with places. Strict: duplicate keys, NaN and what follows the end are refused."""

import re
from bisect import bisect_right
from json import JSONDecodeError, JSONDecoder

from lakeferry.config.problems import Problem
from lakeferry.config.tree import MAX_DEPTH, MAX_VALUES, Entry, Place, Value

_DECODER = JSONDecoder()  # of strings
_BLANKS = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS = {"true": "boolean", "false": "boolean", "null": "null"}


def read_json(text: str, file: str) -> tuple[Value | None, list[Problem]]:
    """The tree of one document, and what is wrong with it; no tree where it is no JSON."""
    reader = _Reader(text, file)
    try:
        return reader.document(), reader.problems
    except JSONDecodeError as error:
        what = f"this is no JSON: {error.msg.lower()}"
        reader.problem(error.pos, 1, what, "mend the JSON")
        return None, reader.problems


class _Reader:
    """One pass over the text."""

    def __init__(self, text: str, file: str) -> None:
        self.problems: list[Problem] = []
        self._text = text
        self._file = file
        self._starts = [0] + [found.end() for found in re.finditer("\n", text)]
        self._size = 0

    def problem(self, at: int, length: int, what: str, next_step: str) -> None:
        self.problems.append(Problem("LF-2002", self._place(at, at + length), what, next_step))

    def document(self) -> Value:
        value, at = self._value(self._blanks(0), 1)
        if self._blanks(at) < len(self._text):
            raise JSONDecodeError("something follows the end", self._text, self._blanks(at))
        return value

    def _value(self, at: int, depth: int) -> tuple[Value, int]:
        self._size += 1
        if depth > MAX_DEPTH or self._size > MAX_VALUES:
            said = f"deeper than {MAX_DEPTH} or more than {MAX_VALUES:,} values"
            raise JSONDecodeError(said, self._text, at)
        first = self._text[at : at + 1]
        if first == "{":
            return self._map(at, depth)
        if first == "[":
            return self._list(at, depth)
        if first == '"':
            text, end = _DECODER.raw_decode(self._text, at)
            return Value("text", self._place(at, end), text=text), end
        for word, kind in _WORDS.items():
            if self._text.startswith(word, at):
                end = at + len(word)
                return Value(kind, self._place(at, end), text=word), end
        found = _NUMBER.match(self._text, at)
        if found is None:
            raise JSONDecodeError("a value is missing", self._text, at)
        kind = "number" if found[2] or found[3] else "integer"
        return Value(kind, self._place(at, found.end()), text=found[0]), found.end()

    def _list(self, at: int, depth: int) -> tuple[Value, int]:
        items: list[Value] = []
        next_ = self._blanks(at + 1)
        while self._text[next_ : next_ + 1] != "]":
            if items:
                next_ = self._after(next_, ",")
            item, end = self._value(next_, depth + 1)
            items.append(item)
            next_ = self._blanks(end)
        return Value("list", self._place(at, next_ + 1), items=tuple(items)), next_ + 1

    def _map(self, at: int, depth: int) -> tuple[Value, int]:
        entries: dict[str, Entry] = {}
        next_ = self._blanks(at + 1)
        while self._text[next_ : next_ + 1] != "}":
            if entries:
                next_ = self._after(next_, ",")
            if self._text[next_ : next_ + 1] != '"':
                raise JSONDecodeError("a key in double quotes is missing", self._text, next_)
            key, end = _DECODER.raw_decode(self._text, next_)
            place = self._place(next_, end)
            value, after = self._value(self._after(self._blanks(end), ":"), depth + 1)
            if key in entries:
                said = f"`{key}` stands here a second time; first in line {entries[key].place.line}"
                self.problem(next_, end - next_, said, "keep one of them")
            entries.setdefault(key, Entry(place, value))
            next_ = self._blanks(after)
        return Value("map", self._place(at, next_ + 1), entries=entries), next_ + 1

    def _after(self, at: int, sign: str) -> int:
        if self._text[at : at + 1] != sign:
            raise JSONDecodeError(f"a `{sign}` is missing", self._text, at)
        return self._blanks(at + 1)

    def _blanks(self, at: int) -> int:
        found = _BLANKS.match(self._text, at)
        return found.end() if found else at

    def _place(self, at: int, end: int) -> Place:
        line = bisect_right(self._starts, at)
        start = self._starts[line - 1]
        last = self._starts[line] - 1 if line < len(self._starts) else len(self._text)
        return Place(self._file, line, at - start + 1, max(1, min(end, last) - at))
