"""A manifest proposed from a discovery: sources, families, waves, with a comment for each. Pure."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lakeferry.cli.config.flow_yaml import block, word
from lakeferry.cli.config.new_manifest import FIRST_LINE, NewManifest, head_parts, limits_part
from lakeferry.cli.units import counted, size_text
from lakeferry.config.tree import Value
from lakeferry.fleet.discovery.discovered import Discovered
from lakeferry.fleet.manifest.proposed_families import (
    WORD,
    ProposedFamily,
    ProposedSource,
    propose_families,
)
from lakeferry.fleet.manifest.proposed_waves import Waves, propose_waves

Said = tuple[str, str, str, str]  # glob, key, value, why
SHARED = ("connection", "kind", "from", "path", "layout")
_NAMED = 5  # tables of one comment
# Of another manifest, what is kept as it says it, in its order.
_KEPT_LAST = ("limits", "network", "tags", "alarms", "cost", "streams", "serve", "profiles")


@dataclass(frozen=True, slots=True)
class Basis:
    """From what a manifest is proposed."""

    new: NewManifest  # name, target and what flags say; its sources are those of the discovery
    sources: Sequence[ProposedSource]
    found: Sequence[Discovered]
    is_known: bool = False  # a manifest was there, and nothing is added to what it says
    kept: Mapping[str, Value] = field(default_factory=dict)  # its parts
    kind_of: Mapping[str, str] = field(default_factory=dict)  # source -> 'adls', 's3', ...


def discovered_text(basis: Basis) -> str:
    """The whole manifest."""
    waves = propose_waves(basis.found)
    families = propose_families(basis.sources, SHARED, basis.kind_of)
    kept = basis.kept
    connections, target, defaults = head_parts(basis.new)
    is_target_known = basis.is_known and basis.new.target is None
    parts: list[list[str]] = [
        list(_head(basis, waves)),
        _part("connections", kept) or ([] if basis.is_known else list(connections)),
        _part("target", kept) or ([] if is_target_known else list(target)),
        _part("defaults", kept) or ([] if basis.is_known else list(defaults)),
        list(_families(families)),
        list(_sources(basis, families, waves)),
        list(_waves(waves)),
        *([] if "limits" in kept else [list(limits_part())]),
        *(_part(key, kept) for key in _KEPT_LAST if key in kept),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _part(key: str, kept: Mapping[str, Value]) -> list[str]:
    return block(key, kept[key]) if key in kept else []


def _head(basis: Basis, waves: Waves) -> Iterator[str]:
    tables = [one for one in basis.found if one.is_moved]
    size = size_text(sum(one.bytes or 0 for one in tables))
    yield FIRST_LINE
    yield "# Proposed from a discovery, to be read and changed; after each change:"
    yield "#   lakeferry config check"
    sources = counted(len(basis.sources), "source")
    yield f"# It found {counted(len(tables), 'table')} to move, {size}, in {sources}."
    if waves.bound:
        yield f"# {counted(waves.bound, 'table')} that streams write or read stay together."
    yield "version: 1"
    yield f"name: {word(basis.new.name)}"
    if "ledger" in basis.kept:
        yield f"ledger: {word(basis.kept['ledger'].text)}"


def _families(families: Sequence[ProposedFamily]) -> Iterator[str]:
    if not families:
        return
    yield f"# What many sources share: {{name}} is a source's key, {{{WORD}}} a word of its `with`."
    yield "families:"
    for one in families:
        said = "".join(f"{key}: {value}, " for key, value in one.values.items())
        yield f"  {one.name}: {{{said}root: {word(one.root)}}}"


def _sources(basis: Basis, families: Sequence[ProposedFamily], waves: Waves) -> Iterator[str]:
    yield "# The last pattern of `tables` that fits a table wins; `exclude` leaves tables out."
    yield "sources:"
    for one in basis.sources:
        of = next((family for family in families if one.name in family.words), None)
        tables = [each for each in basis.found if each.source == one.name]
        yield from _source(one, of, tables, waves, basis.found)


def _source(
    one: ProposedSource,
    of: ProposedFamily | None,
    found: Sequence[Discovered],
    waves: Waves,
    every: Sequence[Discovered],
) -> Iterator[str]:
    tables = [each for each in found if each.is_moved]
    size = size_text(sum(each.bytes or 0 for each in tables))
    yield f"  {word(one.name)}:    # {counted(len(tables), 'table')}, {size}"
    if of is not None:
        yield f"    use: {of.name}"
        if of.words[one.name]:
            yield f"    with: {{{WORD}: {word(of.words[one.name])}}}"
    elif one.root is not None:
        yield f"    root: {word(one.root)}"
    if one.asked:
        yield _comment(f"a catalog knew its tables ({one.asked}): say which, or folders name them")
        yield "    # from: {catalog: KIND, ...}"
    wave = _usual(tables, waves)
    yield f"    wave: {wave}"
    for key, value in one.values.items():
        if of is None or key not in of.values:
            yield f"    {key}: {value}"
    yield from _tables(one, tables, wave, waves, every)
    yield from _left_out(found)


def _usual(tables: Sequence[Discovered], waves: Waves) -> int:
    """The wave that most of a source's tables are in: tables that turn up later will be in it, too.

    So the pilot, wave 1, is it only where there is no other.
    """
    numbers = Counter(waves.of_table[each] for each in tables)
    later = Counter({number: count for number, count in numbers.items() if number > 1})
    return (later or numbers or Counter([1])).most_common(1)[0][0]


def _tables(
    one: ProposedSource,
    tables: Sequence[Discovered],
    usual: int,
    waves: Waves,
    every: Sequence[Discovered],
) -> Iterator[str]:
    """What holds for some tables alone: another wave, and a history where a stream reads it."""
    said = {glob: dict(options) for glob, options in one.tables.items()}
    about: dict[str, str] = {}
    for glob, key, value, why in (*_of_waves(tables, usual, waves), *_mirrored(tables, every)):
        said.setdefault(glob, {})[key] = value
        about[glob] = f"{about[glob]}; {why}" if glob in about else why
    if not said:
        return
    yield "    tables:"
    for glob, options in said.items():
        inner = ", ".join(f"{key}: {value}" for key, value in options.items())
        told = f"    # {about[glob]}" if about.get(glob) else ""
        yield f"      {json.dumps(glob, ensure_ascii=False)}: {{{inner}}}{told}"


def _of_waves(tables: Sequence[Discovered], usual: int, waves: Waves) -> Iterator[Said]:
    schemas: dict[str, list[Discovered]] = {}
    for one in tables:
        schemas.setdefault(one.schema, []).append(one)
    for schema, those in sorted(schemas.items()):
        numbers = {waves.of_table[one] for one in those}
        if numbers == {usual}:
            continue
        if len(numbers) == 1 and len(those) > 1:
            yield _glob(schema), "wave", str(numbers.pop()), counted(len(those), "table")
            continue
        for one in sorted(those, key=lambda each: each.table):
            if waves.of_table[one] != usual:
                size = "size not known" if one.bytes is None else size_text(one.bytes)
                yield _glob(schema, one.table), "wave", str(waves.of_table[one]), size


def _mirrored(tables: Sequence[Discovered], every: Sequence[Discovered]) -> Iterator[Said]:
    read = {id for one in every for id in one.reads}
    for one in sorted(tables, key=lambda each: each.name):
        if one.kind == "delta" and one.id in read:
            why = "a stream reads it, and goes on only from its history"
            yield _glob(one.schema, one.table), "mode", "mirror", why


def _glob(schema: str, table: str | None = None) -> str:
    """Of one table, or of all of a schema."""
    name = "".join(f"\\{sign}" if sign in "*?\\" else sign for sign in f"{schema}.{table or ''}")
    return name if table is not None else f"{name}*"


def _left_out(found: Sequence[Discovered]) -> Iterator[str]:
    """What is not moved as it is, told and left to whoever reads."""
    blocked = [one for one in found if one.is_moved and one.blocker]
    if blocked:
        named = ", ".join(f"{one.name} {one.blocker}" for one in blocked[:_NAMED])
        more = f" and {len(blocked) - _NAMED:,} more" if len(blocked) > _NAMED else ""
        yield _comment(f"blocked as they are: {named}{more}")
    aside = [one for one in found if one.kind in ("checkpoint", "folder") and not one.is_in_scope]
    other = Counter(one.why_not for one in found if not one.is_in_scope and one not in aside)
    told = [f"{count:,} {why}" for why, count in sorted(other.items())]
    told += [counted(count, kind) for kind, count in sorted(Counter(
        one.kind for one in aside
    ).items())]  # fmt: skip
    if told:
        yield _comment(f"not moved: {', '.join(told)}")
    if aside:
        yield _comment("folders and checkpoints move where `include` names their paths")


def _comment(text: str) -> str:
    """Names of tables may hold anything; a comment ends with its line."""
    return "    # " + "".join(sign if sign.isprintable() else "?" for sign in text)


def _waves(waves: Waves) -> Iterator[str]:
    yield "# Tables that one job writes together belong in one wave: they are cut over together."
    yield "waves:"
    for one in waves.waves:
        after = "" if one.number == 1 else ", after: 1"
        told = f"{counted(one.tables, 'table')}, {size_text(one.bytes)}"
        yield f"  {one.number}: {{title: {word(one.title)}{after}, cutover: manual}}    # {told}"
    if not waves.waves:
        yield "  1: {title: pilot, cutover: manual}"
