"""The sixth step of a cut-over: tables registered in the target's catalog, with their receipts.

A receipt says under which proofs a table was switched, and what was registered, so that a way back
needs nothing else. It lies beside the table and in the ledger; the catalog has its hash.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from lakeferry.catalog.reading import find_table
from lakeferry.catalog.registering import Catalog, register
from lakeferry.catalog.tables import (
    RECEIPT,
    CatalogTable,
    Change,
    Column,
    Registration,
)
from lakeferry.fleet.catalogs.registration import registration
from lakeferry.fleet.cutover.sides import BothSides
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.proof.receipt_files import receipt_of
from lakeferry.ledger.rows import LakeTable, Receipt

FORMAT = "lakeferry.cutover/1"


@dataclass(frozen=True)
class Entry:
    """What is registered of one table, and what was there before."""

    wanted: Registration
    found: CatalogTable | None  # before
    was_there: bool  # registered by an earlier sync, not by a cut-over


def entry_of(
    migration: Migration, place: Catalog, row: LakeTable, sides: BothSides, *, now_ms: int
) -> Entry:
    """Look what the catalog has under the table's name; nothing is changed.

    Raises:
        FerryError: LF-81 as the catalog refuses.
    """
    assert sides.metadata is not None
    wanted = registration(migration, row, sides.metadata, now_ms=now_ms)
    found = find_table(place, wanted.schema, wanted.table)
    # What a cut-over that was killed has registered carries a receipt; a sync's does not.
    by_sync = (
        migration.target.catalog is not None and migration.target.catalog.register == "at-sync"
    )
    was_there = found is not None and (RECEIPT not in found.properties or by_sync)
    return Entry(wanted, found, was_there)


def put(place: Catalog, entry: Entry, receipt_sha256: str) -> Change:
    """Register it under its receipt. Raises as `registering.register`."""
    properties = {**entry.wanted.properties, RECEIPT: receipt_sha256}
    wanted = entry.wanted
    return register(
        place,
        Registration(
            wanted.schema, wanted.table, wanted.location, wanted.columns,
            wanted.partition_columns, wanted.comment, properties,
        ),
    )  # fmt: skip


def receipt(
    row: LakeTable, sides: BothSides, entry: Entry | None, proofs: Mapping[str, Any], *, at_ms: int
) -> Receipt:
    """Under which proofs a table is switched, and what was registered."""
    body: dict[str, Any] = {
        "format": FORMAT,
        "table": row.name,
        "wave": row.wave,
        "source": row.source_url,
        "source_id": sides.switched.source_id,
        "source_version": row.held_version,
        "target": row.target_url,
        "target_id": sides.switched.target_id,
        "target_version": row.target_version,
        "mode": sides.mode,
        "state": dict(sides.state),
        "strength": row.strength,
        "txns": {app: list(pair) for app, pair in sides.proof.apps.items()},
        "copy_into_objects": list(sides.proof.loads),
        "cut_over_at_ms": at_ms,
        "registered": None if entry is None else _kept(entry),
        **proofs,
    }
    text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()
    return receipt_of(row.target_url, "cutover", at_ms, text)


def _kept(entry: Entry) -> dict[str, Any]:
    wanted = entry.wanted
    return {
        "schema": wanted.schema,
        "table": wanted.table,
        "location": wanted.location,
        "columns": [[one.name, one.type, one.comment, one.nullable, one.json]
                    for one in wanted.columns],
        "partition_columns": list(wanted.partition_columns),
        "comment": wanted.comment,
        "properties": dict(wanted.properties),
        "was_there": entry.was_there,
    }  # fmt: skip


def registered_of(body: Mapping[str, Any]) -> tuple[Registration, bool] | None:
    """What a receipt says was registered, and whether it was there before; None: nothing was."""
    kept = body.get("registered")
    if not kept:
        return None
    known = Registration(
        kept["schema"], kept["table"], kept["location"],
        tuple(Column(*one) for one in kept["columns"]), tuple(kept["partition_columns"]),
        kept["comment"], kept["properties"],
    )  # fmt: skip
    return known, bool(kept["was_there"])
