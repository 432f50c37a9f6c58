"""How an ingest begins: which stream, which table, where it stands, what was lost meanwhile.

All of it is done again whenever reading begins anew, so that nothing is carried over but what the
table says.
"""

from dataclasses import dataclass, replace
from time import sleep

import pyarrow as pa

from lakeferry.ingest.adopt import Adopted
from lakeferry.ingest.commit import commit
from lakeferry.ingest.events import Emit, GapAccepted, Noted
from lakeferry.ingest.evolved import declared_now
from lakeferry.ingest.lineage import first_positions
from lakeferry.ingest.lookout import Look, Lookout
from lakeferry.ingest.loss import (
    LossWatch,
    accepted,
    begun_anew,
    is_another,
    loss_error,
    recreated_error,
)
from lakeferry.ingest.position import IngestState
from lakeferry.ingest.row_schema import may_reject, row_schema
from lakeferry.ingest.rows import QUARANTINE_SCHEMA
from lakeferry.ingest.settings import Ingest, TargetSettings
from lakeferry.ingest.start import parse_start
from lakeferry.ingest.table import open_target
from lakeferry.ingest.target import Lost, Target

DOUBT_S = 1.0  # between two looks for a shard that is missed


@dataclass(frozen=True, slots=True)
class Beginning:
    """What one life of a crew starts from."""

    look: Look
    target: Target
    state: IngestState  # of the target
    rejected: Target | None  # of bad records; None: there can be none
    resumes: str  # as `Began` has it
    declared: pa.Schema | None  # columns of the payload; None: raw rows


def begin(
    ingest: Ingest,
    lookout: Lookout,
    look: Look,
    emit: Emit,
    adopted: Adopted | None = None,
) -> Beginning | Lost:
    """Open the tables and find where they stand; nothing is read of the stream.

    A new ingest's first positions are committed here, before any row.

    Args:
        look: at the stream, from now.
        adopted: where each shard begins if the ingest is new, in place of its `start`.

    Raises:
        FerryError: LF-7051 another stream; LF-7052 records were lost; those of `open_target`.
    """
    first = _first_state(ingest, look)
    if adopted is not None:
        first = replace(first, shards=adopted.shards, gaps=adopted.gaps)
    target = open_target(ingest.target, row_schema(ingest.payload), ingest.name, first)
    if target.state == first:
        for gap in first.gaps:
            emit(GapAccepted(gap))
    found = _checked(ingest, lookout, look, target, first, emit)
    if isinstance(found, Lost):
        return found
    look, target, state = found
    declared, target = declared_now(ingest, target)
    rejected = None
    if may_reject(ingest.payload, ingest.source):
        nowhere = IngestState(0, look.identity)
        rejected = open_target(
            quarantine_settings(ingest.target), QUARANTINE_SCHEMA, ingest.name, nowhere
        )
    begins = ingest.start if adopted is None else "adopted positions"
    resumes = f"epoch {state.epoch}" if state.epoch else begins
    return Beginning(look, target, state, rejected, resumes, declared)


def quarantine_settings(target: TargetSettings) -> TargetSettings:
    """The table of bad records: of one's own choice, or beside the other, `_rejected`."""
    beside = f"{target.url.rstrip('/')}_rejected"
    return replace(target, url=target.quarantine or beside, partition_by=(), quarantine=None)


def _first_state(ingest: Ingest, look: Look) -> IngestState:
    place = parse_start(ingest.start, look.service_ms)
    return IngestState(0, look.identity, first_positions(look.listed, place, look.service_ms))


Checked = tuple[Look, Target, IngestState]


def _checked(
    ingest: Ingest, lookout: Lookout, look: Look, target: Target, first: IngestState, emit: Emit
) -> Checked | Lost:
    """The positions fit the stream that is there, and what it forgot is told."""
    state = target.state
    if state is None:
        raise ValueError("a target that was opened has positions")
    if is_another(state, look.identity):
        if ingest.on_recreated == "fail":
            raise recreated_error(state, look.identity)
        emit(Noted(f"stream {look.identity.name} was made anew; it is read from {ingest.start}"))
        return _restated(target, begun_anew(state, first), look)
    watch = LossWatch()
    gaps = watch.seen(look.listed, state, look.horizon_ms)
    while watch.doubts:
        look = _next(lookout, look)
        gaps = watch.seen(look.listed, state, look.horizon_ms)
    if not gaps:
        return look, target, state
    if ingest.on_loss == "fail":
        raise loss_error(gaps, look.identity.name)
    found = _restated(target, accepted(state, gaps, look.listed), look)
    for gap in gaps:
        emit(GapAccepted(gap))
    return found


def _restated(target: Target, after: IngestState, look: Look) -> Checked | Lost:
    done = commit(target, (), after)
    return done if isinstance(done, Lost) else (look, done.target, after)


def _next(lookout: Lookout, look: Look) -> Look:
    """A newer look; a stream that cannot be looked at any more is told."""
    sleep(DOUBT_S)
    newer = lookout.look()
    if newer.number == look.number and lookout.trouble is not None:
        raise lookout.trouble
    return newer
