"""Record a real sync minute by minute: what was left, what was told, how fast the routes were.

    python -m bench._record_sync bench/data/sync_over_a_slow_line.json

From this disk to a real S3 server through a proxy that gives each connection a few hundred
kilobytes a second and answers late, both wandering as a line does. `bench.fleet_estimate` replays
it.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bench.fleet_sync import LAKEFERRY, _head, manifest, see
from lakeferry.fleet.standing.read_status import read_status
from lakeferry.ledger import read
from lakeferry.ledger.open import open_to_read
from lakeferry.ledger.write import now_ms
from tests.servers import Server, toxiproxy, versitygw
from tests.servers.toxiproxy import Link

SMALL, LARGE = (220, 2, 4_000), (24, 40, 1_500_000)  # tables, files of each, bytes of each
EVERY_S = 5.0
KB_S = 300  # of a connection, about


@dataclass
class Line:
    """The proxied line; it wanders by a tenth or so every ten seconds."""

    link: Link
    chance: random.Random
    wander: float = 0.0
    is_spoilt: bool = False

    def step(self) -> None:
        self.wander = 0.8 * self.wander + self.chance.gauss(0, 0.12)
        if self.is_spoilt:
            self.link.heal("bandwidth")
        self.link.spoil("bandwidth", stream="upstream", rate=round(KB_S * 2.718**self.wander))
        if not self.is_spoilt:
            self.link.spoil("latency", latency=20, jitter=10)
        self.is_spoilt = True


def make(lake: Path) -> list[Path]:
    """Many small tables and some large ones; files of a table are one file under many names."""
    tables = []
    for schema, (count, files, size) in (("small", SMALL), ("large", LARGE)):
        body = lake / f"{schema}.bytes"
        body.parent.mkdir(parents=True, exist_ok=True)
        body.write_bytes(random.Random(schema).randbytes(size))
        for number in range(count):
            table = lake / schema / f"t{number:03}"
            (table / "_delta_log").mkdir(parents=True)
            names = [f"part-{part}-{uuid.uuid4()}.parquet" for part in range(files)]
            for name in names:
                os.link(body, table / name)
            adds = ({"add": {"path": name, "partitionValues": {}, "size": size, "dataChange": True,
                             "modificationTime": 1_700_000_000_000}} for name in names)  # fmt: skip
            text = b"".join(orjson.dumps(one) + b"\n" for one in (*_head(), *adds))
            (table / "_delta_log" / f"{0:020d}.json").write_bytes(text)
            tables.append(table)
    return tables


def sizes(tables: list[Path]) -> dict[str, tuple[int, int]]:
    """Files and bytes of each table, as a discovery tells them."""
    found = {}
    for table in tables:
        _, files, size = SMALL if table.parent.name == "small" else LARGE
        found[str(table)] = (files, files * size)
    return found


def recorded(folder: Path, process: "subprocess.Popen[bytes]", line: Line) -> dict[str, Any]:
    """What the ledger says every few seconds until the sync has ended."""
    path, moments, step = folder / ".lakeferry/ledger.db", [], 0
    began_ms = now_ms()
    while process.poll() is None:
        found = read_status(path, "wave", now_ms=now_ms())
        total = found.total
        moments.append({
            "at_ms": now_ms(), "files": total.files, "bytes": total.bytes,
            "left_files": total.left_files, "left_bytes": total.left_bytes,
            "loads": {route: list(load) for route, load in total.loads.items()},
            "told": None if found.left is None else list(found.left),
        })  # fmt: skip
        if step % 2 == 0:
            line.step()
        step += 1
        time.sleep(EVERY_S)
    ended_ms = now_ms()
    if process.returncode:
        raise SystemExit(f"the sync ended with {process.returncode}")
    db = open_to_read(path)
    paces = [list(one) for one in read.paces(db, since_ms=began_ms)]
    db.close()
    return {"began_ms": began_ms, "ended_ms": ended_ms, "moments": moments, "paces": paces}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, default=7, help="of how the line wanders")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        tables = make(folder / "lake")
        with (
            versitygw.running(folder) as server,
            toxiproxy.running(folder, upstream_port=server.port) as link,
        ):
            endpoint = f"http://127.0.0.1:{link.port}"
            slow = Server(server.place, {**server.options, "endpoint": endpoint}, endpoint)
            manifest(folder, f"{server.place}/out", slow)
            with (folder / "lakeferry.yaml").open("a") as more:
                more.write("limits: {concurrency: {tables: 8, files: 16}}\n")
            see(folder, tables, sizes(tables))
            line = Line(link, random.Random(asked.seed))
            line.step()
            with subprocess.Popen(
                [LAKEFERRY, "sync", "--yes", "--quiet"], cwd=folder,
                env={**os.environ, "BENCH_SECRET": versitygw.SECRET_KEY},
            ) as process:  # fmt: skip
                said = recorded(folder, process, line)
    made = f"bench._record_sync --seed {asked.seed}; load of the machine {os.getloadavg()[1]:.0f}"
    asked.file.parent.mkdir(parents=True, exist_ok=True)
    lines = orjson.dumps({"made_by": made, **said}, option=orjson.OPT_INDENT_2)
    asked.file.write_bytes(lines + b"\n")
    took = (said["ended_ms"] - said["began_ms"]) / 1000
    sys.stdout.write(f"{len(said['moments'])} moments, {len(said['paces'])} spans, {took:.0f} s\n")


if __name__ == "__main__":
    main()
