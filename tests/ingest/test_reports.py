"""A worker's words arrive in order, and nobody waits for a coordinator that does not listen."""

from multiprocessing import Pipe

from lakeferry.ingest.worker.messages import Counts, Filled, Report, Told
from lakeferry.ingest.worker.reports import Reports


def told(records: int) -> Told:
    return Told(Counts(records=records), {}, 0, 0, 0)


def test_reports_arrive_in_their_order() -> None:
    ours, theirs = Pipe()
    reports = Reports(theirs)
    reports.start()
    said: list[Report] = [told(1), Filled(), told(2), Filled()]
    for one in said:
        reports.say(one)
    reports.end()

    assert [ours.recv() for _ in said] == said


def test_how_it_goes_is_told_as_it_is_when_it_is_listened_to() -> None:
    ours, theirs = Pipe()
    reports = Reports(theirs)
    for number in range(100):
        reports.say(told(number))
    reports.start()
    reports.end()

    assert ours.recv() == told(99)
    assert not ours.poll()


def test_nobody_waits_for_a_coordinator_that_does_not_listen() -> None:
    ours, theirs = Pipe()
    reports = Reports(theirs)
    reports.start()
    for _ in range(5_000):  # far more than a pipe holds
        reports.say(told(1))
        reports.say(Filled())

    assert ours.recv() == told(1)
    ours.close()
    reports.end()


def test_what_nobody_can_hear_ends_in_silence() -> None:
    ours, theirs = Pipe()
    ours.close()
    reports = Reports(theirs)
    reports.start()
    reports.say(Filled())
    reports.end()

    assert not reports.is_alive()
