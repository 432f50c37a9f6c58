"""Other ingests of a stream into the same table: a mistyped name is a second subscriber."""

from contextlib import suppress

from lakeferry.delta.snapshot import read_snapshot
from lakeferry.delta.txn_files import ingest_of
from lakeferry.errors import FerryError
from lakeferry.ingest.events import Warned
from lakeferry.ingest.kinesis.lineage import is_same_stream
from lakeferry.ingest.position.state import StreamIdentity
from lakeferry.ingest.table.state_store import find_state
from lakeferry.ingest.table.target import Target


def warned_of_fellows(target: Target, stream: StreamIdentity) -> Warned | None:
    """What a new ingest is told of those that brought the same stream here; None: none did.

    Reads the log once more: it is asked for once in the life of an ingest.

    Args:
        target: of the new ingest.
        stream: that it reads.
    """
    names = _names(target, stream)
    if not names:
        return None
    which = ", ".join(f"`{name}`" for name in names)
    return Warned(
        None,
        f"`{target.name}` is new here, and {stream.name} has been read into this table by the "
        f"ingest {which}: what both read is there twice",
        f"if this is to go on where that one stands, stop it and say --name {names[0]}",
    )


def _names(target: Target, stream: StreamIdentity) -> list[str]:
    snapshot = read_snapshot(target.store)
    found = []
    for name in sorted(filter(None, map(ingest_of, snapshot.txns))):
        if name == target.name:
            continue
        with suppress(FerryError):  # its own start will tell that its positions are gone
            other = find_state(target.store, snapshot.txns, snapshot.domains, name)
            if other is not None and _is_same(other.state.stream, stream):
                found.append(name)
    return found


def _is_same(known: StreamIdentity, stream: StreamIdentity) -> bool:
    return known.name == stream.name and is_same_stream(known, stream)
