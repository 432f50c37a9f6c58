"""A Delta table of files that `OpenFiles` wrote, for other readers to judge."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from lakeferry.delta.paths import encode
from lakeferry.ingest.files.data_file import OpenFiles, upload
from lakeferry.ingest.worker.messages import DataFile, TableForm
from lakeferry.store.local import LocalStore
from tests.judges.duckdb_reader import answer

FEATURES = ["appendOnly", "columnMapping", "invariants", "timestampNtz"]


def written(folder: Path, form: TableForm, *batches: pa.Table) -> tuple[DataFile, ...]:
    """One file for each batch, or several where it has several partitions."""
    store = LocalStore(str(folder))
    found: list[DataFile] = []
    for batch in batches:
        files = OpenFiles(form)
        files.append(batch)
        found += [upload(store, closed) for closed in files.close()]
    return tuple(found)


def commit(
    folder: Path,
    form: TableForm,
    files: Sequence[DataFile],
    schema: Sequence[dict[str, Any]],
    configuration: dict[str, str] | None = None,
) -> None:
    """Version 0 of a table that has just these files; `schema`: fields as Delta writes them."""
    protocol = {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": ["columnMapping", "timestampNtz"],
        "writerFeatures": FEATURES,
    }
    metadata = {
        "id": "5b5e6c1a-3d0f-4a55-8a3e-0f9a7a3a1f10",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({"type": "struct", "fields": list(schema)}),
        "partitionColumns": [column.name for column in form.partition_by],
        "configuration": configuration or {},
        "createdTime": 1764150000000,
    }
    adds = [{"add": add_of(one)} for one in files]
    lines = [{"protocol": protocol}, {"metaData": metadata}, *adds]
    log = folder / "_delta_log"
    log.mkdir(parents=True)
    (log / f"{0:020}.json").write_bytes(b"\n".join(map(orjson.dumps, lines)))


def add_of(file: DataFile) -> dict[str, Any]:
    return {
        "path": encode(file.path),
        "partitionValues": dict(file.partition),
        "size": file.size,
        "modificationTime": file.modified_ms,
        "dataChange": True,
        "stats": file.stats,
    }


def by_deltalake(folder: Path, question: str) -> list[dict[str, Any]]:
    """Rows of a question about the table `t`, as delta-rs answers it."""
    from deltalake import DeltaTable, QueryBuilder

    answer = QueryBuilder().register("t", DeltaTable(str(folder))).execute(question)
    return list(pa.table(answer.read_all()).to_pylist())


def by_duckdb(folder: Path, question: str) -> list[dict[str, Any]]:
    """The same by DuckDB."""
    told = question.replace("FROM t ", f"FROM delta_scan('{folder}') AS t ")
    return list(answer(told).to_pylist())
