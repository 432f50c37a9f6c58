"""Do a million listed files stay within 512 MiB: a plain folder's, and a Parquet table's?

    python -m bench.big_listing [--files 1000000] [--bring 100000]

The listing is made up at the store's edge, in the order of its keys, so no million files lie on a
disk: what is measured is what the program holds of them. A plan and a sync run each as a process
of its own, whose peak memory the kernel tells. A sync reads one small body for each file and writes
it to a real folder, which takes longer, so it is of fewer files.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KINDS = ("folder", "parquet")
SOURCE = "/made-up"  # nothing lies there
PLAIN = b"x" * 64


def body_of(kind: str) -> bytes:
    """Of every file."""
    if kind == "folder":
        return PLAIN
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.table({"id": [1], "name": ["a"], "price": [1.5]}), out)
    return out.getvalue()


def make_up(kind: str, files: int) -> None:
    """Let stores of this process list and read what is not there."""
    from lakeferry.store.local import LocalStore
    from lakeferry.store.protocol import ObjectMeta

    body = body_of(kind)
    really: Any = vars(LocalStore)
    real_list, real_read, real_head = really["list"], really["read"], really["head"]

    def meta(number: int) -> ObjectMeta:
        folder = f"day={number // 1000:06}" if kind == "parquet" else f"{number // 1000:06}"
        path = f"{folder}/part-{number:08}-6f3c2a71-9d0e-4b55-8c1f.parquet"
        return ObjectMeta(path, len(body), f"{number:032x}", 1_763_942_400_000 + number)

    def listed(self: Any, prefix: str, **how: Any) -> Iterator[ObjectMeta]:
        if self.url != SOURCE:
            return real_list(self, prefix, **how)  # type: ignore[no-any-return]
        return map(meta, range(files))

    def read(self: Any, path: str, **how: Any) -> Iterator[bytes]:
        if self.url != SOURCE:
            return real_read(self, path, **how)  # type: ignore[no-any-return]
        return iter([body[how.get("start", 0) : how.get("end")]])

    def head(self: Any, path: str, **how: Any) -> ObjectMeta | None:
        if self.url != SOURCE:
            return real_head(self, path, **how)  # type: ignore[no-any-return]
        return meta(int(path.rpartition("part-")[2][:8]))

    for name, made in (("list", listed), ("read", read), ("head", head),
                       ("copy_from", lambda *_: None)):  # fmt: skip
        setattr(LocalStore, name, made)


def step(kind: str, files: int, target: str, *, brings: bool) -> None:
    """One plan or one sync, in this process; its figures on stdout."""
    make_up(kind, files)
    from lakeferry.clone.folder import look_at_files, sync_files
    from lakeferry.clone.parquet_clone import clone_parquet, look_at_parquet
    from lakeferry.clone.parquet_folder import Declared
    from lakeferry.clone.report import CloneRequest

    asked = CloneRequest(SOURCE, target)
    if brings:
        done = sync_files(asked) if kind == "folder" else clone_parquet(asked, Declared())
        print(json.dumps({"files": done.files_copied}))
    else:
        seen = look_at_files(asked) if kind == "folder" else look_at_parquet(asked, Declared())
        print(json.dumps({"files": seen.files}))


def measured(label: str, kind: str, files: int, target: Path, *words: str) -> str:
    """One step as a process; a row of the table."""
    before = time.perf_counter()
    command = [sys.executable, "-m", "bench.big_listing", "--step", kind, "--files", str(files),
               "--folder", str(target), *words]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last = process.stdout.read().strip()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{label}: {last}")
    wall = time.perf_counter() - before
    return (
        f"| {label} | {files:,} | {json.loads(last)['files']:,} | {wall:.1f} | "
        f"{usage.ru_utime + usage.ru_stime:.1f} | {usage.ru_maxrss / 1024:.0f} |"
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--bring", type=int, default=100_000, help="files of a sync")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--step", choices=KINDS)
    parser.add_argument("--brings", action="store_true")
    options = parser.parse_args(arguments)
    if options.step is not None:
        step(options.step, options.files, str(options.folder), brings=options.brings)
        return
    folder = options.folder or Path(tempfile.mkdtemp(prefix="lakeferry-listing-"))
    try:
        print("| step | listed | to copy | wall s | cpu s | peak MiB |")
        print("|---|---:|---:|---:|---:|---:|")
        for kind in KINDS:
            for files in (options.files // 10, options.files):
                print(measured(f"{kind}: plan", kind, files, folder / "nothing"), flush=True)
            target = folder / kind
            for label in ("sync", "sync again, nothing new"):
                row = measured(f"{kind}: {label}", kind, options.bring, target, "--brings")
                print(row, flush=True)
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
