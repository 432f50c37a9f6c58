"""Profiles, `--set` and flags over a document: maps are merged, all else is replaced."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lakeferry.config.problems import Problem
from lakeferry.config.tree import Entry, Place, Value
from lakeferry.config.yaml_text import read_yaml

SET = "--set"
_KEY = re.compile(r'(?:^|\.)(?:"([^"]+)"(?=\.|$)|([^.]*))')


def merged(under: Value, over: Value) -> Value:
    """`over` laid upon `under`. Of two maps the keys are joined, key by key."""
    if under.kind != "map" or over.kind != "map":
        return over
    entries = dict(under.entries)
    for key, entry in over.entries.items():
        before = under.entries.get(key)
        value = entry.value if before is None else merged(before.value, entry.value)
        entries[key] = Entry(entry.place, value)
    return Value("map", under.place, entries=entries)


def profile_of(root: Value, name: str) -> tuple[Value, list[Problem]]:
    """One of the document's profiles; an empty map and what is wrong where there is none."""
    overlay = root.get("profiles", name)
    if overlay is None:
        known = root.get("profiles")
        listed = ", ".join(known.entries) if known is not None else ""
        step = f"known: {listed}" if listed else "it has no profiles; for AWS's: --aws-profile"
        what = f"there is no profile `{name}`"
        place = known.place if known else root.place
        return Value("map", root.place), [Problem("LF-2001", place, what, step)]
    return overlay, []


def with_sets(root: Value, sets: Sequence[str]) -> tuple[Value, list[Problem]]:
    """The document with each `path=value` of the command line in it.

    A value is read as YAML, so `[a, b]` is a list; a key with a dot in it stands in quotes:
    `sources.sales.tables."geo.*".verify=rows`. Its place is in the text that `sets_text`
    gives: line n is the n-th `--set`.
    """
    problems: list[Problem] = []
    for number, one in enumerate(sets, start=1):
        path, equals, text = one.partition("=")
        place = Place(SET, number, 1, max(1, len(path)))
        keys = [quoted or plain for quoted, plain in _KEY.findall(path)]
        if not equals or not all(keys):
            step = "write --set path=value, such as --set network.vpc=vpc-0a1b"
            problems.append(Problem("LF-2001", place, f"`{path}` is no path=value", step))
            continue
        blanks = "\n" * (number - 1) + " " * (len(path) + 1)  # so that places come out right
        value, wrong = read_yaml(blanks + text, SET)
        problems += wrong
        if value is not None:
            root = merged(root, _nested(keys, value, place))
    return root, problems


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of the command line that says what a key of the manifest could say."""

    name: str  # '--vpc'
    path: tuple[str, ...]  # ('network', 'vpc')
    given: str | int | tuple[str, ...] | Mapping[str, str]


def with_flags(root: Value, flags: Sequence[Flag]) -> Value:
    """The document with flags in it; their places are their names."""
    for flag in flags:
        value = _value(flag.given, Place(flag.name, 0, 1))
        root = merged(root, _nested(flag.path, value, value.place))
    return root


def without(root: Value, *paths: tuple[str, ...]) -> Value:
    """The document without what these paths lead to."""
    for first, *rest in paths:
        entry = root.entries.get(first)
        if entry is None:
            continue
        entries = {key: one for key, one in root.entries.items() if key != first}
        if rest:
            entries[first] = Entry(entry.place, without(entry.value, tuple(rest)))
        root = Value("map", root.place, entries=entries)
    return root


def _value(given: str | int | tuple[str, ...] | Mapping[str, str], place: Place) -> Value:
    if isinstance(given, Mapping):
        entries = {key: Entry(place, _value(one, place)) for key, one in given.items()}
        return Value("map", place, entries=entries)
    if isinstance(given, tuple):
        return Value("list", place, items=tuple(_value(one, place) for one in given))
    if isinstance(given, bool):
        return Value("boolean", place, text=str(given).lower())
    kind = "integer" if isinstance(given, int) else "text"
    return Value(kind, place, text=str(given))


def sets_text(sets: Iterable[str]) -> str:
    return "\n".join(sets)


def _nested(keys: Sequence[str], value: Value, place: Place) -> Value:
    for key in reversed(keys):
        value = Value("map", place, entries={key: Entry(place, value)})
    return value
