"""What `map_threads` promises beside what all hands do: how many work, and when."""

import threading
import time
from collections.abc import Iterator

import pytest

from lakeferry import workers
from lakeferry.workers import map_threads, map_unless_stopped


def test_quick_tasks_are_left_to_one_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "BATCH_S", 60)  # no pause of this machine makes a task look slow
    monkeypatch.setattr(workers, "SILENCE_S", 60)

    hands = set(map_threads(lambda _: threading.get_ident(), range(5000), count=8))

    assert len(hands) == 1


def test_hands_that_wait_for_items_hear_the_stop() -> None:
    stop = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        stop.set()
        yield 2

    assert list(map_threads(lambda item: item, items(), count=4, stop=stop)) in ([], [1])


def test_hands_never_wait_for_each_other_while_they_hold_results(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "SLOW", 1_000_000)  # all hands join
    monkeypatch.setattr(workers, "BATCH_S", 60)

    def task(item: int) -> int:
        time.sleep(0.0002)  # so that each hand gets a few
        return item

    assert len(list(map_threads(task, range(2000), count=16))) == 2000


def test_who_has_no_use_for_a_part_of_the_results_is_stopped_by_an_interrupt() -> None:
    stop = threading.Event()
    begun: list[int] = []

    def task(item: int) -> int:
        begun.append(item)
        if item == 3:
            stop.set()
        return -item

    with pytest.raises(KeyboardInterrupt):
        list(map_unless_stopped(task, range(1000), count=2, stop=stop))

    assert len(begun) < 20
    assert list(map_unless_stopped(task, [7], count=2, stop=None)) == [-7]
