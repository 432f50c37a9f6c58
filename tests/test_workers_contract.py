"""What every way to map a task over items promises: threads, a shared crew, machines of Spark."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lakeferry.spark import crew
from lakeferry.spark.crew import SparkCrew
from lakeferry.spark.jobs import OURS
from lakeferry.workers import WINDOW, Hands, map_threads
from lakeferry.workers_shared import Crew, SharedCrew
from tests.errands import Errand, Task, task
from tests.judges.spark_reader import session

ROOT = str(Path(__file__).parents[1])
SPARK = pytest.param("spark", marks=pytest.mark.spark)


@pytest.fixture(scope="module")
def spark() -> Any:
    os.environ["PYTHONPATH"] = os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])
    return session()


@pytest.fixture
def spark_crew(spark: Any) -> Iterator[SparkCrew]:
    many = SparkCrew(spark, tasks=2, hands=4, here=SharedCrew(2))
    yield many
    many.close()
    assert not [one for one in threading.enumerate() if one.name == "lakeferry-spark"]


@pytest.fixture(params=["threads", "shared", SPARK])
def hands(request: pytest.FixtureRequest) -> Iterator[Callable[[], Hands]]:
    """One more caller's hands."""
    if request.param == "threads":
        yield lambda: map_threads
    elif request.param == "shared":
        shared = SharedCrew(4)
        yield shared.share
        shared.close()
    else:
        yield request.getfixturevalue("spark_crew").share


def test_each_item_gives_one_result(hands: Callable[[], Hands]) -> None:
    found = list(hands()(task("double"), range(700), count=4))

    assert sorted(found) == [item * 2 for item in range(700)]


def test_no_items_give_no_results(hands: Callable[[], Hands]) -> None:
    assert list(hands()(task("double"), (), count=4)) == []


def test_items_are_taken_a_window_at_a_time(hands: Callable[[], Hands]) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(100_000):
            taken += 1
            yield item

    with closing(hands()(task("double"), items(), count=4)) as results:
        next(results)

        assert taken <= WINDOW


def test_stop_ends_the_taking_and_awaits_what_runs(hands: Callable[[], Hands]) -> None:
    stop = threading.Event()
    found = []
    for result in hands()(task("slow"), range(100_000), count=4, stop=stop):
        found.append(result)
        stop.set()

    assert len(found) == len(set(found))
    assert 0 < len(found) < 2000


def test_an_exception_of_the_items_is_raised_to_the_caller(hands: Callable[[], Hands]) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(hands()(task("double"), items(), count=2))


def test_callers_at_once_have_each_their_own_results(hands: Callable[[], Hands]) -> None:
    found: dict[int, list[int]] = {}

    def call(number: int) -> None:
        items = range(number * 1000, number * 1000 + 50)
        found[number] = sorted(hands()(task("slow"), items, count=4))

    callers = [threading.Thread(target=call, args=(number,)) for number in range(6)]
    for one in callers:
        one.start()
    for one in callers:
        one.join(60)

    assert found == {number: list(range(number * 1000, number * 1000 + 50)) for number in range(6)}


def test_a_silence_is_told(hands: Callable[[], Hands]) -> None:
    looks = 0

    def on_silence() -> None:
        nonlocal looks
        looks += 1

    list(hands()(task("slow"), range(30), count=1, on_silence=on_silence))

    assert looks > 0


# ---- of hands that callers share


@pytest.fixture(params=["shared", SPARK])
def shared_crew(request: pytest.FixtureRequest) -> Iterator[Crew]:
    if request.param == "shared":
        shared = SharedCrew(4)
        yield shared
        shared.close()
    else:
        yield request.getfixturevalue("spark_crew")


def test_an_item_that_shall_wait_is_not_begun(shared_crew: Crew) -> None:
    is_closed = threading.Event()
    is_closed.set()
    found: list[int] = []
    looks = 0

    def on_silence() -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            assert found == []
            is_closed.clear()

    share = shared_crew.share(wait_s=lambda: 1.0 if is_closed.is_set() else 0.0)
    for result in share(task("double"), range(10), count=4, on_silence=on_silence):
        found.append(result)

    assert sorted(found) == [item * 2 for item in range(10)]
    assert looks >= 3


# ---- of hands on this machine


@pytest.fixture(params=["threads", "shared"])
def here(request: pytest.FixtureRequest) -> Iterator[Hands]:
    if request.param == "threads":
        yield map_threads
    else:
        shared = SharedCrew(8)
        yield shared.share()
        shared.close()


def test_a_stop_awaits_what_runs_and_nothing_else(here: Hands) -> None:
    stop = threading.Event()
    running: list[int] = []

    def work(item: int) -> int:
        running.append(item)
        if item == 3:
            stop.set()
        time.sleep(0.01)
        running.remove(item)
        return item

    found = list(here(work, range(1000), count=2, stop=stop))

    assert 3 in found
    assert len(found) < 20
    assert running == []


def test_an_exception_of_a_task_is_raised_to_the_caller(here: Hands) -> None:
    def broken(item: int) -> int:
        raise ValueError(item)

    with pytest.raises(ValueError, match="0"):
        list(here(broken, [0], count=2))


def test_all_hands_join_when_tasks_wait(here: Hands) -> None:
    together = threading.Barrier(8, timeout=120)

    assert len(list(here(lambda _: together.wait(), range(8), count=8))) == 8


# ---- of Spark alone


@pytest.mark.spark
def test_items_of_many_callers_share_tasks(spark_crew: SparkCrew, spark: Any) -> None:
    before = jobs(spark)
    callers = [
        threading.Thread(target=lambda: list(spark_crew.share()(task("double"), range(3), count=4)))
        for _ in range(40)
    ]
    for one in callers:
        one.start()
    for one in callers:
        one.join(60)

    assert jobs(spark) - before < 20


def jobs(spark: Any) -> int:
    return len(spark.sparkContext.statusTracker().getJobIdsForGroup(OURS))


@pytest.mark.spark
def test_a_flaw_in_one_item_is_its_result_and_harms_no_other(spark_crew: SparkCrew) -> None:
    found = list(spark_crew.share()(task("raise"), range(20), count=4))

    assert sorted(found, key=str) == sorted([*range(7), (7, "LF-8095"), *range(8, 20)], key=str)


@pytest.mark.spark
def test_what_ends_its_process_again_and_again_fails_alone(spark_crew: SparkCrew) -> None:
    found = list(spark_crew.share()(task("die"), range(9), count=4))

    assert sorted(found, key=str) == sorted([*range(7), (7, "LF-8095"), 8], key=str)


@pytest.mark.spark
def test_what_ends_its_process_once_is_done_again(spark_crew: SparkCrew, tmp_path: Path) -> None:
    dying = Task(Errand("die once", str(tmp_path)))

    found = list(spark_crew.share()(dying, range(20), count=4))

    assert (tmp_path / "died").exists()
    assert sorted(found) == list(range(20))


@pytest.mark.spark
def test_what_runs_too_long_after_a_stop_is_ended(
    spark_crew: SparkCrew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "STOP_S", 1.0)
    stop = threading.Event()
    threading.Timer(5, stop.set).start()

    assert list(spark_crew.share()(task("sleep"), range(20), count=4, stop=stop)) == []
    assert len(list(spark_crew.share()(task("double"), range(20), count=4))) == 20


@pytest.mark.spark
def test_what_is_known_is_not_sent(spark_crew: SparkCrew) -> None:
    found = list(spark_crew.share()(task("die", known=frozenset({7})), range(9), count=4))

    assert sorted(found, key=str) == sorted([*range(7), "known 7", 8], key=str)


@pytest.mark.spark
def test_all_machines_together_keep_to_a_rate(spark_crew: SparkCrew) -> None:
    began = time.monotonic()
    moved = sum(
        spark_crew.share()(task("move", per_s=200_000.0, bytes=20_000), [20_000] * 60, count=4)
    )

    assert moved == 1_200_000
    assert time.monotonic() - began > 0.7 * 1_200_000 / 200_000


@pytest.mark.spark
def test_a_task_that_cannot_be_sent_is_done_here(spark_crew: SparkCrew) -> None:
    def here(item: int) -> tuple[int, int]:
        return os.getpid(), item

    found = sorted(spark_crew.share()(here, range(10), count=2))

    assert found == [(os.getpid(), item) for item in range(10)]
