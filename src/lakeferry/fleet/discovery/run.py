"""The door of `discover`: every source looked at side by side, and the ledger told what there is.

Nothing is written but the ledger. What was found goes there in small batches while the look goes
on, so a run that is stopped keeps what it saw; only what was seen to its end says what is gone.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event as Flag

from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.from_catalog import tables_of
from lakeferry.fleet.discovery.gather import Before, Gathering, OnFound
from lakeferry.fleet.discovery.look_at_folder import Clock
from lakeferry.fleet.discovery.sums import Discovery, Progress
from lakeferry.fleet.discovery.telling import plain_folders, told
from lakeferry.fleet.discovery.trip import Trip
from lakeferry.fleet.discovery.walk import walk
from lakeferry.fleet.manifest.select import Selection, could_mean
from lakeferry.fleet.manifest.wanted import Migration, Source
from lakeferry.ledger.write import Ledger

DAY_MS = 24 * 3600 * 1000
PULSE_S = 0.2  # between two words of progress


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of one discovery."""

    selection: Selection = field(default_factory=Selection)
    wave: int | None = None
    by: str | None = None  # 'paths', 'hive', 'glue', 'unity'; None: as the manifest says
    most_depth: int = 8  # folders below a root that are looked into
    window_ms: int = 7 * DAY_MS  # over which commits are counted
    hands: int = 32  # folders looked at at once


def discover(
    wanted: Migration,
    wish: Wish,
    *,
    before: Before,
    ledger: Ledger | None,
    now_ms: int,
    emit: Callable[[Progress], None],
    stop: Flag,
    on_found: OnFound | None = None,
) -> Discovery:
    """Look at the sources that are meant, and keep what is found.

    Args:
        before: what the ledger knew.
        ledger: led by this process, used from this thread alone; None: nothing is kept.
        now_ms: since the epoch.
        emit: told how far it is, some times a second.
        on_found: told of each thing that was found, and where it lands.
        stop: set: what was seen until then is kept, and KeyboardInterrupt raised.

    Raises:
        FerryError: LF-2107 no source is meant; the ledger's own. What a source refuses is in the
            answer's `faults`, and leaves the others alone.
        KeyboardInterrupt: stopped.
    """
    started = time.monotonic()
    sources = _sources(wanted, wish)
    gathering = Gathering(
        wanted, before, ledger, selection=wish.selection, wave=wish.wave,
        most_depth=wish.most_depth, now_ms=now_ms, on_found=on_found,
    )  # fmt: skip
    trips = _trips(sources, wish, gathering, Clock(now_ms, wish.window_ms))
    look = _Look(trips, gathering, ledger, emit, started)
    look.run(wish.hands, stop)
    if stop.is_set():
        gathering.flush()
        raise KeyboardInterrupt
    is_all = wish.selection == Selection() and wish.wave is None and wish.by is None
    # Who asks a catalog alone, or the folders alone, has not seen what only the other knows.
    whole = {trip.source.name for trip in trips if trip.is_whole and wish.by is None}
    gathering.conclude(whole, is_all=is_all)
    gathering.found.requests = sum(trip.requests.all for trip in trips)
    gathering.found.elapsed_s = time.monotonic() - started
    return gathering.found


def _sources(wanted: Migration, wish: Wish) -> list[Source]:
    """The sources that may hold what is meant."""
    names = list(wanted.sources)
    named = [name for name in names if could_mean(wish.selection, name)]
    if not named:
        raise FerryError(
            "LF-2107",
            "no source is meant",
            f"{wanted.file} names {len(names):,}: {', '.join(names[:5])}",
            "name one of them with --select",
        )
    chosen = [wanted.sources[name] for name in named]
    if wish.by == "paths":
        return [one for one in chosen if one.root is not None]
    return [one for one in chosen if wish.by in (None, one.names_from.catalog)]


def _trips(sources: Sequence[Source], wish: Wish, gathering: Gathering, clock: Clock) -> list[Trip]:
    gathering.found.sources = len(sources)
    trips = []
    for source in sources:
        refusing: dict[str, FerryError] = {}
        try:
            tables, fault = tables_of(source, wish.by, refusing.setdefault), None
        except FerryError as error:
            tables, fault = iter(()), error
        trip = Trip(
            source,
            most_depth=wish.most_depth,
            is_wanted=gathering.is_wanted,
            clock=clock,
            # With --from the catalog alone is asked, and with `paths` the folders alone.
            tables=tables,
            refusing=refusing,
            walks=wish.by in (None, "paths"),
        )
        if fault is not None:
            trip.give_up(fault)
        trips.append(trip)
    return trips


@dataclass
class _Look:
    """How far the look is, told now and then."""

    trips: Sequence[Trip]
    gathering: Gathering
    ledger: Ledger | None
    emit: Callable[[Progress], None]
    started: float
    folders: int = 0
    ended: set[str] = field(default_factory=set)
    shown: float = 0.0

    def run(self, hands: int, stop: Flag) -> None:
        """Look at all, until the end or until stopped."""
        for trip, task, answer in walk(self.trips, hands=hands, stop=stop, on_turn=self.pulse):
            for found in told(trip, task, answer):
                self.gathering.take(found, trip.source.kind)
            self.folders += 1
            if trip.is_over:
                self._end(trip)
            self.pulse()
        for trip in self.trips:
            if trip.is_over:  # one that could not even begin, too
                self._end(trip)

    def _end(self, trip: Trip) -> None:
        """A source was seen to its end, or could not be."""
        if trip.source.name in self.ended:
            return
        self.ended.add(trip.source.name)
        if trip.fault is None:
            for found in plain_folders(trip):
                self.gathering.take(found, trip.source.kind)
        self.gathering.end_source(trip)

    def pulse(self) -> None:
        """Called between answers, and while none comes."""
        self.gathering.turn()
        if self.ledger is not None:
            self.ledger.turn()
        now = time.monotonic()
        if now - self.shown < PULSE_S:
            return
        self.shown = now
        requests = sum(trip.requests.all for trip in self.trips)
        self.emit(Progress(
            len(self.ended), len(self.trips), self.gathering.found.tables, self.folders, requests,
            now - self.started,
        ))  # fmt: skip
