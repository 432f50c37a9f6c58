"""Checkpoints, read: classic, multi-part and V2 (JSON or Parquet, files inline or in sidecars).

The parts are fetched once into temporary files; their file actions stay there and stream out as
batches. Small actions are read at once.

Source: Delta protocol, "Checkpoints", "V2 Spec", "Sidecar Files", "Checkpoint Schema".
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakeferry.delta.actions import (
    DELETION_VECTOR,
    FILE_SCHEMA,
    MAP,
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
from lakeferry.delta.files import (
    FileSet,
    FileWriter,
    JoinedFiles,
    TemporaryFile,
    parquet_batches,
    temporary_room,
)
from lakeferry.delta.json_parse import FileActions, parse_commit
from lakeferry.delta.log import LOG, Checkpoint
from lakeferry.delta.paths import decode, is_absolute
from lakeferry.delta.struct_stats import stats_json
from lakeferry.errors import FerryError
from lakeferry.store.protocol import Store

_SMALL = ("protocol", "metaData", "txn", "domainMetadata", "sidecar")
# Derived from other columns; everything else that we do not know goes to `extra`.
_DERIVED = frozenset({"stats_parsed", "partitionValues_parsed"})


class UnreadableCheckpoint(Exception):
    """A checkpoint that the log might do without."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, why)
        self.name = name
        self.why = why


@dataclass(frozen=True, slots=True)
class CheckpointContent:
    """All that one checkpoint says."""

    protocol: Protocol | None
    metadata: Metadata | None
    txns: tuple[Txn, ...]
    domains: tuple[DomainMetadata, ...]
    adds: FileSet  # rows of FILE_SCHEMA
    removes: FileSet  # rows of REMOVE_SCHEMA: tombstones


@dataclass
class _Found:
    small: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    adds: list[FileSet] = field(default_factory=list)
    removes: list[FileSet] = field(default_factory=list)


def read_checkpoint(store: Store, checkpoint: Checkpoint) -> CheckpointContent:
    """Fetch a checkpoint with its sidecars and read its small actions.

    Raises:
        UnreadableCheckpoint: a file is missing, cut or no checkpoint.
    """
    with _faults_named(checkpoint):
        found = _top_files(store, checkpoint)
        for name in _sidecars(found):
            _read_parquet(store, f"{LOG}/_sidecars/{name}", found)
        return _content(found)


def sidecar_names(store: Store, checkpoint: Checkpoint) -> tuple[str, ...]:
    """Names of a checkpoint's sidecars, below `_delta_log/_sidecars`.

    Raises:
        UnreadableCheckpoint: its top file is cut or no checkpoint.
    """
    with _faults_named(checkpoint):
        return tuple(_sidecars(_top_files(store, checkpoint)))


@contextmanager
def _faults_named(checkpoint: Checkpoint) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
        raise UnreadableCheckpoint(checkpoint.name, why) from error
    except FerryError as error:
        if error.code not in ("LF-3103", "LF-3105", "LF-3106", "LF-1004"):
            raise
        raise UnreadableCheckpoint(checkpoint.name, error.what) from error


def _top_files(store: Store, checkpoint: Checkpoint) -> _Found:
    found = _Found()
    for file in checkpoint.files:
        path = file.meta.path
        if path.endswith(".json"):
            _read_json(store, path, found)
        else:
            _read_parquet(store, path, found)
    return found


def _sidecars(found: _Found) -> list[str]:
    return [_sidecar_name(body["path"]) for name, body in found.small if name == "sidecar"]


def _content(found: _Found) -> CheckpointContent:
    protocols = [parse_protocol(body) for name, body in found.small if name == "protocol"]
    metadata = [parse_metadata(body) for name, body in found.small if name == "metaData"]
    domains = (parse_domain(body) for name, body in found.small if name == "domainMetadata")
    return CheckpointContent(
        protocol=protocols[-1] if protocols else None,
        metadata=metadata[-1] if metadata else None,
        txns=tuple(parse_txn(body) for name, body in found.small if name == "txn"),
        domains=tuple(domain for domain in domains if not domain.removed),
        adds=JoinedFiles(found.adds),
        removes=JoinedFiles(found.removes),
    )


def _sidecar_name(path: str) -> str:
    """A sidecar is named by its file name; some writers gave its whole URI."""
    name = decode(path)
    if is_absolute(path):
        return name.rpartition("/")[2]
    if "/" in name or name in ("", ".", ".."):
        raise ValueError(f"sidecar `{path}` is no file name")
    return name


def _read_json(store: Store, path: str, found: _Found) -> None:
    writers = {"add": FileWriter(FILE_SCHEMA), "remove": FileWriter(REMOVE_SCHEMA)}
    for event in parse_commit(store.read(path), path):
        if isinstance(event, FileActions):
            writers[event.kind].write(event.batch)
        else:
            found.small.append((event.name, event.body))
    found.adds.append(writers["add"].finish())
    found.removes.append(writers["remove"].finish())


def _read_parquet(store: Store, path: str, found: _Found) -> None:
    part = TemporaryFile(".parquet")
    with temporary_room(), part.path.open("wb") as copy:
        for chunk in store.read(path):
            copy.write(chunk)
    schema = pq.read_schema(part.path)
    names = [name for name in _SMALL if name in schema.names]
    if names:
        for batch in parquet_batches(part.path, names):
            for name in names:
                column = batch.column(name)
                rows = column.filter(column.is_valid()).to_pylist(maps_as_pydicts="strict")
                found.small.extend((name, _without_nulls(row)) for row in rows)
    if "add" in schema.names:
        found.adds.append(CheckpointFiles(part, path, "add", schema.field("add").type))
    if "remove" in schema.names:
        found.removes.append(CheckpointFiles(part, path, "remove", schema.field("remove").type))


def _without_nulls(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


class CheckpointFiles:
    """The add or remove actions of one Parquet file of a checkpoint."""

    def __init__(self, part: TemporaryFile, name: str, action: str, kind: pa.StructType) -> None:
        self._part = part
        self._name = name
        self._action = action
        self._fields = [field.name for field in kind]
        self._schema = FILE_SCHEMA if action == "add" else REMOVE_SCHEMA
        if "path" not in self._fields:
            raise KeyError(f"column `{action}.path`")

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        names = list(self._schema.names if columns is None else columns)
        wanted = [f"{self._action}.{name}" for name in self._needed(names)]
        try:
            for batch in parquet_batches(self._part.path, wanted):
                actions = batch.column(self._action)
                # In an invalid row the children hold nothing of meaning.
                if actions.null_count:
                    actions = actions.filter(actions.is_valid())
                if len(actions):
                    yield self._rows(actions, names)
        except (pa.ArrowException, OSError) as error:
            raise FerryError(
                "LF-3104",
                "a checkpoint of the table is damaged",
                f"{self._name}: {error}",
                "let a writer of the table make a new checkpoint, or restore the file",
            ) from error

    def _needed(self, names: list[str]) -> list[str]:
        """Fields to read: `path` always, for it tells which rows are actions of this kind."""
        needed = {"path", *names} - {"extra"}
        if "stats" in names:
            needed.add("stats_parsed")
        if "extra" in names:
            needed |= self._unknown()
        return [name for name in self._fields if name in needed]

    def _unknown(self) -> set[str]:
        return {
            name for name in self._fields if name not in self._schema.names and name not in _DERIVED
        }

    def _rows(self, actions: pa.StructArray, names: list[str]) -> pa.RecordBatch:
        there = {field.name: actions.field(field.name) for field in actions.type}
        columns = [self._column(name, there, len(actions)) for name in names]
        return pa.RecordBatch.from_arrays(
            columns, schema=pa.schema([self._schema.field(name) for name in names])
        )

    def _column(self, name: str, there: dict[str, pa.Array], count: int) -> pa.Array:
        if name == "extra":
            return _extra({key: there[key] for key in self._unknown() if key in there}, count)
        if name == "stats":
            return _stats(there, count)
        kind = self._schema.field(name).type
        values = conform(there[name], kind) if name in there else pa.nulls(count, kind)
        if name == "partitionValues" and self._action == "add" and values.null_count:
            # Required in an `add`: some writers store the empty map as null.
            return pc.if_else(values.is_valid(), values, pa.scalar([], MAP))
        return values


def _stats(there: dict[str, pa.Array], count: int) -> pa.Array:
    stats = conform(there["stats"], pa.string()) if "stats" in there else None
    parsed = there.get("stats_parsed")
    if stats is None:
        stats = pa.nulls(count, pa.string())
    if parsed is None or stats.null_count == 0 or not pa.types.is_struct(parsed.type):
        return stats
    missing = stats.is_null()
    return pc.replace_with_mask(stats, missing, stats_json(parsed.filter(missing)))


def _extra(unknown: dict[str, pa.Array], count: int) -> pa.Array:
    """JSON of the fields that FILE_SCHEMA does not have, null where they are all null."""
    columns = {name: values for name, values in unknown.items() if values.null_count < count}
    if not columns:
        return pa.nulls(count, pa.string())
    lists = {name: values.to_pylist(maps_as_pydicts="strict") for name, values in columns.items()}
    rows: list[str | None] = []
    for at in range(count):
        body = {name: values[at] for name, values in lists.items() if values[at] is not None}
        rows.append(orjson.dumps(body, default=str).decode() if body else None)
    return pa.array(rows, pa.string())


def conform(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """A checkpoint's column as the type that FILE_SCHEMA wants."""
    if values.type == kind:
        return values
    if kind == MAP:
        whole = pa.concat_arrays([values])
        return pa.MapArray.from_arrays(
            whole.offsets,
            whole.keys.cast(pa.string()),
            whole.items.cast(pa.string()),
            mask=whole.is_null() if whole.null_count else None,
        )
    if kind == DELETION_VECTOR:
        there = {field.name: values.field(field.name) for field in values.type}
        return pa.StructArray.from_arrays(
            [
                there[field.name].cast(field.type)
                if field.name in there
                else pa.nulls(len(values), field.type)
                for field in DELETION_VECTOR
            ],
            fields=list(DELETION_VECTOR),
            mask=values.is_null(),
        )
    return values.cast(kind)
