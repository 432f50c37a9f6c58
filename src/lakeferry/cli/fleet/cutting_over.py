"""What `cutover` does: choose tables, run the checklist, write lists for people, tell."""

import itertools
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING

from lakeferry.cli.fleet import cutover_answers as answers
from lakeferry.cli.fleet import proof_answers
from lakeferry.cli.fleet.cutover_flags import CutoverFlags
from lakeferry.cli.fleet.flags import TableFlags, led, ledger_path
from lakeferry.cli.fleet.sync_answers import progress_body, progress_parts
from lakeferry.cli.manifest_flags import ManifestFlags, migration
from lakeferry.cli.named_file import write_file
from lakeferry.cli.render import Screen, wrapped
from lakeferry.cli.units import parse_duration, parse_time
from lakeferry.errors import FerryError
from lakeferry.events import Warned
from lakeferry.fleet.cutover.events import CutoverReport, Event, Said, Watching
from lakeferry.fleet.cutover.owed import settle
from lakeferry.fleet.cutover.plan import CutoverRequest, Step
from lakeferry.fleet.cutover.preview import preview
from lakeferry.fleet.cutover.repoint import as_csv
from lakeferry.fleet.cutover.run import cutover as door
from lakeferry.fleet.manifest.facts import as_said
from lakeferry.fleet.proof.receipt_page import switch_page
from lakeferry.fleet.proof.run import Proving
from lakeferry.fleet.sync.events import Progress
from lakeferry.ledger import read
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import Receipt

if TYPE_CHECKING:
    from lakeferry.fleet.manifest.wanted import Migration
    from lakeferry.ledger.write import Ledger

OK, LOOK = 0, 3


def cutover(
    names: Sequence[str],
    chosen: ManifestFlags,
    tables: TableFlags,
    flags: CutoverFlags,
    *,
    screen: Screen,
    stop: Flag,
) -> int:
    """Run; exit 3 where something asks for a look afterwards.

    Raises:
        FerryError: LF-2001 no table is named, or flags that do not go together; LF-8007 there is
            no ledger; else as `fleet.cutover.run.cutover`.
        ExceptionGroup: of FerryError, for what is wrong with the manifest.
        KeyboardInterrupt: stopped.
    """
    _refuse_unmeant(flags)
    tables = with_names(tables, names)
    wanted = migration(chosen)
    path = ledger_path(wanted)
    with reading(path) as db:
        meant = tables.of(wanted, [as_said(wanted, one) for one in read.tables(db)])
    title = title_of(tables)
    if flags.rehearse:
        from lakeferry.cli.fleet.rehearsing import rehearse

        return rehearse(wanted, meant, remove=flags.remove, screen=screen, stop=stop)
    asked = _asked(flags, title)
    emit = _Emit(screen)
    if flags.dry_run:
        report = preview(wanted, path, meant, asked, emit=emit, stop=stop)
        screen.result(answers.report_lines(report, (), ""), answers.report_body(report, ()))
        return LOOK if emit.failed or report.asks else OK
    with led(wanted, "cutover") as ledger:
        report = door(
            wanted, ledger, path, meant, asked, emit=emit,
            ask=asking(yes=flags.yes), stop=stop,
        )  # fmt: skip
        files, unwritten = _write_all_lists(wanted, ledger, report)
        code = LOOK if report.asks or unwritten else OK
        ledger.end(code)
    if not (flags.set_managed or _are_to_be_managed(wanted)):
        report = replace(report, managed=())
    for error in unwritten:
        step = "give it room and rights there; each receipt lies beside its table as well"
        screen.event(Warned("", error.code, f"{error.what}: {error.where}", step))
    lines = answers.report_lines(report, files, _way_back(tables))
    screen.result(lines, answers.report_body(report, files))
    return code


def check(
    names: Sequence[str],
    chosen: ManifestFlags,
    tables: TableFlags,
    *,
    strict: bool,
    screen: Screen,
) -> int:
    """Try all that a cut-over needs; exit 1 on a blocker, with `strict` 3 on a warning.

    Raises:
        FerryError: LF-2001 no table is named; LF-8007 there is no ledger.
        ExceptionGroup: of FerryError, for what is wrong with the manifest.
    """
    from lakeferry.cli.commands import show_checks
    from lakeferry.doctor.cutover import examine_cutover

    tables = with_names(tables, names)
    wanted = migration(chosen, is_of_tables=True)
    path = ledger_path(wanted)
    with reading(path) as db:
        meant = tables.of(wanted, [as_said(wanted, one) for one in read.tables(db)])
    return show_checks(
        lambda show: examine_cutover(wanted, path, meant, on_check=show),
        strict=strict,
        screen=screen,
    )


def with_names(tables: TableFlags, names: Sequence[str]) -> TableFlags:
    """Tables that are named without --select, too.

    Raises:
        FerryError: LF-2001 where nothing says which.
    """
    if names:
        tables = replace(tables, select=[*(tables.select or ()), *names])
    if tables.select is None and tables.wave is None:
        raise FerryError(
            "LF-2001", "which tables are meant is not said", "the whole migration is never meant",
            "name tables, or give --wave N or --select",
        )  # fmt: skip
    return tables


def title_of(tables: TableFlags) -> str:
    """`wave 2`, or the terms of the selection."""
    wave = [] if tables.wave is None else [f"wave {tables.wave}"]
    return " ".join([*wave, *(tables.select or ())])


def _way_back(tables: TableFlags) -> str:
    """The command that takes the switch of these tables back, as it can be typed."""
    wave = [] if tables.wave is None else ["--wave", str(tables.wave)]
    terms = [word for term in tables.select or () for word in ("-s", term)]
    return shlex.join(["lakeferry", "rollback", *wave, *terms])


def _refuse_unmeant(flags: CutoverFlags) -> None:
    """Raises LF-2001 where a flag would be passed over, and tables switched or clones made."""
    if flags.remove and not flags.rehearse:
        raise FerryError(
            "LF-2001", "only rehearsals are removed", "--remove",
            "give --rehearse with it, or leave it out",
        )  # fmt: skip
    if flags.rehearse and flags.dry_run:
        raise FerryError(
            "LF-2001", "--rehearse and --dry-run exclude each other", "`lakeferry cutover`",
            "give one of them: --rehearse makes clones, --dry-run changes nothing",
        )  # fmt: skip


class _Emit:
    """Events on a screen."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self.failed = 0  # steps

    def __call__(self, event: Event) -> None:
        match event:
            case Step():
                self.failed += event.state == "failed"
                self._screen.told(answers.step_text(event), answers.step_body(event))
            case Watching():
                self._screen.moving(event.seconds, *answers.watching(event))
            case Progress():
                self._screen.moving(event.seconds, progress_parts(event), progress_body(event))
            case Proving():
                self._screen.moving(event.seconds, *proof_answers.progress(event))
            case Said() if event.code is not None:
                self._screen.event(Warned(event.table, event.code, event.text, event.next_step))
            case Said():
                body = {"type": "note", "table": event.table, "message": event.text}
                self._screen.told(f"    {event.text}", body)


class asking:
    """Questions on a terminal; where nobody is there the flag alone answers."""

    def __init__(self, *, yes: bool, step: str = "see it with --dry-run, then give --yes") -> None:
        self._yes = yes
        self._step = step  # where nobody can be asked

    def __call__(self, question: str, by_default: bool) -> bool:
        if self._yes and not by_default:
            return True
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            if by_default:
                return False
            raise FerryError(
                "LF-2003", "this changes things, and nobody can be asked",
                "stdin or stderr is no terminal; nothing was changed",
                self._step,
            )  # fmt: skip
        text = f"  {question} [{'Y/n' if by_default else 'y/N'}]"
        columns = shutil.get_terminal_size().columns
        sys.stderr.write("\n".join(wrapped([text], columns - 1)) + " ")
        sys.stderr.flush()
        answer = sys.stdin.readline().strip().lower()
        return answer in ("y", "yes") or (by_default and not answer)


def _are_to_be_managed(wanted: "Migration") -> bool:
    """Whether the manifest wants tables that are the catalog's own."""
    catalog = wanted.target.catalog
    return catalog is not None and not catalog.is_external


def _asked(flags: CutoverFlags, title: str) -> CutoverRequest:
    at = None
    if flags.at is not None:
        at = datetime.fromtimestamp(parse_time(flags.at, "--at") / 1000, UTC)
    return CutoverRequest(
        title=title,
        strength=flags.strength,
        freeze_s=_seconds(flags.freeze_check, "--freeze-check"),
        wait_s=_seconds(flags.wait, "--wait") or 0.0,
        registers=flags.register,
        dry_run=flags.dry_run,
        at=at,
        accept_reload=flags.accept_reload,
        checkpoints=tuple(flags.checkpoint or ()),
        moved_landings=tuple(flags.moved_landing or ()),
    )


def _seconds(text: str | None, flag: str) -> int | None:
    return None if text is None else parse_duration(text, flag, least=0)


def _write_all_lists(
    wanted: "Migration", ledger: "Ledger", report: CutoverReport
) -> tuple[tuple[str, ...], tuple[FerryError, ...]]:
    """Of this run, and of those before it that were killed before theirs were written.

    Returns:
        As `_write_lists`.
    """
    files: list[str] = []
    unwritten: list[FerryError] = []
    for one in (*report.owed, report):
        written, failed = _write_lists(wanted, one)
        if one.switched and not failed:
            settle(ledger, one, written)
        files += written
        unwritten += failed
    return tuple(files), tuple(unwritten)


def _write_lists(
    wanted: "Migration", report: CutoverReport
) -> tuple[tuple[str, ...], tuple[FerryError, ...]]:
    """Beside the manifest: the receipts as a page, whom to point at the targets, grants to make.

    Returns:
        What was written, and LF-2004 for what could not be: the switch is made by now.
    """
    if not report.switched:
        return (), ()
    beside = Path() if wanted.file == "-" else Path(wanted.file).parent
    name = re.sub(r"[^A-Za-z0-9_-]+", "", report.title.replace("wave ", "wave"))[:60] or "tables"
    name = _free(beside, name)
    page = switch_page(report.title, _receipts(wanted, report))
    found = [(beside / f"cutover-{name}.html", page)]
    if report.repoints:
        found.append((beside / f"cutover-{name}.csv", as_csv(report.repoints)))
    if report.grants:
        text = "\n".join(("-- to be read and run by a person; lakeferry grants nothing",
                          *report.grants, ""))  # fmt: skip
        found.append((beside / f"grants-{name}.sql", text))
    written, unwritten = [], []
    for path, text in found:
        try:
            write_file(path, text.encode())
            written.append(str(path))
        except FerryError as error:
            unwritten.append(error)
    return tuple(written), tuple(unwritten)


def _free(beside: Path, name: str) -> str:
    """The name, with a number where an earlier switch wrote under it: its receipts stay."""
    for number in itertools.count(1):
        found = name if number == 1 else f"{name}-{number}"
        lists = (f"cutover-{found}.html", f"cutover-{found}.csv", f"grants-{found}.sql")
        if not any((beside / one).is_file() for one in lists):
            return found
    raise AssertionError("numbers do not end")


def _receipts(wanted: "Migration", report: CutoverReport) -> list[Receipt]:
    """The newest of each table, by name."""
    with reading(ledger_path(wanted)) as db:
        return [
            one for row in sorted(report.switched, key=lambda row: row.name)
            for one in read.receipts(db, row.target_url)[:1]
        ]  # fmt: skip
