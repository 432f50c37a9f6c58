"""The end of a crew that reads no more: its last batches, waited for and committed.

What a stop asks for is that everything that was read gets into the table. Whether it did is said
exactly: a worker that is gone, or a commit that failed, took what was read with it, and the run
then ends as failed, though the next start reads it again.
"""

from collections.abc import Mapping
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
    for flight in epochs.flights.rest():
        why = _committed(life, epochs, listed, flight)
        if why:
            return why
    return "; ".join(why for _, why in sorted(missing.items()))


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


def _committed(life: Life, epochs: Epochs, listed: Listing, flight: Flight) -> str:
    """Commit what came of an epoch; why that failed, '' where it did not."""
    spans = spans_of(list(flight.batches.values()))
    idle_s = life.ingest.rhythm.idle_commit_s
    if not is_worth_a_commit(epochs.tables.state, spans, idle_s):
        return ""
    try:
        done = epochs.commit(flight, listed)
    except FerryError as error:
        return _said(error)
    if not isinstance(done, BeginAgain):
        return ""
    if done.version is not None and _has_all(life, epochs, spans):
        life.emit(Noted(f"{done.why}, which has all that was read here"))
        return ""
    return done.why


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
