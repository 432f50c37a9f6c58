"""The upkeep of both tables of a run, over all of its crews: that of rows, that of bad records."""

from collections.abc import Callable

from lakeferry.ingest.crew.begin import Beginning
from lakeferry.ingest.crew.durable import Tables
from lakeferry.ingest.events import Event
from lakeferry.ingest.settings import Ingest
from lakeferry.ingest.table.quarantine import quarantine_settings
from lakeferry.ingest.table.target import Target
from lakeferry.ingest.upkeep.maintain import Maintenance


class Upkeep:
    """For one thread. Times are of a clock that never goes back."""

    def __init__(self, ingest: Ingest, begun: Beginning, now_s: float) -> None:
        name, rhythm = ingest.name, ingest.rhythm
        version = begun.target.version
        self._rows = Maintenance(ingest.target, name, rhythm, version=version, now_s=now_s)
        self._rejected = None
        if begun.rejected is not None:
            place, other = quarantine_settings(ingest.target), begun.rejected
            self._rejected = Maintenance(
                place, other.name, rhythm, version=other.version, now_s=now_s
            )

    def turn(self, tables: Tables, now_s: float) -> tuple[Event, ...]:
        """Begin what is due, tell what ended since. Neither waits nor raises."""
        told = self._rows.turn(tables.target.version, now_s)
        return told + self._other(lambda one, table: one.turn(table.version, now_s), tables)

    def finish(self, tables: Tables, now_s: float, timeout_s: float) -> tuple[Event, ...]:
        """Once more what is due; wait for what is being done, so long; then end it."""
        told = self.turn(tables, now_s) + self._rows.finish(timeout_s)
        return told + self._other(lambda one, _: one.finish(timeout_s), tables)

    def end(self) -> None:
        """End what is being done; it can be done another time."""
        self._rows.end()
        if self._rejected is not None:
            self._rejected.end()

    def _other(
        self, do: Callable[[Maintenance, Target], tuple[Event, ...]], tables: Tables
    ) -> tuple[Event, ...]:
        if self._rejected is None or tables.rejected is None:
            return ()
        return do(self._rejected, tables.rejected)
