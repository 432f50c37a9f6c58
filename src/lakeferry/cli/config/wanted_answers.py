"""What holds for one source or table, and where each value comes from. Pure."""

from collections.abc import Iterator

from lakeferry.cli.config.manifest_answers import url_shown
from lakeferry.config.check import nearest
from lakeferry.config.manifest import Manifest
from lakeferry.config.migration_shape import SOURCE
from lakeferry.config.tree import Value, leaves
from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.table_names import DEFAULT, name_of_path
from lakeferry.fleet.manifest.inheritance import source_tree, table_tree
from lakeferry.fleet.manifest.landing import Name, catalog_schema, catalog_word
from lakeferry.fleet.manifest.pattern import Pattern
from lakeferry.fleet.manifest.wanted import Migration, Source
from lakeferry.fleet.manifest.wanted_values import migration_of

Row = tuple[str, str, str]  # key, value, where it was written
_OF_MANY = ("use", "with", "tables")  # what is already in the values


def wanted_rows(manifest: Manifest, name: str) -> list[Row]:
    """What a manifest wants of `source` or `source.schema.table`.

    Raises:
        FerryError: LF-2107 where there is no such source.
    """
    source, _, below = name.partition(".")
    found = migration_of(manifest)
    if source not in found.sources:
        raise FerryError(
            "LF-2107", f"there is no source `{source}`",
            f"{len(found.sources)} sources are in {manifest.file}",
            nearest(source, found.sources) if found.sources else "add it to `sources`",
        )  # fmt: skip
    if not below:
        tree = source_tree(manifest.layers, source)
        return [*_said(tree), *_of_target(manifest, tree), *_defaults(tree, found.sources[source])]
    schema, table, path = _parts(below)
    tree = table_tree(manifest.layers, source, schema, table, path)
    rows = [*_said(tree), *_of_target(manifest, tree), *_defaults(tree, found.sources[source])]
    return [*rows, *_landing(manifest, found, found.sources[source], (schema, table, path))]


def _parts(below: str) -> tuple[str, str, str]:
    """Schema, table, path of `schema.table`, of a table alone, of a path."""
    if "/" in below:
        return (*name_of_path(below), below.strip("/"))
    schema, dot, table = below.partition(".")
    return (schema, table, "") if dot else (DEFAULT, schema, "")


def _said(tree: Value) -> Iterator[Row]:
    keys = list(SOURCE.fields)
    for key, entry in sorted(tree.entries.items(), key=lambda one: keys.index(one[0])):
        if key not in _OF_MANY:
            for path, leaf in leaves(entry.value, (key,)):
                yield ".".join(path), url_shown(leaf.text), str(leaf.place)


def _of_target(manifest: Manifest, tree: Value) -> Iterator[Row]:
    """What the target says of all tables that nothing else says."""
    value = manifest.root.get("target", "storage_class")
    if value is not None and tree.get("storage_class") is None:
        yield "storage_class", value.text, str(value.place)
    encryption = manifest.root.get("target", "encryption")
    for path, leaf in leaves(encryption, ("encryption",)) if encryption is not None else ():
        yield ".".join(path), leaf.text, str(leaf.place)


def _defaults(tree: Value, source: Source) -> Iterator[Row]:
    if tree.get("kind") is None:
        root = tree.get("root") or tree.get("from", "catalog")
        yield "kind", source.kind, f"as {root.place} says" if root is not None else "default"
    for key, field in SOURCE.fields.items():
        if field.default and key not in ("kind", *_OF_MANY) and tree.get(key) is None:
            yield key, source.path if key == "path" else field.default, "default"


def _scope(tree: Value, source: Source, name: tuple[str, str, str]) -> Row:
    """Whether the table is in scope, and the pattern that leaves it out."""
    if source.is_in_scope(*name):
        return "(in scope)", "yes", ""
    exclude, include = tree.get("exclude"), tree.get("include")
    for one in exclude.items if exclude is not None else ():
        if Pattern(one.text).fits(*name):
            return "(in scope)", "no", str(one.place)
    return "(in scope)", "no", str(include.place) if include is not None else ""


def _landing(
    manifest: Manifest, found: Migration, source: Source, name: tuple[str, str, str]
) -> Iterator[Row]:
    schema, table, path = name
    layout = source_tree(manifest.layers, source.name).get("layout")
    layout = layout or manifest.root.get("target", "layout")
    where = str(layout.place) if layout is not None else "default"
    yield _scope(source_tree(manifest.layers, source.name), source, name)
    if found.target.root:
        yield "(lands at)", found.landing(source, schema, table, path=path), where
    catalog = found.target.catalog
    if catalog is not None:
        wave = source.options_of(schema, table, path).wave
        known = Name(source.name, schema, table, kind=source.kind, wave=wave)
        words = (catalog.catalog, catalog_schema(catalog.schema, known), catalog_word(table))
        at = manifest.root.get("target", "catalog", "schema")
        at = at or manifest.root.get("target", "catalog")
        yield "(registered as)", ".".join(filter(None, words)), str(at.place) if at else "default"
