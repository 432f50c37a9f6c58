"""Names in `_delta_log`, and what a listing of them means.

Only names of exactly this form count; all else below `_delta_log` is either known not to belong to
a table's state (side files, staged commits, sidecars) or carried opaquely (`LogListing.others`).

Source: Delta protocol, "Delta Log Entries", "Checkpoints", "Log Compaction Files".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from lakeferry.errors import FerryError
from lakeferry.store.protocol import ObjectMeta, Store

LOG = "_delta_log"
LAST_CHECKPOINT = f"{LOG}/_last_checkpoint"
MOST_SOUGHT = 100  # commits; where more are missing it is a gap
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_NAMES = (
    ("commit", re.compile(r"^(\d{20})\.json$")),
    ("crc", re.compile(r"^(\d{20})\.crc$")),
    ("checkpoint", re.compile(r"^(\d{20})\.checkpoint\.parquet$")),
    ("checkpoint_part", re.compile(r"^(\d{20})\.checkpoint\.(\d{10})\.(\d{10})\.parquet$")),
    ("checkpoint_v2", re.compile(rf"^(\d{{20}})\.checkpoint\.{_UUID}\.(?:json|parquet)$")),
    ("compacted", re.compile(r"^(\d{20})\.(\d{20})\.compacted\.json$")),
)
# Belong to the table at the source only: sidecars to its checkpoints, staged commits to its
# catalog, `_lakeferry` to our own earlier runs; of it a clone carries the files of `txn_files`.
_NOT_CARRIED = ("_sidecars", "_lakeferry", "_staged_commits", "_commits")


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file of the log whose name says what it is."""

    kind: str  # 'commit', 'crc', 'checkpoint', 'checkpoint_part', 'checkpoint_v2', 'compacted'
    version: int  # of 'compacted': the first one
    meta: ObjectMeta
    end: int = 0  # of 'compacted': the last version
    part: int = 0  # of 'checkpoint_part': from 1
    parts: int = 0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A complete checkpoint: all of its top-level files, sidecars not counted."""

    version: int
    files: tuple[LogFile, ...]

    @property
    def name(self) -> str:
        return self.files[0].meta.path


@dataclass(frozen=True, slots=True)
class LogListing:
    """All of one listing of `_delta_log`."""

    url: str  # of the table
    commits: Mapping[int, LogFile]
    checkpoints: tuple[Checkpoint, ...]  # complete ones, newest first
    incomplete: tuple[LogFile, ...]  # parts whose siblings are missing
    compactions: tuple[LogFile, ...]
    crcs: Mapping[int, LogFile]
    others: tuple[ObjectMeta, ...]  # what a clone carries opaquely, sorted by path
    is_there: bool  # whether anything at all lies below `_delta_log`


@dataclass(frozen=True, slots=True)
class LogSegment:
    """The files that together say what the table is at `end_version`."""

    commits: tuple[LogFile, ...]  # ascending, without a gap, all behind the checkpoint
    checkpoint: Checkpoint | None
    compactions: tuple[LogFile, ...]
    crc: LogFile | None  # of `end_version`
    end_version: int


def commit_name(version: int) -> str:
    return f"{version:020d}.json"


def crc_name(version: int) -> str:
    return f"{version:020d}.crc"


def checkpoint_name(version: int) -> str:
    return f"{version:020d}.checkpoint.parquet"


def parse_name(meta: ObjectMeta) -> LogFile | None:
    """What an object directly in `_delta_log` is; None if its name is no name of the log."""
    folder, _, name = meta.path.rpartition("/")
    if folder != LOG:
        return None
    for kind, pattern in _NAMES:
        found = pattern.match(name)
        if found is None:
            continue
        version, numbers = int(found[1]), [int(number) for number in found.groups()[1:]]
        if kind == "compacted":
            return LogFile(kind, version, meta, end=numbers[0])
        if kind == "checkpoint_part":
            return LogFile(kind, version, meta, part=numbers[0], parts=numbers[1])
        return LogFile(kind, version, meta)
    return None


def list_log(store: Store, *, since: int = 0) -> LogListing:
    """List `_delta_log`, with all that lies in folders below it.

    `since`: leave out what the names say of versions before this one.
    """
    after = f"{LOG}/{since:020d}" if since else None
    return _completed(store, _listing(store, store.list(LOG, after=after)))


def list_short_log(store: Store, most: int) -> LogListing | None:
    """The same, of a log of at most `most` objects; None of a longer one, after reading so many."""
    metas = list(islice(store.list(LOG), most + 1))
    return None if len(metas) > most else _completed(store, _listing(store, metas))


def _completed(store: Store, found: LogListing) -> LogListing:
    """Others commit while a listing is read, so it may lack one commit though it has a later one.

    Those are asked for by name, so that what seems a gap is one.
    """
    first = found.checkpoints[0].version + 1 if found.checkpoints else min(found.commits, default=0)
    head = max(found.commits, default=0)
    missing = [version for version in range(first, head) if version not in found.commits]
    if not missing or len(missing) > MOST_SOUGHT:
        return found
    metas = [store.head(f"{LOG}/{commit_name(version)}") for version in missing]
    late = [parse_name(meta) for meta in metas if meta is not None]
    told = {file.version: file for file in late if file is not None}
    return replace(found, commits={**found.commits, **told})


def _listing(store: Store, metas: Iterable[ObjectMeta]) -> LogListing:
    known: list[LogFile] = []
    others: list[ObjectMeta] = []
    is_there = False
    for meta in metas:
        is_there = True
        file = parse_name(meta)
        if file is not None:
            known.append(file)
        elif _is_carried(meta.path):
            others.append(meta)
    checkpoints, incomplete = _checkpoints(known)
    return LogListing(
        url=store.url,
        commits={file.version: file for file in known if file.kind == "commit"},
        checkpoints=checkpoints,
        incomplete=incomplete,
        compactions=tuple(
            sorted(
                (file for file in known if file.kind == "compacted"),
                key=lambda file: (file.version, file.end),
            )
        ),
        crcs={file.version: file for file in known if file.kind == "crc"},
        others=tuple(sorted(others, key=lambda meta: meta.path)),
        is_there=is_there,
    )


def _is_carried(path: str) -> bool:
    inside = path.removeprefix(LOG + "/")
    first, _, _ = inside.partition("/")
    name = inside.rpartition("/")[2]
    if inside == "_last_checkpoint" or first in _NOT_CARRIED or inside.endswith("/"):
        return False
    # Dot files are side files of Hadoop's local file system or files that are being written.
    is_temporary = name.endswith((".tmp", ".temp")) or name.startswith(("_tmp", "_temp"))
    return not (name.startswith(".") or first.startswith(".") or is_temporary)


def _checkpoints(known: list[LogFile]) -> tuple[tuple[Checkpoint, ...], tuple[LogFile, ...]]:
    found = [
        Checkpoint(file.version, (file,))
        for file in known
        if file.kind in ("checkpoint", "checkpoint_v2")
    ]
    by_set: dict[tuple[int, int], dict[int, LogFile]] = {}
    for file in known:
        if file.kind == "checkpoint_part":
            by_set.setdefault((file.version, file.parts), {})[file.part] = file
    incomplete: list[LogFile] = []
    for (version, parts), members in by_set.items():
        if set(members) == set(range(1, parts + 1)):
            found.append(Checkpoint(version, tuple(members[part] for part in sorted(members))))
        else:
            incomplete.extend(members.values())
    # Of one version, the form with the fewest files first; then by name, so that runs agree.
    found.sort(key=lambda checkpoint: (-checkpoint.version, len(checkpoint.files), checkpoint.name))
    return tuple(found), tuple(incomplete)


def head_version(listing: LogListing) -> int:
    """The newest version that the listing shows. Raises LF-2102 (no table), LF-3101 (empty)."""
    versions = list(listing.commits) + [found.version for found in listing.checkpoints[:1]]
    if versions:
        return max(versions)
    if listing.incomplete:
        raise _unreadable(listing, max(file.version for file in listing.incomplete))
    if listing.is_there:
        raise FerryError(
            "LF-3101",
            "the log of the table is empty",
            f"{listing.url}/{LOG} holds no commit and no checkpoint",
            "if the table is still being created, run the command again later",
        )
    raise FerryError(
        "LF-2102",
        f"`{listing.url}` holds no Delta table",
        f"nothing lies below {listing.url}/{LOG}",
        "check the path: the table's own folder is wanted, the one above `_delta_log`",
    )


def told_from_nowhere(store: Store, error: FerryError) -> FerryError:
    """LF-2101 where nothing lies at all at a place that holds no table; else `error` itself."""
    if error.code != "LF-2102" or next(iter(store.list("")), None) is not None:
        return error
    return FerryError(
        "LF-2101",
        f"there is nothing at `{store.url}`",
        "no folder, or no object under this prefix",
        "check the path and the spelling of the address",
    )


def segment(
    listing: LogListing, version: int | None = None, *, without: frozenset[str] = frozenset()
) -> LogSegment:
    """Choose the files that give `version` (None: the newest).

    Args:
        listing: what `list_log` found.
        version: of the table.
        without: names of checkpoints that turned out to be unreadable.

    Raises:
        FerryError: LF-2102 no table, LF-3101 empty log, LF-2105 no such version, LF-3102 a gap,
            LF-3104 no checkpoint is complete and the commits before are gone.
    """
    head = head_version(listing)
    end = head if version is None else version
    if not 0 <= end <= head:
        raise _no_such_version(listing, end, f"the newest version is {head}")
    usable = [
        found for found in listing.checkpoints if found.version <= end and found.name not in without
    ]
    checkpoint = usable[0] if usable else None
    start = checkpoint.version + 1 if checkpoint else 0
    missing = next(
        (number for number in range(start, end + 1) if number not in listing.commits), None
    )
    if missing is not None:
        raise _gap(listing, missing, end, checkpoint, without)
    return LogSegment(
        commits=tuple(listing.commits[number] for number in range(start, end + 1)),
        checkpoint=checkpoint,
        compactions=tuple(
            file for file in listing.compactions if start <= file.version and file.end <= end
        ),
        crc=listing.crcs.get(end),
        end_version=end,
    )


def _gap(
    listing: LogListing,
    missing: int,
    end: int,
    checkpoint: Checkpoint | None,
    without: frozenset[str],
) -> FerryError:
    before = [number for number in listing.commits if number < missing]
    if checkpoint is None and not before:
        broken = without or any(file.version <= end for file in listing.incomplete)
        if broken:
            return _unreadable(listing, end)
        earliest = min((found.version for found in listing.checkpoints), default=None)
        if earliest is not None and end < earliest:
            return _no_such_version(
                listing, end, f"log cleanup removed it; the oldest left is {earliest}"
            )
    # Reading compactions is optional for readers, so no log may lean on one: Spark refuses it too.
    stands_in = next(
        (file for file in listing.compactions if file.version <= missing <= file.end), None
    )
    name = f"; {stands_in.meta.path} covers it but may not stand alone" if stands_in else ""
    return FerryError(
        "LF-3102",
        f"commit {missing} is missing from the log",
        f"{listing.url}/{LOG}/{commit_name(missing)} is not there, "
        f"yet version {end} needs it{name}",
        "restore the file from a backup, or clone an older `--version`",
    )


def _unreadable(listing: LogListing, version: int) -> FerryError:
    parts = sorted(file.meta.path for file in listing.incomplete)
    shown = f"; incomplete: {', '.join(parts[:3])}" if parts else ""
    return FerryError(
        "LF-3104",
        f"no checkpoint of the table can be read at version {version}, and older commits are gone",
        f"{listing.url}/{LOG}{shown}",
        "restore the missing checkpoint file, or let a writer of the table make a new checkpoint",
    )


def _no_such_version(listing: LogListing, version: int, why: str) -> FerryError:
    return FerryError(
        "LF-2105",
        f"the table has no version {version}",
        f"{listing.url}: {why}",
        "ask for a version that exists, or for none to get the newest",
    )
