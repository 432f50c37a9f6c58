"""One batch of a query as values: which shards it reads, from where, and where it ended. Pure.

Spark asks for the end of a batch before a record of it is read, and Kinesis knows no end to give.
So an end is only a name: the batch's number and a token that nobody else has. What the batch reads
is planned when Spark asks for its parts, from where the batch before ended; how far it came is
recorded by its tasks before they yield a row. Whoever reads a part again, after a crash or beside
another task, reads to the recorded end.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lakeferry.ingest.kinesis.lineage import Listing, readable
from lakeferry.ingest.position.state import Ended, Gap, IngestState, Position, Span, advanced

QUERY_BYTES = 8  # of the token of a beginning


@dataclass(frozen=True, slots=True)
class Mark:
    """The end of a batch, as it stands in Spark's offset log."""

    epoch: int  # 0 is where the query began
    # Tells epochs of one number apart: of two queries by how it begins, of two drivers by the rest.
    # The first batch has that of the beginning, which Spark does not keep.
    token: str
    # All that came until then is read, since the epoch; None: what one batch holds.
    until_ms: int | None = None

    @property
    def query(self) -> str:
        """What all epochs of one query have in common, from one beginning on."""
        return self.token[: 2 * QUERY_BYTES]


def after(mark: Mark, token: str) -> Mark:
    """The end of the batch that follows. `token` is new to all who may make one."""
    return Mark(mark.epoch + 1, mark.query if mark.epoch == 0 else f"{mark.query}{token}")


@dataclass(frozen=True, slots=True)
class EpochPlan:
    """What one batch reads, decided before its first record and never again."""

    mark: Mark
    before: Mark | None  # the end of the batch before; None: it is the beginning
    state: IngestState  # where every shard stands when the batch begins
    groups: tuple[Listing, ...] = ()  # the shards of each task, with their parents


@dataclass(frozen=True, slots=True)
class ChunkEnd:
    """How far one task read: a part of its batch that fits into memory.

    Equal for all that read it: rows up to here, whoever yields them, are the same.
    """

    spans: tuple[Span, ...]  # of every shard that was asked, by id
    behind_ms: Mapping[str, int | None] = field(default_factory=dict)
    settled: frozenset[str] = frozenset()  # shards that need not be asked again in this batch
    paused: Mapping[str, str] = field(default_factory=dict)  # shards that were not read
    last: bool = True


def groups_of(
    listed: Listing, committed: Mapping[str, Position], *, per_task: int, whole: bool
) -> tuple[Listing, ...]:
    """The shards that one batch reads, by task.

    Args:
        per_task: shards of one task; more only where they are of one family.
        whole: children are read in the same batch as their parents, by the same task and after
            them. Else a child waits for the batch that begins after its parents' end.
    """
    members = _all_to_read(listed, committed) if whole else set(readable(listed, committed))
    groups: list[list[str]] = []
    for family in sorted(_families(listed, members), key=lambda one: (-len(one), one)):
        if groups and len(groups[-1]) + len(family) <= per_task:
            groups[-1] += family
        else:
            groups.append(list(family))
    return tuple({shard_id: listed[shard_id] for shard_id in sorted(group)} for group in groups)


def _all_to_read(listed: Listing, committed: Mapping[str, Position]) -> set[str]:
    """Shards that may be read now, those that may be when they are ended, and so on."""
    found: set[str] = set()
    after = dict(committed)
    while fresh := readable(listed, after).keys() - found:
        found |= fresh
        after |= dict.fromkeys(fresh, Ended(0))
    return found


def _families(listed: Listing, members: Collection[str]) -> list[list[str]]:
    """Members that are parents and children of each other, each family in the order of ids."""
    home = {shard_id: {shard_id} for shard_id in members}
    for shard_id in members:
        for parent in listed[shard_id].parents:
            if parent in home and home[parent] is not home[shard_id]:
                joined = home[parent] | home[shard_id]
                home.update(dict.fromkeys(joined, joined))
    return [sorted(family) for family in {id(one): one for one in home.values()}.values()]


def to_read(
    group: Listing, places: Mapping[str, Position], settled: Collection[str]
) -> dict[str, Position]:
    """The shards of a task that are to be asked now, and from where."""
    inside = {shard_id: place for shard_id, place in places.items() if shard_id in group}
    # Parents that other tasks read, or nobody, were ended when the batch was planned.
    alone = {
        shard_id: replace(shard, parents=tuple(one for one in shard.parents if one in group))
        for shard_id, shard in group.items()
    }
    ready = readable(alone, inside)
    return {shard_id: place for shard_id, place in ready.items() if shard_id not in settled}


def places_after(places: Mapping[str, Position], spans: Collection[Span]) -> dict[str, Position]:
    """Where shards stand after a part of a batch."""
    return dict(places) | {span.shard_id: span.ends for span in spans}


def unread(plan: EpochPlan, ends: Sequence[Sequence[ChunkEnd]]) -> dict[str, Position]:
    """Where the shards of those tasks stand that have not ended."""
    found: dict[str, Position] = {}
    for group, parts in zip(plan.groups, ends, strict=True):
        if parts and parts[-1].last:
            continue
        found |= {shard: place for shard, place in plan.state.shards.items() if shard in group}
        for part in parts:
            found = places_after(found, part.spans)
    return found


def state_after(
    plan: EpochPlan, ends: Sequence[Sequence[ChunkEnd]], gaps: Sequence[Gap] = ()
) -> IngestState | None:
    """Where all shards stand after a batch; None while one of its tasks has not ended.

    Args:
        ends: the parts of each group, in order.
        gaps: that were found and accepted after the batch was planned.

    Raises:
        FerryError: LF-7003 where a part does not begin where the one before ended.
    """
    if len(ends) < len(plan.groups) or not all(parts and parts[-1].last for parts in ends):
        return None
    state = plan.state
    for parts in ends:
        for part in parts:
            state = advanced(state, part.spans)
    return replace(state, epoch=plan.mark.epoch, gaps=(*state.gaps, *gaps))


def is_behind(ends: Sequence[Sequence[ChunkEnd]]) -> bool:
    """Whether a batch ended though there was more to read, as far as its last pages told."""
    last = {shard: ms for parts in ends for part in parts for shard, ms in part.behind_ms.items()}
    return any(last.values())
