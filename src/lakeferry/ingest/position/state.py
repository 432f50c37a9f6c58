"""Where each shard of a stream stands, as it lies in the commit that holds the rows before it.

The state of one ingest is a small JSON text, which `text.py` beside this module writes and reads. A
table with the domainMetadata feature keeps it there; others keep it in a file beside the log that
the version of our `txn` names, so that of two writers of one epoch each has its own file and the
commit decides which of them counts. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from lakeferry.delta import txn_files
from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.wire import IteratorType

RANDOM_BITS = 20
LAST_EPOCH = 2 ** (63 - RANDOM_BITS) - 1  # the version of a txn is a signed 64-bit number


# In all of these `read_until_ms`, since the epoch, says: whatever came to the shard before this was
# read, or was not asked for. It moves where nothing comes, too, and shows what retention may take.


@dataclass(frozen=True, slots=True)
class FromTrimHorizon:
    """No record was found yet; the shard is read from the oldest one that it has."""

    read_until_ms: int = 0

    def __str__(self) -> str:
        return "its oldest record"


@dataclass(frozen=True, slots=True)
class FromTime:
    """No record was found yet; the shard is read from the first that came at a time or later."""

    at_ms: int  # since the epoch
    read_until_ms: int = 0

    def __str__(self) -> str:
        return f"what came from {_time(self.at_ms)} on"


@dataclass(frozen=True, slots=True)
class After:
    """All up to a record was read."""

    sequence_number: str  # of a whole Kinesis record: aggregates are not split
    read_until_ms: int
    records: int = 0  # Kinesis records read since the start, for proofs

    def __str__(self) -> str:
        return f"record {self.sequence_number} ({self.records:,} read)"


@dataclass(frozen=True, slots=True)
class Ended:
    """The shard is closed and was read to its end; it is never asked for again."""

    # AFTER_SEQUENCE_NUMBER with the last number of a closed shard is an error of the service.
    read_until_ms: int
    children: tuple[str, ...] = ()
    records: int = 0

    def __str__(self) -> str:
        return f"its end ({self.records:,} read)"


Position = FromTrimHorizon | FromTime | After | Ended


@dataclass(frozen=True, slots=True)
class StreamIdentity:
    """Which stream this is: a name may be given to another stream, whose shards are named alike."""

    name: str
    arn: str = ""  # '' where the service did not say
    created_ms: int = 0  # since the epoch
    stream_id: str | None = None

    def __str__(self) -> str:
        created = f"created {_time(self.created_ms)}" if self.created_ms else ""
        told = f"id {self.stream_id}" if self.stream_id else ""
        return ", ".join(filter(None, (self.arn or self.name, created, told)))


def _time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, slots=True)
class Gap:
    """Records that went out of retention before they were read."""

    shard_id: str
    since_ms: int  # everything before this was read
    until_ms: int  # the oldest that the stream still had then


@dataclass(frozen=True, slots=True)
class Missed:
    """A shard that no look shows any more, or none did yet, though it was not read to its end."""

    place: Position  # from where it is read if a look shows it after all; never `Ended`
    since_ms: int  # when it was given up, since the epoch


@dataclass(frozen=True, slots=True)
class IngestState:
    """All that an ingest must remember, as of one commit."""

    epoch: int  # commits of this ingest so far
    stream: StreamIdentity
    shards: Mapping[str, Position] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()  # that were accepted, oldest first: `loss.joined`
    # Nothing waits for these. One that is lost is in `shards`, too, as `Ended`.
    missed: Mapping[str, Missed] = field(default_factory=dict)

    @property
    def places(self) -> Mapping[str, Position]:
        """Where each known shard is read on: of one that is missed, where it would be."""
        return {**self.shards, **{shard: one.place for shard, one in self.missed.items()}}


@dataclass(frozen=True, slots=True)
class Span:
    """What one commit adds to one shard: from where to where, and how many records."""

    shard_id: str
    begins: Position  # where the batch began
    ends: Position  # without records: as it began, or Ended
    records: int  # Kinesis records in between
    first: str | None = None  # sequence number of the first of them; None without any


def iterator_of(place: Position) -> tuple[IteratorType, str | None, int | None]:
    """What GetShardIterator is asked for: type, sequence number, milliseconds since the epoch."""
    match place:
        case FromTrimHorizon():
            return "TRIM_HORIZON", None, None
        case FromTime(at_ms):
            return "AT_TIMESTAMP", None, at_ms
        case After(number):
            return "AFTER_SEQUENCE_NUMBER", number, None
        case Ended():
            raise ValueError("a shard that was read to its end has no next record")


# --- names ----------------------------------------------------------------------------------


def app_id(name: str) -> str:
    """Of our `txn`."""
    return txn_files.app_id(checked_name(name))


def domain(name: str) -> str:
    """Of our `domainMetadata`."""
    return txn_files.domain(checked_name(name))


def sidecar_path(name: str, version: int) -> str:
    """The file that a `txn` of this version names, for states that are no domain."""
    return txn_files.file_of(checked_name(name), version)


def checked_name(name: str) -> str:
    """The name of an ingest, which goes into paths. Raises FerryError LF-7001."""
    if not txn_files.NAME.fullmatch(name):
        raise FerryError(
            "LF-7001",
            f"`{name}` cannot be the name of an ingest",
            "names are 1 to 64 letters, digits, `.`, `_`, `-`, the first a letter or a digit",
            "give the ingest another name",
        )
    return name


def txn_version(epoch: int, random: int) -> int:
    """The version of our `txn`: rises with each commit, and no two writers choose the same.

    Args:
        epoch: of the state that the commit brings.
        random: 20 bits.
    """
    if not 0 <= epoch <= LAST_EPOCH:
        raise ValueError(f"epoch {epoch} does not fit into a version")
    return epoch << RANDOM_BITS | random & (1 << RANDOM_BITS) - 1


def epoch_of(version: int) -> int:
    """The epoch that a version of our `txn` tells."""
    return version >> RANDOM_BITS


# --- from one commit to the next ------------------------------------------------------------


def advanced(state: IngestState, spans: tuple[Span, ...]) -> IngestState:
    """The state after a commit of these spans.

    Raises:
        FerryError: LF-7003 where a span does not begin exactly where its shard stands, goes
            backwards, or is the second of its shard. Committing it would lose or double records.
    """
    shards, places = dict(state.shards), state.places
    seen: set[str] = set()
    for span in spans:
        problem = _does_not_join(places.get(span.shard_id), span)
        if span.shard_id in seen:
            problem = "it has two spans in one commit"
        if problem:
            raise FerryError(
                "LF-7003",
                f"what was read of `{span.shard_id}` does not join what is committed",
                f"{problem}; epoch {state.epoch} of stream {state.stream.name}",
                "nothing was committed; start the ingest again, it reads from what is committed",
            )
        seen.add(span.shard_id)
        shards[span.shard_id] = span.ends
    missed = {shard: one for shard, one in state.missed.items() if shard not in seen}
    return replace(state, epoch=state.epoch + 1, shards=shards, missed=missed)


def _does_not_join(stands: Position | None, span: Span) -> str:
    """Why a span cannot follow the place where its shard stands; '' if it can."""
    # A shard that the state does not know is a child, and a child is read from its beginning.
    if stands is None and not isinstance(span.begins, FromTrimHorizon):
        return f"it begins at {span.begins}, but the table knows nothing of it"
    stands = stands or span.begins
    if span.begins != stands or isinstance(stands, Ended):
        return f"it begins at {span.begins}, the table stands at {stands}"
    if isinstance(span.ends, FromTrimHorizon | FromTime):
        still = replace(span.ends, read_until_ms=stands.read_until_ms) == stands
        return "" if still and not span.records else f"{span.records} records end at {span.ends}"
    before = stands.records if isinstance(stands, After) else 0
    if span.ends.records != before + span.records:
        return f"{before} + {span.records} records are not {span.ends.records}"
    if (span.first is None) != (span.records == 0):
        return f"{span.records} records, the first of them {span.first}"
    return _goes_back(stands, span)


def _goes_back(stands: Position, span: Span) -> str:
    """Sequence numbers are compared as numbers: as texts of unequal length they mislead."""
    last = int(stands.sequence_number) if isinstance(stands, After) else -1
    if span.first is not None and int(span.first) <= last:
        return f"its first record {span.first} is not after {last}"
    if not isinstance(span.ends, After):
        return ""
    lowest = last if span.first is None else int(span.first)
    if int(span.ends.sequence_number) < lowest:
        return f"it ends at {span.ends.sequence_number}, before {lowest}"
    if span.records == 0 and int(span.ends.sequence_number) != last:
        return "no record was read, but its sequence number moved"
    return ""
