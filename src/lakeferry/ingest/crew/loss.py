"""Records that the stream forgot before they were read: found, confirmed, told, or accepted.

Pure. A listing of shards may leave one out for a moment, so what rests on that alone must be seen
several times in a row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from lakeferry.errors import FerryError
from lakeferry.ingest.crew.gone import losses, without
from lakeferry.ingest.kinesis.lineage import Listing, is_same_stream, unborn
from lakeferry.ingest.position.state import (
    Ended,
    FromTrimHorizon,
    Gap,
    IngestState,
    Missed,
    Position,
    StreamIdentity,
)
from lakeferry.ingest.worker.messages import Lag

# Of one shard, as the positions keep them. One that is always behind has a gap an hour for ever,
# and every commit carries them all.
MOST_GAPS = 4
LOOKS = 3  # at a stream, until a shard that is not listed is taken for gone


class LossWatch:
    """What is lost, as looks at the stream show it one after the other."""

    def __init__(self) -> None:
        self._unlisted: dict[str, int] = {}  # shard -> looks in a row that lacked it

    def seen(self, listed: Listing, state: IngestState, horizon_ms: int) -> tuple[Gap, ...]:
        """The losses that are certain by now.

        Args:
            listed: of a look that began after `state` was committed.
            horizon_ms: what came before this may be gone, since the epoch.
        """
        found = losses(listed, state.shards, horizon_ms, state.missed)
        absent = {gap.shard_id for gap in found if gap.shard_id not in listed}
        self._unlisted = {shard: self._unlisted.get(shard, 0) + 1 for shard in absent}
        return tuple(
            gap for gap in found if gap.shard_id in listed or self._unlisted[gap.shard_id] >= LOOKS
        )

    @property
    def doubts(self) -> bool:
        """Whether shards are missed that were not looked for often enough."""
        return any(times < LOOKS for times in self._unlisted.values())


def unread(
    gaps: Sequence[Gap], lags: Mapping[str, Lag], now_ms: int, horizon_ms: int, *, all_told: bool
) -> tuple[Gap, ...]:
    """Those of shards that are not read beyond the horizon by now, though it is not committed.

    Args:
        lags: what workers told of the shards that they read.
        all_told: a shard that told nothing until now is out of reach, not only slow to begin.
    """
    return tuple(
        gap for gap in gaps if _is_behind(lags.get(gap.shard_id), now_ms - horizon_ms, all_told)
    )


def _is_behind(lag: Lag | None, retention_ms: int, all_told: bool) -> bool:
    if lag is None or (lag.behind_ms is None and not lag.ended):
        return all_told
    return not lag.ended and (lag.behind_ms or 0) > retention_ms


def accepted(
    state: IngestState, gaps: Sequence[Gap], listed: Listing, *, now_ms: int = 0
) -> IngestState:
    """The state that goes on behind the gaps and remembers them.

    Args:
        now_ms: by the service's clock, since the epoch; 0 where nothing is read late.

    A shard that is gone keeps the place where it stood: if a look shows it again, it is read on.
    """
    gone = {
        gap.shard_id: Missed(_stood(state.shards.get(gap.shard_id), gap), now_ms)
        for gap in gaps
        if gap.shard_id not in listed
    }
    # A shard that was never begun gets no position: that would say that its parents were read, of
    # which nothing is known either.
    unknown = gone.keys() - state.shards.keys() - unborn(state.shards)
    shards = without(state.shards, gaps, listed)
    return replace(
        state,
        epoch=state.epoch + 1,
        shards={shard: place for shard, place in shards.items() if shard not in unknown},
        gaps=joined((*state.gaps, *gaps)),
        missed={**gone, **state.missed},
    )


def _stood(place: Position | None, gap: Gap) -> Position:
    return FromTrimHorizon(gap.until_ms) if place is None or isinstance(place, Ended) else place


def joined(gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    """Gaps that touch are one, and of many of a shard those that lie closest; nothing is left out.

    A gap of several says when records went unread first and last, not that all in between did.
    """
    of_shard: dict[str, list[Gap]] = {}
    for gap in sorted(gaps, key=lambda gap: (gap.since_ms, gap.until_ms)):
        known = of_shard.setdefault(gap.shard_id, [])
        known.append(gap)
        apart = [later.since_ms - gap.until_ms for gap, later in pairwise(known)]
        if apart and (min(apart) <= 0 or len(known) > MOST_GAPS):
            at = apart.index(min(apart))
            known[at : at + 2] = [_one_of(known[at], known[at + 1])]
    found = [gap for known in of_shard.values() for gap in known]
    return tuple(sorted(found, key=lambda gap: (gap.until_ms, gap.shard_id)))


def _one_of(gap: Gap, later: Gap) -> Gap:
    return replace(gap, until_ms=max(gap.until_ms, later.until_ms))


def loss_error(gaps: Sequence[Gap], stream: str) -> FerryError:
    """LF-7052."""
    worst = max(gaps, key=lambda gap: gap.until_ms - gap.since_ms)
    shards = "1 shard" if len(gaps) == 1 else f"{len(gaps)} shards"
    return FerryError(
        "LF-7052",
        f"records of `{stream}` went out of retention before they were read: up to "
        f"{_hours(worst)} h of {shards}",
        "; ".join(shown(gap) for gap in gaps[:5]) + ("; …" if len(gaps) > 5 else ""),
        "find what stopped the ingest for so long; to go on without these records give "
        "--on-data-loss go-on (`on_data_loss`), which writes the gap down with the positions",
    )


def shown(gap: Gap) -> str:
    """One gap for people."""
    if gap.since_ms == gap.until_ms:
        return f"{gap.shard_id}: it is listed no more, and was not read to its end"
    return f"{gap.shard_id}: {_hours(gap)} h"


def _hours(gap: Gap) -> str:
    return f"{(gap.until_ms - gap.since_ms) / 3_600_000:,.1f}"


# --- another stream -------------------------------------------------------------------------


def is_another(state: IngestState, found: StreamIdentity) -> bool:
    """Whether the positions are of another stream than the one that is there now."""
    return not is_same_stream(state.stream, found)


def begun_anew(state: IngestState, first: IngestState) -> IngestState:
    """The first positions in a stream that took another one's name."""
    return replace(first, epoch=state.epoch + 1, gaps=state.gaps)


def restarts(state: IngestState, found: StreamIdentity, on_recreated: str) -> bool:
    """Whether another stream is read in place of the one that is known, as it was asked for.

    Only one of the same name can be it, made anew. Else a name was mistaken, and the positions
    would be gone with which the right one goes on.
    """
    return on_recreated == "restart" and state.stream.name == found.name


def recreated_error(state: IngestState, found: StreamIdentity) -> FerryError:
    """LF-7051."""
    known = state.stream
    if known.name == found.name:
        step = (
            "if it was deleted and made again, start anew with --on-recreated restart: all of it "
            "is read, or what came since --from at:TIME, and rows of the old one stay; else name "
            "the right stream"
        )
    else:
        step = f"name `{known.name}`; to read `{found.name}` into the same table give it a --name"
    return FerryError(
        "LF-7051",
        f"`{found.name}` is another stream than the one that this ingest has read",
        f"positions: {known}; now: {found}",
        step,
    )
