"""Bounds on bytes a second and bytes in memory."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lakeferry.store.limits import MemoryBudget, Throttle


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
    throttle = Throttle(1_000_000)
    started = time.monotonic()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(throttle.take, [20_000] * 16))

    assert 0.25 < time.monotonic() - started < 2


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="moves nothing"):
        Throttle(0)


def test_what_is_held_never_exceeds_the_budget() -> None:
    budget = MemoryBudget(100)
    held, most = 0, 0
    lock = threading.Lock()

    def use(size: int) -> None:
        nonlocal held, most
        with budget.hold(size):
            with lock:
                held += size
                most = max(most, held)
            time.sleep(0.002)
            with lock:
                held -= size

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, [60, 10, 40, 100, 30, 50, 20, 70] * 4))

    assert most <= 100
    assert held == 0


def test_more_than_the_budget_takes_all_of_it_alone() -> None:
    budget = MemoryBudget(100)

    with budget.hold(1_000_000):
        pass
    with budget.hold(100):
        pass


def test_a_large_share_is_not_overtaken_by_small_ones() -> None:
    budget = MemoryBudget(100)
    order: list[str] = []
    large_waits, small_waits = threading.Event(), threading.Event()

    def take(name: str, size: int, waits: threading.Event) -> None:
        waits.set()
        with budget.hold(size):
            order.append(name)

    with budget.hold(50):
        large = threading.Thread(target=take, args=("large", 100, large_waits))
        large.start()
        large_waits.wait()
        time.sleep(0.05)
        small = threading.Thread(target=take, args=("small", 10, small_waits))
        small.start()
        small_waits.wait()
        time.sleep(0.05)
        before_release = list(order)
    large.join()
    small.join()

    assert before_release == []
    assert order == ["large", "small"]
