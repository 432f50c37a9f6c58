"""Tables proven side by side before a switch, each comparison kept in the ledger."""

from collections.abc import Iterable, Sequence
from threading import Event as Flag

from lakeferry.fleet.states import State, move
from lakeferry.fleet.wanted import Migration
from lakeferry.ledger.rows import CheckResult, LakeTable
from lakeferry.ledger.write import Ledger, now_ms
from lakeferry.verify.report import STRENGTHS, VerifyReport, VerifyRequest
from lakeferry.verify.table import verify_table
from lakeferry.workers import map_threads

AT_ONCE = 4


def prove(
    wanted: Migration,
    ledger: Ledger,
    tables: Iterable[tuple[LakeTable, str]],
    *,
    stop: Flag,
) -> tuple[tuple[LakeTable, VerifyReport], ...]:
    """Compare tables with their sources, each as strongly as said, at the version that is held.

    A table that is found equal is verified; one that is not keeps its state, and its last proof
    says what differs.

    Raises:
        FerryError: a side cannot be read.
        KeyboardInterrupt: stopped.
    """

    def task(item: tuple[LakeTable, str]) -> tuple[LakeTable, VerifyReport]:
        row, strength = item
        source = wanted.sources[row.source]
        request = VerifyRequest(
            row.source_url, row.target_url, strength=strength, version=row.held_version, jobs=8,
            source_options=source.store_options, target_options=wanted.target.store_options,
        )  # fmt: skip
        return row, verify_table(request)

    found = []
    for row, report in map_threads(task, tables, count=AT_ONCE, stop=stop, on_silence=ledger.turn):
        _keep(ledger, row, report)
        found.append((row, report))
    if stop.is_set():
        raise KeyboardInterrupt
    return tuple(found)


def different(found: Sequence[tuple[LakeTable, VerifyReport]]) -> tuple[str, ...]:
    """What was found to differ, a line a table."""
    return tuple(
        f"{row.name}: {report.findings[0].what}" for row, report in found if not report.equal
    )


def _keep(ledger: Ledger, row: LakeTable, report: VerifyReport) -> None:
    detail = "" if report.equal else report.findings[0].what
    result = CheckResult(
        row.target_url, report.source_version, report.strength,
        "equal" if report.equal else "different", detail, now_ms(),
    )  # fmt: skip
    strength = report.strength
    if row.strength in STRENGTHS and STRENGTHS.index(row.strength) > STRENGTHS.index(strength):
        strength = row.strength  # a weaker look takes nothing away
    before: State = row.state  # type: ignore[assignment]
    steps = []
    if report.equal and before == "synced":
        steps = [move(row.target_url, before, "verified", why=f"proven: {report.strength}")]
    ledger.check(result, strength=strength, moves=steps)
