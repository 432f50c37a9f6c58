"""The ledger of a migration held against its target's catalog, at one moment of the ledger."""

from collections.abc import Collection
from pathlib import Path
from threading import Event as Flag

from lakeferry.fleet.catalogs.in_catalog import Disagreement, disagreements
from lakeferry.fleet.catalogs.target_catalog import target_catalog
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.ledger import read
from lakeferry.ledger.open import reading


def compare_with_catalog(
    wanted: Migration,
    ledger: Path,
    targets: Collection[str] | None = None,
    *,
    stop: Flag | None = None,
) -> tuple[Disagreement, ...]:
    """What they say differently; () where nothing is registered.

    Args:
        targets: only of these tables; None: of all.

    Raises:
        FerryError: the ledger or the catalog cannot be read.
        KeyboardInterrupt: `stop` was set.
    """
    place = target_catalog(wanted.target)
    if place is None:
        return ()
    with reading(ledger) as db, read.at_one_moment(db):
        rows = [one for one in read.tables(db)
                if targets is None or one.target_url in targets]  # fmt: skip
        receipts = {
            one.target_url: [each.sha256 for each in read.receipts(db, one.target_url)]
            for one in rows
            if one.held_version is not None
        }
    found = disagreements(wanted, place, rows, receipts, stop=stop)
    if stop is not None and stop.is_set():
        raise KeyboardInterrupt
    return found
