"""Where the positions of an ingest lie in its table: found, and put.

The version of our `txn` decides which state counts: the table's own domain, or the file beside the
log that this version names. A file is put before the commit that names it, and never replaced.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lakeferry.delta.actions import DomainMetadata, Txn
from lakeferry.delta.txn_files import file_versions
from lakeferry.errors import FerryError
from lakeferry.ingest.position.state import (
    IngestState,
    app_id,
    domain,
    epoch_of,
    sidecar_path,
)
from lakeferry.ingest.position.text import parse_state, state_text
from lakeferry.store.protocol import AlreadyThere, Store, read_all

Keeps = Literal["domain", "sidecar"]


@dataclass(frozen=True, slots=True)
class Found:
    """The state that a version of a table has."""

    state: IngestState
    keeps: Keeps
    txn_version: int | None  # None: the `txn` is gone, and the domain says it all


def find_state(
    store: Store, txns: Mapping[str, Txn], domains: Mapping[str, DomainMetadata], name: str
) -> Found | None:
    """The committed state of an ingest; None where it never committed here.

    Raises:
        FerryError: LF-7002 it cannot be read; LF-7043 it is gone.
    """
    txn, kept = txns.get(app_id(name)), domains.get(domain(name))
    if kept is not None:
        state = parse_state(kept.configuration, f"{store.url}: domain {kept.domain}")
        if txn is None or epoch_of(txn.version) == state.epoch:
            return Found(state, "domain", txn.version if txn else None)
    if txn is not None:
        return Found(_read(store, name, txn.version), "sidecar", txn.version)
    _refuse_traces(store, name)
    return None


def _read(store: Store, name: str, version: int) -> IngestState:
    path = sidecar_path(name, version)
    try:
        text = read_all(store, path).decode(errors="replace")
    except FileNotFoundError as error:
        raise FerryError(
            "LF-7043",
            f"the positions that the table's last commit of `{name}` names are not there",
            f"{store.url}/{path}",
            "restore the file; a copy of the table without `_delta_log/_lakeferry` has lost it: "
            "copy that folder, too, or clone with lakeferry",
        ) from error
    state = parse_state(text, f"{store.url}/{path}")
    if state.epoch != epoch_of(version):
        where = f"{store.url}/{path}"
        raise FerryError(
            "LF-7002",
            f"the file of epoch {epoch_of(version)} holds epoch {state.epoch}",
            where,
            "restore the file as it was written",
        )
    return state


def _refuse_traces(store: Store, name: str) -> None:
    """LF-7043 where states lie beside the log, but no commit says which one counts.

    One of epoch 0 is no trace: it is put before an ingest's first commit, which may never have
    been made, and no row was committed with it.
    """
    traces = [version for version in file_versions(store, name) if epoch_of(version) > 0]
    if traces:
        raise positions_gone(store.url, name, f"{sidecar_path(name, max(traces))} is there")


def positions_gone(url: str, name: str, trace: str) -> FerryError:
    """Said of a table that bears traces of an ingest and no `txn` of it."""
    return FerryError(
        "LF-7043",
        f"the table was ingested into as `{name}`, but where that stands is not in its log",
        f"{url}: {trace}, and there is no txn `{app_id(name)}`; "
        "delta.setTransactionRetentionDuration lets it expire, RESTORE and REPLACE may drop it",
        "unset that property and take the table back to a version that has the txn; or, where rows "
        "may come twice or be lost, begin under another --name and say where: --from",
    )


def put_state(
    store: Store, name: str, version: int, state: IngestState, *, single_writer: bool = False
) -> bool:
    """Put the file that a `txn` of this version will name; False: there is one, and it stays.

    One that is there may be another writer's, though it says the same: whoever loses a race removes
    the own file, and never one that a winner's commit may name.

    Args:
        single_writer: the store lacks put-if-absent, and we are vouched to be alone.
    """
    path, body = sidecar_path(name, version), state_text(state).encode()
    if single_writer:
        store.write(path, [body], size=len(body))
        store.settle()
        return True
    try:
        store.put_if_absent(path, [body], size_hint=len(body))
    except AlreadyThere:
        return False
    return True
