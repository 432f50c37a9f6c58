"""The newest commits of a table and who made them, read from its log without its data."""

from typing import Any

import orjson
import pyarrow.compute as pc

from lakeferry.clone.target import changes_data
from lakeferry.delta.commit_read import Commit, read_commit
from lakeferry.delta.log import LogFile, LogListing, list_log
from lakeferry.fleet.cutover.writers import Head, Made, Writer, rows_of, writer_of
from lakeferry.store.protocol import Store

_WHOLE = 1 << 20  # bytes of a commit that are read for its `commitInfo`
_END = 1 << 16  # of a longer one: at its begin and at its end, where writers put it


def head_of(store: Store, *, since: int) -> Head:
    """The newest version, which is `since` or later; one short listing."""
    listing = list_log(store, since=since)
    version = max(listing.commits, default=since)
    file = listing.commits.get(version)
    return Head(version, None if file is None else file.meta.modified_ms)


def made_by(store: Store, listing: LogListing, version: int) -> Made:
    """Who made a version; of one that log cleanup took nobody knows."""
    file = listing.commits.get(version)
    if file is None:
        return Made(version, writer_of(None), None)
    info = _info(store, file)
    stamp = info.get("timestamp")
    made_ms = stamp if isinstance(stamp, int) else file.meta.modified_ms
    return Made(version, writer_of(info), made_ms, str(info.get("operation") or ""), rows_of(info))


def written_since(store: Store, version: int) -> tuple[Made, ...]:
    """Every commit after a version: who made it, whether it changed data, how many rows.

    Of commits that log cleanup took nobody can say what they did: they count as changes, as one.
    """
    listing = list_log(store, since=version)
    numbers = [one for one in sorted(listing.commits) if one > version]
    head = max([version, *numbers, *(one.version for one in listing.checkpoints)])
    found = []
    if gone := sorted({*range(version + 1, head + 1)} - {*numbers}):
        what = Writer("whoever wrote", f"versions {gone[0]} to {gone[-1]}, whose log is gone")
        found.append(Made(gone[-1], what, None))
    for number in numbers:
        commit = read_commit(store, number)
        made = made_by(store, listing, number)
        rows = made.rows if made.rows is not None else _rows(commit)
        changes = changes_data(commit)
        found.append(
            Made(number, made.writer, made.made_ms, made.operation, rows if changes else 0, changes)
        )
    return tuple(found)


def _rows(commit: Commit) -> int | None:
    """Of the files that it added, as their statistics count them."""
    total = 0
    for batch in commit.adds:
        told = batch.filter(pc.fill_null(batch.column("dataChange"), True)).column("stats")
        for text in told.to_pylist():
            try:
                total += int(orjson.loads(text or "")["numRecords"])
            except (ValueError, KeyError, TypeError):
                return None
    return total


def _info(store: Store, file: LogFile) -> dict[str, Any]:
    size = file.meta.size
    parts = [(0, size)] if size <= _WHOLE else [(0, _END), (size - _END, size)]
    for start, end in parts:
        try:
            text = b"".join(store.read(file.meta.path, start=start, end=end))
        except FileNotFoundError:
            return {}
        for line in text.split(b"\n"):
            if b'"commitInfo"' not in line[:32]:
                continue
            try:
                found = orjson.loads(line).get("commitInfo")
            except (orjson.JSONDecodeError, AttributeError):
                continue
            if isinstance(found, dict):
                return found
    return {}
