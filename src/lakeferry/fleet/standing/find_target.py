"""What lies at one target, looked up for a ledger that was lost."""

from lakeferry.clone.folder import MODE as FOLDER
from lakeferry.clone.folder_state import read_record
from lakeferry.clone.record import CloneRecord
from lakeferry.clone.target import view_target
from lakeferry.fleet.proof.receipt_files import receipts_at
from lakeferry.fleet.standing.rebuild import FoundTarget
from lakeferry.store.protocol import Store


def find_target(store: Store, target_url: str) -> FoundTarget:
    """Read a target's log, or what says which plain files lie there; nothing is written.

    Raises:
        FerryError: as `view_target`, where something lies there that cannot be read.
    """
    view = view_target(store)
    if view.snapshot is None and view.record is None:
        return _folder(store, target_url)
    return FoundTarget(
        target_url=target_url,
        head=None if view.snapshot is None else view.snapshot.version,
        record=view.record,
        foreign=view.foreign,
        receipts=receipts_at(store, target_url) if view.record is not None else (),
    )


def _folder(store: Store, target_url: str) -> FoundTarget:
    said = read_record(store)
    if said is None or said.version < 0:
        return FoundTarget(target_url, None)
    record = CloneRecord(
        said.source, said.source_id, said.version, {}, said.version, "", FOLDER
    )  # fmt: skip
    receipts = receipts_at(store, target_url, kind=FOLDER)
    return FoundTarget(target_url, said.version, record, receipts=receipts)
