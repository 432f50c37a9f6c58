"""What the source's own commits did between two versions: whether each file changed data. Pure.

A stream that reads the target must see what a stream on the source saw: appends as appends, and
nothing of OPTIMIZE. So `dataChange` of each add and remove is the source's own, taken from its
commits. One commit can hold a whole range unless a file born in it was rearranged within it
(append f1, then OPTIMIZE f0 + f1 into f2): then f2 is both new rows and old ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.clone.landing import Roots, land_batch
from lakeferry.delta.files import logical_keys


class CommitFiles(Protocol):
    """The file actions of one commit."""

    @property
    def adds(self) -> Iterable[pa.RecordBatch]: ...

    @property
    def removes(self) -> Iterable[pa.RecordBatch]: ...


@dataclass(frozen=True)
class RangeChanges:
    """The last word on each file that the commits of a range touched, by its key at the target."""

    added: dict[bytes, bool] = field(default_factory=dict)  # key -> whether its rows are new
    removed: dict[bytes, bool] = field(default_factory=dict)  # key -> dataChange of its last remove
    rearranged: bool = False  # one commit cannot tell this range truly


def scan_commits(commits: Iterable[CommitFiles], roots: Roots) -> RangeChanges:
    """Read the commits of a range, oldest first.

    Memory grows with the files that the range touched (some 200 bytes each), not with the table.
    """
    added: dict[bytes, bool] = {}
    removed: dict[bytes, bool] = {}
    rearranged = False
    for commit in commits:
        gone = _flags(commit.removes, roots)
        for key, changed in gone.items():
            # Collapsing hides a file that is born and goes within the range. That is the truth
            # only if its rows came and went in the same sense.
            rearranged |= key in added and added.pop(key) != changed
            removed[key] = changed
        for key, changed in _flags(commit.adds, roots).items():
            # Stated again without a remove (new statistics, row ids): its rows are as new as ever.
            added[key] = changed or added.get(key, False)
    return RangeChanges(added, removed, rearranged)


def _flags(batches: Iterable[pa.RecordBatch], roots: Roots) -> dict[bytes, bool]:
    found: dict[bytes, bool] = {}
    for batch in batches:
        keys = logical_keys(land_batch(batch, roots), "").to_pylist()
        flags = pc.fill_null(batch.column("dataChange"), True).to_pylist()
        found.update(zip(keys, flags, strict=True))
    return found


@dataclass(frozen=True)
class DataChange:
    """Decides `dataChange` of each row that a clone commits."""

    default: bool | None  # of rows not in `by_key`; None: as the row itself says
    by_key: dict[bytes, bool] = field(default_factory=dict)
    root: str = ""  # `canonical` of the target, which its own absolute paths may name

    def set_on(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with its `dataChange` column replaced."""
        if self.default is None:
            return batch
        flags = pa.array([self.default] * batch.num_rows, pa.bool_())
        if self.by_key:
            keys = logical_keys(batch, self.root).to_pylist()
            flags = pa.array([self.by_key.get(key, self.default) for key in keys], pa.bool_())
        at = batch.schema.get_field_index("dataChange")
        return batch.set_column(at, batch.schema.field(at), flags)
