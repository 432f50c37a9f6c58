"""Many sources, looked at by a few hands."""

import threading
from pathlib import Path
from typing import Any

import pytest

from lakeferry.fleet.discovery.look_at_folder import Look, look_at
from lakeferry.fleet.discovery.trip import Answer, Task, Trip
from lakeferry.fleet.discovery.walk import walk
from lakeferry.store.open import open_store
from lakeferry.store.part import Part
from tests.fleet import lakes
from tests.fleet.test_trip import trip_to


class Deaf(Trip):
    """A source that answers for its root, and then for nothing until it is woken."""

    awake = threading.Event()
    asked = 0

    def perform(self, task: Task) -> Answer:
        if self.asked:
            self.awake.wait(30)
        self.asked += 1
        return super().perform(task)


def lake(folder: Path, folders: int) -> Path:
    store = open_store(str(folder))
    for number in range(folders):
        lakes.put(store, f"{number:02}/file")
    return folder


def test_a_source_that_does_not_answer_leaves_hands_for_the_others(tmp_path: Path) -> None:
    deaf = trip_to(lake(tmp_path / "deaf", 30))
    deaf.__class__ = Deaf
    other = trip_to(lake(tmp_path / "other", 30))
    turns = 0

    def turn() -> None:
        nonlocal turns
        turns += 1
        if other.is_over or turns > 40:
            Deaf.awake.set()

    count = sum(1 for _ in walk([deaf, other], hands=4, stop=threading.Event(), on_turn=turn))

    assert turns < 40
    assert (deaf.is_whole, other.is_whole, count) == (True, True, 62)


def test_each_folder_is_looked_at_once_by_however_many_hands(tmp_path: Path) -> None:
    trips = [trip_to(lake(tmp_path / f"{number}", 9)) for number in range(3)]

    answers = list(walk(trips, hands=5, stop=threading.Event(), on_turn=lambda: None))

    assert len(answers) == 30
    assert all(trip.is_whole for trip in trips)


def test_when_it_is_stopped_nothing_more_begins(tmp_path: Path) -> None:
    trip = trip_to(lake(tmp_path, 50))
    stop = threading.Event()
    count = 0

    for _ in walk([trip], hands=1, stop=stop, on_turn=lambda: None):
        count += 1
        if count == 10:
            stop.set()

    assert 10 <= count <= 13
    assert not trip.is_over


def test_a_flaw_of_the_program_ends_the_look_at_its_source_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, other = trip_to(lake(tmp_path / "a", 3)), trip_to(lake(tmp_path / "b", 3))

    def look_or_fail(part: Part, **how: Any) -> Look:
        if part.url == str(tmp_path / "a"):
            raise ZeroDivisionError
        return look_at(part, **how)

    monkeypatch.setattr("lakeferry.fleet.discovery.trip.look_at", look_or_fail)

    list(walk([broken, other], hands=2, stop=threading.Event(), on_turn=lambda: None))

    assert broken.fault is not None
    assert (broken.fault.code, other.fault, other.is_whole) == ("LF-8021", None, True)
