"""What `cutover --rehearse` does: clones for a trial run, made or removed, and told."""

import time
from collections.abc import Sequence
from threading import Event as Flag
from typing import TYPE_CHECKING

from lakeferry.cli.render import Screen
from lakeferry.cli.units import counted
from lakeferry.fleet.cutover.plan import chosen
from lakeferry.fleet.cutover.rehearse import Rehearsed
from lakeferry.fleet.cutover.rehearse import rehearse as make
from lakeferry.fleet.cutover.rehearse import remove as take_away
from lakeferry.ledger.rows import LakeTable
from lakeferry.workers import map_unless_stopped

if TYPE_CHECKING:
    from lakeferry.fleet.manifest.wanted import Migration

AT_ONCE = 8


def rehearse(
    wanted: "Migration", tables: Sequence[LakeTable], *, remove: bool, screen: Screen, stop: Flag
) -> int:
    """Make the clones, or take them away.

    Raises:
        FerryError: LF-8083 something else lies there; else as `clone`.
        KeyboardInterrupt: stopped.
    """
    picked = chosen(tables)
    known = [one for one in (*picked.todo, *picked.done) if one.held_version is not None]
    rows = [one for one in known if one.kind != "folder"]

    def task(row: LakeTable) -> Rehearsed:
        return take_away(wanted.target, row) if remove else make(wanted.target, row)

    found: list[Rehearsed] = []
    began = time.monotonic()
    for one in map_unless_stopped(task, rows, count=AT_ONCE, stop=stop):
        found.append(one)
        screen.told("", {"type": "note", "table": one.table, "message": one.url})
        seconds = time.monotonic() - began
        body = {"type": "progress", "table": wanted.name, "entries": len(found)}
        text = f"{len(found):,} of {counted(len(rows), 'rehearsal')}"
        screen.moving(seconds, (text,), {**body, "seconds": round(seconds, 3)})
    found.sort(key=lambda one: one.table)
    files = sum(one.files for one in found)
    done = f"removed, {counted(files, 'file')}" if remove else "made: shallow clones of the targets"
    lines = [f"  {counted(len(found), 'rehearsal')} {done}"]
    lines += [f"    {one.table}  {one.url}" for one in found]
    if not remove:
        lines += [f"    {one.name}  is a folder of plain files: a trial run can read it as it is"
                  for one in known if one.kind == "folder"]  # fmt: skip
        lines.append("    point a trial run at them; what it writes stays there")
        lines.append("    afterwards: the same command with --remove")
    made = [{"table": one.table, "url": one.url, "version": one.version} for one in found]
    screen.result(lines, {"rehearsals": made, "files_removed": files})
    return 0
