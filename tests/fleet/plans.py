"""Makers of a small migration on this disk: a manifest, tables with real files, their ledger."""

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lakeferry.fleet.manifest.facts import parts_of
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.planned import FleetPlan, PlannedTable
from lakeferry.fleet.standing.time_left import Left
from lakeferry.ledger.open import open_to_read
from lakeferry.ledger.read import tables
from lakeferry.ledger.rows import LakeTable
from lakeferry.ledger.write import Ledger
from tests.fleet.manifests import migration

MANIFEST = """
version: 1
name: atlas
ledger: ledger.db
target: {{root: "{folder}/lake"}}
sources:
  sales: {{root: "{folder}/sales", path: internet, tags: {{pii: "yes"}}}}
  logs: {{root: "{folder}/logs", path: direct-connect, wave: 2}}
"""


def wanted_in(folder: Path, text: str = MANIFEST) -> Migration:
    return migration(folder, text.format(folder=folder))


def found(wanted: Migration, name: str, **other: Any) -> LakeTable:
    """`sales.eu.orders` as a discovery finds it: below its source, by schema and table."""
    source, schema, table = name.split(".")
    of = wanted.sources[source]
    path = f"{schema}/{table}"
    row = LakeTable(
        wanted.landing(of, schema, table, path=path), name, source, f"{of.root}/{path}", "delta",
        of.options.wave, of.path, schema_name=schema, table_name=table, path=path,
    )  # fmt: skip
    assert parts_of(row) == (schema, table)
    return row._replace(**other)


def discovered(folder: Path, rows: Iterable[LakeTable]) -> None:
    with Ledger(folder / "ledger.db", run_id=uuid.uuid4().hex, command="discover") as ledger:
        ledger.see(rows)


def known(folder: Path) -> dict[str, LakeTable]:
    """What the ledger knows, by name."""
    db = open_to_read(folder / "ledger.db")
    try:
        return {one.name: one for one in tables(db)}
    finally:
        db.close()


def line(name: str = "sales.eu.orders", **other: Any) -> PlannedTable:
    """The first copy of 100 bytes in 2 files at version 7."""
    source = name.partition(".")[0]
    first = PlannedTable(
        f"s3://lake/{name.replace('.', '/')}", name, source, f"abfss://{name}", "delta", 1,
        "internet", "snapshot", "copy", "discovered", source_id="one", source_version=7,
        bytes=100, files=2, requests=2, added=2, live_bytes=100, live_files=2, protocol="3/7",
        schema_sha256="5c", retention_s=604_800,
    )  # fmt: skip
    values = {name: getattr(first, name) for name in first.__slots__}
    return PlannedTable(**{**values, **other})


def plan_of(*lines: PlannedTable, **other: Any) -> FleetPlan:
    header: dict[str, Any] = {
        "migration": "atlas", "manifest_sha256": "9f2c", "ledger_seq": 12, "made_at_ms": 2000,
        "looked_at_ms": 1000, "left": {"internet": Left(60, 90, 120)}, "basis": "48h,6h-means",
    }  # fmt: skip
    return FleetPlan(tables=lines, **{**header, **other})
