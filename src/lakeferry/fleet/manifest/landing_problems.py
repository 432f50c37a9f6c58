"""Layouts that would land two tables in one place, and names that no catalog takes. Pure."""

from collections.abc import Iterator

from lakeferry.config.check import nearest
from lakeferry.config.leaf_values import entries_at, text_at
from lakeferry.config.manifest import Manifest
from lakeferry.config.problems import Problem
from lakeferry.config.references import references
from lakeferry.config.tree import Place, Value
from lakeferry.fleet.manifest.inheritance import source_tree
from lakeferry.fleet.manifest.landing import (
    CATALOG_FIELDS,
    FIELD,
    FIELDS,
    catalog_word,
    is_legal,
    skeleton,
)
from lakeferry.fleet.manifest.wanted import CATALOG_SCHEMA, LAYOUT
from lakeferry.fleet.manifest.wanted_values import kind_of


def landing_problems(manifest: Manifest) -> Iterator[Problem]:
    """Every fault of `layout` and of the names in `target.catalog`."""
    wrong = [*_layouts(manifest)]
    yield from wrong
    if not wrong:
        yield from _same_place(manifest)
    yield from _catalog(manifest)


def _layouts(manifest: Manifest) -> Iterator[Problem]:
    places: list[tuple[str, ...]] = [("target", "layout")]
    places += [("families", name, "layout") for name in entries_at(manifest.root, "families")]
    places += [("sources", name, "layout") for name in entries_at(manifest.root, "sources")]
    for path in places:
        value = manifest.root.get(*path)
        if value is not None:
            yield from _layout(value, ".".join(path), FIELDS)
            named = {field[1] for field in FIELD.finditer(value.text)}
            if not named & {"table", "path"}:
                what = f"{'.'.join(path)}: all tables of a source would land in one place"
                yield Problem("LF-2001", value.place, what, "add {table}, or {path}")


def _layout(value: Value, at: str, known: tuple[str, ...]) -> Iterator[Problem]:
    """Fields that there are not, and segments that lead out."""
    for field in FIELD.finditer(value.text):
        if field[1] not in known:
            what = f"{at}: `{{{field[1]}}}` is not known here"
            step = "write {source}" if field[1] == "name" else nearest(field[1], known)
            yield Problem("LF-2001", value.place, what, step)
    if any(part in (".", "..") for part in value.text.split("/")):
        what = f"{at}: `{value.text}` leads out of the target"
        yield Problem("LF-2001", value.place, what, "leave out `.` and `..`")


def _same_place(manifest: Manifest) -> Iterator[Problem]:
    """Two sources that could land a table in the same place, whatever the case of its letters."""
    taken: dict[str, str] = {}
    entries = manifest.root.get("sources")
    for name, entry in (entries.entries if entries is not None else {}).items():
        tree = source_tree(manifest.layers, name)
        own = tree.get("layout")
        layout = own or manifest.root.get("target", "layout")
        text = layout.text if layout is not None else LAYOUT
        kind, wave = kind_of(tree) or "", int(text_at(tree, "wave") or "1")
        place = skeleton(text, source=name, kind=kind, wave=wave)
        if place in taken:
            what = f"sources.{name} would land where sources.{taken[place]} does: `{place}`"
            step = "let the layout of one tell them apart, such as {source}/{schema}/{table}"
            at = own.place if own is not None else entry.place
            yield Problem("LF-2001", at, what, step)
        taken.setdefault(place, name)


# ---- names in a catalog


def _catalog(manifest: Manifest) -> Iterator[Problem]:
    root = manifest.root
    kind = text_at(root, "target", "catalog", "kind")
    if kind in (None, "none"):
        return
    catalog, schema = root.get("target", "catalog", "catalog"), root.get("target", "catalog",
                                                                         "schema")  # fmt: skip
    if (
        catalog is not None
        and not references(catalog.text)
        and not is_legal(kind or "", catalog.text)
    ):
        what = f"target.catalog.catalog: `{catalog.text}` is no name in {kind}"
        step = f"write `{catalog_word(catalog.text)}`"
        yield Problem("LF-2001", catalog.place, what, step)
    text = CATALOG_SCHEMA
    if schema is not None:
        wrong = [*_layout(schema, "target.catalog.schema", CATALOG_FIELDS)]
        yield from wrong
        if wrong:
            return
        text = schema.text
    fixed = FIELD.sub("x", text)
    if schema is not None and not is_legal(kind or "", catalog_word(fixed)):
        what = f"target.catalog.schema: `{text}` makes no name in {kind}"
        yield Problem("LF-2001", schema.place, what, "write letters, digits, `_` and fields")
        return
    yield from _same_name(manifest, text)


def _same_name(manifest: Manifest, layout: str) -> Iterator[Problem]:
    """Two sources whose names are one in the catalog, which knows no `-` and no capitals."""
    taken: dict[str, tuple[str, Place]] = {}
    entries = manifest.root.get("sources")
    for name, entry in (entries.entries if entries is not None else {}).items():
        if "{source}" not in layout:
            return  # schemas of several sources may join; their tables are compared when known
        word = catalog_word(name)
        if word in taken:
            what = f"sources.{name} is `{word}` in the catalog, and so is sources.{taken[word][0]}"
            yield Problem("LF-2001", entry.place, what, "give one of them another key")
        taken.setdefault(word, (name, entry.place))
