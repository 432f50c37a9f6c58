"""How an ingest begins: which stream, which table, where it stands, what was lost meanwhile.

All of it is done again whenever reading begins anew, so that nothing is carried over but what the
table says.
"""

from dataclasses import dataclass
from time import sleep

import pyarrow as pa

from lakeferry.ingest.crew.lookout import Look, Lookout
from lakeferry.ingest.crew.loss import (
    LOOKS,
    LossWatch,
    accepted,
    begun_anew,
    is_another,
    loss_error,
    recreated_error,
    restarts,
)
from lakeferry.ingest.events import Emit, GapAccepted, Noted
from lakeferry.ingest.kinesis.lineage import (
    Listing,
    first_missed,
    first_positions,
    is_whole,
    readable,
    unborn,
)
from lakeferry.ingest.payload.evolved import declared_now
from lakeferry.ingest.payload.row_schema import may_reject, row_schema
from lakeferry.ingest.position.adopt import Adopted
from lakeferry.ingest.position.start import is_latest, parse_start, start_anew
from lakeferry.ingest.position.state import IngestState
from lakeferry.ingest.rules.table_rules import rules_told
from lakeferry.ingest.settings import Ingest
from lakeferry.ingest.table.commit import commit
from lakeferry.ingest.table.expiry import warned_of_expiry
from lakeferry.ingest.table.fellow_ingests import warned_of_fellows
from lakeferry.ingest.table.opening import open_target
from lakeferry.ingest.table.quarantine import open_quarantine, try_quarantine
from lakeferry.ingest.table.rejected_before import Known, rejected_before
from lakeferry.ingest.table.target import Lost, Target

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
    known: Known = None  # records that lie among the bad ones already, beyond the state


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
    first = _First(ingest, lookout, look, adopted)
    target = open_target(ingest.target, row_schema(ingest.payload), ingest.name, first)
    if first.found is not None and target.state == first.found:
        _tell_begun(first.found, emit)
        fellows = warned_of_fellows(target, first.look.identity)
        if fellows is not None:
            emit(fellows)
    told = rules_told(target.metadata)
    if told:
        emit(Noted(told))
    forgets = warned_of_expiry(target)
    if forgets is not None:
        emit(forgets)
    found = _checked(ingest, lookout, first, target, emit)
    if isinstance(found, Lost):
        return found
    look, target, state = found
    declared, target = declared_now(ingest, target)
    rejected, known = None, None
    if may_reject(ingest.payload, ingest.source):
        rejected = open_quarantine(ingest, target, state, look.identity)
        now = readable(look.listed, state.shards, state.missed).keys() | state.places.keys()
        later = unborn(state.shards)
        known = rejected_before(ingest.name, rejected, state, look.identity, now | later)
    begins = ingest.start if adopted is None else "adopted positions"
    resumes = f"epoch {state.epoch}" if state.epoch else begins
    return Beginning(look, target, state, rejected, resumes, declared, known)


class _First:
    """Where a new ingest begins: found out when it turns out to be new, and once.

    Args:
        look: `latest` is its moment. Of a stream that was split or merged others follow it, for a
            listing may leave out shards that only this beginning would ask for.
    """

    def __init__(
        self, ingest: Ingest, lookout: Lookout, look: Look, adopted: Adopted | None
    ) -> None:
        self._ingest = ingest
        self._lookout = lookout
        self._place = parse_start(ingest.start, look.service_ms)
        self._adopted = adopted
        self.look = look  # the newest one
        self.found: IngestState | None = None  # None: it was not asked for

    def __call__(self) -> IngestState:
        if self.found is None:
            self.found = self._state()
        return self.found

    def in_another(self) -> IngestState:
        """The same in a stream that took the name of the one that was read."""
        self._place = start_anew(self._ingest.start, self.look.service_ms)
        return self()

    def _state(self) -> IngestState:
        if may_reject(self._ingest.payload, self._ingest.source):
            try_quarantine(self._ingest)
        adopted, begun_ms = self._adopted, self.look.service_ms
        if adopted is not None and adopted.since is None:
            return IngestState(0, self.look.identity, adopted.shards, adopted.gaps)
        place = self._place if adopted is None or adopted.since is None else adopted.since
        listed = self._listed()
        shards = first_positions(listed, place, begun_ms)
        missed = first_missed(listed, place, self.look.service_ms)
        return IngestState(0, self.look.identity, shards, missed=missed)

    def _listed(self) -> Listing:
        """All that looks show, until they lack nothing, or the same several times in a row."""
        listed, times = dict(self.look.listed), 1
        while times < LOOKS and not is_whole(listed):
            self.look = _next(self._lookout, self.look)
            times = times + 1 if self.look.listed.keys() <= listed.keys() else 1
            listed |= self.look.listed
        return listed


def _tell_begun(first: IngestState, emit: Emit) -> None:
    for gap in first.gaps:
        emit(GapAccepted(gap))
    if first.missed:
        count = len(first.missed)
        shards = "1 shard that others follow is" if count == 1 else f"{count} shards that others"
        shards += "" if count == 1 else " follow are"
        some = ", ".join(sorted(first.missed)[:5]) + (", …" if count > 5 else "")
        emit(Noted(f"{shards} listed no more, so retention took what they held: {some}"))


Checked = tuple[Look, Target, IngestState]


def _checked(
    ingest: Ingest, lookout: Lookout, first: _First, target: Target, emit: Emit
) -> Checked | Lost:
    """The positions fit the stream that is there, and what it forgot is told."""
    state, look = target.state, first.look
    if state is None:
        raise ValueError("a target that was opened has positions")
    if is_another(state, look.identity):
        if not restarts(state, look.identity, ingest.on_recreated):
            raise recreated_error(state, look.identity)
        place = "its oldest record" if is_latest(ingest.start) else ingest.start
        emit(Noted(f"stream {look.identity.name} was made anew; it is read from {place}"))
        anew = begun_anew(state, first.in_another())
        return _restated(target, anew, first.look)
    watch = LossWatch()
    gaps = watch.seen(look.listed, state, look.horizon_ms)
    while watch.doubts:
        look = _next(lookout, look)
        gaps = watch.seen(look.listed, state, look.horizon_ms)
    if not gaps:
        return look, target, state
    if ingest.on_loss == "fail":
        raise loss_error(gaps, look.identity.name)
    after = accepted(state, gaps, look.listed, now_ms=look.service_ms)
    found = _restated(target, after, look)
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
