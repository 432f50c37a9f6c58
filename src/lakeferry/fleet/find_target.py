"""What lies at one target, looked up for a ledger that was lost."""

from lakeferry.clone.target import view_target
from lakeferry.fleet.rebuild import FoundTarget
from lakeferry.fleet.receipt_files import receipts_at
from lakeferry.store.protocol import Store


def find_target(store: Store, target_url: str) -> FoundTarget:
    """Read a target's log and what lies beside it; nothing is written.

    Raises:
        FerryError: as `view_target`, where something lies there that cannot be read.
    """
    view = view_target(store)
    return FoundTarget(
        target_url=target_url,
        head=None if view.snapshot is None else view.snapshot.version,
        record=view.record,
        foreign=view.foreign,
        receipts=receipts_at(store, target_url) if view.record is not None else (),
    )
