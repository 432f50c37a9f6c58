"""What `config rebuild-ledger` does: a ledger that was lost, read back from the lake."""

import sys
from collections import Counter
from threading import Event as Flag

from lakeferry.cli.columns import paragraph, screen_width
from lakeferry.cli.fleet.flags import known_tables, led, ledger_path
from lakeferry.cli.manifest_flags import ManifestFlags, migration
from lakeferry.cli.render import Screen, marks
from lakeferry.cli.units import counted
from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.sums import Progress
from lakeferry.fleet.standing.rebuild_run import Rebuilt, rebuild
from lakeferry.fleet.standing.states import STATES, word
from lakeferry.ledger.open import anew
from lakeferry.ledger.write import now_ms

OK, FAILED = 0, 1


def rebuild_ledger(chosen: ManifestFlags, *, screen: Screen, stop: Flag) -> int:
    """Make it; exit 1 where a source or a target could not be read.

    Raises:
        FerryError: LF-8009 there is one that knows tables; LF-8001 another coordinator leads.
        ExceptionGroup: of FerryError, for what is wrong with the manifest.
        KeyboardInterrupt: stopped.
    """
    wanted = migration(chosen)
    path = ledger_path(wanted)
    known = known_tables(wanted)
    if known:
        raise FerryError(
            "LF-8009",
            "there is a ledger, and it is not written over",
            f"{path} knows {counted(len(known), 'table')}",
            f"see what it knows: lakeferry status; where it is wrong, {anew(path)}",
        )

    def show(progress: Progress) -> None:
        text = f"{progress.tables:,} tables found"
        body = {"type": "progress", "table": wanted.name, "entries": progress.tables,
                "seconds": round(progress.elapsed_s, 3)}  # fmt: skip
        screen.moving(progress.elapsed_s, (text,), body)

    with led(wanted, "rebuild-ledger") as ledger:
        made = rebuild(wanted, ledger, now_ms=now_ms(), emit=show, stop=stop)
        code = FAILED if made.faults else OK
        ledger.end(code)
    for place, error in sorted(made.faults.items()):
        told = FerryError(error.code, f"{place}: {error.what}", error.where, error.next_step)
        screen.error(told)
    by_state = Counter(table.state for table in made.tables)
    screen.result(
        _lines(made, str(path), by_state),
        {"file": str(path), "tables": {state: by_state[state] for state in STATES
                                       if by_state[state]}},
    )  # fmt: skip
    return code


def _lines(made: Rebuilt, path: str, by_state: Counter[str]) -> list[str]:
    sign = marks(sys.stdout)["ok"]
    states = ", ".join(f"{by_state[one]:,} {word(one)}" for one in STATES if by_state[one])
    lines = [f"  {sign} {path}: {counted(len(made.tables), 'table')} read back"]
    if states:
        lines.append(f"    {states}")
    text = "  gone with the old one: the history of runs, and how fast they were"
    return [*lines, *paragraph(text, screen_width())]
