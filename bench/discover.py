"""How fast are 10,000 small tables of 60 sources found, and in how much memory?

    python -m bench.discover [--tables 10000] [--far 300]

Tables of three commits each on this machine's disk, in 60 sources, without checksum files. Beside
`lakeferry discover`, which writes what it finds into a ledger, a loop that walks the same folders
and opens each table by deltalake to ask for its version, id and live bytes. Each is a process of
its own. `--far`: so many tables once more, in a real S3 server whose answers take 40 ms.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import orjson

from lakeferry.store.open import open_store
from tests.fleet import lakes
from tests.servers import toxiproxy, versitygw

SOURCES = 60
LATENCY_MS = 40  # there and back
LAKEFERRY = str(Path(sys.executable).with_name("lakeferry"))
NAIVE = """
import os, sys
from deltalake import DeltaTable
options = dict(pair.split("=", 1) for pair in sys.argv[2:])
tables = size = 0
def look(path):
    global tables, size
    table = DeltaTable(path, storage_options=options)
    table.version(), table.metadata().id
    adds = table.get_add_actions(flatten=True)
    size += sum(adds.column("size_bytes").to_pylist())
    tables += 1
if options:
    import obstore
    from obstore.store import S3Store
    bucket, _, prefix = sys.argv[1].removeprefix("s3://").partition("/")
    store = S3Store(bucket, prefix=prefix, config={k: v for k, v in options.items()},
                    client_options={"allow_http": True})
    def walk(folder):
        found = obstore.list_with_delimiter(store, folder or None)
        names = [one.rstrip("/").rpartition("/")[2] for one in found["common_prefixes"]]
        if "_delta_log" in names:
            look(f"{sys.argv[1]}/{folder}".rstrip("/"))
            return
        for one in found["common_prefixes"]:
            walk(one.rstrip("/"))
    walk("")
else:
    for folder, names, _ in os.walk(sys.argv[1]):
        if "_delta_log" in names:
            look(folder)
            names.clear()
print(tables, size)
"""


def fill(root: str, options: Mapping[str, str], tables: int) -> None:
    """Tables of three commits, spread over the sources and a few schemas."""
    store = open_store(root, options)
    for number in range(tables):
        path = f"source-{number % SOURCES:02}/schema_{number % 7}/table_{number:05}"
        lakes.delta(store, path, files=4, size=1000)
        for version in (1, 2):
            lakes.commit(store, path, version, lakes.add(f"more-{version}.parquet", 1000))


def manifest(folder: Path, root: str, options: Mapping[str, str]) -> None:
    link = {"link": {"kind": "aws", "options": dict(options)}} if options else {}
    source = {"connection": "link"} if options else {}
    names = [f"source-{number:02}" for number in range(SOURCES)]
    folder.joinpath("lakeferry.yaml").write_bytes(orjson.dumps({
        "version": 1, "name": "bench", "target": {"root": f"{folder}/target"},
        **({"connections": link} if link else {}),
        "sources": {name: {"root": f"{root}/{name}", **source} for name in names},
    }))  # fmt: skip


def row(name: str, tables: int, command: list[str], folder: Path, **environment: str) -> None:
    """Run it; seconds, tables a second, processor, the most memory."""
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, env={**os.environ, **environment}
    )
    out = process.stdout.read() if process.stdout else b""
    _, status, used = os.wait4(process.pid, 0)
    took = time.monotonic() - began
    assert os.waitstatus_to_exitcode(status) == 0, out
    assert f"{tables:,} table".encode() in out or f"{tables} ".encode() in out, out
    print(
        f"| {name} | {took:.1f} | {tables / took:,.0f} | {used.ru_utime + used.ru_stime:.1f} "
        f"| {used.ru_maxrss / 1024:,.0f} |",
        flush=True,
    )


def local(tables: int) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        fill(f"{folder}/lake", {}, tables)
        manifest(folder, f"{folder}/lake", {})
        row(f"discover, {tables:,} tables", tables, [LAKEFERRY, "discover"], folder)
        row("the same again", tables, [LAKEFERRY, "discover"], folder)
        row("a loop of deltalake", tables, [sys.executable, "-c", NAIVE, f"{folder}/lake"], folder)


def far(tables: int) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with (
            versitygw.running(folder) as server,
            toxiproxy.running(folder, upstream_port=server.port) as link,
        ):
            fill(f"{server.place}/lake", server.options, tables)
            link.spoil("latency", latency=LATENCY_MS)
            options = {**server.options, "endpoint": f"http://127.0.0.1:{link.port}"}
            secret = options.pop("secret_access_key")
            given = {**options, "secret_access_key": "${env:SECRET}"}
            manifest(folder, f"{server.place}/lake", given)
            row(f"discover, {tables:,} far tables", tables, [LAKEFERRY, "discover"], folder,
                SECRET=secret)  # fmt: skip
            pairs = [f"{key}={value}" for key, value in options.items()]
            pairs += [f"secret_access_key={secret}", "allow_http=true"]
            naive = [sys.executable, "-c", NAIVE, f"{server.place}/lake", *pairs]
            row("a loop of deltalake, far", tables, naive, folder)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", type=int, default=10_000)
    parser.add_argument("--far", type=int, default=0)
    asked = parser.parse_args()
    print("| | s | tables/s | s of cpu | MiB |")
    print("|---|---:|---:|---:|---:|")
    local(asked.tables)
    if asked.far:
        far(asked.far)


if __name__ == "__main__":
    main()
