"""The end of a crew that reads no more: its last batches, waited for and committed.

What a stop asks for is that everything that was read gets into the table. Whether it did is said
exactly: a worker that is gone, or a commit that failed, took what was read with it, and the run
then ends as failed, though the next start reads it again.
"""

from collections.abc import Callable, Mapping, Sequence
from time import monotonic

from lakeferry.errors import FerryError
from lakeferry.ingest.crew.durable import spans_of
from lakeferry.ingest.crew.epochs import Epochs
from lakeferry.ingest.crew.flights import Flight
from lakeferry.ingest.crew.joining import further, is_worth_a_commit
from lakeferry.ingest.crew.life import Life
from lakeferry.ingest.crew.outcome import BeginAgain, not_all_error
from lakeferry.ingest.crew.processes import Lost
from lakeferry.ingest.events import Noted, Warned
from lakeferry.ingest.kinesis.lineage import Listing, is_same_stream
from lakeferry.ingest.position.state import Span
from lakeferry.ingest.position.way_back import committed_state
from lakeferry.ingest.worker.messages import Batch, Broken, Drain, Told

DRAIN_S = 25.0  # a service manager kills after 30 s
AGAIN = "nothing is lost: the next start reads it again"


def drain(life: Life, epochs: Epochs, listed: Listing) -> None:
    """Stop reading, and commit what was read.

    Raises:
        FerryError: LF-7056 where not all of it is committed.
    """
    why = _bring_in(life, epochs, listed, None)
    if why:
        target = epochs.tables.target
        raise not_all_error(why, life.ingest.target.url, target.version)


def salvage(life: Life, epochs: Epochs, listed: Listing, broken: int | None = None) -> None:
    """The same before an error is raised that ends the run: what is not committed is told.

    Args:
        broken: a worker that says no more, for it is what failed; None: all may.
    """
    why = _bring_in(life, epochs, listed, broken)
    if why:
        life.emit(Warned(None, f"not all that was read is committed: {why}", AGAIN))


def _bring_in(life: Life, epochs: Epochs, listed: Listing, broken: int | None) -> str:
    """Why not all that was read is committed; '' where it is."""
    # Who has not said a word has read nothing, and may take longer to start than we have.
    idle = life.crew.silent if broken is None else life.crew.silent | {broken}
    life.crew.order_all(Drain())
    epochs.ask()
    missing = _land(life, epochs, idle)
    why = in_order(
        epochs.flights.rest(),
        lambda flight: _committed(life, epochs, listed, flight),
        lambda failed, rest: _others_have(life, epochs, failed, rest),
    )
    return why or "; ".join(why for _, why in sorted(missing.items()))


def _land(life: Life, epochs: Epochs, idle: frozenset[int]) -> Mapping[int, str]:
    """Wait for the batches of all epochs, up to a time. The workers whose batches lack, and why."""
    until = monotonic() + DRAIN_S
    crew = frozenset(range(len(life.crew)))
    gone: dict[int, str] = {}
    while monotonic() < until and epochs.flights.lacking(crew - idle - gone.keys()):
        for worker, report in life.crew.hear(0.2):
            match report:
                case Batch():
                    epochs.land(worker, report)
                case Broken(error):
                    gone.setdefault(worker, f"worker {worker} failed: {_said(error)}")
                case Lost(why):
                    gone.setdefault(worker, why)
                case Told():
                    life.tally.told(worker, report)
    late = f"brought nothing within {DRAIN_S:.0f} s"
    return {
        worker: gone.get(worker, f"worker {worker} {late}")
        for worker in epochs.flights.lacking(crew - idle)
    }


def in_order(
    flights: Sequence[Flight],
    commit: Callable[[Flight], BeginAgain | None],
    others_have: Callable[[BeginAgain, Sequence[Flight]], bool],
) -> str:
    """Commit epochs, oldest first, up to one that fails: why it did, '' where nothing is missing.

    An epoch joins the one before it. Where another coordinator of this name was faster with one,
    those behind it can be committed by nobody here any more: others have them, or they are missing.

    Args:
        commit: make one durable; an answer says why that failed.
        others_have: whether who was faster has all of this epoch and of those behind it.
    """
    for at, flight in enumerate(flights):
        failed = commit(flight)
        if failed is not None:
            has_all = failed.version is not None and others_have(failed, flights[at:])
            return "" if has_all else failed.why
    return ""


def _committed(life: Life, epochs: Epochs, listed: Listing, flight: Flight) -> BeginAgain | None:
    """Commit what came of an epoch, if it is worth that; why that failed, None where it did not."""
    spans = spans_of(list(flight.batches.values()))
    if not is_worth_a_commit(epochs.tables.state, spans, life.ingest.rhythm.idle_commit_s):
        return None
    try:
        done = epochs.commit(flight, listed)
    except FerryError as error:
        return BeginAgain(_said(error), error=error)
    return done if isinstance(done, BeginAgain) else None


def _others_have(life: Life, epochs: Epochs, failed: BeginAgain, flights: Sequence[Flight]) -> bool:
    """Whether another coordinator of this name has committed all of these epochs, which is told."""
    spans = spans_of([batch for flight in flights for batch in flight.batches.values()])
    if not _has_all(life, epochs, spans):
        return False
    life.emit(Noted(f"{failed.why}, which has all that was read here"))
    return True


def _said(error: FerryError) -> str:
    return f"{error.code} {error.what}: {error.where}"


def _has_all(life: Life, epochs: Epochs, spans: tuple[Span, ...]) -> bool:
    """Whether another coordinator of this name has committed these spans, and maybe more."""
    try:
        _, theirs = committed_state(life.ingest.target, life.ingest.name)
    except FerryError:
        return False
    if not is_same_stream(epochs.tables.state.stream, theirs.stream):
        return False
    return not any(
        further(span.ends, theirs.shards[span.shard_id])
        if span.shard_id in theirs.shards
        else span.records
        for span in spans
    )
