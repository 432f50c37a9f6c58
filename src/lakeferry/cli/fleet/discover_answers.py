"""What a discovery found, as lines for people and as JSON. Pure."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from lakeferry.cli.columns import Column, paragraph, table
from lakeferry.cli.units import counted, duration_text, size_text
from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.found import FoundTable
from lakeferry.fleet.discovery.sums import (
    Discovery,
    KindTotals,
    Named,
    NotSeen,
    Progress,
    Told,
    Unlisted,
)

_COLUMNS = (
    Column("kind"),
    Column("sources", right=True, priority=3),
    Column("tables", right=True),
    Column("size", right=True),
    Column("files", right=True, priority=2),
    Column("commits/day", right=True, priority=4),
    Column("features worth knowing", priority=5),
)
_NAMES = 3  # of tables in one line
_EXCLUDED = {"by pattern": "by pattern", "not Delta": "not Delta", "view": "views"}


@dataclass(frozen=True, slots=True)
class Shown:
    """How an answer is shown."""

    is_check: bool = False
    file: str | None = None  # to which the inventory was written
    width: int = 80


def discovery_lines(found: Discovery, shown: Shown) -> list[str]:
    """The sums, a line for each kind of source, what a person should look at, what to do next."""
    lines = _fitted(_head(found), shown.width)
    if found.kinds:
        lines += table(_COLUMNS, [_row(kind, one) for kind, one in _sorted(found)], shown.width)
    for text in (*_also(found), *_changes(found)):
        lines += paragraph(f"  {text}", shown.width)
    for code, told in sorted(found.remarks.items()):
        sign = "✗" if told.remark.blocks and code != "LF-8052" else "▲"
        lines += paragraph(f"  {sign} {_remark_text(code, told)}", shown.width)
        lines += paragraph(f"    next: {told.remark.next_step}", shown.width)
    for _, text, step in _parts_not_seen(found):
        lines += paragraph(f"  ▲ {text}", shown.width)
        lines += paragraph(f"    next: {step}", shown.width)
    if shown.file is not None:
        lines.append(f"  written: {shown.file}")
    if found.in_scope and found.is_whole and not shown.is_check:
        lines.append("  next: lakeferry plan")
    return lines


def found_text(found: FoundTable) -> str:
    """`sales.eu.orders  delta  5.2 TB  88,930 files  not in scope: by pattern`."""
    parts = [found.name, found.kind]
    if found.bytes is not None:
        parts.append(size_text(found.bytes))
    if found.files is not None:
        parts.append(counted(found.files, "file"))
    if not found.is_in_scope:
        parts.append(f"not in scope: {found.why_not}")
    if found.blocker is not None:
        parts.append(f"{found.blocker.code} {found.blocker.what}")
    return "  " + "  ".join(parts)


def found_body(found: FoundTable, target: str | None) -> dict[str, Any]:
    """One `found` line."""
    own = {"type": "found", "table": found.name, "name": found.table, "target": target}
    return {**asdict(found), **own}


def finding_bodies(found: Discovery) -> Iterator[dict[str, Any]]:
    """Remarks and parts that were not seen, as `finding` lines."""
    for code, told in sorted(found.remarks.items()):
        yield {
            "type": "finding",
            "code": code,
            "severity": "warning" if told.remark.blocks else "info",
            "where": ", ".join(told.tables.names),
            "message": told.remark.what,
            "next": [told.remark.next_step],
            "tables": told.tables.count,
        }
    for where, text, step in _parts_not_seen(found):
        unlisted = found.unlisted.get(where)
        is_aside = unlisted is not None and not unlisted.is_meant and where not in found.refused
        severity = "info" if is_aside else "warning"
        yield {
            "type": "finding", "code": "LF-8058", "severity": severity, "where": where,
            "message": text, "next": [step],
        }  # fmt: skip


def discovery_body(found: Discovery, shown: Shown) -> dict[str, Any]:
    """What it adds to the summary."""
    return {
        "sources": found.sources,
        "tables": found.tables,
        "in_scope": found.in_scope,
        "blocked": found.blocked,
        "excluded": dict(found.excluded),
        "beside": dict(found.beside),
        "kinds": {
            kind: {
                "sources": len(one.sources),
                "tables": one.tables,
                "bytes": one.bytes,
                "files": one.files,
                "commits_a_day": round(one.commits_a_day, 3),
                "features": dict(one.features),
            }
            for kind, one in _sorted(found)
        },
        "changes": {
            name: {"count": one.count, "names": one.names}
            for name, one in (
                ("new", found.changes.new),
                ("changed", found.changes.changed),
                ("gone", found.changes.gone),
            )
        },
        "unread": sorted(found.faults),
        "unlisted": {source: sorted(one.schemas) for source, one in found.unlisted.items()},
        "requests": found.requests,
        "file": shown.file,
    }


def fault_errors(found: Discovery) -> Iterator[FerryError]:
    """Why sources could not be read; of many that want one and the same secret, say, once."""
    alike: dict[tuple[str, str, str, str], list[str]] = {}
    for source, error in sorted(found.faults.items()):
        fault = (error.code, error.what, error.where, error.next_step)
        alike.setdefault(fault, []).append(source)
    for (code, what, where, step), sources in alike.items():
        if len(sources) == 1:
            yield FerryError(code, f"source {sources[0]} could not be read: {what}", where, step)
        else:
            many = f"{counted(len(sources), 'source')} could not be read: {what}"
            yield FerryError(code, many, f"{where}; of {', '.join(sources)}", step)


def progress_parts(progress: Progress) -> tuple[str, ...]:
    """For the line that is painted over."""
    return (
        f"{progress.sources_done:,}/{progress.sources:,} sources",
        counted(progress.tables, "table"),
        f"{progress.folders:,} folders",
        counted(progress.requests, "request"),
        duration_text(progress.elapsed_s),
    )


def progress_body(progress: Progress) -> dict[str, Any]:
    """A `progress` line."""
    return {
        "type": "progress",
        "table": "",
        "sources": {"done": progress.sources_done, "total": progress.sources},
        "found": progress.tables,
        "folders": progress.folders,
        "requests": progress.requests,
        "seconds": round(progress.elapsed_s, 3),
    }


# ---- inside


def _head(found: Discovery) -> str:
    left_out = [
        f"{count:,} {_EXCLUDED.get(why, why)}" for why, count in sorted(found.excluded.items())
    ]
    total = found.excluded.total()
    aside = f" ({total:,} excluded: {', '.join(left_out)})" if total else ""
    asked = f"{duration_text(found.elapsed_s)}, {counted(found.requests, 'request')}"
    return (
        f"  {counted(found.sources, 'source')}  {counted(found.tables, 'table')} found, "
        f"{found.in_scope:,} in scope{aside}   {asked}"
    )


def _fitted(text: str, width: int) -> list[str]:
    """The text as it is where it fits: a paragraph would lose the wide gaps between figures."""
    return [text] if len(text) <= width else paragraph(text, width)


def _sorted(found: Discovery) -> list[tuple[str, KindTotals]]:
    return sorted(found.kinds.items(), key=lambda one: -one[1].bytes)


def _row(kind: str, one: KindTotals) -> tuple[str, ...]:
    features = [f"{name} {count:,}" for name, count in one.features.most_common()]
    at_least = "≥ " if one.uncounted else ""
    return (
        kind,
        f"{len(one.sources):,}",
        f"{one.tables:,}",
        at_least + size_text(one.bytes),
        f"{at_least}{one.files:,}",
        f"{one.commits_a_day:,.0f}",
        " · ".join(features),
    )


def _also(found: Discovery) -> Iterator[str]:
    beside = [
        f"{counted(found.beside[kind], noun)}{of}"
        for kind, noun, of in (
            ("checkpoint", "streaming checkpoint", ""), ("folder", "folder", " of files"),
        )
        if found.beside[kind]
    ]  # fmt: skip
    loads = [f"{found.blocked:,} blocked"] if found.blocked else []
    loads += [
        f"{counted(count, 'table')} {what}"
        for count, what in (
            (found.streamed, "written by streams"), (found.copy_into, "loaded by COPY INTO"),
        )
        if count
    ]  # fmt: skip
    if loads:
        yield ", ".join(loads)
    if beside:
        yield f"beside the tables: {', '.join(beside)}"


def _changes(found: Discovery) -> Iterator[str]:
    if found.is_first:
        return
    changes = found.changes
    if not changes.any:
        yield "as at the last look"
    for word, one in (("new", changes.new), ("changed", changes.changed), ("gone", changes.gone)):
        if one.count:
            yield f"{one.count:,} {word}: {_named(one)}"


def _remark_text(code: str, told: Told) -> str:
    count = told.tables.count
    if code == "LF-2107":
        more = f", and {counted(count - 1, 'such pattern')} more" if count > 1 else ""
        return f"{code} {told.remark.what}{more}"
    if count == 1:
        return f"{code} {told.tables.names[0]}: {told.remark.what}"
    return (
        f"{code} {counted(count, 'table')} ({_named(told.tables)}), the first: {told.remark.what}"
    )


def _named(one: Named) -> str:
    shown = ", ".join(sorted(one.names)[:_NAMES])
    return shown + (f" and {one.count - _NAMES:,} more" if one.count > _NAMES else "")


def _parts_not_seen(found: Discovery) -> Iterator[tuple[str, str, str]]:
    """Where, what, and what to do about it."""
    for source, unlisted in sorted(found.unlisted.items()):
        yield source, *_schemas(source, unlisted)
    for source, one in sorted(found.refused.items()):
        text = f"LF-8058 source {source}: {_folders(one)} not looked into"
        step = "let whoever runs this list and read them, or exclude them; then run it again"
        yield source, text, step
    for source, one in sorted(found.deep.items()):
        text = f"LF-8058 source {source}: {_folders(one)} not looked into"
        step = "look deeper with --depth, or let `root` of the source begin further down"
        yield source, text, step


def _schemas(source: str, unlisted: Unlisted) -> tuple[str, str]:
    """What was not told of a source's catalog, and what to do about it."""
    names = sorted(unlisted.schemas)
    why = unlisted.schemas[names[0]]
    more = f", {', '.join(names[1:_NAMES])}" if len(names) > 1 else ""
    more += f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
    text = (
        f"LF-8058 source {source}: not all tables of schema {names[0]}{more} are known: "
        f"{why.code} {why.what}"
    )
    if not unlisted.is_meant:
        text += "; nothing of it was asked for"
    if unlisted.leaves_folders:
        text += "; its folders were not looked into, since some may be theirs"
    return text, f"{why.next_step}; or leave it out: exclude: ['{names[0]}.*']"


def _folders(one: NotSeen) -> str:
    path, why = one.told[0]
    more = f" and {one.count - 1:,} more" if one.count > 1 else ""
    return f"{path}{more} ({why}) was" if not more else f"{path}{more} ({why}) were"
