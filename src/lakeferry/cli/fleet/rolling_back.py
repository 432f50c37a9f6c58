"""What `rollback` does: choose tables, ask, go back or restore or delete, tell."""

import shlex
import sys
from collections.abc import Iterable, Sequence
from threading import Event as Flag
from typing import TYPE_CHECKING, Any

from lakeferry.cli.fleet.cutting_over import asking, title_of, with_names
from lakeferry.cli.fleet.flags import TableFlags, known_tables, led, ledger_path
from lakeferry.cli.fleet.rollback_flags import RollbackFlags
from lakeferry.cli.json_lines import plain
from lakeferry.cli.manifest_flags import ManifestFlags, migration
from lakeferry.cli.render import Screen, marks
from lakeferry.cli.units import counted, size_text
from lakeferry.errors import FerryError
from lakeferry.events import Warned
from lakeferry.fleet.asking import ask_beside
from lakeferry.fleet.manifest.typed import typed
from lakeferry.fleet.rollback.plan import Back, RollbackReport, RollbackRequest
from lakeferry.fleet.rollback.purge import (
    Purge,
    forgetting,
    only_here,
    plan_purge,
    purge,
    refuse_only_copy,
)
from lakeferry.fleet.rollback.restore import restore
from lakeferry.fleet.rollback.run import rollback as door
from lakeferry.ledger import read
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import LakeTable
from lakeferry.store.open import open_store

if TYPE_CHECKING:
    from lakeferry.fleet.manifest.wanted import Migration

OK, LOOK = 0, 3
NAMED = 5  # files that stay, of one table
_STEP = "run it where somebody can answer, or give --yes: it stops where targets were written"


def rollback(
    names: Sequence[str],
    chosen: ManifestFlags,
    tables: TableFlags,
    flags: RollbackFlags,
    *,
    screen: Screen,
    stop: Flag,
) -> int:
    """Run; exit 3 where targets were written since, or a table was changed in the catalog.

    Raises:
        FerryError: LF-2001 no table is named, or flags that exclude each other; else as
            `fleet.rollback.run.rollback`, `fleet.rollback.restore.restore`,
            `fleet.rollback.purge.plan_purge`.
        ExceptionGroup: of FerryError, for what is wrong with the manifest.
        KeyboardInterrupt: stopped.
    """
    _refuse_both(flags)
    tables = with_names(tables, names)
    wanted = migration(chosen)
    meant = tables.of(wanted, known_tables(wanted))
    title = title_of(tables)
    if flags.to_version is not None:
        return _restore(wanted, meant, flags.to_version, yes=flags.yes, screen=screen, stop=stop)
    if flags.purge:
        return _purge(wanted, meant, flags.confirm, screen=screen, stop=stop)
    asked = RollbackRequest(
        title, accept_loss=flags.accept_loss, reverse=flags.reverse,
        checkpoints=tuple(flags.checkpoint or ()),
    )  # fmt: skip
    with led(wanted, "rollback") as ledger:
        report = door(
            wanted, ledger, ledger_path(wanted), meant, asked,
            emit=lambda text, row: _tell(screen, row, text),
            ask=asking(yes=flags.yes, step=_STEP), stop=stop,
        )  # fmt: skip
        code = LOOK if report.asks else OK
        ledger.end(code)
    if report.stopped:
        screen.event(
            Warned(
                "", "LF-8078",
                f"{counted(len(report.stopped), 'target')} written since the switch: nothing was "
                "changed",
                "choose --reverse, --accept-loss, or leave these tables out",
            )
        )  # fmt: skip
    screen.result(_lines(report), _body(report))
    return code


def _refuse_both(flags: RollbackFlags) -> None:
    given = [
        name
        for name, is_given in (
            ("--accept-loss", flags.accept_loss), ("--reverse", flags.reverse),
            ("--to-version", flags.to_version is not None), ("--purge", flags.purge),
        )
        if is_given
    ]  # fmt: skip
    if len(given) > 1:
        raise FerryError(
            "LF-2001", f"{' and '.join(given)} exclude each other", "`lakeferry rollback`",
            "give one of them",
        )  # fmt: skip
    if flags.checkpoint and not flags.reverse:
        raise FerryError(
            "LF-2001", "only --reverse carries checkpoints back", "--checkpoint",
            "give --reverse with it, or leave it out",
        )  # fmt: skip


def _tell(screen: Screen, row: LakeTable, text: str) -> None:
    body = {"type": "note", "table": row.name, "message": text}
    screen.told(f"    {row.name}  {text}", body)


def _lines(report: RollbackReport) -> list[str]:
    signs = marks(sys.stdout)
    if report.stopped:
        lines = [f"  written on the target since the switch: {len(report.stopped):,}"]
        lines += [f"    {one.text}" for one in report.stopped]
        lines += [f"    {signs['warning']} {one.text}" for one in report.streams]
        again = shlex.join(["lakeferry", *sys.argv[1:]])
        names = " ".join(f"-s {typed('!' + one.row.name)}" for one in report.stopped)
        lines.append("  nothing was changed. Choose:")
        lines.append(f"    {again} --reverse      carry these commits back, into the source")
        lines.append(f"    {again} --accept-loss  leave them behind")
        if report.others:
            lines.append(f"    {again} {names}  without these tables")
        return lines
    if not report.back and not report.kept:
        return ["  there is nothing to take back"]
    sign = signs["warning" if report.asks else "ok"]
    lines = [f"  {sign} {counted(len(report.back), 'table')} back at the source; "
             "what was copied stays at the target"]  # fmt: skip
    lines += [f"    {name}  what was written since was carried back" for name in report.carried]
    lines += [f"    left behind: {text}" for text in report.lost]
    for one in report.streams:
        mark = f"{signs['warning']} " if one.is_left else ""
        lines.append(f"    {mark}{one.text}")
    for row, error in report.kept:
        lines.append(f"    {signs['warning']} {row.name} stays cut over: {error.what}")
        lines.append(f"      next: {error.next_step}")
    return lines


def _body(report: RollbackReport) -> dict[str, Any]:
    return plain({
        "title": report.title,
        "rolled_back": [one.row.name for one in report.back],
        "carried_back": list(report.carried),
        "left_behind": list(report.lost),
        "written": [_written(one) for one in report.stopped],
        "streams": [
            {"checkpoint": one.way.url, "query": one.way.query_id, "does": one.way.does,
             "why": one.way.why, "tables": list(one.way.tables), "goes_on_with": one.url,
             "starting_versions": dict(one.way.starting_versions), "left": one.is_left}
            for one in report.streams
        ],
        "kept": [{"table": row.name, "code": error.code, "why": error.what}
                 for row, error in report.kept],
    })  # fmt: skip


def _written(one: Back) -> dict[str, Any]:
    return {
        "table": one.row.name, "commits": one.count, "rows": one.rows_written,
        "writers": sorted({made.writer.text for made in one.written}),
        "versions": [made.version for made in one.written],
    }  # fmt: skip


# ---- an older version


def _restore(
    wanted: "Migration", meant: Sequence[LakeTable], version: int, *, yes: bool, screen: Screen,
    stop: Flag,
) -> int:  # fmt: skip
    if len(meant) != 1:
        raise FerryError(
            "LF-2001", f"--to-version is of one table, {len(meant)} are meant",
            "--to-version", "name one with -s",
        )  # fmt: skip
    [row] = meant
    _refuse_restore(row)
    with led(wanted, "rollback") as ledger:
        for now in known_tables(wanted):  # another run may have taken it back a moment ago
            if now.target_url == row.target_url:
                _refuse_restore(now)
        question = f"make {row.name} at the target what it was at version {version}?"
        ask = asking(yes=yes, step=_STEP)
        is_meant = ask_beside(
            lambda text: ask(text, False), question, turn=ledger.turn, stop=stop
        )  # fmt: skip
        if not is_meant:
            raise FerryError("LF-2003", "not confirmed", "nothing was changed", "give --yes")
        made = restore(open_store(row.target_url, wanted.target.store_options), version)
        ledger.tell("restored", {"to": version, "as": made.version}, row.target_url)
        ledger.end(OK)
    text = (
        f"  {marks(sys.stdout)['ok']} {row.name}  version {made.version} is what version "
        f"{version} was: {made.files_back:,} files back, {made.files_gone:,} gone"
    )
    screen.result([text], {
        "table": row.name, "version": made.version, "restored": version,
        "files_back": made.files_back, "files_gone": made.files_gone,
    })  # fmt: skip
    return OK


def _refuse_restore(row: LakeTable) -> None:
    if row.kind == "folder":
        raise FerryError(
            "LF-2001", f"{row.name} is a folder of plain files, which has no versions",
            "--to-version", f"lakeferry rollback -s {typed(row.name)}",
        )  # fmt: skip
    if row.state != "cut_over":
        raise FerryError(
            "LF-8077", f"{row.name} is not cut over: its target follows the source", row.target_url,
            f"lakeferry sync -s {typed(row.name)} makes it what the source is",
        )  # fmt: skip


# ---- deleting


def _purge(
    wanted: "Migration", meant: Sequence[LakeTable], confirm: str | None, *, screen: Screen,
    stop: Flag,
) -> int:  # fmt: skip
    files, stay = 0, dict[str, tuple[str, ...]]()
    with led(wanted, "rollback") as ledger:
        # As they are now that nobody else leads: one may have been cut over a moment ago.
        # And as the ledger has them: what a killed switch left frozen, no manifest makes unused.
        urls = {one.target_url for one in meant}
        with reading(ledger_path(wanted)) as db:
            rows = [row for row in read.tables(db) if row.target_url in urls]
        planned = _to_purge(wanted, rows)
        for one in planned:
            screen.say(_purge_text(one, only_here(wanted, one)))
        if planned:
            _check_name(wanted, planned, confirm, turn=ledger.turn, stop=stop)
            # The answer may have taken long.
            planned = _to_purge(wanted, [one.row for one in planned])
        for one in planned:
            changed = purge(wanted.target, one, turn=ledger.turn)
            gone = len(one.ours) - len(changed)
            ledger.forget_clone(one.row.target_url, forgetting(one, gone))
            files += gone
            stay[one.row.name] = (*changed, *one.others)
            ledger.turn()
        ledger.end(OK)
    lines = [f"  {marks(sys.stdout)['ok']} {counted(files, 'file')} deleted of "
             f"{counted(len(planned), 'table')}"]  # fmt: skip
    lines += [f"    {name}: {_some(paths)} stay" for name, paths in stay.items() if paths]
    if not planned:
        lines = ["  there is nothing to delete"]
    screen.result(lines, {
        "purged": [one.row.name for one in planned], "files": files,
        "stay": {name: list(paths[:100]) for name, paths in stay.items() if paths},
    })  # fmt: skip
    return OK


def _purge_text(one: Purge, lost: int) -> str:
    text = f"{one.row.name}  {one.row.target_url}  {counted(len(one.ours), 'file')}, "
    text += size_text(one.bytes)
    if lost:
        verb = "is" if lost == 1 else "are"
        text += f"; {lost:,} of them {verb} at the source no longer"
    if one.others:
        text += f"; {counted(len(one.others), 'file')} of others, or changed since, stay"
    return text


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - NAMED:,} more" if len(paths) > NAMED else ""
    return ", ".join(paths[:NAMED]) + more


def _to_purge(wanted: "Migration", rows: Iterable[LakeTable]) -> list[Purge]:
    """Those that have anything to delete. Raises LF-8082 for one that must stay."""
    found = []
    for row in rows:
        one = plan_purge(wanted.target, row)
        if one.ours:
            refuse_only_copy(wanted, row)
            found.append(one)
    return found


def _check_name(
    wanted: "Migration", planned: Sequence[Purge], confirm: str | None, *, turn: Any, stop: Flag
) -> None:
    """LF-2003 where another name was typed, or none."""
    name = planned[0].row.name if len(planned) == 1 else wanted.name
    said = _typed_name(name, turn=turn, stop=stop) if confirm is None else confirm
    if said != name:
        raise FerryError(
            "LF-2003", f"`{said}` is not `{name}`: nothing was deleted", "--confirm",
            f"type the name as it is written: --confirm {shlex.quote(name)}",
        )  # fmt: skip


def _typed_name(name: str, *, turn: Any, stop: Flag) -> str:
    """Raises LF-2003 where nobody can type it."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise FerryError(
            "LF-2003", "files are deleted only after their table's name was typed",
            "stdin or stderr is no terminal; nothing was deleted",
            f"give --confirm {shlex.quote(name)}",
        )  # fmt: skip
    said: list[str] = []

    def ask(question: str) -> bool:
        sys.stderr.write(f"  {question} ")
        sys.stderr.flush()
        said.append(sys.stdin.readline().strip())
        return True

    ask_beside(ask, f"these files are deleted for good. Type {name}:", turn=turn, stop=stop)
    return said[0]
