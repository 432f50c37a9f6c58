"""Files of an ingest that no commit names: what a crash leaves between upload and commit.

They harm nobody, and VACUUM would take them. Which of them may go is a matter of proof, for another
coordinator of the same ingest may live, and its commit may be under way. At most two epochs are in
flight, so whatever was uploaded before the ingest's last commit but one is in a commit or void.

Source: Delta protocol, "Action Reconciliation": a file that a commit named is live, or has a
tombstone for as long as delta.deletedFileRetentionDuration.
"""

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from lakeferry.delta.checkpoint_write import duration_ms
from lakeferry.delta.files import FileSet
from lakeferry.delta.log import LOG, commit_name
from lakeferry.delta.paths import canonical, canonical_paths
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.ingest.position.state import app_id
from lakeferry.ingest.table.commit import read_winner
from lakeferry.store.protocol import ObjectMeta, Store

HOUR_MS = 3_600_000
WEEK_MS = 7 * 24 * HOUR_MS  # the protocol's default of the retention of tombstones
MOST_COMMITS = 200  # that are looked at for two of ours
MOST_LISTED = 200_000  # names; what lies beyond is left to VACUUM
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@dataclass(frozen=True, slots=True)
class Swept:
    """What one look found."""

    removed: tuple[str, ...] = ()  # paths
    bytes: int = 0  # of them
    whole: bool = True  # False: more names lie there than were looked at


def own_file(path: str, name: str) -> bool:
    """Whether a path ends as those of this ingest's files do; logged or decoded."""
    return re.search(own_files(name), path) is not None


def own_files(name: str) -> str:
    """A pattern of paths as `data_file` makes them, for RE2 too.

    Names of Spark's and delta-rs's files end in `-c000.<codec>.parquet`.
    """
    return _named(re.escape(name))


def file_of_any(path: str) -> bool:
    """Whether some ingest wrote the file, whichever; else another program did."""
    return re.search(_named(".+"), path) is not None


def _named(pattern: str) -> str:
    return rf"(?:^|/)part-{pattern}-[0-9]{{5,}}-{_UUID}\.zstd\.parquet$"


def _own_place(name: str) -> re.Pattern[str]:
    """The same, only in folders of partitions: another table may lie within this one's folder, and
    an ingest of the same name may write to it.
    """
    return re.compile(rf"(?:[^/]*=[^/]*/)*{own_files(name).removeprefix('(?:^|/)')}")


def sweep(store: Store, name: str, *, margin_ms: int = HOUR_MS) -> Swept:
    """Remove files of this ingest that were never committed and never will be.

    Args:
        margin_ms: of age beyond the proof, for clocks and for whoever rewrites files.

    Reads the log, and lists the table: an affair of seconds, beside the ingest.

    Raises:
        FerryError: the store does not answer; what cannot be removed is left.
    """
    # Read before the listing: what is committed from here on is younger than the proof.
    snapshot = read_snapshot(store, tombstones=True)
    proof_ms = _last_but_one_ms(store, name, snapshot.version)
    if proof_ms is None:
        return Swept()
    kept = snapshot.metadata.configuration.get("delta.deletedFileRetentionDuration", "")
    kept_ms = duration_ms(kept)
    now_ms = time.time_ns() // 1_000_000
    since_ms = now_ms - (WEEK_MS if kept_ms is None else kept_ms) + HOUR_MS
    listed = 0
    found: dict[str, ObjectMeta] = {}
    own = _own_place(name)
    for meta in islice(store.list(""), MOST_LISTED):
        listed += 1
        if (
            meta.modified_ms is not None
            and since_ms < meta.modified_ms < proof_ms - margin_ms
            and own.match(meta.path)
        ):
            found[meta.path] = meta
    for files in (snapshot.files, snapshot.removes):
        if files is not None and found:
            _without_named(found, files, canonical(store.url))
    for path in found:
        with suppress(FerryError):
            store.delete(path)
    size = sum(meta.size for meta in found.values())
    return Swept(tuple(sorted(found)), size, listed < MOST_LISTED)


def _last_but_one_ms(store: Store, name: str, head: int) -> int | None:
    """When the ingest's last commit but one was made, by the store's clock; None: not known."""
    own = 0
    for version in range(head, max(head - MOST_COMMITS, -1), -1):
        found = read_winner(store, version)
        if found is None:
            return None
        own += app_id(name) in found.app_ids
        if own == 2:
            meta = store.head(f"{LOG}/{commit_name(version)}")
            return meta.modified_ms if meta else None
    return None


def _without_named(found: dict[str, ObjectMeta], files: FileSet, root: str) -> None:
    for batch in files.batches(["path"]):
        for path in canonical_paths(batch.column("path"), root).to_pylist():
            found.pop(path, None)
