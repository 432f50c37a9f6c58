"""Profiles and `--set` over a document: maps are merged, all else is replaced, places are kept."""

from collections.abc import Iterable, Sequence

from lakeferry.config.problems import Problem
from lakeferry.config.tree import Entry, Place, Value
from lakeferry.config.yaml_text import read_yaml

SET = "--set"


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


def with_profile(root: Value, name: str) -> tuple[Value, list[Problem]]:
    """The document with one of its profiles laid upon it."""
    overlay = root.get("profiles", name)
    if overlay is None:
        known = root.get("profiles")
        listed = ", ".join(known.entries) if known is not None else ""
        step = f"known: {listed}" if listed else "it has no profiles; for AWS's: --aws-profile"
        what = f"there is no profile `{name}`"
        return root, [Problem("LF-2001", known.place if known else root.place, what, step)]
    return merged(root, overlay), []


def with_sets(root: Value, sets: Sequence[str]) -> tuple[Value, list[Problem]]:
    """The document with each `path=value` of the command line in it.

    A value is read as YAML, so `[a, b]` is a list. Its place is in the text that `sets_text`
    gives: line n is the n-th `--set`.
    """
    problems: list[Problem] = []
    for number, one in enumerate(sets, start=1):
        path, equals, text = one.partition("=")
        place = Place(SET, number, 1, max(1, len(path)))
        keys = path.split(".")
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


def sets_text(sets: Iterable[str]) -> str:
    return "\n".join(sets)


def _nested(keys: Sequence[str], value: Value, place: Place) -> Value:
    for key in reversed(keys):
        value = Value("map", place, entries={key: Entry(place, value)})
    return value
