"""What do files of an ingest cost a row: parsed and raw, one partition and many, beside the usual?

    python -m bench.ingest_files [--rows 524288] [--runs 5]

Rows of made events (`_events.py`) as they come from parsing, in pages of 2,000. Counted is CPU of
this process from the page to a closed file with its statistics, the best of the runs; the upload is
a copy of a local file and is told by itself.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench._events import SCHEMA, events
from bench.ingest_parse import records
from lakeferry.ingest.files.data_file import OpenFiles, upload
from lakeferry.ingest.payload.guide import Guide
from lakeferry.ingest.payload.json_rows import declare
from lakeferry.ingest.payload.repair import parse
from lakeferry.ingest.payload.rows import page_rows, raw_table
from lakeferry.ingest.settings import PartitionColumn
from lakeferry.ingest.worker.messages import TableForm
from lakeferry.store.local import LocalStore

PAGE = 2_000  # records
DISTINCT = 65_536  # made once; pages of them come again


def pages(*, raw: bool) -> list[pa.Table]:
    declared = declare(SCHEMA)
    guide = Guide(declared.read_as)
    found = []
    data = events(DISTINCT)
    for at in range(0, DISTINCT, PAGE):
        shard = f"shardId-{at // PAGE % 8:012}"
        rows = page_rows(shard, records(data[at : at + PAGE])).rows
        table = raw_table(rows, "clicks") if raw else parse(rows, declared, guide).table
        found.append(table)
    return found


def taken(tables: Sequence[pa.Table], rows: int) -> Iterator[pa.Table]:
    return islice(cycle(tables), rows // PAGE)


def into_files(form: TableForm, tables: Sequence[pa.Table], rows: int) -> tuple[float, int, int]:
    """CPU seconds, bytes and number of files."""
    begun = time.process_time()
    files = OpenFiles(form)
    for table in taken(tables, rows):
        files.append(table)
    closed = files.close()
    took = time.process_time() - begun
    size = sum(one.size for one in closed)
    folder = Path(tempfile.mkdtemp())
    for one in closed:
        upload(LocalStore(str(folder)), one)
    shutil.rmtree(folder)
    return took, size, len(closed)


def as_usual(tables: Sequence[pa.Table], rows: int, compression: str) -> tuple[float, int, int]:
    """pyarrow's own defaults: a dictionary for each column."""
    begun = time.process_time()
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        table = pa.concat_tables(taken(tables, rows))
        pq.write_table(table, file.name, compression=compression, row_group_size=65_536)
        return time.process_time() - begun, Path(file.name).stat().st_size, 1


def by_deltalake(tables: Sequence[pa.Table], rows: int) -> tuple[float, int, int]:
    from deltalake import write_deltalake

    folder = Path(tempfile.mkdtemp())
    begun = time.process_time()
    write_deltalake(str(folder / "t"), pa.concat_tables(taken(tables, rows)))
    took = time.process_time() - begun
    files = list((folder / "t").glob("*.parquet"))
    size = sum(file.stat().st_size for file in files)
    shutil.rmtree(folder)
    return took, size, len(files)


def form(table: pa.Table, partition: PartitionColumn, kind: pa.DataType) -> TableForm:
    schema = table.schema
    if partition.of is not None:
        schema = schema.append(pa.field(partition.name, kind))
    return TableForm("t", schema, (partition,), stats_columns=tuple(schema.names), name="clicks")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=524_288)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    pa.set_cpu_count(1)
    parsed, raw = pages(raw=False), pages(raw=True)
    by_day = form(parsed[0], PartitionColumn("day", "_arrival"), pa.date32())
    by_country = form(parsed[0], PartitionColumn("country"), pa.string())
    raw_by_day = form(raw[0], PartitionColumn("day", "approximateArrivalTimestamp"), pa.date32())
    ways: dict[str, Callable[[], tuple[float, int, int]]] = {
        "parsed, by day": lambda: into_files(by_day, parsed, asked.rows),
        "parsed, by country": lambda: into_files(by_country, parsed, asked.rows),
        "raw, by day": lambda: into_files(raw_by_day, raw, asked.rows),
        "parsed, `pq.write_table`, zstd": lambda: as_usual(parsed, asked.rows, "zstd"),
        "parsed, `pq.write_table`, snappy": lambda: as_usual(parsed, asked.rows, "snappy"),
        "parsed, `write_deltalake`": lambda: by_deltalake(parsed, asked.rows),
    }
    print(f"**{asked.rows:,} rows in pages of {PAGE:,}**\n")
    print("| way | µs of cpu a row | bytes a row | files |\n|---|---:|---:|---:|")
    for name, way in ways.items():
        took, size, files = min(way() for _ in range(asked.runs))
        print(
            f"| {name} | {took / asked.rows * 1e6:.2f} | {size / asked.rows:.0f} | {files} |",
            flush=True,
        )
    print(f"\nLoad of the machine meanwhile: {os.getloadavg()[0]:.0f}")


if __name__ == "__main__":
    main()
