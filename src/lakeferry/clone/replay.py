"""One target commit for each source commit, where a single one could not tell a range truly. Pure.

Append f1, then OPTIMIZE f0 + f1 into f2: in one commit, f2 would be new rows and old rows at once.
So the source's commits are made again one by one, files included that are no longer live.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.clone.changes import DataChange
from lakeferry.clone.difference import Marked, Mask
from lakeferry.clone.landing import Roots, land_batch
from lakeferry.clone.plan import (
    ClonePlan,
    Header,
    SmallState,
    Totals,
    cloned_metadata,
    count,
)
from lakeferry.delta.commit_read import Commit
from lakeferry.delta.features import cloned_protocol
from lakeferry.delta.files import FileSet, spill
from lakeferry.delta.time_travel import ICT


def plan_replay(
    commits: Callable[[], Iterator[Commit]],
    *,
    state: SmallState,
    next_version: int,
    roots: Roots,
    source: Totals,
    carry_txns: bool,
    target_files: FileSet,
) -> tuple[ClonePlan, ...]:
    """Plans that make the source's commits again, oldest first.

    Args:
        commits: reads those of the range, each one, oldest first.
        state: of the target, which equals the source before the first commit.
        next_version: of the target.
        source: totals of the source at the end, for the commits' metrics.
        target_files: live at the target now; their data files need not be brought.
    """
    known = _paths_there(commits(), target_files, roots)
    plans = []
    for version, commit in enumerate(commits(), next_version):
        before = state
        header = _header(commit, before, carry_txns=carry_txns)
        state = before.after(header)
        add, remove = _landed(commit.add_files, roots), _landed(commit.remove_files, roots)
        stated, removed = count(add), count(remove)
        new = Marked(add, _is_new(add, known))
        plans.append(
            ClonePlan(
                source_version=commit.version,
                target_version=version,
                header=header,
                fetch=add,
                fetch_data=new,
                state=add,
                remove=remove,
                data_change=DataChange(default=None),
                source=source,
                copied=count(new),
                removed=removed,
                stated=stated,
                after=state,
                enables_ict=state.metadata.is_on(ICT) and not before.metadata.is_on(ICT),
            )
        )
    return tuple(plans)


def _paths_there(commits: Iterable[Commit], target: FileSet, roots: Roots) -> set[str]:
    """Of the paths that the commits add, those that are live at the target."""
    wanted = pa.array(
        sorted(
            {
                path
                for commit in commits
                for batch in _landed(commit.add_files, roots).batches(["path"])
                for path in batch.column("path").to_pylist()
            }
        ),
        pa.string(),
    )
    there: set[str] = set()
    for batch in target.batches(["path"]):
        paths = batch.column("path")
        there.update(paths.filter(pc.is_in(paths, value_set=wanted)).to_pylist())
    return there


def _is_new(add: FileSet, known: set[str]) -> Mask:
    """Which rows name a data file for the first time; `known` grows by them."""
    flags = []
    for batch in add.batches(["path"]):
        for path in batch.column("path").to_pylist():
            flags.append(path not in known)
            known.add(path)
    return np.array(flags, bool)


def _header(commit: Commit, before: SmallState, *, carry_txns: bool) -> Header:
    protocol = cloned_protocol(commit.protocol, before.protocol) if commit.protocol else None
    old = before.metadata
    metadata = cloned_metadata(commit.metadata, old, old.id) if commit.metadata else None
    return Header(
        protocol=protocol if protocol != before.protocol else None,
        metadata=metadata if metadata != old else None,
        txns=tuple(txn for _, txn in sorted(commit.txns.items()) if carry_txns),
        domains=tuple(domain for _, domain in sorted(commit.domains.items())),
        unknown=commit.unknown,
    )


def _landed(files: FileSet, roots: Roots) -> FileSet:
    batches = [land_batch(batch, roots) for batch in files.batches()]
    if not batches:
        return files
    return spill(iter(batches), batches[0].schema)
