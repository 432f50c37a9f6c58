"""The last batches of a crew that reads no more: waited for, up to a time."""

from time import monotonic

from lakeferry.ingest.crew import Crew, Lost
from lakeferry.ingest.flights import Flight, Flights
from lakeferry.ingest.messages import Batch, Broken, Told
from lakeferry.ingest.tally import Tally

DRAIN_S = 25.0  # a service manager kills after 30 s


def land_rest(crew: Crew, flights: Flights, tally: Tally, broken: int | None) -> list[Flight]:
    """Wait for the batches of all epochs; what is not there in time is void.

    Args:
        broken: a worker that says no more; None: all may.
    """
    until = monotonic() + DRAIN_S
    gone = set() if broken is None else {broken}
    workers = set(range(len(crew)))
    while monotonic() < until and any(
        workers - gone - flight.batches.keys() for flight in flights.open
    ):
        for worker, report in crew.hear(0.2):
            if isinstance(report, Batch):
                flights.land(worker, report)
            elif isinstance(report, Lost | Broken):
                gone.add(worker)
            elif isinstance(report, Told):
                tally.told(worker, report)
    return flights.rest()
