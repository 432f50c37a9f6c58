"""What `map_threads` promises to those who give it millions of items."""

import threading
import time
from collections.abc import Iterator

import pytest

from lakeferry import workers
from lakeferry.workers import map_threads


def test_each_item_gives_one_result() -> None:
    assert sorted(map_threads(lambda item: item * 2, range(500), count=4)) == [
        item * 2 for item in range(500)
    ]


def test_items_are_taken_a_window_at_a_time() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(100_000):
            taken += 1
            yield item

    results = map_threads(lambda item: item, items(), count=4)
    next(results)

    assert taken <= workers.WINDOW
    results.close()


def test_stop_ends_the_taking_and_awaits_what_runs() -> None:
    stop = threading.Event()

    def task(item: int) -> int:
        if item == 3:
            stop.set()
        return item

    results = list(map_threads(task, range(1000), count=2, stop=stop))

    assert 3 in results
    assert len(results) < 20


def test_an_exception_of_a_task_is_raised_to_the_caller() -> None:
    def task(item: int) -> int:
        raise ValueError(item)

    with pytest.raises(ValueError, match="0"):
        list(map_threads(task, [0], count=2))


def test_quick_tasks_are_left_to_one_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "BATCH_S", 60)  # no pause of this machine makes a task look slow
    monkeypatch.setattr(workers, "SILENCE_S", 60)

    hands = set(map_threads(lambda _: threading.get_ident(), range(5000), count=8))

    assert len(hands) == 1


def test_all_hands_join_when_tasks_wait() -> None:
    together = threading.Barrier(8, timeout=10)

    assert len(list(map_threads(lambda _: together.wait(), range(8), count=8))) == 8


def test_an_exception_of_the_items_is_raised_to_the_caller() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(map_threads(lambda item: item, items(), count=2))


def test_hands_that_wait_for_items_hear_the_stop() -> None:
    stop = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        stop.set()
        yield 2

    assert list(map_threads(lambda item: item, items(), count=4, stop=stop)) in ([], [1])


@pytest.mark.timeout(60)
def test_hands_never_wait_for_each_other_while_they_hold_results(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "SLOW", 1_000_000)  # all hands join
    monkeypatch.setattr(workers, "BATCH_S", 60)

    def task(item: int) -> int:
        time.sleep(0.0002)  # so that each hand gets a few
        return item

    assert len(list(map_threads(task, range(2000), count=16))) == 2000
