"""Which tables of a migration a command is about, and its ledger: to read, or to lead."""

import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from lakeferry.cli.flag_types import Many
from lakeferry.errors import FerryError

if TYPE_CHECKING:
    from lakeferry.fleet.manifest.select import Selection
    from lakeferry.fleet.manifest.wanted import Migration
    from lakeferry.ledger.rows import LakeTable
    from lakeferry.ledger.write import Ledger


def _no_option(kind: Any, value: Any) -> None:  # noqa: ARG001
    for word in value or ():
        if word.startswith("-") and word != "-":
            raise ValueError(f"Unknown option: {word}")


@Parameter(name="*")
@dataclass(frozen=True)
class TableFlags:
    """Which tables; all of them where nothing is said."""

    select: Annotated[
        Many,
        Parameter(
            name=["--select", "-s"],
            negative="",
            allow_leading_hyphen=True,
            validator=_no_option,
            help="source, source.schema.table, a glob, wave:3, state:blocked, tag:pii, @FILE or - "
            "for stdin; ! leaves out. Repeatable.",
        ),
    ] = None
    wave: Annotated[int | None, Parameter(help="Only tables of this wave.")] = None

    def of(self, wanted: "Migration", tables: "Iterable[LakeTable]") -> "tuple[LakeTable, ...]":
        """The tables that are meant, in the order in which they came.

        Raises:
            FerryError: LF-2001 for a term that says nothing; LF-2107 for a name, or a wave, that
                no table has; LF-2004 for a file that cannot be read.
        """
        known = tuple(tables)
        if self.select is None and self.wave is None:
            return known
        from lakeferry.fleet.manifest.facts import facts_of
        from lakeferry.fleet.manifest.select import named_waves, select

        terms = self.selection()
        found = select(terms, (facts_of(wanted, table) for table in known))
        keys = {one.key for one in found if self.wave is None or one.wave == self.wave}
        given = () if self.wave is None else (self.wave,)
        for wave in (*given, *named_waves(terms)):
            _check_wave(wave, wanted, known)
        return tuple(table for table in known if table.target_url in keys)

    def selection(self) -> "Selection":
        """The terms of --select, for whoever does not know the tables yet.

        Raises:
            FerryError: LF-2001 for a term that says nothing; LF-2004 for an unreadable file.
        """
        from lakeferry.fleet.manifest.select import selection

        given = ["@-" if text == "-" else text for text in self.select or ()]
        return selection(given, _read)


ALL_TABLES = TableFlags()


def ledger_path(wanted: "Migration") -> Path:
    """The file of a migration's ledger; a relative path lies beside the manifest.

    Raises:
        FerryError: LF-2001 where the manifest names something that is no file.
    """
    if "://" in wanted.ledger:
        raise FerryError(
            "LF-2001",
            "the ledger is a file of this machine's disk",
            f"{wanted.file}: `ledger` is an address",
            "name a path, such as .lakeferry/ledger.db",
        )
    beside = Path() if wanted.file == "-" else Path(wanted.file).parent
    return beside / wanted.ledger


def known_tables(wanted: "Migration") -> "list[LakeTable]":
    """Every table that the ledger knows, as the manifest wants it now.

    None where `discover` has not made one yet.

    Raises:
        FerryError: as `ledger.open.reading`, except LF-8007.
    """
    from lakeferry.fleet.manifest.facts import as_said
    from lakeferry.ledger import read
    from lakeferry.ledger.open import reading_if_made

    with reading_if_made(ledger_path(wanted)) as db:
        found = [] if db is None else read.tables(db)
    return [as_said(wanted, one) for one in found]


@contextmanager
def led(wanted: "Migration", command: str) -> "Iterator[Ledger]":
    """The ledger, with the lease of the one coordinator; made where there is none.

    Whoever works longer than a few seconds calls its `turn` meanwhile, from this thread, so that
    what waits is written. The run's exit code is told with its `end`; one that an error ends is 1.

    Raises:
        FerryError: as `Ledger`; LF-8001 where another coordinator leads.
    """
    # What is printed may wait for a pager, and Spark for a minute: that costs no lease.
    from lakeferry.fleet.standing.renew import renew

    with _taken(wanted, command) as ledger, ledger.beating():
        try:
            renew(wanted, ledger, ledger_path(wanted))
            yield ledger
        except FerryError as error:
            if error.code not in _NOT_LED:
                ledger.end(error.exit_code)
            raise


def _taken(wanted: "Migration", command: str) -> "Ledger":
    """The lease, now; or in a moment, where a `plan` is about to give it back."""
    from lakeferry.ledger.lease import leader
    from lakeferry.ledger.open import reading
    from lakeferry.ledger.write import Ledger

    path, run_id = ledger_path(wanted), uuid.uuid4().hex[:12]
    until = time.monotonic() + BRIEF_S
    while True:
        try:
            return Ledger(path, run_id=run_id, command=command, manifest_sha256=wanted.sha256)
        except FerryError as error:
            if error.code != "LF-8001" or time.monotonic() > until:
                raise
            with reading(path) as db:
                other = leader(db)
            if other is not None and other.command not in _BRIEF:
                raise
            time.sleep(0.1)


BRIEF_S = 5.0
_BRIEF = ("plan",)  # looks without the lease, and takes it for what it keeps
_NOT_LED = ("LF-8002", "LF-8003", "LF-8006")  # the ledger is not ours any more, or not there


def _read(name: str) -> str:
    """Raises LF-2004 where the file of a selection cannot be read."""
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise FerryError(
            "LF-2004", "the file of a selection cannot be read", f"{name}: {why}",
            "name another with --select @FILE",
        ) from error  # fmt: skip


def _check_wave(wave: int, wanted: "Migration", known: "Iterable[LakeTable]") -> None:
    waves = sorted({*wanted.waves, *(table.wave for table in known)})
    if wave not in waves:
        named = ", ".join(str(one) for one in waves) or "none"
        raise FerryError(
            "LF-2107", f"there is no wave {wave}", f"{wanted.file} has {named}",
            "name one of them",
        )  # fmt: skip
