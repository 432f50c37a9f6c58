"""The end of an ingest that runs once: all that the stream had when it began is committed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.lineage import Listing, forgotten, unborn
from lakeferry.ingest.position.state import Ended, IngestState, Position
from lakeferry.ingest.worker.messages import Lag

# What came within the second that the service's clock told at the start, which it cuts off.
CLOCK_MS = 1_500


@dataclass(frozen=True, slots=True)
class Goal:
    """What there was at the start; shards that came later hold later records."""

    shards: frozenset[str]
    at_ms: int  # by the service's clock, since the epoch

    def is_reached(self, state: IngestState, listed: Listing) -> bool:
        """Whether the table has it all."""
        return not self._missing(state, listed)

    def _missing(self, state: IngestState, listed: Listing) -> list[str]:
        places, awaited = state.places, unborn(state.shards)
        # A listing may show a shard once more that was read to its end and forgotten.
        over = forgotten(listed, state.shards, state.missed) | (state.missed.keys() - listed.keys())
        known = (places.keys() | listed.keys()) - over | awaited
        return [
            shard
            for shard in self.shards
            if shard in known and not _is_done(places.get(shard), self.at_ms)
        ]

    def is_read(self, state: IngestState, listed: Listing, lags: Mapping[str, Lag]) -> bool:
        """Whether workers have read it all, so that the next commit brings the goal."""
        return not self._unread(state, listed, lags)

    def held_up(
        self,
        state: IngestState,
        listed: Listing,
        lags: Mapping[str, Lag],
        given: frozenset[str],
    ) -> Mapping[str, str]:
        """The shards that cannot be read, and why, where nothing else is left to be read.

        Args:
            given: to workers; of whom one that still starts has told of none of its shards.
        """
        unread = self._unread(state, listed, lags)
        # Children that are not begun wait for a parent, which is one of those.
        begun = {shard: lags.get(shard) for shard in unread if shard in lags or shard in given}
        held = {shard: lag.paused for shard, lag in sorted(begun.items()) if lag and lag.paused}
        return held if len(held) == len(begun) else {}

    def _unread(self, state: IngestState, listed: Listing, lags: Mapping[str, Lag]) -> list[str]:
        missing = self._missing(state, listed)
        return [shard for shard in missing if not self._is_read(lags.get(shard))]

    def _is_read(self, lag: Lag | None) -> bool:
        if lag is None or lag.paused:
            return False
        return lag.ended or lag.read_until_ms >= self.at_ms


def goal_of(listed: Listing, state: IngestState, service_ms: int) -> Goal:
    """All shards that are known: a listing may lack one that is read, or about to be.

    Args:
        service_ms: the service's clock at the start, since the epoch.
    """
    shards = listed.keys() | state.shards.keys() | unborn(state.shards)
    return Goal(frozenset(shards), service_ms + CLOCK_MS)


def held_up_error(paused: Mapping[str, str]) -> FerryError:
    """LF-7055."""
    shard, why = min(paused.items())
    return FerryError(
        "LF-7055",
        f"{len(paused)} of the stream's shards cannot be read",
        f"{shard}: {why}",
        "all other shards are committed; mend what the message names, then run it again",
    )


def _is_done(place: Position | None, at_ms: int) -> bool:
    return isinstance(place, Ended) or (place is not None and place.read_until_ms >= at_ms)
