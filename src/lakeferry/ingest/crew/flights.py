"""Epochs in flight: flushes that were asked for, and the batches that came back so far. Pure.

A batch holds what a worker read since its last one, so epochs are committed in order, each whole.
"""

from collections import deque
from collections.abc import Set
from dataclasses import dataclass, field

from lakeferry.ingest.worker.messages import Batch


@dataclass(slots=True)
class Flight:
    """One epoch between its flush and its commit."""

    epoch: int
    asked_s: float
    batches: dict[int, Batch] = field(default_factory=dict)  # by worker


class Flights:
    """All epochs that are asked for and not committed, oldest first."""

    def __init__(self) -> None:
        self._flights: deque[Flight] = deque()

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def oldest_s(self) -> float | None:
        """When the oldest one was asked for; None: there is none."""
        return self._flights[0].asked_s if self._flights else None

    def ask(self, epoch: int, now_s: float) -> None:
        """A flush goes out to every worker."""
        self._flights.append(Flight(epoch, now_s))

    def land(self, worker: int, batch: Batch) -> None:
        """A worker answered.

        Raises:
            ValueError: with an epoch that it was not asked for, or twice.
        """
        for flight in self._flights:
            if flight.epoch == batch.epoch and worker not in flight.batches:
                flight.batches[worker] = batch
                return
        raise ValueError(f"worker {worker} answers a flush of epoch {batch.epoch} that is not open")

    def next_whole(self, workers: int) -> Flight | None:
        """The oldest epoch, taken out, if every worker has answered it."""
        if self._flights and len(self._flights[0].batches) == workers:
            return self._flights.popleft()
        return None

    def lacking(self, workers: Set[int]) -> Set[int]:
        """Those of these workers that owe a batch of some epoch."""
        return {one for flight in self._flights for one in workers - flight.batches.keys()}

    def rest(self) -> list[Flight]:
        """All that is there, whole or not, taken out: for an end with a worker missing."""
        found = list(self._flights)
        self._flights.clear()
        return found
