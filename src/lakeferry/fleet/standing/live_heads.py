"""The newest versions of many sources, asked side by side: what a ledger would learn of its lag."""

from collections.abc import Sequence
from threading import Event as Flag
from typing import NamedTuple

from lakeferry.delta.log import head_version, list_log
from lakeferry.errors import FerryError
from lakeferry.fleet.flaw import flaw_of
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.plan import seen_again
from lakeferry.fleet.planning.switched import look_at_switched
from lakeferry.fleet.standing.states import OUT_OF_SCOPE
from lakeferry.ledger.rows import LakeTable
from lakeferry.store.open import open_store
from lakeferry.store.sharing import shared_clients
from lakeferry.workers import map_unless_stopped

AT_ONCE = 32


class Live(NamedTuple):
    """Tables with what their sources say now, and those that said nothing."""

    tables: tuple[LakeTable, ...]
    silent: tuple[tuple[str, FerryError], ...]  # name, why


def with_heads(
    wanted: Migration, tables: Sequence[LakeTable], *, now_ms: int, stop: Flag | None = None
) -> Live:
    """The tables as if they had been looked at now. Nothing is written, no data are read.

    Raises:
        KeyboardInterrupt: `stop` was set.
    """
    asked = [
        one for one in tables if one.state not in OUT_OF_SCOPE and one.source in wanted.sources
    ]
    found: dict[str, LakeTable] = {}
    silent: list[tuple[str, FerryError]] = []

    def ask(table: LakeTable) -> tuple[LakeTable, FerryError | None]:
        if table.kind != "delta":
            return table, None
        try:
            return _asked(wanted, table, now_ms), None
        except FerryError as error:
            return table, error
        except Exception as flaw:  # noqa: BLE001 - one table's trouble is no other's
            return table, flaw_of(flaw, table.source_url, "report it; the others were asked")

    with shared_clients():
        for table, error in map_unless_stopped(ask, asked, count=AT_ONCE, stop=stop):
            found[table.target_url] = table
            if error is not None:
                silent.append((table.name, error))
    silent.sort(key=lambda one: one[0])
    return Live(tuple(found.get(one.target_url, one) for one in tables), tuple(silent))


def _asked(wanted: Migration, table: LakeTable, now_ms: int) -> LakeTable:
    if table.state == "cut_over":
        return seen_again(table, look_at_switched(wanted, table), now_ms=now_ms)
    store = open_store(table.source_url, wanted.sources[table.source].store_options)
    listing = list_log(store)
    head = head_version(listing)
    table = table._replace(source_version=head, looked_at_ms=now_ms)
    held = table.held_version
    if held is None or held >= head:
        return table._replace(behind_since_ms=None)
    first = listing.commits.get(held + 1)
    since_ms = None if first is None else first.meta.modified_ms
    return table._replace(behind_since_ms=since_ms or table.behind_since_ms or now_ms)
