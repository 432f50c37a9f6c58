"""Bounds on bytes a second and bytes in memory."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lakeferry.store.limits import Throttle


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def read(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def test_the_first_bytes_go_at_once_and_the_next_wait_their_time() -> None:
    clock = Clock()
    throttle = Throttle(1000, clock=clock.read, sleep=clock.sleep)

    throttle.take(500)
    after_first = clock.now_s
    throttle.take(2000)
    throttle.take(1)

    assert after_first == 100.0
    assert clock.now_s == pytest.approx(102.5)


def test_time_without_traffic_is_not_saved_up() -> None:
    clock = Clock()
    throttle = Throttle(1000, clock=clock.read, sleep=clock.sleep)
    throttle.take(1000)
    clock.now_s += 60

    throttle.take(1000)
    throttle.take(1000)

    assert clock.now_s == pytest.approx(161.0)


def test_many_threads_together_keep_the_rate() -> None:
    took_s = []
    for _ in range(5):
        throttle = Throttle(1_000_000)
        started = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(throttle.take, [20_000] * 16))
        took_s.append(time.monotonic() - started)
        if took_s[-1] < 2:
            break  # else this machine stood still, or all rounds are as slow

    assert 0.25 < min(took_s) < 2


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="moves nothing"):
        Throttle(0)
