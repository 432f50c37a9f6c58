"""What of a migration's manifest no shape can say: names that exist, places that differ. Pure."""

from collections.abc import Iterator, Mapping

from lakeferry.config.check import nearest
from lakeferry.config.leaf_values import entries_at, integer_at, text_at
from lakeferry.config.manifest import Manifest
from lakeferry.config.problems import Problem
from lakeferry.config.tree import Place, Value, leaves
from lakeferry.fleet.manifest.encryption_problems import encryption_problems
from lakeferry.fleet.manifest.inheritance import BRACE, levels, source_tree, words_of
from lakeferry.fleet.manifest.landing_problems import landing_problems
from lakeferry.fleet.manifest.link_problems import link_problems, wrong_link
from lakeferry.fleet.manifest.links import LINK_OF
from lakeferry.fleet.manifest.lock_problems import lock_problems
from lakeferry.fleet.manifest.time_problems import wave_problems, window_problems
from lakeferry.fleet.manifest.wanted_values import CATALOG_KINDS, kind_of, kind_of_root

_OF_TABLES = ("target", "defaults", "families", "sources")
NEEDED = {
    "name": "`name:` of the migration; part of every name that is made",
    "target": "`target: {root: s3://bucket/prefix}`",
    "sources": "`sources:`, each with a `root` or a family in `use`",
}


def wanted_problems(manifest: Manifest) -> list[Problem]:
    """Every fault of connections, target, sources, waves and limits, with its place."""
    return [
        *link_problems(manifest),
        *_target(manifest.root),
        *encryption_problems(manifest.root),
        *lock_problems(manifest.root),
        *_families(manifest.root),
        *_sources(manifest),
        *landing_problems(manifest),
        *wave_problems(manifest.root),
        *window_problems(manifest.root),
    ]


def missing_problems(manifest: Manifest) -> list[Problem]:
    """What a command that moves tables needs and the manifest does not say."""
    start = Place(manifest.file, 1, 1)
    return [
        Problem("LF-2001", start, f"{key} is missing", f"add {step}")
        for key, step in NEEDED.items()
        if key not in manifest.root.entries or _is_empty(manifest.root, key)
    ]


def _is_empty(root: Value, key: str) -> bool:
    found = root.get(key)
    return found is not None and found.kind == "map" and not found.entries


def _target(root: Value) -> Iterator[Problem]:
    at = text_at(root, "target", "root")
    if at is None or kind_of_root(at) in ("s3", None):
        return
    step = "remove it; set the access tier of the account or bucket there"
    for path, value in leaves(root):
        if path[0] in _OF_TABLES and path[-1] == "storage_class" and path[-2] != "tags":
            what = f"{'.'.join(path)}: only buckets of S3 have storage classes"
            yield Problem("LF-2001", value.place, what, step)


def _families(root: Value) -> Iterator[Problem]:
    for name, family in entries_at(root, "families").items():
        used = family.get("use")
        if used is not None:
            what = f"families.{name}.use: a family has no family"
            yield Problem("LF-2001", used.place, what, "say in it what it shares")


# ---- sources


def _sources(manifest: Manifest) -> Iterator[Problem]:
    families = entries_at(manifest.root, "families")
    waves = entries_at(manifest.root, "waves")
    entries = manifest.root.get("sources")
    for name, entry in (entries.entries if entries is not None else {}).items():
        used = entry.value.get("use")
        if used is not None and used.text not in families:
            what = f"sources.{name}.use: there is no family `{used.text}`"
            step = nearest(used.text, families) if families else "add it to `families`"
            yield Problem("LF-2001", used.place, what, step)
            continue
        tree = source_tree(manifest.layers, name)
        yield from _place(name, tree, entry.place)
        yield from _braces(manifest, name, tree)
        yield from _links(manifest.root, name, tree)
        yield from _names_from(manifest.root, name, tree)
        yield from _waves(manifest, name, waves)


def _place(name: str, tree: Value, at: Place) -> Iterator[Problem]:
    root, kind = tree.get("root"), tree.get("kind")
    is_catalog = kind_of(tree) in CATALOG_KINDS
    if root is None and not is_catalog:
        step = "add `root: ADDRESS`, or `use:` with one of `families`"
        yield Problem("LF-2001", at, f"sources.{name}.root is missing", step)
        return
    if root is None or root.text.startswith("${"):
        if kind is None and not is_catalog:
            step = "add `kind:`, for the address is not known yet"
            yield Problem("LF-2001", at, f"sources.{name}.kind is missing", step)
        return
    found = kind_of_root(root.text)
    if found is None:
        what = f"sources.{name}.root: `{root.text}` is no address of a store"
        step = "begin it with abfss://, s3://, gs://, hdfs://, file: or /"
        yield Problem("LF-2104", root.place, what, step)
    elif kind is not None and kind.text not in (found, *CATALOG_KINDS):
        what = f"sources.{name}.kind: `{kind.text}`, where the address is one of {found}"
        yield Problem("LF-2001", kind.place, what, f"write `{found}`, or leave it out")


def _braces(manifest: Manifest, name: str, tree: Value) -> Iterator[Problem]:
    """Braces without a word, and words without a brace."""
    words = words_of(manifest.layers, name)
    for path in (("root",), ("connection",), ("from", "name"), ("from", "uri")):
        value = tree.get(*path)
        for brace in BRACE.finditer(value.text if value is not None else ""):
            given = manifest.root.get("sources", name)
            at = given.place if given is not None else tree.place
            what = f"sources.{name}.{'.'.join(path)}: nothing stands for `{{{brace[1]}}}`"
            others = [word for word in words if word != "name"]
            near = nearest(brace[1], others) if others else ""
            step = f"add `with: {{{brace[1]}: ...}}`"
            if near.startswith("did"):
                step = f"{near} If so, name it alike in `with`"
            yield Problem("LF-2001", at, what, step)
    used = _used_braces(manifest, name)
    for word, entry in _with(manifest, name).items():
        if word not in used and word != "name":
            what = f"sources.{name}.with.{word}: no brace of its family is `{{{word}}}`"
            step = nearest(word, used) if used else "remove it"
            yield Problem("LF-2001", entry, what, step)


def _used_braces(manifest: Manifest, name: str) -> set[str]:
    texts = [
        value.text
        for level, pattern in levels(manifest.layers, name)
        if pattern is None
        for path in (("root",), ("connection",), ("from", "name"), ("from", "uri"),
                     ("from", "connection"), ("from", "warehouse"))
        if (value := level.get(*path)) is not None
    ]  # fmt: skip
    return {brace[1] for text in texts for brace in BRACE.finditer(text)} - {"name"}


def _with(manifest: Manifest, name: str) -> Mapping[str, Place]:
    """The words that the source itself gives, with the places of their keys."""
    given = manifest.root.get("sources", name, "with")
    return {key: one.place for key, one in (given.entries if given is not None else {}).items()}


def _links(root: Value, name: str, tree: Value) -> Iterator[Problem]:
    kind = kind_of(tree)
    link = tree.get("connection")
    if link is not None:
        # The tables of a catalog may lie at any store, so any connection may be theirs.
        wanted = LINK_OF.get(kind or "") if kind not in CATALOG_KINDS else None
        yield from wrong_link(root, link, f"sources.{name}.connection", wanted)


def _names_from(root: Value, name: str, tree: Value) -> Iterator[Problem]:
    given = tree.get("from")
    catalog = text_at(tree, "from", "catalog")
    if catalog is None:
        kind = kind_of(tree)
        catalog = kind if kind in CATALOG_KINDS else "paths"
    at = f"sources.{name}.from"
    link = tree.get("from", "connection")
    uri = text_at(tree, "from", "uri")
    if given is None:
        if catalog == "hive":
            yield from _no_metastore(root, name)
        return
    if catalog == "paths":
        for key in ("connection", "name", "uri", "warehouse", "mounts"):
            value = given.get(key)
            if value is not None:
                what = f"{at}.{key}: paths need none"
                yield Problem("LF-2001", value.place, what, "add `catalog:`, or remove it")
        return
    if link is not None:
        of_hive = "hdfs" if uri is not None else "databricks"  # a cluster's, or a workspace's
        wanted = of_hive if catalog == "hive" else LINK_OF[catalog]
        yield from wrong_link(root, link, f"{at}.connection", wanted)
    if catalog == "hive" and uri is None and (link is None or given.get("warehouse") is None):
        what = f"{at}: a hive metastore has an address"
        step = (
            "add `uri: thrift://host:9083`; or, of a Databricks workspace, `connection:` and "
            "`warehouse:`"
        )
        yield Problem("LF-2001", given.place, what, step)
    if catalog == "unity" and link is None and uri is None and tree.get("connection") is None:
        step = "add `connection:` of kind databricks, or `uri:`"
        yield Problem("LF-2001", given.place, f"{at}: nobody says which workspace", step)


def _no_metastore(root: Value, name: str) -> Iterator[Problem]:
    at = root.get("sources", name)
    if at is not None:
        step = "add `from: {catalog: hive, uri: thrift://host:9083}`"
        yield Problem("LF-2001", at.place, f"sources.{name}: a hive metastore has an address", step)


def _waves(manifest: Manifest, name: str, waves: Mapping[str, Value]) -> Iterator[Problem]:
    """Waves that sources name, where any are written."""
    seen = set()
    for level, _ in levels(manifest.layers, name):
        value, number = level.get("wave"), integer_at(level, "wave")
        if not waves or value is None or str(number) in waves or value.place in seen:
            continue
        seen.add(value.place)
        what = f"sources.{name}.wave: there is no wave {number}"
        step = f"known: {', '.join(waves)}; or add `{number}: {{}}` to `waves`"
        yield Problem("LF-2001", value.place, what, step)
