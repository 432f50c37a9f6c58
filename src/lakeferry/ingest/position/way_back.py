"""Where an ingest stands in its table, told so that another consumer can go on from there.

Another lakeferry takes the exact positions (`--adopt shards:FILE`). Spark and Databricks cannot be
told a sequence number: they begin at a time before which all was read, and what they then read
twice is known by shard and sequence number.
"""

from datetime import UTC, datetime
from typing import Any

import orjson

from lakeferry.delta.log import list_log
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.ingest.position.state import Ended, IngestState, app_id
from lakeferry.ingest.position.text import state_json
from lakeferry.ingest.settings import TargetSettings
from lakeferry.ingest.table.state_store import find_state
from lakeferry.store.open import open_store


def knows(settings: TargetSettings, name: str) -> bool:
    """Whether the table has positions of this ingest. Raises as `committed_state` does."""
    store = open_store(settings.url, settings.options)
    listing = list_log(store)
    if not (listing.commits or listing.checkpoints):
        return False
    snapshot = read_snapshot(store, listing=listing)
    return find_state(store, snapshot.txns, snapshot.domains, name) is not None


def committed_state(settings: TargetSettings, name: str) -> tuple[int, IngestState]:
    """The table's version, and the positions that it has. Nothing is written.

    Raises:
        FerryError: LF-7064 where the ingest never committed there; LF-7002, LF-7043 where its
            positions cannot be read; what `read_snapshot` raises where there is no table.
    """
    store = open_store(settings.url, settings.options)
    snapshot = read_snapshot(store)
    found = find_state(store, snapshot.txns, snapshot.domains, name)
    if found is None:
        others = sorted(one for one in snapshot.txns if one.startswith("lakeferry:ingest:"))
        known = ", ".join(one.rpartition(":")[2] for one in others)
        raise FerryError(
            "LF-7064",
            f"no ingest `{name}` ever committed to this table",
            f"{settings.url} at version {snapshot.version} has no txn `{app_id(name)}`; "
            f"ingests there: {known or 'none'}",
            "name one of them with --name" if known else "name the table that it writes",
        )
    return snapshot.version, found.state


def way_back(state: IngestState, table: str, version: int) -> dict[str, Any]:
    """The positions as JSON: those of the state, and the time that others can begin at.

    `at_timestamp` is the earliest moment to which a shard that goes on was read: everything before
    it is in the table. `overlap` says what comes twice to whoever begins there.
    """
    body: dict[str, Any] = state_json(state)
    going_on = [one for one in state.shards.values() if not isinstance(one, Ended)]
    read_until = [one.read_until_ms for one in going_on]
    at_ms = min(read_until) if read_until else None
    body |= {"table": table, "version": version, "at_timestamp": None, "databricks": None}
    if at_ms:
        body["at_timestamp"] = _iso(at_ms)
        body["databricks"] = {
            "initialPosition": orjson.dumps(
                {"at_timestamp": _iso(at_ms), "format": "yyyy-MM-dd'T'HH:mm:ss.SSSX"}
            ).decode()
        }
        body["overlap"] = {
            shard: place["seq"] for shard, place in body["shards"].items() if "seq" in place
        }
    return body


def _iso(ms: int) -> str:
    when = datetime.fromtimestamp(ms / 1000, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
