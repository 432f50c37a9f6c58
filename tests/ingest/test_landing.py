"""The last epochs of a crew, committed in their order."""

from collections.abc import Sequence

from lakeferry.ingest.crew.flights import Flight
from lakeferry.ingest.crew.landing import in_order
from lakeferry.ingest.crew.outcome import BeginAgain

OVERTAKEN = BeginAgain("another ingest of this name committed version 17", 17)
FLIGHTS = [Flight(14, 0.0), Flight(15, 1.0), Flight(16, 2.0)]


class Table:
    """One that another coordinator of this name commits to as well."""

    def __init__(self, ours: int, theirs: int, failed: BeginAgain = OVERTAKEN) -> None:
        self.ours, self.theirs, self.failed = ours, theirs, failed
        self.tried: list[int] = []

    def commit(self, flight: Flight) -> BeginAgain | None:
        self.tried.append(flight.epoch)
        return None if flight.epoch <= self.ours else self.failed

    def others_have(self, failed: BeginAgain, flights: Sequence[Flight]) -> bool:
        return failed == OVERTAKEN and all(one.epoch <= self.theirs for one in flights)


def landed(table: Table) -> str:
    return in_order(FLIGHTS, table.commit, table.others_have)


def test_an_epoch_behind_one_that_another_was_faster_with_is_not_tried_and_the_other_is_named() -> (
    None
):
    table = Table(ours=14, theirs=15)

    assert landed(table) == OVERTAKEN.why
    assert table.tried == [14, 15]


def test_nothing_is_missing_where_the_other_has_all_that_is_left() -> None:
    assert landed(Table(ours=14, theirs=16)) == ""


def test_behind_an_epoch_that_failed_none_is_tried_whatever_others_have() -> None:
    table = Table(ours=14, theirs=16, failed=BeginAgain("LF-5101 the disk is full"))

    assert landed(table) == "LF-5101 the disk is full"
    assert table.tried == [14, 15]
