"""Commits as they stand: one by one, streaming, small ones fetched ahead of need."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from lakeferry.delta.actions import (
    FILE_SCHEMA,
    REMOVE_SCHEMA,
    DomainMetadata,
    Metadata,
    Protocol,
    Txn,
)
from lakeferry.delta.files import FileSet, FileWriter, OnEntries, untold
from lakeferry.delta.json_parse import Event, FileActions, parse_commit
from lakeferry.delta.log import LOG, LogFile, commit_name
from lakeferry.delta.reconcile import SmallActions
from lakeferry.errors import FerryError
from lakeferry.store.protocol import Store, read_all

_AHEAD = 8  # commits fetched at once
_SMALL_BYTES = 1 << 20  # larger commits are streamed when their turn comes


@dataclass(frozen=True)
class Commit:
    """The actions of one version."""

    version: int
    commit_info: Mapping[str, Any] | None
    protocol: Protocol | None
    metadata: Metadata | None
    txns: Mapping[str, Txn]
    domains: Mapping[str, DomainMetadata]  # removed ones too
    add_files: FileSet  # rows of FILE_SCHEMA, in the commit's order
    remove_files: FileSet  # rows of REMOVE_SCHEMA, in the commit's order
    cdc: tuple[Mapping[str, Any], ...]  # bodies
    unknown: tuple[Mapping[str, Any], ...]  # whole actions: {name: body}

    @property
    def adds(self) -> Iterator[pa.RecordBatch]:
        return self.add_files.batches()

    @property
    def removes(self) -> Iterator[pa.RecordBatch]:
        return self.remove_files.batches()


def read_commit(store: Store, version: int, *, on_entries: OnEntries = untold) -> Commit:
    """Read one commit.

    Raises:
        FerryError: LF-2105 there is no such commit; LF-3103, LF-3105 it is damaged.
    """
    path = f"{LOG}/{commit_name(version)}"
    small = SmallActions(path)
    writers = {"add": FileWriter(FILE_SCHEMA), "remove": FileWriter(REMOVE_SCHEMA)}
    try:
        for event in told_events(parse_commit(store.read(path), path), on_entries):
            if isinstance(event, FileActions):
                writers[event.kind].write(event.batch)
            else:
                small.take(event)
    except FileNotFoundError as error:
        raise FerryError(
            "LF-2105",
            f"the table has no commit {version}",
            f"{store.url}/{path} is not there",
            "it was never made, or log cleanup removed it",
        ) from error
    return Commit(
        version=version,
        commit_info=small.commit_info,
        protocol=small.protocol,
        metadata=small.metadata,
        txns=small.txns,
        domains=small.domains,
        add_files=writers["add"].finish(),
        remove_files=writers["remove"].finish(),
        cdc=tuple(small.cdc),
        unknown=tuple(small.unknown),
    )


def read_commits(
    store: Store, versions: Iterable[int], *, on_entries: OnEntries = untold
) -> Iterator[Commit]:
    """`read_commit` of each version, in order; a few are read ahead of need."""
    waiting: deque[Future[Commit]] = deque()
    rest = iter(versions)
    with ThreadPoolExecutor(_AHEAD) as pool:
        while True:
            while len(waiting) < _AHEAD and (version := next(rest, None)) is not None:
                waiting.append(pool.submit(read_commit, store, version, on_entries=on_entries))
            if not waiting:
                return
            yield waiting.popleft().result()


def commit_events(
    store: Store, files: Sequence[LogFile]
) -> Iterator[tuple[LogFile, Iterator[Event]]]:
    """Each commit with its events, in the order of `files`.

    Small commits are fetched ahead by a few threads: a far store answers each in tens of ms.

    Raises:
        FerryError: LF-3102 where a commit went away after it was listed.
    """
    waiting: deque[tuple[LogFile, Future[bytes] | None]] = deque()
    rest = iter(files)
    with ThreadPoolExecutor(_AHEAD) as pool:
        while True:
            for file in rest:
                small = file.meta.size <= _SMALL_BYTES
                fetched = pool.submit(read_all, store, file.meta.path) if small else None
                waiting.append((file, fetched))
                if len(waiting) >= _AHEAD:
                    break
            if not waiting:
                return
            file, fetched = waiting.popleft()
            yield file, parse_commit(_chunks(store, file, fetched), f"{store.url}/{file.meta.path}")


def told_events(events: Iterable[Event], on_entries: OnEntries) -> Iterator[Event]:
    """The same events; `on_entries` hears how many actions they are."""
    for event in events:
        yield event
        on_entries(event.batch.num_rows if isinstance(event, FileActions) else 1)


def _chunks(store: Store, file: LogFile, fetched: Future[bytes] | None) -> Iterator[bytes]:
    try:
        if fetched is None:
            yield from store.read(file.meta.path)
        else:
            yield fetched.result()
    except FileNotFoundError as error:
        raise FerryError(
            "LF-3102",
            f"commit {file.version} went away while the log was read",
            f"{store.url}/{file.meta.path}",
            "log cleanup is running on the table; run the command again",
        ) from error
