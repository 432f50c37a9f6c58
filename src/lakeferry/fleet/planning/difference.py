"""What differs between two plans of one migration, table by table. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from lakeferry.fleet.planning.planned import FleetPlan, PlannedTable
from lakeferry.fleet.planning.totals import moving, summed


class Difference(NamedTuple):
    """One table that the two plans treat differently."""

    name: str
    what: str
    before: PlannedTable | None  # None: only the newer plan has it
    after: PlannedTable | None


class Between(NamedTuple):
    """Two plans beside each other."""

    tables: tuple[Difference, ...]
    more_tables: int  # that move
    more_bytes: int
    more_files: int


def between(before: FleetPlan, after: FleetPlan) -> Between:
    """What the second does that the first does not, and the reverse."""
    old = {line.target_url: line for line in before.tables}
    new = {line.target_url: line for line in after.tables}
    found = []
    for url in sorted(old.keys() | new.keys(), key=lambda one: (new.get(one) or old[one]).name):
        was, is_now = old.get(url), new.get(url)
        what = ", ".join(_what(was, is_now))
        if what:
            found.append(Difference((is_now or old[url]).name, what, was, is_now))
    a, b = summed(moving(before.tables)), summed(moving(after.tables))
    return Between(tuple(found), b.tables - a.tables, b.bytes - a.bytes, b.files - a.files)


def _what(was: PlannedTable | None, now: PlannedTable | None) -> Iterator[str]:
    if was is None or now is None:
        yield "new in the plan" if was is None else "no longer in the plan"
        return
    if was.action != now.action:
        yield f"{was.action} -> {now.action}{f' ({now.code})' if now.code else ''}"
    elif was.code != now.code:
        yield f"{was.code or 'no error'} -> {now.code or 'no error'}"
    if was.source_version != now.source_version:
        yield f"source version {was.source_version} -> {now.source_version}"
    if (was.bytes, was.files) != (now.bytes, now.files):
        yield f"{now.bytes - was.bytes:+,} bytes, {now.files - was.files:+,} files"
    for name, a, b in (
        ("mode", was.mode, now.mode),
        ("wave", was.wave, now.wave),
        ("route", was.route, now.route),
        ("protocol", was.protocol, now.protocol),
    ):
        if a != b:
            yield f"{name} {a} -> {b}"
    if was.schema_sha256 != now.schema_sha256:
        yield "another schema"
