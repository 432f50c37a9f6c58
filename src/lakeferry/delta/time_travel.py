"""When versions were committed, and which version a time means.

Source: Delta protocol, "In-Commit Timestamps"; Delta's Spark reader for file times.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lakeferry.delta.actions import Metadata
from lakeferry.delta.json_parse import OtherAction, parse_commit
from lakeferry.delta.log import LogFile, LogListing, LogSegment, head_version, segment
from lakeferry.errors import FerryError
from lakeferry.store.protocol import Store

ICT = "delta.enableInCommitTimestamps"
ICT_SINCE = (  # the version, and its time in ms
    "delta.inCommitTimestampEnablementVersion",
    "delta.inCommitTimestampEnablementTimestamp",
)


def in_commit_timestamp(
    store: Store,
    listing: LogListing,
    version: int,
    metadata: Metadata,
    commit_info: Mapping[str, Any] | None,
) -> int | None:
    """ms since the epoch; None where the table has no in-commit timestamps at `version`.

    `commit_info`: of `version`, where it was read already.
    """
    if not metadata.is_on(ICT):
        return None
    file = listing.commits.get(version)
    if commit_info is None and file is not None:
        commit_info = _commit_info(store, file)
    stamp = (commit_info or {}).get("inCommitTimestamp")
    return stamp if isinstance(stamp, int) else None


def _commit_info(store: Store, file: LogFile) -> Mapping[str, Any] | None:
    """The commitInfo of a commit, which is its first line where it holds a timestamp."""
    for event in parse_commit(store.read(file.meta.path), file.meta.path):
        if isinstance(event, OtherAction) and event.name == "commitInfo":
            return event.body if isinstance(event.body, dict) else None
        return None
    return None


def file_times(listing: LogListing) -> dict[int, int]:
    """Version -> ms since the epoch by the files' times, made to rise from commit to commit."""
    times: dict[int, int] = {}
    last = None
    for version in sorted(listing.commits):
        modified = listing.commits[version].meta.modified_ms
        if modified is None:
            continue
        last = modified if last is None or modified > last else last + 1
        times[version] = last
    return times


def commit_time_ms(listing: LogListing, chosen: LogSegment) -> int | None:
    """When the segment's version was committed, as far as file times tell."""
    found = file_times(listing).get(chosen.end_version)
    if found is not None or chosen.checkpoint is None:
        return found
    return chosen.checkpoint.files[0].meta.modified_ms


def version_at(
    store: Store,
    listing: LogListing,
    timestamp_ms: int,
    *,
    newest: Metadata,
    newest_ms: int | None,
) -> int:
    """The version that was current at `timestamp_ms`.

    A time after the newest commit is refused, as Delta's own reader does: which version will be
    current then is not known yet, and the same command would mean another one tomorrow.

    Args:
        newest: metadata of the newest version, which says since when in-commit timestamps count.
        newest_ms: when that version was committed; None where nothing says it.

    Raises:
        FerryError: LF-2105 where the table's oldest version that can be rebuilt is younger, or
            its newest is older.
    """
    found = _committed_by(store, listing, timestamp_ms, newest)
    if newest_ms is not None and timestamp_ms > newest_ms:
        raise FerryError(
            "LF-2105",
            f"{utc_text(timestamp_ms)} is after the newest commit of the table",
            f"{listing.url}: its newest version is {head_version(listing)}, committed "
            f"{utc_text(newest_ms)}",
            f"ask for a time up to {utc_text(newest_ms)}; or for no time, which means the newest",
        )
    return found


def _committed_by(store: Store, listing: LogListing, timestamp_ms: int, newest: Metadata) -> int:
    """The newest version that was committed not after `timestamp_ms`."""
    versions = _rebuildable(listing)
    stamped = _stamped_since(newest)
    if stamped is not None and versions:
        start, start_ms = stamped
        if timestamp_ms >= start_ms:
            newer = [version for version in versions if version >= start]
            found = _search(store, listing, newer, timestamp_ms)
            if found is not None:
                return found
        versions = [version for version in versions if version < start]
    times = file_times(listing)
    fitting = [v for v in versions if v in times and times[v] <= timestamp_ms]
    if fitting:
        return fitting[-1]
    oldest = min(_rebuildable(listing), default=head_version(listing))
    since = f", committed {utc_text(times[oldest])}" if oldest in times and versions else ""
    raise FerryError(
        "LF-2105",
        f"the table has no version as old as {utc_text(timestamp_ms)}",
        f"{listing.url}: its oldest version left is {oldest}{since}",
        "ask for a later time, or for a version",
    )


def utc_text(ms: int) -> str:
    """RFC 3339 in UTC; a commit may say any time, also one that no calendar has here."""
    try:
        when = datetime.fromtimestamp(ms / 1000, UTC)
    except (OverflowError, ValueError):
        return f"{ms} ms since 1970"
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _rebuildable(listing: LogListing) -> list[int]:
    """Versions with a commit file from which nothing is missing, ascending."""
    head = head_version(listing)
    segment(listing, head)
    checkpoints = {found.version for found in listing.checkpoints}
    versions = []
    version = head
    while version in listing.commits:
        versions.append(version)
        version -= 1
    versions.reverse()
    if versions and versions[0] == 0:
        return versions
    oldest = min((found for found in checkpoints if found >= version), default=head)
    return [version for version in versions if version >= oldest]


def _stamped_since(newest: Metadata) -> tuple[int, int] | None:
    """Version and time at which in-commit timestamps begin; None where they are off."""
    if not newest.is_on(ICT):
        return None
    version, ms = (int(newest.configuration.get(name, 0)) for name in ICT_SINCE)
    return version, ms


def _search(
    store: Store, listing: LogListing, versions: list[int], timestamp_ms: int
) -> int | None:
    """Halving: in-commit timestamps rise strictly."""
    low, high = 0, len(versions)
    while low < high:
        middle = (low + high) // 2
        info = _commit_info(store, listing.commits[versions[middle]])
        stamp = (info or {}).get("inCommitTimestamp")
        if not isinstance(stamp, int):
            raise FerryError(
                "LF-3105",
                f"commit {versions[middle]} lacks its in-commit timestamp",
                f"{listing.url}/{listing.commits[versions[middle]].meta.path}",
                "ask for a version instead of a time",
            )
        if stamp <= timestamp_ms:
            low = middle + 1
        else:
            high = middle
    return versions[low - 1] if low else None
