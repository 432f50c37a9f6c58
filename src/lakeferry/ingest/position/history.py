"""Whether the positions of a commit follow those before it: nothing skipped, nothing again. Pure.

Each commit of an ingest is judged against its predecessor, so that a table's history proves itself
from any commit on that is still there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lakeferry.ingest.kinesis.lineage import is_same_stream
from lakeferry.ingest.position.state import After, Ended, Gap, IngestState, Position


@dataclass(frozen=True, slots=True)
class Break:
    """A place where two commits do not join."""

    shard_id: str  # '' where it is about all of them
    what: str


def breaks(before: IngestState, after: IngestState) -> tuple[Break, ...]:
    """Where a state does not follow another one; nothing if it does."""
    found = [Break("", what) for what in _of_all(before, after)]
    for shard_id, place in sorted(before.shards.items()):
        now = after.shards.get(shard_id)
        found_again = shard_id in before.missed and shard_id not in after.missed
        then = before.missed[shard_id].place if found_again and now is not None else place
        what = _of_shard(then, now)
        if what:
            found.append(Break(shard_id, what))
    return tuple(found)


def added(before: IngestState | None, after: IngestState) -> Mapping[str, int]:
    """How many Kinesis records a commit brought, by shard; those that brought none are left out."""
    then = before.places if before else {}
    counts = {
        shard_id: _records(place) - _records(then.get(shard_id))
        for shard_id, place in sorted(after.shards.items())
    }
    return {shard_id: count for shard_id, count in counts.items() if count}


def _records(place: Position | None) -> int:
    return place.records if isinstance(place, After | Ended) else 0


def _of_all(before: IngestState, after: IngestState) -> list[str]:
    found = []
    if after.epoch != before.epoch + 1:
        found.append(f"epoch {after.epoch} follows {before.epoch}")
    if not is_same_stream(before.stream, after.stream):
        found.append(f"another stream: {after.stream} follows {before.stream}")
    if not all(any(_holds(now, gap) for now in after.gaps) for gap in before.gaps):
        found.append("a gap that was told before is told no more")
    return found


def _holds(gap: Gap, other: Gap) -> bool:
    """Whether a gap tells of another one, too: those of a shard may be joined."""
    same = gap.shard_id == other.shard_id
    return same and gap.since_ms <= other.since_ms and other.until_ms <= gap.until_ms


def _of_shard(then: Position, now: Position | None) -> str:
    """What is wrong with where a shard stands now; '' if nothing is."""
    if isinstance(then, Ended):
        same = now is None or _placed(now) == _placed(then)
        return "" if same else f"it was read to its end, and stands at {now}"
    if now is None:
        return "it was not read to its end, and is forgotten"
    if isinstance(now, Ended):
        less = now.records < _records(then)
        return f"{now.records} records follow {_records(then)}" if less else ""
    if isinstance(now, After):
        return _moved(then, now)
    return "" if _placed(now) == _placed(then) else f"{now} follows {then}"


def _moved(then: Position, now: After) -> str:
    if not isinstance(then, After):
        return "" if now.records > 0 else "it has a sequence number, but no record"
    steps = int(now.sequence_number) - int(then.sequence_number)
    more = now.records - then.records
    if steps < 0 or more < 0:
        return f"it goes back: {now} follows {then}"
    if (steps == 0) != (more == 0):
        return f"{more} records more, its sequence number {steps} further"
    return ""


def _placed(place: Position) -> Position:
    """The place alone: the time up to which it was looked at may differ."""
    return replace(place, read_until_ms=0)
