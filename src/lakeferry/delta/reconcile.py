"""Log reconciliation: commits, newest first, give what is live and hide what lies before.

A file action counts unless a newer one has the same key. So commits are read backwards; of each
key only 16 bytes are kept, rows go to a `FileWriter` at once, and a checkpoint streams through
what the commits said.

Source: Delta protocol, "Action Reconciliation".
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lakeferry.delta.actions import (
    FILE_SCHEMA,
    REMOVE_SCHEMA,
    DomainMetadata,
    Metadata,
    Protocol,
    Txn,
    parse_domain,
    parse_metadata,
    parse_protocol,
    parse_txn,
)
from lakeferry.delta.checkpoint import CheckpointContent
from lakeferry.delta.files import FileSet, FileWriter, JoinedFiles, WithoutRows
from lakeferry.delta.json_parse import Event, FileActions, OtherAction
from lakeferry.delta.keys import KeySet, equal_to_next, file_keys, sort_keys
from lakeferry.errors import FerryError

_KNOWN: Mapping[str, Callable[[Any], Any]] = {
    "protocol": parse_protocol,
    "metaData": parse_metadata,
    "txn": parse_txn,
    "domainMetadata": parse_domain,
}


class SmallActions:
    """The small actions of one commit, the last of each kind and name."""

    def __init__(self, where: str) -> None:
        self._where = where
        self.commit_info: dict[str, Any] | None = None
        self.protocol: Protocol | None = None
        self.metadata: Metadata | None = None
        self.txns: dict[str, Txn] = {}
        self.domains: dict[str, DomainMetadata] = {}
        self.cdc: list[Mapping[str, Any]] = []
        self.unknown: list[Mapping[str, Any]] = []

    def take(self, action: OtherAction) -> None:
        """Raises LF-3105 where a required field is missing."""
        name, body = action.name, action.body
        parse = _KNOWN.get(name)
        if parse is None:
            self._take_other(name, body)
            return
        try:
            value = parse(body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FerryError(
                "LF-3105",
                f"a `{name}` action lacks a required field or has one of another type",
                f"{self._where}, line {action.line}: {error}",
                "the log was damaged; restore the file from a backup",
            ) from error
        if isinstance(value, Protocol):
            self.protocol = value
        elif isinstance(value, Metadata):
            self.metadata = value
        elif isinstance(value, Txn):
            self.txns[value.app_id] = value
        else:
            self.domains[value.domain] = value

    def _take_other(self, name: str, body: Any) -> None:
        if name == "commitInfo":
            self.commit_info = body if isinstance(body, dict) else None
        elif name == "cdc":
            self.cdc.append(body)
        else:
            self.unknown.append({name: body})


class Reconciliation:
    """The state that grows while commits are read, newest first."""

    def __init__(
        self, root: str, check_protocol: Callable[[Protocol], None], *, tombstones: bool
    ) -> None:
        """`root`: `paths.canonical` of the table; `check_protocol` raises where it is unknown."""
        self._root = root
        self._check_protocol = check_protocol
        self._seen = KeySet()
        self._writers = {"add": FileWriter(FILE_SCHEMA)}
        if tombstones:
            self._writers["remove"] = FileWriter(REMOVE_SCHEMA)
        self._overruled: dict[str, list[npt.NDArray[np.int64]]] = {"add": [], "remove": []}
        self.protocol: Protocol | None = None
        self.metadata: Metadata | None = None
        self.txns: dict[str, Txn] = {}
        self.domains: dict[str, DomainMetadata] = {}  # removed ones too, until `live_domains`
        self.unknown: list[tuple[int, Mapping[str, Any]]] = []

    def apply_commit(self, version: int, where: str, events: Iterable[Event]) -> SmallActions:
        """Take in the commit before those taken so far; gives back its small actions."""
        small = SmallActions(where)
        files = _CommitFiles()
        for event in events:
            if isinstance(event, FileActions):
                self._take_files(event, files)
                continue
            small.take(event)
            if event.name == "protocol" and self.protocol is None and small.protocol:
                self._check_protocol(small.protocol)
        self._settle(files)
        self.protocol = self.protocol or small.protocol
        self.metadata = self.metadata or small.metadata
        self.txns = small.txns | self.txns
        self.domains = small.domains | self.domains
        self.unknown[:0] = [(version, action) for action in small.unknown]
        return small

    def _take_files(self, actions: FileActions, files: "_CommitFiles") -> None:
        keys = file_keys(actions.batch, self._root)
        fresh = ~self._seen.contains(keys)
        writer = self._writers.get(actions.kind)
        start = writer.rows if writer else 0
        if writer:
            kept = actions.batch if fresh.all() else actions.batch.filter(pa.array(fresh))
            writer.write(kept)
        files.take(actions.kind, keys[fresh], actions.order[fresh], start)

    def _settle(self, files: "_CommitFiles") -> None:
        """Within one commit the last action on a key counts."""
        keys, losers = files.settled()
        self._seen.add(keys)
        for kind, rows in losers.items():
            self._overruled[kind].append(rows)

    def apply_checkpoint(self, content: CheckpointContent) -> None:
        """Take in what lies before all commits."""
        if self.protocol is None and content.protocol:
            self._check_protocol(content.protocol)
        self.protocol = self.protocol or content.protocol
        self.metadata = self.metadata or content.metadata
        self.txns = {txn.app_id: txn for txn in content.txns} | self.txns
        self.domains = {domain.domain: domain for domain in content.domains} | self.domains

    def live_domains(self) -> dict[str, DomainMetadata]:
        return {name: domain for name, domain in self.domains.items() if not domain.removed}

    def files(self, kind: str, behind: FileSet | None) -> FileSet:
        """What is left of the adds ('add') or removes ('remove'); `behind`: the checkpoint's."""
        written = self._writers[kind].finish()
        overruled = self._overruled[kind]
        if overruled:
            written = WithoutRows(written, np.concatenate(overruled))
        if behind is None:
            return written
        if len(self._seen):
            behind = UnseenFiles(behind, self._seen, self._root)
        return JoinedFiles([written, behind])


class _CommitFiles:
    """Keys of one commit's file actions, in the order in which they stand."""

    def __init__(self) -> None:
        self._keys: list[npt.NDArray[np.uint64]] = []
        self._order: list[npt.NDArray[np.int64]] = []
        self._is_add: list[npt.NDArray[np.bool_]] = []
        self._row: list[npt.NDArray[np.int64]] = []

    def take(
        self,
        kind: str,
        keys: npt.NDArray[np.uint64],
        order: npt.NDArray[np.int64],
        start: int,
    ) -> None:
        """`start`: the row at which the first of these was written."""
        if len(keys) == 0:
            return
        self._keys.append(keys)
        self._order.append(order)
        self._is_add.append(np.full(len(keys), kind == "add"))
        self._row.append(np.arange(start, start + len(keys), dtype=np.int64))

    def settled(self) -> tuple[npt.NDArray[np.uint64], dict[str, npt.NDArray[np.int64]]]:
        """Distinct keys, and by kind the written rows that a later action overrules."""
        if not self._keys:
            return np.empty((0, 2), dtype=np.uint64), {}
        keys = np.concatenate(self._keys)
        by_key = sort_keys(keys, np.concatenate(self._order))
        repeated = equal_to_next(keys[by_key])
        if not repeated.any():
            return keys, {}
        losers = by_key[:-1][repeated]
        is_add, row = np.concatenate(self._is_add), np.concatenate(self._row)
        last = np.append(~repeated, True)
        return keys[by_key[last]], {
            "add": row[losers[is_add[losers]]],
            "remove": row[losers[~is_add[losers]]],
        }


class UnseenFiles:
    """A checkpoint's files less those on which the commits behind it said something."""

    def __init__(self, files: FileSet, seen: KeySet, root: str) -> None:
        self._files = files
        self._seen = seen
        self._root = root

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        wanted = None
        if columns is not None:
            key_columns = [name for name in ("path", "deletionVector") if name not in columns]
            wanted = [*columns, *key_columns]
        for batch in self._files.batches(wanted):
            hidden = self._seen.contains(file_keys(batch, self._root))
            kept = batch.filter(pa.array(~hidden)) if hidden.any() else batch
            if len(kept):
                yield kept if columns is None else kept.select(list(columns))
