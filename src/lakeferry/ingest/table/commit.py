"""Commit a batch: rows and positions become visible at once, exactly once, or not at all.

The log is never read again: what others committed meanwhile is read commit by commit, and only
what matters to an append.

Source: Delta protocol, "Delta Log Entries".
"""

import os
import secrets
import socket
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import orjson

from lakeferry.delta.actions import DomainMetadata, Txn
from lakeferry.delta.commit import VersionTaken, in_chunks, publish
from lakeferry.delta.log import LOG, commit_name
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.delta.txn_files import KEPT, drop_file
from lakeferry.errors import FerryError
from lakeferry.ingest.position.state import (
    RANDOM_BITS,
    IngestState,
    app_id,
    domain,
    epoch_of,
    txn_version,
)
from lakeferry.ingest.position.text import state_text
from lakeferry.ingest.table.commit_body import Content, stated
from lakeferry.ingest.table.commit_rule import (
    ROW_TRACKING,
    Again,
    Batch,
    Changed,
    Ours,
    ReadAgain,
    Stop,
    Winner,
    judge,
    winner,
)
from lakeferry.ingest.table.fit import WRITABLE
from lakeferry.ingest.table.state_store import put_state
from lakeferry.ingest.table.target import Committed, Lost, Target
from lakeferry.ingest.worker.messages import Counts, DataFile
from lakeferry.store.protocol import Store, read_lines

TRIES = 100  # versions; each is lost to a commit of another writer
NUMBERS = 10  # of 2**20 that are drawn for one state


def commit(
    target: Target,
    files: Sequence[DataFile],
    after: IngestState,
    *,
    counts: Counts | None = None,
) -> Committed | Lost:
    """Make one version of the files and the positions after them.

    Args:
        target: as `open_target` or the last commit gave it; at version -1 it is made.
        files: they lie in the store, durably: whoever uploaded them has called `settle`.
        after: `advanced` of the target's state, or the first one.
        counts: what the workers count for this batch, kept in the history.

    Raises:
        FerryError: LF-7045 the table was replaced by another; LF-7046 the log was
            cleaned beyond what we know; LF-7047 others kept winning: of these the files and the
            state are removed. What the store raises otherwise leaves both, since the commit may
            have been made: what the table says at the next start is the truth.
    """
    epoch = 0 if target.state is None else target.state.epoch + 1
    if after.epoch != epoch:
        raise ValueError(f"a commit of epoch {after.epoch} cannot follow epoch {epoch - 1}")
    target.store.settle()
    version = _numbered(target, after)
    content = _content(target, files, after, version, counts)
    try:
        done = publish_next(target, content)
    except FerryError as error:
        if error.code in ("LF-7045", "LF-7047"):
            _void(target, content)
        raise
    if isinstance(done, Lost):
        _void(target, content)
        return done
    return replace(done, target=_with_state(done.target, after, version))


def _content(
    target: Target,
    files: Sequence[DataFile],
    after: IngestState,
    version: int,
    counts: Counts | None,
) -> Content:
    """What the log is told; `version` is that of our `txn`."""
    kept = DomainMetadata(domain(target.name), state_text(after))
    is_new = target.version < 0
    return Content(
        target.name,
        str(uuid.uuid4()),
        tuple(files),
        Txn(app_id(target.name), version, time.time_ns() // 1_000_000),
        kept if target.keeps == "domain" else None,
        target.protocol if is_new else None,
        target.metadata if is_new else None,
        counts,
        this_process(),
    )


def this_process() -> str:
    """For people who look for it. In a container the host is the container's name."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def _numbered(target: Target, after: IngestState) -> int:
    """The version of our `txn`, its file put where there is to be one.

    Two writers of one epoch may draw one number; and a store may say that a file is there since it
    took ours and lost its answer. In either case another number is drawn.
    """
    for _ in range(NUMBERS):
        version = txn_version(after.epoch, secrets.randbits(RANDOM_BITS))
        if target.keeps == "domain" or put_state(
            target.store, target.name, version, after, single_writer=target.single_writer
        ):
            return version
    raise FerryError(
        "LF-7003",
        "other states lie wherever ours is to be put",
        f"{target.store.url}: {NUMBERS} names of epoch {after.epoch} are taken",
        "nothing was committed; start the ingest again",
    )


def _void(target: Target, content: Content) -> None:
    """Remove what no commit names; what cannot be removed is found by the next start."""
    for file in content.files:
        with suppress(FerryError):
            target.store.delete(file.path)
    if target.keeps == "sidecar" and content.txn:
        drop_file(target.store, target.name, content.txn.version)


def _with_state(target: Target, after: IngestState, version: int) -> Target:
    if target.keeps == "domain":
        return replace(target, state=after)
    states = (*target.states, version)
    for old in states[:-KEPT]:
        if epoch_of(old):  # the first says where all began, which a history is judged from
            drop_file(target.store, target.name, old)
    return replace(target, state=after, states=states[-KEPT:])


# --- one version ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Taken:
    """Another writer has the version; what that means, and what the table is now."""

    verdict: Again | ReadAgain | Changed
    now: Target  # with `Again`: at the newest version; else as it was

    @property
    def lost(self) -> Lost | None:
        """What is void by it; None: the same may be tried again, behind what is there."""
        match self.verdict:
            case ReadAgain(version, writer):
                return Lost(version, writer)
            case Changed(version, why):
                return Lost(version, changed=why)
        return None


def publish_next(target: Target, content: Content) -> Committed | Lost:
    """Commit behind the newest version, whichever that is. Raises as `commit` does."""
    for tries in range(1, TRIES + 1):
        done = try_next(target, content)
        if isinstance(done, Target):
            return Committed(done, done.version, tries)
        if done.lost is not None:
            return done.lost
        target = done.now
    raise kept_losing(target)


def kept_losing(target: Target) -> FerryError:
    """LF-7047."""
    return FerryError(
        "LF-7047",
        f"other writers of the table took {TRIES} versions in a row",
        f"{target.store.url}: up to version {target.version}",
        "let other writers commit less often, then start the ingest again; it reads from what is "
        "committed",
    )


def try_next(target: Target, content: Content) -> Target | Taken:
    """Try the version behind the target's own; the target that comes back has it."""
    text = stated(content, target.head, now_ms=time.time_ns() // 1_000_000)
    version = target.version + 1
    try:
        publish(
            target.store,
            version,
            lambda: in_chunks(text.lines),
            txn_id=content.token,
            size_hint=sum(map(len, text.lines)),
            single_writer=target.single_writer,
        )
    except VersionTaken:
        if version == 0:  # another has made the table
            return Taken(ReadAgain(0), target)
        return _judged(target, content, _winners(target.store, version))
    _refuse_buried(target, content, version)
    return _moved(target, content, version, text.in_commit_timestamp, text.high_row_id)


def _moved(
    target: Target, content: Content, version: int, stamp: int | None, high_row_id: int
) -> Target:
    return replace(
        target,
        version=version,
        protocol=content.protocol or target.protocol,
        metadata=content.metadata or target.metadata,
        in_commit_timestamp=stamp,
        high_row_id=high_row_id,
    )


def _judged(target: Target, content: Content, winners: Sequence[Winner]) -> Target | Taken:
    batch = Batch(content.token, app_id(target.name), domain(target.name), target.metadata)
    verdict = judge(batch, winners, WRITABLE)
    match verdict:
        case Ours(version):
            [own] = [one for one in winners if one.version == version]
            high = _high_row_id((own.domains or {}).get(ROW_TRACKING), target.high_row_id)
            return _moved(target, content, version, own.in_commit_timestamp, high)
        case Again(version, metadata, protocol, row_tracking, stamp):
            now = replace(
                target,
                version=version - 1,
                metadata=metadata or target.metadata,
                protocol=protocol or target.protocol,
                in_commit_timestamp=stamp,
                high_row_id=_high_row_id(row_tracking, target.high_row_id),
            )
            return Taken(verdict, now)
        case ReadAgain() | Changed():
            return Taken(verdict, target)
        case Stop(version, why):
            raise FerryError(
                "LF-7045",
                f"the table changed, and what was read does not fit it any more: {why}",
                f"{target.store.url}: version {version}; the rows were made for {target.version}",
                "if the stream belongs into it start the ingest again: it reads on from the "
                "positions that are there",
            )


def _high_row_id(configuration: str | None, before: int) -> int:
    return high_row_id(configuration) if configuration else before


def high_row_id(configuration: str | None) -> int:
    """The highest row id that a table has given; -1 where it gave none."""
    body = orjson.loads(configuration) if configuration else {}
    return int(body.get("rowIdHighWaterMark", -1))


def _winners(store: Store, first: int) -> list[Winner]:
    """Every commit from a version on to the newest one."""
    found: list[Winner] = []
    while (one := read_winner(store, first + len(found))) is not None:
        found.append(one)
    if not found:
        raise _cleaned(store, first)
    return found


def read_winner(store: Store, version: int) -> Winner | None:
    """A commit as far as it matters to an append; None: there is none of this version.

    Raises:
        FerryError: LF-3103 it is damaged.
    """
    path = f"{LOG}/{commit_name(version)}"
    try:
        return winner(version, read_lines(store, path))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise FerryError(
            "LF-3103",
            f"commit {version} is damaged",
            f"{store.url}/{path}: {error}",
            "restore the file from a backup",
        ) from error


def _refuse_buried(target: Target, content: Content, version: int) -> None:
    """A process that slept may find its next version free because the log was cleaned there.

    So the version before must still be there; where it is not, readers decide.
    """
    before = f"{LOG}/{commit_name(version - 1)}"
    if version == 0 or target.store.head(before) is not None:
        return
    now = read_snapshot(target.store)
    txn = now.txns.get(app_id(target.name))
    seen = now.version == version if content.txn is None else txn == content.txn
    if not seen:
        raise _cleaned(target.store, version)


def _cleaned(store: Store, version: int) -> FerryError:
    return FerryError(
        "LF-7046",
        f"the log no longer has what comes before version {version}",
        f"{store.url}: log cleanup took it while this process slept",
        "start the ingest again; it reads from what readers of the table see",
    )
