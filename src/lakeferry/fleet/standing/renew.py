"""A manifest that was changed: its waves, routes and patterns are brought into the ledger.

Waves and what is left out are the manifest's to say, from the moment at which it is saved; a ledger
keeps them so that many tables are summed quickly.
"""

from pathlib import Path

from lakeferry.fleet.manifest.facts import LEFT_OUT, as_said
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.standing.states import State, interrupted, move
from lakeferry.ledger import read
from lakeferry.ledger.open import reading
from lakeferry.ledger.write import Ledger


def renew(wanted: Migration, ledger: Ledger, path: Path) -> None:
    """Bring the rows up to date, where the run before this one worked under another manifest.

    What a killed switch left frozen stays so: a person goes on with it, or goes back.

    Raises:
        FerryError: as `Ledger.see`.
    """
    with reading(path) as db:
        if is_known(read.manifests(db, most=2)[1:], wanted):
            return
        rows = read.tables(db)
    changed = [(row, said) for row in rows if (said := as_said(wanted, row)) != row]
    if not changed:
        return
    with ledger.together():
        ledger.see(said for _, said in changed)
        out = [row for row, said in changed if row.state not in (said.state, "frozen")]
        settled = {step.target_url: step for step in interrupted(out)}  # of a run that was killed
        ledger.move(*settled.values())
        for row in out:
            step = settled.get(row.target_url)
            before: State = row.state if step is None else step.after  # type: ignore[assignment]
            ledger.move(move(row.target_url, before, "excluded", why=LEFT_OUT))


def is_known(manifests: list[str | None], wanted: Migration) -> bool:
    """Whether the newest of these is the manifest of now."""
    return manifests[:1] == [wanted.sha256]
