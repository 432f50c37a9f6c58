"""A plan file looked at again: what it says, whether it still holds, what another says instead."""

from pathlib import Path
from typing import Any

from lakeferry.cli.columns import Column, paragraph, screen_width, table
from lakeferry.cli.fleet import plan_answers as answers
from lakeferry.cli.fleet.flags import known_tables
from lakeferry.cli.manifest_flags import ManifestFlags, migration
from lakeferry.cli.render import Screen
from lakeferry.cli.units import counted, size_text
from lakeferry.errors import FerryError
from lakeferry.events import Warned
from lakeferry.fleet.planning.difference import Between, between
from lakeferry.fleet.planning.plan_file import read_plan
from lakeferry.fleet.planning.planned import FleetPlan
from lakeferry.fleet.planning.route_times import all_left
from lakeferry.fleet.planning.stale import changes
from lakeferry.fleet.planning.totals import by_route, moving, summed

OK, LOOK = 0, 3


def explain(file: str, against: str | None, chosen: ManifestFlags, *, screen: Screen) -> int:
    """Show a plan, also a stale one; with `against`, what differs from that one: exit 3.

    Whether it still holds is told where its manifest is at hand. No store is asked.

    Raises:
        FerryError: LF-2052 where a file is no plan.
    """
    plan = read_plan(file)
    if against is not None:
        return _compare(read_plan(against), plan, screen)
    stale = _stale(plan, chosen, screen)
    size = Path(file).stat().st_size
    shown = answers.Shown(
        explains=True, file=file, file_bytes=size, stale=stale, width=screen_width()
    )
    for body in answers.item_bodies(plan):
        screen.told("", body)
    screen.result(answers.plan_lines(plan, shown), answers.plan_body(plan, shown))
    return OK


def keys_of_plan(file: str) -> list[tuple[str, str, Any]]:
    """What `cost` prices of a plan: its bytes, in how many files, and in how many hours.

    Raises:
        FerryError: LF-2052 where it is none.
    """
    plan = read_plan(file)
    total, left = summed(moving(plan.tables)), all_left(plan.left, by_route(plan.tables))
    keys: list[tuple[str, str, Any]] = [
        (file, "bytes", max(1, total.bytes)), (file, "files", max(1, total.files)),
    ]  # fmt: skip
    if left is not None and left.p50 < 3650 * 86_400:
        keys.append((file, "hours", max(1, -(-round(left.p50) // 3600))))
    return keys


def _stale(plan: FleetPlan, chosen: ManifestFlags, screen: Screen) -> str:
    """Why it does not hold; '': it does, or nobody can tell."""
    if chosen.path() is None:
        return ""
    try:
        wanted = migration(chosen)
        known = known_tables(wanted)
    except (FerryError, ExceptionGroup) as error:
        # A plan is shown whatever has become of its manifest and its ledger.
        first = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
        if not isinstance(first, FerryError):
            raise
        what = f"whether this plan still holds is not known: {first.what}"
        screen.event(Warned(plan.migration, first.code, what, first.next_step))
        return ""
    if wanted.name != plan.migration:
        return f"it is of the migration `{plan.migration}`, not `{wanted.name}`"
    found = changes(plan, wanted, known)
    listed = "; ".join(f"{one.name}: {one.what}" for one in found[:5])
    return listed + (f"; and {len(found) - 5:,} more" if len(found) > 5 else "")


def _compare(before: FleetPlan, after: FleetPlan, screen: Screen) -> int:
    found = between(before, after)
    for one in found.tables:
        screen.told("", {"type": "difference", "table": one.name, "what": one.what})
    body = {
        "differences": len(found.tables), "more_tables": found.more_tables,
        "more_bytes": found.more_bytes, "more_files": found.more_files,
    }  # fmt: skip
    screen.result(_difference_lines(found, screen_width()), body)
    return LOOK if found.tables else OK


def _difference_lines(found: Between, width: int) -> list[str]:
    if not found.tables:
        return ["  the plans do the same"]
    columns = (Column("table", 0, elastic=True), Column("what differs", 0))
    lines = table(columns, [(one.name, one.what) for one in found.tables], width)
    sign = "more" if found.more_bytes >= 0 else "less"
    text = (
        f"{counted(len(found.tables), 'table')} differ; {found.more_tables:+,} tables to move, "
        f"{size_text(abs(found.more_bytes))} {sign}, {found.more_files:+,} files"
    )
    return [*lines, "", *paragraph(f"  {text}", width)]
