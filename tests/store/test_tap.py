"""A rate that may change while it is used."""

from hypothesis import given
from hypothesis import strategies as st

from lakeferry.store.limits import Tap


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def tap(per_s: float | None, time: Time) -> Tap:
    return Tap(per_s, clock=time, sleep=time.sleep)


def test_who_takes_waits_for_what_was_taken_before() -> None:
    time = Time()
    ten = tap(10, time)

    ten.take(20)
    first = time.now
    ten.take(5)

    assert (first, time.now) == (0.0, 2.0)


def test_without_a_rate_nobody_waits() -> None:
    time = Time()
    free = tap(None, time)

    free.take(10**9)
    free.take(1)

    assert (time.now, free.wait_s()) == (0.0, 0.0)


def test_a_new_rate_holds_for_those_who_wait_already() -> None:
    time = Time()
    slow = tap(1, time)
    slow.take(100)

    def sleep(seconds: float) -> None:
        time.now += seconds
        if time.now >= 5:
            slow.turn(None)

    slow._sleep = sleep
    slow.take(1)

    assert time.now < 6


def test_what_nobody_took_does_not_gather() -> None:
    time = Time()
    ten = tap(10, time)
    time.now = 1000.0

    ten.take(20)
    ten.take(1)

    assert time.now == 1002.0


def test_it_tells_once_that_somebody_waited() -> None:
    time = Time()
    ten = tap(10, time)
    ten.take(1)
    unheld = ten.was_held_back()
    ten.take(1)

    assert [unheld, ten.was_held_back(), ten.was_held_back()] == [False, True, False]


def test_who_lacks_less_than_the_clock_can_tell_does_not_wait() -> None:
    time = Time()
    time.now = 4096.0
    ten = tap(10, time)
    ten.take(1e-12)

    ten.take(1)

    assert time.now == 4096.0


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 100)), min_size=1, max_size=30))
def test_no_more_flows_than_the_rate_allows(taken: list[tuple[float, int]]) -> None:
    time = Time()
    ten = tap(10, time)
    gone = 0
    for pause, size in taken:
        time.now += pause
        ten.take(size)
        # All but the last piece has flowed, which goes at once.
        assert gone <= 10 * time.now + 1e-6
        gone += size
