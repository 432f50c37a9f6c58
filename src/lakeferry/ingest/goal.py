"""The end of an ingest that runs once: all that the stream had when it began is committed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from lakeferry.errors import FerryError
from lakeferry.ingest.lineage import Listing
from lakeferry.ingest.messages import Lag
from lakeferry.ingest.position import Ended, IngestState

# The service's clock is told to a second, and a place is taken for a second older than it is.
CLOCK_MS = 3_000
PAUSED_S = 60.0  # so long the last shards may be out of reach before it is given up


@dataclass(frozen=True, slots=True)
class Goal:
    """What there was at the start; shards that came later hold later records."""

    shards: frozenset[str]
    at_ms: int  # by the service's clock, since the epoch
    begun_s: float  # the same moment, by a clock that only rises

    def is_reached(self, state: IngestState, listed: Listing) -> bool:
        """Whether the table has it all."""
        return not self._missing(state, listed)

    def _missing(self, state: IngestState, listed: Listing) -> list[str]:
        return [
            shard
            for shard in self.shards
            if not _is_done(shard, state, self.at_ms) and (shard in state.shards or shard in listed)
        ]

    def is_read(
        self, state: IngestState, listed: Listing, lags: Mapping[str, Lag], now_s: float
    ) -> bool:
        """Whether workers have read it all, so that a commit may bring the goal."""
        since_ms = (now_s - self.begun_s) * 1000
        if since_ms < CLOCK_MS:
            return False
        for shard in self._missing(state, listed):
            lag = lags.get(shard)
            if lag is None or lag.paused:
                return False
            if not lag.ended and (lag.behind_ms is None or lag.behind_ms > since_ms - CLOCK_MS):
                return False
        return True

    def refuse_paused(
        self, state: IngestState, listed: Listing, lags: Mapping[str, Lag], now_s: float
    ) -> None:
        """LF-7055 where nothing is left to be read but shards that cannot be, for long."""
        missing = self._missing(state, listed)
        paused = {shard: lags[shard].paused for shard in missing if shard in lags}
        if not paused or not all(paused.values()) or now_s - self.begun_s < PAUSED_S:
            return
        shard, why = min(paused.items())
        raise FerryError(
            "LF-7055",
            f"{len(paused)} of the stream's shards cannot be read",
            f"{shard}: {why}",
            "all other shards are committed; mend what the message names, then run it again",
        )


def _is_done(shard: str, state: IngestState, at_ms: int) -> bool:
    place = state.shards.get(shard)
    return isinstance(place, Ended) or (place is not None and place.read_until_ms >= at_ms)
