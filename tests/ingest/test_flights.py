"""Epochs between their flush and their commit."""

import pytest

from lakeferry.ingest.crew.flights import Flights
from lakeferry.ingest.worker.messages import Batch, Counts


def batch(epoch: int) -> Batch:
    return Batch(epoch, (), (), (), Counts(), None, None)


def test_an_epoch_is_whole_when_each_worker_has_answered() -> None:
    flights = Flights()
    flights.ask(7, 0.0)
    flights.land(0, batch(7))

    assert flights.next_whole(2) is None
    flights.land(1, batch(7))

    whole = flights.next_whole(2)
    assert whole is not None
    assert (whole.epoch, len(flights)) == (7, 0)


def test_a_later_epoch_waits_for_the_one_before() -> None:
    flights = Flights()
    flights.ask(7, 0.0)
    flights.ask(8, 1.0)
    flights.land(0, batch(8))

    assert flights.next_whole(1) is None
    flights.land(0, batch(7))

    assert [one.epoch for one in (flights.next_whole(1), flights.next_whole(1)) if one] == [7, 8]


def test_an_answer_that_was_not_asked_for_is_a_fault_of_ours() -> None:
    flights = Flights()
    flights.ask(7, 0.0)
    flights.land(0, batch(7))

    with pytest.raises(ValueError, match="epoch 7 that is not open"):
        flights.land(0, batch(7))
