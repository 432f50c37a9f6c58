"""Two snapshots -> all that one snapshot clone will do, decided before a byte moves. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypedDict

import numpy as np
import pyarrow.compute as pc

from lakeferry.clone.changes import DataChange, RangeChanges
from lakeferry.clone.difference import Difference, Marked, compare_files
from lakeferry.clone.landing import LandedFiles, Roots
from lakeferry.delta.actions import DomainMetadata, Metadata, Protocol, Txn
from lakeferry.delta.features import cloned_configuration, cloned_protocol
from lakeferry.delta.files import FileSet, MemoryFiles
from lakeferry.delta.paths import canonical
from lakeferry.delta.snapshot import Snapshot
from lakeferry.delta.time_travel import ICT, ICT_SINCE
from lakeferry.errors import FerryError


@dataclass(frozen=True, slots=True)
class Totals:
    """Files and bytes of one part of a plan."""

    files: int = 0
    bytes: int = 0
    vectors: int = 0  # files with a deletion vector


@dataclass(frozen=True)
class Header:
    """The small actions that a commit must state; None and empty: nothing changed."""

    protocol: Protocol | None = None
    metadata: Metadata | None = None
    txns: tuple[Txn, ...] = ()
    domains: tuple[DomainMetadata, ...] = ()
    unknown: tuple[Mapping[str, Any], ...] = ()  # actions that we do not know, as they were

    @property
    def is_empty(self) -> bool:
        return not (self.protocol or self.metadata or self.txns or self.domains or self.unknown)


@dataclass(frozen=True)
class SmallState:
    """The small actions of a table at one version."""

    protocol: Protocol
    metadata: Metadata
    txns: Mapping[str, Txn]
    domains: Mapping[str, DomainMetadata]

    def after(self, header: Header) -> "SmallState":
        """What they are when a commit with `header` stands."""
        domains = {**self.domains, **{domain.domain: domain for domain in header.domains}}
        return SmallState(
            protocol=header.protocol or self.protocol,
            metadata=header.metadata or self.metadata,
            txns={**self.txns, **{txn.app_id: txn for txn in header.txns}},
            domains={name: domain for name, domain in domains.items() if not domain.removed},
        )


@dataclass(frozen=True)
class ClonePlan:
    """What makes the target equal the source at one version, as one commit."""

    source_version: int
    target_version: int  # the version to commit
    header: Header
    fetch: FileSet  # rows of LANDING_SCHEMA: their file, vector or both must be brought
    fetch_data: FileSet  # of these, the rows whose data file is not live at the target
    state: FileSet  # rows of LANDING_SCHEMA to commit as `add`
    remove: FileSet  # rows of the target to commit as `remove`
    data_change: DataChange
    source: Totals  # the whole source table
    copied: Totals  # `fetch_data`, as far as the logs tell
    removed: Totals
    stated: Totals
    after: SmallState  # of the target when the commit stands
    stream_break: bool = False  # streams that read the target will see old rows as new ones
    enables_ict: bool = False  # this commit turns in-commit timestamps on at the target

    @property
    def is_empty(self) -> bool:
        return self.header.is_empty and not (self.stated.files or self.removed.files)


def plan_clone(
    source: Snapshot,
    target: Snapshot | None,
    *,
    roots: Roots,
    new_id: str,
    since: int | None,
    changes: RangeChanges | None,
    replace_target: bool = False,
    carry_txns: bool = True,
) -> ClonePlan:
    """Compare two snapshots and say what makes the target equal the source.

    Args:
        source: the table to copy, at the version to copy.
        target: the table that is there; None for a first clone.
        new_id: metaData.id of a first clone; an existing target keeps its own.
        since: source version that the target holds; None where it holds no clone of this source.
        changes: what the source's commits after `since` did; None where they are not all known.
        replace_target: the target may be another table, or streams on it may break.

    Raises:
        FerryError: LF-5005 where an append-only table's streams would see rows twice.
    """
    landed = LandedFiles(source.files, roots)
    there: FileSet = target.files if target else MemoryFiles()
    target_root = canonical(target.url) if target else ""
    difference = compare_files(landed, there, target_root=target_root)
    header = plan_header(source, target, new_id=new_id, since=since, carry_txns=carry_txns)
    before = small_state(target) if target else small_state(source, empty=True)
    data_change, stream_break = _decide_data_change(difference, target, since, changes)
    plan = ClonePlan(
        source_version=source.version,
        target_version=target.version + 1 if target else 0,
        header=header,
        data_change=data_change,
        source=count(source.files),
        stream_break=stream_break,
        after=before.after(header),
        enables_ict=_turns_on_ict(header, target),
        **_sets(landed, there, difference),
    )
    if stream_break and not replace_target:
        _refuse_stream_break(source, plan.after.metadata)
    return plan


class _Sets(TypedDict):
    fetch: FileSet
    fetch_data: FileSet
    state: FileSet
    remove: FileSet
    copied: Totals
    removed: Totals
    stated: Totals


def _sets(landed: FileSet, there: FileSet, difference: Difference) -> _Sets:
    """The files of a plan, each set with its totals."""
    fetch_data = Marked(landed, difference.added & ~difference.present)
    state = Marked(landed, difference.added | difference.restated)
    remove = Marked(there, difference.removed)
    return _Sets(
        fetch=Marked(landed, difference.added),
        fetch_data=fetch_data,
        state=state,
        remove=remove,
        copied=count(fetch_data),
        removed=count(remove),
        stated=count(state),
    )


def small_state(snapshot: Snapshot, *, empty: bool = False) -> SmallState:
    """A snapshot without its files; `empty`: as a table that no txn or domain was written to."""
    return SmallState(
        protocol=snapshot.protocol,
        metadata=snapshot.metadata,
        txns={} if empty else snapshot.txns,
        domains={} if empty else snapshot.domains,
    )


def plan_header(
    source: Snapshot,
    target: Snapshot | None,
    *,
    new_id: str,
    since: int | None,
    carry_txns: bool,
) -> Header:
    """The small actions that differ. Order as they are committed: txn by appId, domains by name."""
    protocol = cloned_protocol(source.protocol, target.protocol if target else None)
    metadata = cloned_metadata(source.metadata, target.metadata if target else None, new_id)
    old_txns = target.txns if target else {}
    old_domains = target.domains if target else {}
    gone = [
        replace(old_domains[name], removed=True)
        for name in old_domains.keys() - source.domains.keys()
    ]
    changed = [domain for name, domain in source.domains.items() if old_domains.get(name) != domain]
    return Header(
        protocol=None if target and target.protocol == protocol else protocol,
        metadata=None if target and target.metadata == metadata else metadata,
        txns=tuple(
            txn
            for app, txn in sorted(source.txns.items())
            if carry_txns and old_txns.get(app) != txn
        ),
        domains=tuple(sorted([*gone, *changed], key=lambda domain: domain.domain)),
        unknown=tuple(
            action for version, action in source.unknown_actions if since is None or version > since
        ),
    )


def cloned_metadata(source: Metadata, target: Metadata | None, new_id: str) -> Metadata:
    """The source's metadata as the target states it: its own id, without what cannot move."""
    configuration = cloned_configuration(source.configuration)
    if target is not None:
        # These say since when the *target* has in-commit timestamps.
        own = {key: target.configuration[key] for key in ICT_SINCE if key in target.configuration}
        if source.is_on(ICT):
            configuration |= own
    return replace(source, id=target.id if target else new_id, configuration=configuration)


def _turns_on_ict(header: Header, target: Snapshot | None) -> bool:
    if header.metadata is None or target is None:
        return False
    return header.metadata.is_on(ICT) and not target.metadata.is_on(ICT)


def _decide_data_change(
    difference: Difference,
    target: Snapshot | None,
    since: int | None,
    changes: RangeChanges | None,
) -> tuple[DataChange, bool]:
    """How each row is flagged, and whether streams on the target will see old rows as new."""
    if target is None or since is None:
        return DataChange(default=True), False
    if changes is None:
        only_appends = not (difference.removed.any() or difference.restated.any())
        return DataChange(default=True), not only_appends
    # A file that the source's commits did not touch differs because someone rearranged the
    # target; undoing that changes no data.
    return DataChange(default=False, by_key=changes.added | _removes(changes)), False


def _removes(changes: RangeChanges) -> dict[bytes, bool]:
    return {key: flag for key, flag in changes.removed.items() if key not in changes.added}


def _refuse_stream_break(source: Snapshot, metadata: Metadata) -> None:
    if not metadata.is_on("delta.appendOnly"):
        return
    raise FerryError(
        "LF-5005",
        "the source's commits since the last clone are gone, and streams on the target would break",
        f"{source.url} is append-only; removes with dataChange=true are illegal on its clone",
        "accept that readers of the target start anew: --replace",
    )


def count(files: FileSet) -> Totals:
    """Files, bytes and vectors of a set, in one pass."""
    total = np.zeros(3, np.int64)
    for batch in files.batches(["size", "deletionVector"]):
        vectors = batch.num_rows - batch.column("deletionVector").null_count
        total += [batch.num_rows, pc.sum(batch.column("size")).as_py() or 0, vectors]
    return Totals(*(int(value) for value in total))
