"""Lakes of many small tables, the manifest that moves them, and the program that does it."""

import json
import signal
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake

from lakeferry.cli.fleet.flags import known_tables, led
from lakeferry.cli.manifest_flags import ManifestFlags, migration
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.ledger.rows import LakeTable
from tests.cli.program import LAKEFERRY, called, environment_of, json_lines

ROWS = 10  # of each commit


@dataclass(frozen=True)
class Fleet:
    """A folder with a lake, a manifest and its ledger."""

    folder: Path
    target: str  # its root
    options: Mapping[str, str] = field(default_factory=dict)  # of the target, for deltalake
    environment: Mapping[str, str] = field(default_factory=dict)  # of the program

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    @property
    def wanted(self) -> Migration:
        return migration(ManifestFlags(file=str(self.folder / "lakeferry.yaml")))

    def write(self, more: str = "", *, source: str = "", target: str = "", lake: str = "") -> None:
        """The manifest; `more` at its end, `source` and `target` among their keys.

        Args:
            lake: where the lake lies, which is not on this disk then.
        """
        root = f"root: '{lake}'" if lake else f"kind: local, root: '{self.lake}'"
        (self.folder / "lakeferry.yaml").write_text(
            f"version: 1\nname: fleet\ntarget: {{root: '{self.target}'{target}}}\n"
            f"sources:\n  a: {{{root}{source}}}\n{more}"
        )

    def see(self) -> list[LakeTable]:
        """What `discover` would tell the ledger of the lake."""
        wanted = self.wanted
        source = wanted.sources["a"]
        rows = []
        for log in sorted(self.lake.glob("*/*/_delta_log")):
            schema, name = log.parent.parent.name, log.parent.name
            options = source.options_of(schema, name, f"{schema}/{name}")
            rows.append(
                LakeTable(
                    wanted.landing(source, schema, name), f"a.{schema}.{name}", "a",
                    str(log.parent), "delta", options.wave, source.path, options.lag_target_s,
                    bytes=1000, files=1, left_bytes=1000, left_files=1, left_requests=1,
                    schema_name=schema, table_name=name, path=f"{schema}/{name}",
                )
            )  # fmt: skip
        with led(wanted, "discover") as ledger:
            ledger.see(rows)
            ledger.end(0)
        return rows

    def tables(self) -> dict[str, LakeTable]:
        """As the ledger knows them, by `schema.table`."""
        return {f"{one.schema_name}.{one.table_name}": one for one in known_tables(self.wanted)}

    def sync(self, *words: str) -> tuple[int, list[dict[str, Any]]]:
        """Run it; exit code and lines, each held to the schema."""
        asked = ("sync", "--yes", "--json", *words)
        ended = called(*asked, folder=self.folder, **self.environment)
        assert ended.stderr == "", ended.stderr
        return ended.returncode, json_lines(ended)

    @contextmanager
    def syncing(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Run it beside the test."""
        with subprocess.Popen(
            [LAKEFERRY, "sync", "--yes", "--json", *words],
            cwd=self.folder, env=environment_of(self.folder, dict(self.environment)), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)

    def rows(self, table: str) -> pa.Table:
        """Of the target's table, by delta-rs."""
        place = f"{self.target}/a/{table.replace('.', '/')}"
        options = dict(self.options) or None
        return DeltaTable(place, storage_options=options).to_pyarrow_table().sort_by("id")

    def unequal(self) -> list[str]:
        """The tables whose target does not hold the rows of its source, by delta-rs."""
        found = []
        for log in sorted(self.lake.glob("*/*/_delta_log")):
            name = f"{log.parent.parent.name}.{log.parent.name}"
            rows = DeltaTable(str(log.parent)).to_pyarrow_table().sort_by("id")
            if not self.rows(name).equals(rows):
                found.append(name)
        return found


def append(table: Path, *, columns: tuple[str, ...] = ("text",)) -> None:
    """One commit more, of ten rows."""
    first = 0
    if (table / "_delta_log").exists():
        first = DeltaTable(str(table)).to_pyarrow_table(columns=["id"]).num_rows
    rows = {"id": list(range(first, first + ROWS))}
    rows |= {name: [f"{name} {row}" for row in rows["id"]] for name in columns}  # type: ignore[misc]
    write_deltalake(str(table), pa.table(rows), mode="append", schema_mode="merge")


def small_table(table: Path, rows: int = ROWS) -> None:
    """One version, without deltalake: a hundred of them in a second."""
    (table / "_delta_log").mkdir(parents=True)
    name = f"part-0-{uuid.uuid4()}.parquet"
    pq.write_table(pa.table({"id": pa.array(range(rows), pa.int64())}), table / name)
    schema = {"type": "struct", "fields": [
        {"name": "id", "type": "long", "nullable": True, "metadata": {}}]}  # fmt: skip
    actions: list[dict[str, Any]] = [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {"metaData": {"id": str(uuid.uuid4()), "format": {"provider": "parquet", "options": {}},
                      "schemaString": json.dumps(schema), "partitionColumns": [],
                      "configuration": {}, "createdTime": 1_700_000_000_000}},
        {"add": {"path": name, "partitionValues": {}, "size": (table / name).stat().st_size,
                 "modificationTime": 1_700_000_000_000, "dataChange": True}},
    ]  # fmt: skip
    commit = table / "_delta_log" / f"{0:020d}.json"
    commit.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in actions))


def brought_over(folder: Path, *, commits: int = 1) -> Fleet:
    """Three tables of so many commits, synced."""
    fleet = Fleet(folder, str(folder / "out"))
    fleet.write()
    for name in ("sales/orders", "sales/items", "hr/people"):
        for _ in range(commits):
            append(fleet.lake / name)
    fleet.see()
    assert fleet.sync()[0] == 0
    return fleet
