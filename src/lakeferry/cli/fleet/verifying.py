"""What `verify` does of a migration: choose tables, tell what is read, ask, compare, report."""

import time
from collections.abc import Iterable, Sequence
from threading import Event as Flag
from typing import TYPE_CHECKING

from lakeferry.catalog.registering import Catalog
from lakeferry.cli.clone.verify_flags import FleetFlags, VerifyFlags
from lakeferry.cli.cost.manifest_keys import assumed
from lakeferry.cli.fleet import proof_answers as answers
from lakeferry.cli.fleet.flags import TableFlags, known_tables, led
from lakeferry.cli.fleet.planning import known_at
from lakeferry.cli.manifest_flags import ManifestFlags, migration
from lakeferry.cli.monitor.monitoring import confirm
from lakeferry.cli.render import Screen
from lakeferry.errors import FerryError
from lakeferry.events import Warned
from lakeferry.fleet.catalogs.in_catalog import is_at_sync, tell_proofs
from lakeferry.fleet.catalogs.target_catalog import target_catalog
from lakeferry.fleet.manifest.facts import facts_of
from lakeferry.fleet.manifest.moved import check_places
from lakeferry.fleet.planning.plan import MOVED_KINDS
from lakeferry.fleet.planning.route_prices import Asked
from lakeferry.fleet.proof import prove_report
from lakeferry.fleet.proof.prove_price import Reading, readings
from lakeferry.fleet.proof.run import Proved, ProveRequest, Proving, prove, strength_of
from lakeferry.fleet.standing.states import word
from lakeferry.ledger.rows import LakeTable
from lakeferry.ledger.write import Ledger, now_ms

if TYPE_CHECKING:
    from lakeferry.fleet.manifest.wanted import Migration

OK, FAILED, LOOK = 0, 1, 3
_OUT = frozenset({"orphaned", "excluded"})  # nothing of theirs is promised


def verify(
    chosen: ManifestFlags,
    tables: TableFlags,
    flags: VerifyFlags,
    fleet: FleetFlags,
    *,
    screen: Screen,
    stop: Flag,
    begun: Flag,
) -> int:
    """Compare; exit 3 where anything differs, 1 where a comparison could not be made.

    Args:
        begun: set when comparisons begin: from then on `stop` is looked at.

    Raises:
        FerryError: LF-2003 not confirmed; LF-8001 another coordinator leads; LF-8007 nothing was
            discovered; LF-2107 no table is meant.
        ExceptionGroup: of FerryError, for what is wrong with the manifest.
        KeyboardInterrupt: stopped; what was compared is kept.
    """
    asked = _asked(flags, fleet)
    wanted = migration(chosen)
    known, _, _ = known_at(wanted)
    check_places(wanted, (facts_of(wanted, table) for table in known))
    meant = frozenset(one.target_url for one in tables.of(wanted, known))
    todo, _ = _chosen(wanted, known, meant)
    if not fleet.yes:
        _ask(wanted, chosen, todo, asked, screen)
    place = target_catalog(wanted.target) if is_at_sync(wanted) else None
    began_at_ms, began = now_ms(), time.monotonic()
    with led(wanted, "verify") as ledger:
        begun.set()
        # Nobody else writes now, but a sync may have ended while a person thought.
        todo, left_out = _chosen(wanted, known_tables(wanted), meant)
        found = _compared(wanted, ledger, todo, asked, screen, stop)
        if place is not None:
            _tell_catalog(wanted, place, ledger, found, screen, stop)
        written = None
        if fleet.report is not None:
            body = prove_report.document(
                wanted, found, left_out, asked, began_at_ms=began_at_ms, ended_at_ms=now_ms()
            )
            written = prove_report.write(body, fleet.report)
            ledger.tell("report", {"file": str(written.json), "sha256": written.sha256})
        code = _code(found, left_out)
        ledger.end(code)
    ended = answers.Ended(found, left_out, asked, written, time.monotonic() - began)
    screen.result(answers.report_lines(ended), answers.report_body(ended))
    return code


def _compared(
    wanted: "Migration",
    ledger: Ledger,
    todo: Sequence[LakeTable],
    asked: ProveRequest,
    screen: Screen,
    stop: Flag,
) -> tuple[Proved, ...]:
    width = max((len(one.name) for one in todo), default=0)

    def tell(event: Proved | Proving) -> None:
        if isinstance(event, Proving):
            parts, body = answers.progress(event)
            screen.moving(event.seconds, parts, body)
            return
        screen.told(answers.table_text(event, width), answers.table_body(event))
        if event.warning is not None:
            fault = event.warning
            what = f"its receipt is in the ledger alone: {fault.what}"
            screen.event(Warned(event.table.name, fault.code, what, fault.next_step))

    try:
        return prove(wanted, ledger, todo, asked, emit=tell, stop=stop)
    except KeyboardInterrupt:
        ledger.end(130)
        raise


def _tell_catalog(
    wanted: "Migration",
    place: Catalog,
    ledger: Ledger,
    found: Sequence[Proved],
    screen: Screen,
    stop: Flag,
) -> None:
    """Under which receipt each table was proven; a catalog that refuses takes no proof away."""
    proofs = [
        (one.table, one.receipt.sha256 if one.receipt is not None and one.outcome == "equal"
         else None)
        for one in found if one.outcome != "not_run"
    ]  # fmt: skip
    told = tell_proofs(
        wanted, place, proofs, now_ms=now_ms(), stop=stop, on_silence=ledger.turn
    )  # fmt: skip
    for table, error in told:
        what = f"the catalog was not told: {error.what}"
        screen.event(Warned(table.name, error.code, what, error.next_step))


def _chosen(
    wanted: "Migration", tables: Iterable[LakeTable], meant: frozenset[str]
) -> tuple[tuple[LakeTable, ...], tuple[tuple[LakeTable, str], ...]]:
    """Those that are compared; and those that should be and cannot, with the reason.

    `meant`: the targets of all of them.
    """
    todo, left_out = [], []
    for one in tables:
        if one.target_url not in meant:
            continue
        if one.state in _OUT or one.kind not in MOVED_KINDS or one.state == "cut_over":
            continue  # what is cut over goes on by itself
        if one.source not in wanted.sources:
            left_out.append((one, "the manifest names its source no longer"))
        elif one.held_version is None:
            left_out.append((one, f"it is {word(one.state)}: its target holds no version yet"))
        else:
            todo.append(one)
    return tuple(todo), tuple(left_out)


def _ask(
    wanted: "Migration",
    chosen: ManifestFlags,
    todo: Sequence[LakeTable],
    asked: ProveRequest,
    screen: Screen,
) -> None:
    """Tell what is read of the sources for money, and ask. Raises LF-2003."""
    strengths = {one.target_url: strength_of(wanted, one, asked.strength) for one in todo}
    under, texts = assumed(chosen)
    found = readings(wanted, todo, strengths, sample=asked.sample, asked=Asked(under, texts))
    if not found:
        return

    def show() -> None:
        for line in _reading_lines(todo, found):
            screen.say(line)

    confirm("read that of the sources?", show,
            next_step="read less: --strength replayed or --sample 5%; or give --yes")  # fmt: skip


def _reading_lines(todo: Sequence[LakeTable], found: Sequence[Reading]) -> list[str]:
    return [answers.meant_text(todo), *(answers.reading_text(one) for one in found)]


def _asked(flags: VerifyFlags, fleet: FleetFlags) -> ProveRequest:
    """Raises LF-2001 for what is wrong, before anything is read."""
    if fleet.report is not None:
        prove_report.places(fleet.report)
    return ProveRequest(
        flags.strength, sample=_share(flags), seed=flags.seed, against=flags.against,
        digest=flags.digest,
    )  # fmt: skip


def _share(flags: VerifyFlags) -> float:
    """Raises LF-2001 for a share that takes nothing, or more than all."""
    share = flags.share
    if not 0 < share <= 1:
        raise FerryError(
            "LF-2001", f"a sample of {100 * share:g} % is no share of files", "--sample",
            "give more than 0 % and at most 100 %",
        )  # fmt: skip
    return share


def _code(found: Sequence[Proved], left_out: Sequence[tuple[LakeTable, str]]) -> int:
    outcomes = {one.outcome for one in found}
    if "different" in outcomes:
        return LOOK
    return FAILED if "not_run" in outcomes or left_out else OK
