"""Strength `listed`: every file that the target's log names is there, as long as the log says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lakeferry.clone.fetch import LIST_FROM, list_target
from lakeferry.clone.mirror_plan import mirror_items, plan_mirror
from lakeferry.clone.plan import count
from lakeferry.delta.deletion_vector import file_range, parse_descriptor, relative_file
from lakeferry.delta.log import LogListing
from lakeferry.delta.paths import is_absolute
from lakeferry.store.protocol import Store
from lakeferry.verify.findings import Findings
from lakeferry.verify.report import Finding
from lakeferry.verify.sides import Sides
from lakeferry.workers import map_threads

FILE_CHECKS = ("size", "history", "companions")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file that must be there."""

    store: Store
    key: str
    path: str  # as logged
    size: int  # bytes
    at_least: bool = False  # vectors: their file may hold others behind


def compare_listing(sides: Sides, findings: Findings, *, jobs: int) -> None:
    """All of `FILE_CHECKS`."""
    _check_live_files(sides, findings, jobs)
    _check_history(sides, findings, jobs)
    _check_companions(sides, findings)


def _check_live_files(sides: Sides, findings: Findings, jobs: int) -> None:
    """By one listing of the target where there are many, else one look at each."""
    there = (
        list_target(sides.target_store) if count(sides.target.files).files >= LIST_FROM else None
    )

    def unsure() -> Iterator[Wanted]:
        for item in _data_files(sides):
            own = item.store is sides.target_store
            if there is None or not own or not there.has(item.key, item.size):
                yield item
        yield from _vector_files(sides)

    for finding in map_threads(_look, unsure(), count=jobs):
        if finding is not None:
            findings.add_all([finding])


def _data_files(sides: Sides) -> Iterator[Wanted]:
    for batch in sides.target.files.batches(["path", "size"]):
        for path, size in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            store, key = sides.target_place(path)
            yield Wanted(store, key, path, size)


def _vector_files(sides: Sides) -> Iterator[Wanted]:
    """Each file of vectors once, with the end of the last vector in it."""
    ends: dict[str, int] = {}
    for row in vectors(sides):
        vector = parse_descriptor(row)
        if vector.storage_type != "i":
            path = relative_file(vector) or vector.path_or_inline_dv
            ends[path] = max(ends.get(path, 0), file_range(vector)[1])
    for path, end in ends.items():
        store, key = vector_place(sides, path)
        yield Wanted(store, key, path, end, at_least=True)


def vectors(sides: Sides) -> Iterator[Mapping[str, Any]]:
    """Descriptors of the target's live files."""
    for batch in sides.target.files.batches(["deletionVector"]):
        yield from batch.column("deletionVector").drop_null().to_pylist()


def vector_place(sides: Sides, path: str) -> tuple[Store, str]:
    """Where a file of vectors lies.

    Args:
        path: decoded below the target's root, or absolute and as logged.
    """
    return sides.target_place(path) if is_absolute(path) else (sides.target_store, path)


def _look(wanted: Wanted) -> Finding | None:
    found = wanted.store.head(wanted.key)
    if found is None:
        return Finding("size", "is not there, though the log names it", wanted.path)
    if found.size < wanted.size or (found.size != wanted.size and not wanted.at_least):
        least = "at least " if wanted.at_least else ""
        text = f"has {found.size} bytes, the log says {least}{wanted.size}"
        return Finding("size", text, wanted.path)
    return None


def _check_history(sides: Sides, findings: Findings, jobs: int) -> None:
    """A mirror has the files of all its versions, change data too, as far as the source has."""
    if sides.mode != "mirror":
        return
    listing = sides.source.listing
    nothing = LogListing(sides.target.url, {}, (), (), (), {}, (), is_there=False)
    plan = plan_mirror(listing, nothing, end=min(sides.source.version, sides.target.version))

    def looked_for() -> Iterator[Wanted]:
        for item in mirror_items(sides.source_store, listing, plan):
            size = item.size or 0
            at_least = item.size is None
            yield Wanted(sides.target_store, item.target_path, item.target_path, size, at_least)

    def look(wanted: Wanted) -> Finding | None:
        finding = _look(wanted)
        # What VACUUM took at the source before the mirror saw it is nobody's fault.
        if finding is None or sides.source_store.head(wanted.key) is None:
            return None
        return Finding("history", finding.what, finding.path)

    for finding in map_threads(look, looked_for(), count=jobs):
        if finding is not None:
            findings.add_all([finding])


def _check_companions(sides: Sides, findings: Findings) -> None:
    """What lay beside the source's log (COPY INTO state) when it was cloned is still here."""
    for fact in sides.record.extras if sides.record else ():
        found = sides.target_store.head(fact["path"])
        if found is None or found.size != fact["size"]:
            size = "nothing" if found is None else f"{found.size} bytes"
            text = f"{size} where {fact['size']} bytes were carried"
            findings.add("companions", text, fact["path"])
