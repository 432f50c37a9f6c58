"""What `config init` is made from: a discovery, and the manifest under which it was made."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import orjson

from lakeferry.cli.config.discovered_manifest import Basis
from lakeferry.cli.config.flow_yaml import flow
from lakeferry.cli.config.new_manifest import NewManifest, link_name
from lakeferry.cli.manifest_flags import ManifestFlags, read
from lakeferry.config.manifest import Manifest
from lakeferry.config.overlay import without
from lakeferry.config.tree import Value
from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.discovered import Discovered, of_body, of_lines
from lakeferry.fleet.manifest.inheritance import levels, source_tree
from lakeferry.fleet.manifest.proposed_families import ProposedSource
from lakeferry.fleet.manifest.wanted_values import LEDGER, kind_of, kind_of_root
from lakeferry.ledger import read as ledger_read
from lakeferry.ledger.open import reading

_LEDGER = b"SQLite format 3\0"
_MANIFESTS = (".yaml", ".yml", ".toml")
_STOPS = ("blocked", "drifted", "failed")
_PROPOSED = ("sources", "families", "waves", "version", "name")
_OF_PROPOSAL = ("root", "wave")


def basis_of(file: str, chosen: ManifestFlags, new: NewManifest) -> Basis:
    """What is known.

    Args:
        file: a ledger, JSON lines of a discovery (`-`: stdin), or the manifest it was made under.
        chosen: that manifest, where a flag names it or one lies here.
        new: what flags say; they win over the manifest. Its name is '' where none does.

    Raises:
        FerryError: LF-2004 for what is no discovery; LF-8007 no ledger, or nothing was found.
        ExceptionGroup: what is wrong with the manifest.
    """
    if file.endswith(_MANIFESTS):
        chosen = ManifestFlags(file, chosen.profile, chosen.set)
    manifest = read(chosen, is_of_tables=True).manifest if chosen.path() is not None else None
    if manifest is not None and file.endswith(_MANIFESTS):
        file = _ledger_of(manifest)
    found = tuple(sorted(set(_found(file)), key=lambda one: (one.source, one.name, one.url)))
    if not found:
        raise FerryError(
            "LF-8007", "nothing was discovered yet", file, "look first: `lakeferry discover`"
        )
    names = sorted({one.source for one in found})
    if manifest is None or not set(names) <= _sources_of(manifest):
        return _from_addresses(found, names, new)
    return _from_manifest(found, names, new, manifest)


def _found(file: str) -> Iterator[Discovered]:
    if file == "-":
        import sys

        yield from of_lines(sys.stdin.buffer, "stdin")
        return
    path = Path(file)
    try:
        with path.open("rb") as stream:
            if stream.read(len(_LEDGER)) != _LEDGER:
                stream.seek(0)
                yield from of_lines(stream, file)
                return
    except FileNotFoundError as error:
        raise FerryError(
            "LF-8007", "there is no discovery", f"no file {file}",
            "look first: `lakeferry discover`",
        ) from error  # fmt: skip
    except OSError as error:
        raise FerryError(
            "LF-2004", "the discovery cannot be read", f"{file}: {error.strerror}",
            "name a file that you may read",
        ) from error  # fmt: skip
    with reading(path) as db:
        codes = {one.target_url: one.code for one in ledger_read.tables(db) if one.state in _STOPS}
        for row in ledger_read.inventory(db):
            found = of_body(orjson.loads(row.body), f"{file}: {row.name}")
            # A plan may know more than the discovery, such as files in an archive.
            yield replace(found, blocker=found.blocker or codes.get(row.target_url or "", ""))


def _ledger_of(manifest: Manifest) -> str:
    said = manifest.root.get("ledger")
    return str(Path(manifest.file).parent / (said.text if said is not None else LEDGER))


def _sources_of(manifest: Manifest) -> set[str]:
    found = manifest.root.get("sources")
    return set(found.entries) if found is not None else set()


# ---- with the manifest under which it was made


def _from_manifest(
    found: Sequence[Discovered], names: Sequence[str], new: NewManifest, manifest: Manifest
) -> Basis:
    """Sources in the manifest's order, those too in which nothing was found."""
    root, layers = manifest.root, (without(manifest.root, ("defaults",)),)
    given = root.get("name")
    kept = {key: one.value for key, one in root.entries.items() if key not in _PROPOSED}
    if new.target is not None:
        kept.pop("target", None)
    trees = {name: source_tree(layers, name) for name in _order(manifest, names)}
    added = {name: one for name, one in new.sources.items() if name not in trees}
    kinds = {name: kind_of(tree) for name, tree in trees.items()}
    kinds |= {name: kind_of_root(address) for name, address in added.items()}
    return Basis(
        replace(new, name=new.name or (given.text if given is not None else ""), sources=added),
        [
            *(_source(name, tree, layers) for name, tree in trees.items()),
            *(ProposedSource(name, address) for name, address in added.items()),
        ],
        found,
        is_known=True,
        kept=kept,
        kind_of={name: kind or "local" for name, kind in kinds.items()},
    )


def _order(manifest: Manifest, names: Sequence[str]) -> list[str]:
    sources = manifest.root.get("sources")
    return list(sources.entries) if sources is not None else list(names)


def _root_of(tree: Value) -> str | None:
    root = tree.get("root")
    return None if root is None else root.text


def _source(name: str, tree: Value, layers: tuple[Value, ...]) -> ProposedSource:
    tables: dict[str, dict[str, str]] = {}
    for level, pattern in levels(layers, name):
        if pattern is not None:
            said = {key: flow(one.value) for key, one in level.entries.items() if key != "wave"}
            tables[pattern.text] = {**tables.get(pattern.text, {}), **said}
    return ProposedSource(
        name,
        _root_of(tree),
        {key: flow(one.value) for key, one in tree.entries.items() if key not in _OF_PROPOSAL},
        {glob: said for glob, said in tables.items() if said},
    )


# ---- from nothing but addresses


def _from_addresses(found: Sequence[Discovered], names: Sequence[str], new: NewManifest) -> Basis:
    roots = {name: _common([one for one in found if one.source == name]) for name in names}
    new = NewManifest(new.name, new.target, new.region, {**roots, **new.sources})
    sources = []
    for name, address in new.sources.items():
        link = link_name(new, address)
        catalogs = {one.catalog for one in found if one.source == name and one.catalog}
        values = {"connection": link} if link is not None else {}
        if catalogs == {"glue"} and link == "aws":  # all that it takes is known
            values = {"kind": "glue", **values, "from": "{catalog: glue, connection: aws}"}
            sources.append(ProposedSource(name, None, values))
            continue
        sources.append(ProposedSource(name, address, values, asked=", ".join(sorted(catalogs))))
    kinds = {name: kind_of_root(address) or "local" for name, address in new.sources.items()}
    return Basis(new, sources, found, kind_of=kinds)


def _common(found: Sequence[Discovered]) -> str:
    """The root of a source: what is left of an address without its path."""
    for one in found:
        if one.path and one.url.endswith(f"/{one.path}"):
            return one.url[: -len(one.path) - 1]
    parts = [one.url.split("/") for one in found]
    same = 0
    while all(len(each) > same and each[same] == parts[0][same] for each in parts):
        same += 1
    return "/".join(parts[0][:same])
