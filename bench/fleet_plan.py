"""How long do `plan` and `status` take at 100, 1,000, 10,000 tables?

    python -m bench.fleet_plan [--tables 100 1000 10000] [--runs 5] [--folder DIR]

A migration of 60 sources on this disk, as a discovery left it. Of ten tables five were never
copied, three are up to date, two have one more commit of one file. Each run is a process of its
own, the command as it is typed. Beside it what `plan` holds in memory at most, and its file's size.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import lakeferry
from lakeferry.cli.fleet.flags import led
from lakeferry.cli.manifest_flags import ManifestFlags, migration
from lakeferry.fleet.discovery.read_head import read_head
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.ledger.rows import LakeTable
from lakeferry.ledger.write import now_ms
from lakeferry.store.open import open_store

SOURCES = 60
FILE_BYTES = 1000
PROGRAM = Path(sys.executable).with_name("lakeferry")


def commit(table: Path, version: int, *actions: object) -> None:
    log = table / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(action) + "\n" for action in actions)
    (log / f"{version:020d}.json").write_text(text)


def add(table: Path, name: str) -> dict[str, object]:
    (table / name).write_bytes(bytes(FILE_BYTES))
    return {"add": {"path": name, "partitionValues": {}, "size": FILE_BYTES,
                    "modificationTime": 1_700_000_000_000, "dataChange": True}}  # fmt: skip


def make_table(table: Path, number: int) -> None:
    """Version 0 with two files."""
    table.mkdir(parents=True)
    field = {"name": "id", "type": "long", "nullable": True, "metadata": {}}
    metadata = {
        "id": f"{number:08d}-0000-4000-8000-000000000000",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({"type": "struct", "fields": [field]}),
        "partitionColumns": [], "configuration": {}, "createdTime": 1_700_000_000_000,
    }  # fmt: skip
    protocol = {"minReaderVersion": 1, "minWriterVersion": 2}
    commit(
        table, 0, {"protocol": protocol}, {"metaData": metadata},
        add(table, "a.parquet"), add(table, "b.parquet"),
    )  # fmt: skip


def make(folder: Path, count: int) -> None:
    """The lake, what was cloned of it, the manifest, and the ledger."""
    sources = "".join(
        f"  source-{number:02}: {{kind: local, path: internet, wave: {1 + number % 5}, "
        f"root: '{folder}/lake/source-{number:02}'}}\n"
        for number in range(SOURCES)
    )
    (folder / "lakeferry.yaml").write_text(
        f"version: 1\nname: bench\nledger: ledger.db\ntarget: {{root: '{folder}/target'}}\n"
        f"sources:\n{sources}"
    )
    os.chdir(folder)
    wanted = migration(ManifestFlags())
    with led(wanted, "discover") as ledger:
        ledger.see(made(wanted, folder, count))
        ledger.end(0)


def made(wanted: Migration, folder: Path, count: int) -> Iterator[LakeTable]:
    for number in range(count):
        name = f"source-{number % SOURCES:02}"
        source, schema, table = wanted.sources[name], f"schema_{number % 7}", f"t_{number:05}"
        path = f"{schema}/{table}"
        root = folder / "lake" / name / path
        make_table(root, number)
        landing = wanted.landing(source, schema, table, path=path)
        if number % 10 >= 5:
            lakeferry.clone(root, landing)
        if number % 10 >= 8:
            commit(root, 1, add(root, "c.parquet"))
        found = read_head(open_store(str(root)), now_ms=now_ms(), window_ms=1)
        assert found is not None
        assert found.head is not None
        yield LakeTable(
            landing, f"{name}.{schema}.{table}", name, str(root), "delta", source.options.wave,
            source.path, source_id=found.head.id, source_version=found.head.version,
            bytes=found.bytes or 0, files=found.files or 0, looked_at_ms=now_ms(),
            schema_name=schema, table_name=table, path=path,
        )  # fmt: skip


def run(folder: Path, *words: str) -> tuple[float, float]:
    """Seconds by the wall and of the processor."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([PROGRAM, *words], check=True, cwd=folder, stdout=subprocess.DEVNULL)
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def peak_mb(folder: Path, *words: str) -> float:
    """What the largest process of a command held, by a process that has no other child."""
    program = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(PROGRAM), *words],
        check=True, cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    return int(ended.stdout) / 1000


def row(count: int, name: str, taken: list[tuple[float, float]], more: str) -> None:
    walls, cpus = zip(*taken, strict=True)
    print(
        f"| {count:,} | `{name}` | {min(walls):.2f} | {median(walls):.2f} | {median(cpus):.2f} "
        f"| {more} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", help="where to make the lakes; default: a temporary folder")
    given = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f}, processors: {os.cpu_count()}\n")
    print("| tables | | least s | median s | median s of cpu | |")
    print("|---:|---|---:|---:|---:|---|")
    # Modules that are compiled once, as those of an installed program are.
    compiled = tempfile.TemporaryDirectory()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = compiled.name
    for count in given.tables:
        with tempfile.TemporaryDirectory(dir=given.folder) as temporary:
            folder = Path(temporary)
            make(folder, count)
            run(folder, "plan", "-q")
            plans = [run(folder, "plan", "-o", "a.lfp") for _ in range(given.runs)]
            size = (folder / "a.lfp").stat().st_size / 1000
            more = f"{peak_mb(folder, 'plan'):,.0f} MB at most; a.lfp {size:,.0f} kB"
            row(count, "plan", plans, more)
            looks = [run(folder, "status") for _ in range(given.runs * 2)]
            row(count, "status", looks, f"{peak_mb(folder, 'status'):,.0f} MB at most")
            live = [run(folder, "status", "--live") for _ in range(given.runs)]
            row(count, "status --live", live, "")
    compiled.cleanup()
    print(f"\nload after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
