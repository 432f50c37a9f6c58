"""YAML -> a tree with places. Of PyYAML only the events are used, never its loader."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from lakeferry.config.problems import Problem
from lakeferry.config.tree import MAX_DEPTH, MAX_VALUES, Entry, Place, Value

# The core schema of YAML 1.2, without what only looks like a number to one of its versions.
_NULL = re.compile(r"(null|Null|NULL|~)?")
_BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+")
_AMBIGUOUS = re.compile(
    r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+"  # a number in 1.2 only
    r"|[-+]?0[0-9]+|[-+]?0[xobXOB][0-9a-fA-F]+"  # of another base in one of them
    r"|[-+]?[0-9]+(_[0-9]+)+(\.[0-9]*)?"  # a number in 1.1 only
    r"|[-+]?\.[0-9]+|[-+]?[0-9]+\."
)
_PLAIN_TAGS = ("!", "tag:yaml.org,2002:str")
_COLLECTION_TAGS = ("!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")

LOADERS: tuple[Any, ...] = tuple(
    loader for loader in (getattr(yaml, "CSafeLoader", None), yaml.SafeLoader) if loader is not None
)


def read_yaml(
    text: str, file: str, *, loader: Any = LOADERS[0]
) -> tuple[Value | None, list[Problem]]:
    """The tree of one document, and what is wrong with it; no tree where it is no YAML.

    Anchors stand for what they name, at the place where that was written.
    """
    builder = _Builder(file, text)
    try:
        root = builder.document(yaml.parse(text, loader))
    except _Stop:
        root = None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        what = f"the character U+{_code(error.character):04X} is not allowed in YAML"
        builder.problem(Place(file, line, column), what, "remove it, or write it as an escape")
        root = None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        said = " ".join(part for part in (error.context, error.problem) if part)
        step = "mend the YAML; text with `: `, ` #`, `*` or `@` in it needs quotes"
        builder.problem(place, f"this is no YAML: {said}", step)
        root = None
    return root, builder.problems


def _code(character: Any) -> int:
    return character if isinstance(character, int) else ord(character)


class _Stop(Exception):
    """The rest of the document is not worth reading."""


@dataclass(frozen=True, slots=True)
class _Built:
    value: Value
    size: int  # values in it
    height: int  # of the tree below and with it


class _Builder:
    """One pass over the events of a document."""

    def __init__(self, file: str, text: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._lines = text.splitlines()
        self._anchors: dict[str, _Built | None] = {}  # None: still being built
        self._size = 0

    def problem(self, place: Place, what: str, next_step: str) -> None:
        self.problems.append(Problem("LF-2002", place, what, next_step))

    def document(self, events: Iterator[Any]) -> Value | None:
        root: Value | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._refuse(event, "a second document begins", "keep one document in a file")
                root = self._node(next(events), events, 1).value
        return root

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> _Built:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        self._grown(event, 1, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            built = _Built(self._scalar(event), 1, 1)
        elif isinstance(event, yaml.SequenceStartEvent):
            built = self._list(event, events, depth)
        else:
            built = self._map(event, events, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = built
        return built

    def _alias(self, event: Any, depth: int) -> _Built:
        if event.anchor not in self._anchors:
            self._refuse(event, f"no anchor `&{event.anchor}` comes before", "define it above")
        built = self._anchors[event.anchor]
        if built is None:
            self._refuse(event, f"`*{event.anchor}` stands within itself", "write it out")
            raise AssertionError
        self._grown(event, built.size, depth + built.height - 1)
        return built

    def _grown(self, event: Any, by: int, depth: int) -> None:
        self._size += by
        if self._size > MAX_VALUES:
            said = f"more than {MAX_VALUES:,} values, each alias counted as what it stands for"
            self._refuse(event, said, "use fewer aliases, or families")
        if depth > MAX_DEPTH:
            self._refuse(event, f"nested deeper than {MAX_DEPTH}", "nest less")

    def _list(self, event: Any, events: Iterator[Any], depth: int) -> _Built:
        self._tag(event, _COLLECTION_TAGS)
        built: list[_Built] = []
        while not isinstance(item := next(events), yaml.SequenceEndEvent):
            built.append(self._node(item, events, depth + 1))
        value = Value("list", self._place(event), items=tuple(one.value for one in built))
        return _whole(value, built)

    def _map(self, event: Any, events: Iterator[Any], depth: int) -> _Built:
        self._tag(event, _COLLECTION_TAGS)
        built: list[_Built] = []
        entries: dict[str, Entry] = {}
        while not isinstance(key := next(events), yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent):
                self._refuse(key, "a key is no text", "write a name before the colon")
            place = self._place(key)
            inner = self._node(next(events), events, depth + 1)
            built.append(inner)
            self._key(key, place, entries)
            entries.setdefault(key.value, Entry(place, inner.value))
        return _whole(Value("map", self._place(event), entries=entries), built)

    def _key(self, event: Any, place: Place, before: dict[str, Entry]) -> None:
        self._tag(event, _PLAIN_TAGS)
        if event.value in before:
            first = before[event.value].place.line
            what = f"`{event.value}` stands here a second time; first in line {first}"
            self.problem(place, what, "keep one of them")
        elif event.value == "<<" and event.implicit[0]:
            self.problem(place, "maps are not merged by `<<`", "write the keys out")

    def _scalar(self, event: Any) -> Value:
        self._tag(event, _PLAIN_TAGS)
        kind = kind_of(event.value) if event.implicit[0] and event.tag is None else "text"
        return Value(kind, self._place(event), text=event.value)

    def _tag(self, event: Any, allowed: tuple[str, ...]) -> None:
        if event.tag is not None and event.tag not in allowed:
            place = self._place(event)
            self.problem(place, f"tags such as `{event.tag}` are not allowed", "remove the tag")

    def _place(self, event: Any) -> Place:
        start, end = event.start_mark, event.end_mark
        line = self._lines[start.line] if start.line < len(self._lines) else ""
        last = end.column if end.line == start.line else len(line)
        return Place(self._file, start.line + 1, start.column + 1, max(1, last - start.column))

    def _refuse(self, event: Any, what: str, next_step: str) -> None:
        self.problem(self._place(event), what, next_step)
        raise _Stop


def kind_of(plain: str) -> str:
    """What a plain scalar is: both versions of YAML agree, or it is 'ambiguous'."""
    for kind, pattern in (
        ("null", _NULL),
        ("boolean", _BOOLEAN),
        ("integer", _INTEGER),
        ("number", _NUMBER),
        ("ambiguous", _AMBIGUOUS),
    ):
        if pattern.fullmatch(plain):
            return kind
    return "text"


def _whole(value: Value, parts: list[_Built]) -> _Built:
    size = 1 + sum(one.size for one in parts)
    return _Built(value, size, 1 + max((one.height for one in parts), default=0))
