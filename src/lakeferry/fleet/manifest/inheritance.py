"""What holds for a source or a table: each level laid upon the one below, origins kept. Pure.

Order of meaning: defaults < family < source < `tables.GLOB`, and all of that < the same of the
profile < the same of `--set` < a command's flags. So `--set defaults.verify=rows` is above what any
source says. Maps are joined key by key, all else is replaced; every value keeps its place.
"""

import re
from collections.abc import Iterator, Mapping

from lakeferry.config.overlay import merged, without
from lakeferry.config.tree import Entry, Value
from lakeferry.fleet.manifest.pattern import Pattern

# What a family says for many sources, so braces in it are filled for each.
FILLED = ("root", "connection", "from")
BRACE = re.compile(r"(?<!\$)\{([A-Za-z0-9_-]*)\}")  # `${env:X}` is a reference


def family_of(layers: tuple[Value, ...], source: str) -> str | None:
    """The family that a source uses, as the highest layer says; None: none."""
    for layer in reversed(layers):
        used = layer.get("sources", source, "use")
        if used is not None:
            return used.text
    return None


def words_of(layers: tuple[Value, ...], source: str) -> Mapping[str, str]:
    """What stands for each brace of a source: `name`, and the words of `with`."""
    given = _folded(level for level, pattern in levels(layers, source) if pattern is None)
    found = given.get("with") if given is not None else None
    entries = found.entries if found is not None else {}
    return {"name": source, **{key: entry.value.text for key, entry in entries.items()}}


def levels(layers: tuple[Value, ...], source: str) -> Iterator[tuple[Value, Pattern | None]]:
    """Every level that says something of a source, lowest first; with a pattern: of its tables."""
    family = family_of(layers, source)
    for layer in layers:
        of_family = layer.get("families", family) if family is not None else None
        of_source = layer.get("sources", source)
        for level in (layer.get("defaults"), of_family, of_source):
            if level is not None:
                yield without(level, ("tables",)), None
        for level in (of_family, of_source):
            tables = level.get("tables") if level is not None else None
            for glob, entry in (tables.entries if tables is not None else {}).items():
                yield entry.value, Pattern(glob)


def source_tree(layers: tuple[Value, ...], source: str) -> Value:
    """What holds for a source; what its `tables` say apart. Braces are filled.

    Args:
        layers: the file, the profile, `--set`, the flags: each a document of its own.
        source: a key of `sources`.
    """
    found = _folded(level for level, pattern in levels(layers, source) if pattern is None)
    return _filled_tree(found, words_of(layers, source), layers[0])


def table_tree(
    layers: tuple[Value, ...], source: str, schema: str, table: str, path: str = ""
) -> Value:
    """What holds for one table of a source."""
    found = _folded(
        level
        for level, pattern in levels(layers, source)
        if pattern is None or pattern.fits(schema, table, path)
    )
    return _filled_tree(found, words_of(layers, source), layers[0])


def filled(text: str, words: Mapping[str, str]) -> str:
    """The text with the words in their braces; braces that no word is known for stay."""
    return BRACE.sub(lambda brace: words.get(brace[1], brace[0]), text)


def _folded(found: Iterator[Value]) -> Value | None:
    total: Value | None = None
    for one in found:
        total = one if total is None else merged(total, one)
    return total


def _filled_tree(found: Value | None, words: Mapping[str, str], at: Value) -> Value:
    if found is None:
        return Value("map", at.place)
    entries = {
        key: Entry(entry.place, _filled(entry.value, words)) if key in FILLED else entry
        for key, entry in found.entries.items()
        if key not in ("use", "with")
    }
    return Value("map", found.place, entries=entries)


def _filled(value: Value, words: Mapping[str, str]) -> Value:
    if value.kind == "map":
        entries = {
            key: Entry(entry.place, _filled(entry.value, words))
            for key, entry in value.entries.items()
        }
        return Value("map", value.place, entries=entries)
    if value.kind == "text":
        return Value("text", value.place, text=filled(value.text, words))
    return value
