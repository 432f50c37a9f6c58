"""How the look at one source goes on, or ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeferry.catalog.tables import CatalogTable
from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.look_at_folder import Clock
from lakeferry.fleet.discovery.telling import told
from lakeferry.fleet.discovery.trip import CatalogTask, FolderTask, Trip
from lakeferry.fleet.manifest.wanted import NamesFrom, Source
from lakeferry.store.open import open_store
from tests.fleet import lakes


def trip_to(folder: Path, *known: CatalogTable) -> Trip:
    """`known`: what its catalog has; none: it has no catalog."""
    source = Source("sales", "local", None, str(folder), NamesFrom(), "local", "{table}")
    return Trip(
        source, most_depth=8, is_wanted=lambda *_: True, clock=Clock(1, 1),
        tables=iter(known) if known else None,
    )  # fmt: skip


def refusal(code: str) -> FerryError:
    return FerryError(code, "no", "there", "do")


@pytest.fixture
def trip(tmp_path: Path) -> Trip:
    """Its root was looked at; folders `a` and `b` are to be."""
    store = open_store(str(tmp_path))
    lakes.put(store, "a/x/file")
    lakes.put(store, "b/y/file")
    found = trip_to(tmp_path)
    task = found.next()
    assert task is not None
    found.take(task, found.perform(task))
    return found


def folder(trip: Trip) -> FolderTask:
    task = trip.next()
    assert isinstance(task, FolderTask)
    return task


@pytest.mark.parametrize("code", ["LF-1001", "LF-1003"])
def test_a_service_that_refuses_or_does_not_answer_ends_the_trip(trip: Trip, code: str) -> None:
    task, other = folder(trip), folder(trip)

    trip.take(task, refusal(code))
    trip.take(other, trip.perform(other))

    assert (trip.is_over, trip.is_whole) == (True, False)
    assert trip.fault is not None
    assert trip.fault.code == code


def test_a_folder_that_refuses_is_told_and_the_others_are_looked_into(trip: Trip) -> None:
    task = folder(trip)

    trip.take(task, refusal("LF-1002"))

    assert trip.refused.told == [(task.part.url, "LF-1002 no")]
    assert folder(trip).path in ("a", "b")
    assert (trip.fault, trip.is_over) == (None, False)


def test_a_root_that_refuses_ends_the_trip(tmp_path: Path) -> None:
    trip = trip_to(tmp_path)

    trip.take(folder(trip), refusal("LF-1002"))

    assert trip.fault is not None
    assert (trip.fault.code, trip.is_over) == ("LF-1002", True)


def test_folders_are_taken_depth_first_so_that_few_of_them_wait(trip: Trip) -> None:
    task = folder(trip)
    trip.take(task, trip.perform(task))

    assert folder(trip).path.startswith(f"{task.path}/")


def looked_at(trip: Trip) -> list[str]:
    """All folders of a trip, in the order in which they were asked for."""
    found = []
    while (task := trip.next()) is not None:
        if isinstance(task, FolderTask):
            found.append(task.part.url if task.known else f"{task.part.url} by its path")
        trip.take(task, trip.perform(task))
    return found


def test_a_folder_that_a_catalog_knows_is_looked_at_once(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    lakes.delta(store, "a")
    lakes.delta(store, "b")

    found = looked_at(trip_to(tmp_path, CatalogTable("", "s", "a", "delta", f"file:{tmp_path}/a")))

    assert sorted(found) == [
        f"{tmp_path} by its path", f"{tmp_path}/a", f"{tmp_path}/b by its path",
    ]  # fmt: skip


def test_a_root_that_a_catalog_knows_is_one_table(tmp_path: Path) -> None:
    lakes.delta(open_store(str(tmp_path)), "")

    found = looked_at(trip_to(tmp_path, CatalogTable("", "s", "a", "delta", str(tmp_path))))

    assert found == [str(tmp_path)]


def test_a_registered_table_at_a_place_that_is_no_store_leaves_the_others_alone(
    tmp_path: Path,
) -> None:
    lakes.delta(open_store(str(tmp_path)), "a")
    odd = CatalogTable("", "s", "odd", "delta", "maprfs://cluster/odd")
    trip = trip_to(tmp_path, odd, CatalogTable("", "s", "a", "delta", f"{tmp_path}/a"))
    task = trip.next()
    assert task is not None
    answer = trip.perform(task)
    trip.take(task, answer)

    [found] = told(trip, task, answer)

    assert (found.name, found.remarks[0].code) == ("sales.s.odd", "LF-8053")
    assert "maprfs" in found.remarks[0].what
    assert f"{tmp_path}/a" in looked_at(trip)
    assert trip.fault is None


def test_a_flaw_of_the_program_is_told_of_one_folder_and_leaves_the_others_alone(
    tmp_path: Path,
) -> None:
    def broken() -> Iterator[CatalogTable]:
        yield from ()
        raise ZeroDivisionError

    trip = trip_to(tmp_path)
    task = CatalogTask(broken())

    answer = trip.perform(task)

    assert isinstance(answer, FerryError)
    assert answer.code == "LF-8021"
