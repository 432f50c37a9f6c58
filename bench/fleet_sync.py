"""How many small tables a minute does a sync bring over, beside a clone each and beside delta-rs?

    python -m bench.fleet_sync [--tables 1000] [--only disk|s3] [--runs 1]

Tables of two files and one version, from disk to disk and to a real S3 server on this machine.
`sync` is the program as it is typed, start and ledger included; `clone each` calls
`lakeferry.clone` for one table after the other in a process of its own; `delta-rs` reads each table
and writes it anew, which keeps its rows and nothing else of it. Then a sync when nothing is new.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.cli.fleet.flags import led
from lakeferry.cli.manifest_flags import ManifestFlags, migration
from lakeferry.ledger.rows import LakeTable
from tests.servers import Server, versitygw

LAKEFERRY = str(Path(sys.executable).with_name("lakeferry"))
ROWS = 100  # of each file


class Took(NamedTuple):
    """Seconds of one way, by the wall and of the processor."""

    wall: float
    cpu: float


# Both end at once: what native libraries do when the interpreter ends is nothing to measure.
EACH = """
import json, os, sys, lakeferry
for source, target in json.load(open(sys.argv[1])):
    lakeferry.clone(source, target, target_options=json.loads(sys.argv[2]))
os._exit(0)
"""
DELTA_RS = """
import json, os, sys
from deltalake import DeltaTable, write_deltalake
options = json.loads(sys.argv[2]) or None
for source, target in json.load(open(sys.argv[1])):
    rows = DeltaTable(source).to_pyarrow_table()
    write_deltalake(target, rows, storage_options=options)
os._exit(0)
"""
_SCHEMA = {"type": "struct", "fields": [
    {"name": "id", "type": "long", "nullable": True, "metadata": {}}]}  # fmt: skip


def make(lake: Path, count: int) -> list[Path]:
    """So many tables of two files, in ten schemas."""
    tables = [lake / f"s{number % 10}" / f"t{number:05}" for number in range(count)]
    body = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": pa.array(range(ROWS), pa.int64())}), body)
    data = body.getvalue().to_pybytes()
    for table in tables:
        (table / "_delta_log").mkdir(parents=True)
        names = [f"part-{part}-{uuid.uuid4()}.parquet" for part in range(2)]
        for name in names:
            (table / name).write_bytes(data)
        adds = ({"path": name, "partitionValues": {}, "size": len(data),
                 "modificationTime": 1_700_000_000_000, "dataChange": True}
                for name in names)  # fmt: skip
        commit = [*_head(), *({"add": add} for add in adds)]
        text = "".join(json.dumps(action) + "\n" for action in commit)
        (table / "_delta_log" / f"{0:020d}.json").write_text(text)
    return tables


def _head() -> list[dict[str, Any]]:
    return [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {"metaData": {"id": str(uuid.uuid4()), "format": {"provider": "parquet", "options": {}},
                      "schemaString": json.dumps(_SCHEMA), "partitionColumns": [],
                      "configuration": {}, "createdTime": 1_700_000_000_000}},
    ]  # fmt: skip


def manifest(folder: Path, target: str, server: Server | None) -> None:
    link = ""
    if server is not None:
        options = {**server.options, "secret_access_key": "${env:BENCH_SECRET}"}
        listed = ", ".join(f"{key}: '{value}'" for key, value in options.items())
        link = f"connections: {{there: {{kind: aws, options: {{{listed}}}}}}}\n"
    to = f"root: '{target}'" + (", connection: there" if server is not None else "")
    (folder / "lakeferry.yaml").write_text(
        f"version: 1\nname: bench\n{link}target: {{{to}}}\n"
        f"sources: {{a: {{kind: local, root: '{folder / 'lake'}'}}}}\n"
    )


def see(
    folder: Path, tables: list[Path], sizes: Mapping[str, tuple[int, int]] | None = None
) -> None:
    """A ledger as a discovery leaves it; `sizes`: files and bytes by a table's folder."""
    shutil.rmtree(folder / ".lakeferry", ignore_errors=True)
    wanted = migration(ManifestFlags(file=str(folder / "lakeferry.yaml")))
    source = wanted.sources["a"]
    known = {str(table): (2, 2000) for table in tables} | dict(sizes or {})
    with led(wanted, "discover") as ledger:
        ledger.see(
            LakeTable(
                wanted.landing(source, table.parent.name, table.name),
                f"a.{table.parent.name}.{table.name}", "a", str(table), "delta", 1, source.path,
                bytes=size, files=files, left_bytes=size, left_files=files, left_requests=files,
                schema_name=table.parent.name, table_name=table.name,
            )
            for table, (files, size) in ((one, known[str(one)]) for one in tables)
        )  # fmt: skip
        ledger.end(0)


def timed(*command: str, folder: Path, **environment: str) -> Took:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, cwd=folder, env={**os.environ, **environment}, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(took, cpu)


def sync(folder: Path) -> Took:
    return timed(LAKEFERRY, "sync", "--yes", "--quiet", folder=folder,
                 BENCH_SECRET=versitygw.SECRET_KEY)  # fmt: skip


def looped(
    program: str, folder: Path, pairs: list[tuple[str, str]], options: Mapping[str, str]
) -> Took:
    """Seconds of one process that does a table after the other."""
    named = folder / "pairs.json"
    named.write_text(json.dumps(pairs))
    return timed(sys.executable, "-c", program, str(named), json.dumps(options), folder=folder)


def row(name: str, taken: list[Took], count: int, base: Took) -> None:
    wall, cpu = (median(each) for each in zip(*taken, strict=True))
    print(
        f"| {name} | {wall:.1f} | {cpu:.1f} | {60 * count / wall:,.0f} "
        f"| {wall / base.wall:.2f} | {cpu / base.cpu:.2f} |",
        flush=True,
    )


def measure(folder: Path, tables: list[Path], place: str, server: Server | None, runs: int) -> None:
    where = "S3" if server is not None else "disk"
    print(f"\n**{len(tables):,} tables, disk to {where}**\n")
    print("| way | wall s | cpu s | tables a minute | wall × sync | cpu × sync |")
    print("|---|---:|---:|---:|---:|---:|")
    given = {} if server is None else dict(server.options)
    rust = {} if server is None else {
        "AWS_ENDPOINT_URL": given["endpoint"], "AWS_REGION": given["region"],
        "AWS_ACCESS_KEY_ID": given["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": given["secret_access_key"],
        "AWS_ALLOW_HTTP": "true", "AWS_CONDITIONAL_PUT": "etag",
    }  # fmt: skip

    def pairs(target: str) -> list[tuple[str, str]]:
        return [(str(one), f"{target}/{one.parent.name}/{one.name}") for one in tables]

    def fresh(number: int) -> tuple[Took, Took]:
        manifest(folder, f"{place}/sync{number}", server)
        see(folder, tables)
        return sync(folder), sync(folder)

    synced = [fresh(number) for number in range(runs)]
    base = Took(*(median(each) for each in zip(*(first for first, _ in synced), strict=True)))
    row("sync", [first for first, _ in synced], len(tables), base)
    ways: dict[str, Callable[[int], Took]] = {
        "clone each": lambda number: looped(EACH, folder, pairs(f"{place}/each{number}"), given),
        "delta-rs": lambda number: looped(DELTA_RS, folder, pairs(f"{place}/rs{number}"), rust),
    }
    for name, way in ways.items():
        row(name, [way(number) for number in range(runs)], len(tables), base)
    row("sync, nothing new", [again for _, again in synced], len(tables), base)


@contextmanager
def workspace() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        yield Path(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--only", choices=("disk", "s3"))
    asked = parser.parse_args()
    with workspace() as folder:
        tables = make(folder / "lake", asked.tables)
        if asked.only != "s3":
            measure(folder, tables, str(folder / "out"), None, asked.runs)
        if asked.only != "disk":
            with versitygw.running(folder / "s3") as server:
                measure(folder, tables, server.place, server, asked.runs)


if __name__ == "__main__":
    main()
