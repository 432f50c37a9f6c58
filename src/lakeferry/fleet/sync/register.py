"""Registration while a sync goes on: the catalog is told behind its back, in threads of its own.

A catalog that refuses stops no table: people are warned, and the next turn tells it again.
"""

import queue
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from lakeferry.catalog.registering import Catalog
from lakeferry.errors import FerryError
from lakeferry.fleet.catalogs.in_catalog import is_at_sync, tell_version
from lakeferry.fleet.catalogs.registration import catalog_name
from lakeferry.fleet.catalogs.target_catalog import target_catalog
from lakeferry.fleet.flaw import flaw_of
from lakeferry.fleet.manifest.typed import typed
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.sync.messages import Said
from lakeferry.ledger.rows import LakeTable
from lakeferry.ledger.write import now_ms

AT_ONCE = 4
_NOT_TOLD = frozenset({"cut_over", "orphaned", "excluded", "frozen"})


class AtSync:
    """Tells the catalog of tables; where the manifest wants it otherwise, nothing."""

    def __init__(self, wanted: Migration) -> None:
        """Raises LF-2001 as `target_catalog`."""
        self._wanted = wanted
        # Without a bound, so that nobody waits and no warning is lost; a table has one at a time.
        self._said: queue.SimpleQueue[Said] = queue.SimpleQueue()
        self._place: Catalog | None = target_catalog(wanted.target) if is_at_sync(wanted) else None
        self._pool = ThreadPoolExecutor(AT_ONCE) if self._place is not None else None
        self._told: dict[str, tuple[int | None, int | None]] = {}  # version, behind since
        self._open: dict[str, Future[None]] = {}

    @property
    def is_busy(self) -> bool:
        """Whether something is still to be told."""
        self._open = {url: one for url, one in self._open.items() if not one.done()}
        return bool(self._open)

    def heard(self) -> Iterator[Said]:
        """What the catalog answered since this was last asked."""
        with suppress(queue.Empty):
            while True:
                yield self._said.get_nowait()

    def tell(self, row: LakeTable) -> None:
        """Soon, and only what is new; a table that is being told of waits for its next turn."""
        is_none = row.held_version is None or row.kind == "folder"  # no table that could be told
        if self._pool is None or is_none or row.state in _NOT_TOLD:
            return
        before = self._open.get(row.target_url)
        if self._told.get(row.target_url) != _key(row) and (before is None or before.done()):
            self._open[row.target_url] = self._pool.submit(self._tell, row)

    def close(self) -> None:
        """What is being told is told; what waits is left to the next sync."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _tell(self, row: LakeTable) -> None:
        assert self._place is not None
        said = None
        try:
            change = tell_version(self._wanted, self._place, row, now_ms=now_ms())
            self._told[row.target_url] = _key(row)
            if change.kind != "none":
                name = ".".join(catalog_name(self._wanted, row))
                said = Said(row.target_url, f"{change.kind} in the catalog: {name}")
        except FerryError as error:
            said = _untold(row, error)
        except Exception as flaw:  # noqa: BLE001 - nobody looks at the future that would hold it
            step = (
                f"report it; the table itself is there. See lakeferry status -s {typed(row.name)}"
            )
            said = _untold(row, flaw_of(flaw, row.target_url, step))
        if said is not None:
            self._said.put(said)


def _untold(row: LakeTable, error: FerryError) -> Said:
    what = f"the catalog was not told: {error.what}"
    return Said(row.target_url, what, error.code, error.next_step)


def _key(row: LakeTable) -> tuple[int | None, int | None]:
    return row.held_version, row.behind_since_ms
