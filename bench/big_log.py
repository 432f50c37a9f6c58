"""Does a log of a million files stay within 512 MiB: planned, cloned first, cloned again?

    python -m bench.big_log [--files 1000000]

A log is made by the shared generator with files of 64 bytes, and the files themselves; then
`lakeferry clone` runs as a process of its own for each step, whose peak memory the kernel tells.
"""

import argparse
import importlib.util
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa

GENERATOR = Path(__file__).resolve().parents[2] / "shared" / "bench" / "make_big_log.py"
BYTES = 64  # of each data file


def generator() -> ModuleType:
    """The shared log generator, with small files."""
    spec = importlib.util.spec_from_file_location("make_big_log", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    plain: Any = vars(module)["adds"]

    def small_adds(start: int, count: int, options: Any) -> pa.StructArray:
        whole = plain(start, count, options)
        sizes = pa.array([BYTES] * count, pa.int64())
        columns = [
            sizes if field.name == "size" else whole.field(field.name) for field in whole.type
        ]
        return pa.StructArray.from_arrays(columns, fields=list(whole.type))

    vars(module)["adds"] = small_adds
    return module


def make_table(folder: Path, files: int, commits: int) -> None:
    """The log, and each data file that it names."""
    program = generator()
    sys.argv = [
        "make_big_log", str(folder), "--files", str(files), "--commits", str(commits),
        "--checkpoint", "classic", "--dv", "0", "--first", "10",
    ]  # fmt: skip
    program.main()
    body = b"x" * BYTES
    known: set[str] = set()
    for path in paths(folder):
        parent, _, _ = path.rpartition("/")
        if parent not in known:
            (folder / parent).mkdir(parents=True, exist_ok=True)
            known.add(parent)
        handle = os.open(folder / path, os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(handle, body)
        os.close(handle)


def paths(folder: Path) -> Iterator[str]:
    """Every data file that the log names, from its checkpoint and its commits."""
    import pyarrow.parquet as pq

    log = folder / "_delta_log"
    for part in sorted(log.glob("*.checkpoint*.parquet")):
        with pq.ParquetFile(part) as file:
            for batch in file.iter_batches(columns=["add.path"]):
                yield from batch.column("add").field("path").drop_null().to_pylist()
    for commit in sorted(log.glob("*.json")):
        for line in commit.read_text().splitlines():
            if line.startswith('{"add"'):
                yield json.loads(line)["add"]["path"]


def run(label: str, *arguments: str) -> str:
    """One clone as a process; a row of the table."""
    before = time.perf_counter()
    command = [sys.executable, "-m", "lakeferry.cli.main", "clone", *arguments, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last = process.stdout.readlines()[-1]
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - before
    if process.returncode:
        sys.exit(f"{label}: {last}")
    summary = json.loads(last)
    return (
        f"| {label} | {summary['files_copied']:,} | {wall:.1f} | "
        f"{usage.ru_utime + usage.ru_stime:.1f} | {usage.ru_maxrss / 1024:.0f} |"
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--commits", type=int, default=100)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args(arguments)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    folder = options.folder or Path(tempfile.mkdtemp(prefix="lakeferry-big-"))
    source, target = folder / "source", folder / "target"
    try:
        make_table(source, options.files, options.commits)
        head = 10 + options.commits
        print(f"{options.files:,} files, {options.commits} commits on a classic checkpoint\n")
        print("| step | files copied | wall s | cpu s | peak MiB |")
        print("|---|---:|---:|---:|---:|")
        print(run("plan only", str(source), str(target), "--dry-run"))
        print(run("first clone", str(source), str(target), "--version", str(head - 50)))
        print(run("clone again, 50 commits later", str(source), str(target)))
        print(run("nothing new", str(source), str(target)))
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
