"""What a crew promises beside what all hands do: to several who give it items at once."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.workers_shared import SharedCrew


@pytest.fixture
def crew() -> Iterator[SharedCrew]:
    crew = SharedCrew(8)
    yield crew
    crew.close()
    assert not [one for one in threading.enumerate() if one.name == "lakeferry-hand"]


def double(item: int) -> int:
    return item * 2


def slow(item: int) -> int:
    time.sleep(0.002)
    return item


def side_by_side(*callers: threading.Thread) -> None:
    for one in callers:
        one.start()
    for one in callers:
        one.join(timeout=120)
        assert not one.is_alive()


@given(st.lists(st.integers(0, 600), min_size=1, max_size=6))
def test_each_caller_gets_a_result_for_each_of_its_items(counts: list[int]) -> None:
    crew = SharedCrew(4)
    found: dict[int, list[int]] = {}

    def call(number: int, count: int) -> None:
        items = range(number * 10_000, number * 10_000 + count)
        found[number] = sorted(crew.share()(double, items, count=4))

    side_by_side(*(threading.Thread(target=call, args=one) for one in enumerate(counts)))
    crew.close()

    for number, count in enumerate(counts):
        assert found[number] == [2 * (number * 10_000 + item) for item in range(count)]


def test_who_comes_late_does_not_wait_for_another_ones_long_list(crew: SharedCrew) -> None:
    ended: list[str] = []
    begun = threading.Event()

    def without_end() -> Iterator[int]:
        while not ended:
            yield 0
            begun.set()

    def call(name: str, items: Iterable[int]) -> None:
        list(crew.share()(slow, items, count=8))
        ended.append(name)

    def late() -> None:
        assert begun.wait(60)
        call("short", range(8))

    side_by_side(
        threading.Thread(target=call, args=("long", without_end())), threading.Thread(target=late)
    )

    assert ended == ["short", "long"]


def test_an_exception_of_one_caller_harms_no_other(crew: SharedCrew) -> None:
    def broken(item: int) -> int:
        raise ValueError(item)

    def call_broken() -> None:
        with pytest.raises(ValueError, match="0"):
            list(crew.share()(broken, [0], count=2))

    found: list[int] = []
    side_by_side(
        threading.Thread(target=lambda: found.extend(crew.share()(slow, range(200), count=4))),
        threading.Thread(target=call_broken),
    )

    assert sorted(found) == list(range(200))


def test_no_caller_has_more_hands_than_it_asks_for(crew: SharedCrew) -> None:
    lock, now, most = threading.Lock(), 0, 0

    def task(item: int) -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.003)
        with lock:
            now -= 1
        return item

    list(crew.share()(task, range(100), count=3))

    assert most == 3


def test_quick_items_do_not_wait_behind_one_that_takes_long(crew: SharedCrew) -> None:
    others = threading.Semaphore(0)

    def task(item: int) -> int:
        if item:
            others.release()
            return item
        for _ in range(99):
            assert others.acquire(timeout=60)
        return item

    assert len(list(crew.share()(task, range(100), count=8))) == 100


def test_who_is_urgent_has_the_next_hands_that_are_free_up_to_three_quarters() -> None:
    crew = SharedCrew(8)
    step, gate = threading.Semaphore(0), threading.Event()
    begun: list[str] = []

    def patient(item: int) -> int:
        begun.append("patient")
        assert step.acquire(timeout=120)
        return item

    def urgent(item: int) -> int:
        begun.append("urgent")
        assert gate.wait(timeout=120)
        return item

    def until(name: str, count: int) -> None:
        wait(lambda: begun.count(name) >= count)

    def wait(true: Callable[[], bool]) -> None:
        ends = time.monotonic() + 60
        while not true():
            assert time.monotonic() < ends, begun
            time.sleep(0.001)

    callers = [
        threading.Thread(target=lambda: list(crew.share()(patient, range(40), count=8))),
        threading.Thread(
            target=lambda: list(crew.share(is_urgent=True)(urgent, range(20), count=8))
        ),
    ]
    callers[0].start()
    until("patient", 8)
    callers[1].start()
    wait(lambda: any(len(lane.todo) == 20 for lane in crew._lanes if lane.share.is_urgent))
    step.release(6)
    until("urgent", 6)
    before = begun.count("patient")
    step.release(4)
    until("patient", before + 4)
    at_most = begun.count("urgent")
    gate.set()
    step.release(100)
    for one in callers:
        one.join(timeout=30)
    crew.close()

    assert (before, at_most) == (8, 6)
