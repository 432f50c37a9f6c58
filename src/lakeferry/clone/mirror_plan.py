"""Which of a source's commits, checkpoints and files make a mirror. Pure but for reading the log.

A mirror keeps versions, table id and commits byte for byte, so a stream that reads the source goes
on with its own checkpoint. It begins where the source's log can still begin: at version 0, or at
its oldest whole checkpoint.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from lakeferry.clone.copy import CopyItem
from lakeferry.clone.landing import ABSOLUTE, vector_end, vector_file
from lakeferry.delta.commit_read import read_commit
from lakeferry.delta.files import OnEntries, untold
from lakeferry.delta.log import Checkpoint, LogFile, LogListing
from lakeferry.delta.paths import is_absolute, safe_relative
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.store.protocol import Store


@dataclass(frozen=True)
class MirrorPlan:
    """The part of the source's log that a mirror must bring."""

    base: Checkpoint | None  # where the mirror's log begins; None: at version 0, or it has begun
    commits: tuple[LogFile, ...]  # ascending
    companions: tuple[LogFile, ...]  # .crc and compactions: after the commits
    checkpoints: tuple[Checkpoint, ...]  # after these, oldest first
    end: int

    @property
    def is_empty(self) -> bool:
        return not (self.base or self.commits or self.companions or self.checkpoints)


def plan_mirror(source: LogListing, target: LogListing, *, end: int) -> MirrorPlan:
    """Decide by names what to bring.

    Raises:
        FerryError: LF-3003 where log cleanup took commits between the mirror's head and now;
            LF-5003 where the target has commits that the source lacks, or others.
    """
    here = max(target.commits, default=None)
    if here is None and not target.checkpoints:
        base = _base(source, end)
        start = base.version if base else 0
    else:
        base = None
        head = _refuse_divergence(source, target, end)
        # A run that was cut off may have left its base checkpoint without that version's commit.
        start = head + 1 if head in target.commits or head not in source.commits else head
    _refuse_gap(source, target, range(start, end + 1), base)
    begun = [*target.commits, *(found.version for found in target.checkpoints)]
    low = base.version if base else min(begun, default=0)
    return MirrorPlan(
        base=base,
        commits=tuple(
            source.commits[version]
            for version in range(start, end + 1)
            if version in source.commits and not (base and version == base.version)
        ),
        companions=_companions(source, target, low, end),
        checkpoints=tuple(
            found
            for found in reversed(source.checkpoints)
            if low <= found.version <= end
            and found is not base
            and found.name not in {there.name for there in target.checkpoints}
        ),
        end=end,
    )


def _refuse_gap(
    source: LogListing, target: LogListing, versions: range, base: Checkpoint | None
) -> None:
    """LF-3003 for a commit that is gone; a checkpoint stands for its own version."""
    missing = [version for version in versions if version not in source.commits]
    if missing and not (base is not None and missing == [base.version]):
        raise FerryError(
            "LF-3003",
            f"commit {missing[0]} of the source is gone, so the mirror cannot go on",
            f"{source.url}: log cleanup ran since the last clone (target: {target.url})",
            "start a new mirror in an empty place, or clone there with --mode snapshot",
        )


def _companions(source: LogListing, target: LogListing, low: int, end: int) -> tuple[LogFile, ...]:
    """Checksums and compactions of the mirrored versions that the target lacks."""
    there = {file.meta.path for file in (*target.crcs.values(), *target.compactions)}
    return tuple(
        file
        for file in (*(file for _, file in sorted(source.crcs.items())), *source.compactions)
        if low <= file.version <= end and file.end <= end and file.meta.path not in there
    )


def _base(source: LogListing, end: int) -> Checkpoint | None:
    """The oldest checkpoint from which commits lead to `end`; None: version 0 does."""
    first = end
    while first - 1 in source.commits:
        first -= 1
    if end in source.commits and first == 0:
        return None
    usable = [
        found
        for found in source.checkpoints
        if found.version <= end and (found.version == end or found.version + 1 >= first)
    ]
    return min(usable, key=lambda found: found.version, default=None)


def _refuse_divergence(source: LogListing, target: LogListing, end: int) -> int:
    """The mirror's head, after its log was found to be a part of the source's."""
    head = max([*target.commits, *(found.version for found in target.checkpoints)])
    foreign = [
        version
        for version, file in sorted(target.commits.items())
        if version > max(source.commits, default=-1)
        or (version in source.commits and source.commits[version].meta.size != file.meta.size)
    ]
    if foreign:
        raise divergent(target.url, foreign)
    return min(head, end)


def divergent(url: str, versions: list[int]) -> FerryError:
    """LF-5003 for commits of the target that are not the source's."""
    shown = ", ".join(str(version) for version in versions[:10])
    return FerryError(
        "LF-5003",
        f"the target is no mirror any more: its commits {shown} are not the source's",
        f"{url}; someone else has written to it; nothing was written now",
        "start a new mirror in an empty place; the commits named may need to be kept",
    )


def mirror_items(
    source: Store, listing: LogListing, plan: MirrorPlan, *, on_entries: OnEntries = untold
) -> Iterator[CopyItem]:
    """Every file that the mirrored part of the log names: data, vectors and change data, once.

    Raises:
        FerryError: LF-3003 for a file that is named by an absolute path.
    """
    seen: set[int] = set()
    if plan.base is not None:
        start = read_snapshot(
            source, version=plan.base.version, listing=listing, on_entries=on_entries
        )
        for batch in start.files.batches(["path", "size", "deletionVector"]):
            yield from _items(batch, source.url, seen)
    for file in plan.commits:
        commit = read_commit(source, file.version, on_entries=on_entries)
        for batch in commit.adds:
            yield from _items(batch, source.url, seen)
        for body in commit.cdc:
            yield _cdc_item(body, source.url)


def _items(batch: pa.RecordBatch, url: str, seen: set[int]) -> Iterator[CopyItem]:
    away = batch.filter(pc.match_substring_regex(batch.column("path"), ABSOLUTE))
    for path in away.column("path").to_pylist():
        raise _absolute(url, path)
    paths, sizes = batch.column("path").to_pylist(), batch.column("size").to_pylist()
    for path, size in zip(paths, sizes, strict=True):
        key = safe_relative(path)
        if _first(key, seen):
            yield CopyItem("", key, key, size, "data")
    for vector in batch.column("deletionVector").drop_null().to_pylist():
        if vector["storageType"] == "p":
            raise _absolute(url, vector["pathOrInlineDv"])
        name = vector_file(vector)
        if name is not None and _first(name, seen):
            yield CopyItem("", name, name, None, "vector", vector_end(vector))


def _first(key: str, seen: set[int]) -> bool:
    mark = xxhash.xxh3_64_intdigest(key.encode())
    fresh = mark not in seen
    seen.add(mark)
    return fresh


def _cdc_item(body: Mapping[str, Any], url: str) -> CopyItem:
    if is_absolute(body["path"]):
        raise _absolute(url, body["path"])
    key = safe_relative(body["path"])
    return CopyItem("", key, key, body.get("size"), "cdc")


def _absolute(url: str, path: str) -> FerryError:
    return FerryError(
        "LF-3003",
        "a mirror cannot be made: the log names a file by an absolute path",
        f"{url}: `{path}` (shallow clones and converted tables do so)",
        "gather the files into a clone of its own: --mode snapshot",
    )
