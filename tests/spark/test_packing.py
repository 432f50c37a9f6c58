"""How much a task of Spark is given."""

from hypothesis import given
from hypothesis import strategies as st

from lakeferry.spark.packing import (
    FILE_WEIGHT,
    FIRST_WEIGHT,
    LEAST_WEIGHT,
    MOST_WEIGHT,
    TASK_S,
    Measure,
    jobs_of,
    share_of,
    weight_of,
)


def test_a_task_is_made_to_last_twenty_seconds() -> None:
    measure = Measure()
    measure.take(100 << 20, 2.0)  # 50 MiB/s

    assert measure.weight == (50 << 20) * TASK_S
    assert 10 <= measure.weight / (50 << 20) <= 60


def test_before_the_first_task_has_ended_a_task_is_modest() -> None:
    assert Measure().weight == FIRST_WEIGHT


def test_one_odd_task_moves_the_measure_half_way() -> None:
    measure = Measure(per_s=100.0 * FILE_WEIGHT)
    measure.take(FILE_WEIGHT * 300, 1.0)

    assert measure.per_s == 200.0 * FILE_WEIGHT


@given(st.integers(0, 1 << 50), st.floats(0, 1e6))
def test_a_task_is_never_tiny_nor_endless(weight: int, seconds: float) -> None:
    measure = Measure()
    measure.take(weight, seconds)

    assert LEAST_WEIGHT <= measure.weight <= MOST_WEIGHT


def test_small_files_weigh_their_requests() -> None:
    assert weight_of(10) == 10 + FILE_WEIGHT


def test_what_waits_is_dealt_out_among_the_tasks_that_could_begin() -> None:
    assert share_of(1000, idle=4, full=10_000) == 250
    assert share_of(1000, idle=4, full=100) == 100
    assert share_of(0, idle=0, full=100) == 1


@given(st.integers(1, 5000))
def test_jobs_have_no_more_tasks_at_once_than_are_allowed(tasks: int) -> None:
    jobs, each = jobs_of(tasks, most_jobs=16)

    assert jobs <= 16
    assert tasks - 16 < jobs * each <= tasks
