"""Which files a sample takes."""

from hypothesis import given
from hypothesis import strategies as st

from lakeferry.verify.sample import Sample, mark_of, sample_of

NAMES = [f"day={day}/part-{number:05}.parquet" for day in (1, 2) for number in range(500)]


def taken(sample: Sample, names: list[str] = NAMES) -> list[str]:
    return [name for name in names if sample.takes(name)]


def test_a_whole_sample_takes_every_file_and_reads_no_name() -> None:
    def unread() -> list[str]:
        raise AssertionError("names were read")

    assert taken(sample_of((name for _ in "x" for name in unread()), 1.0, 7)) == NAMES


def test_a_share_takes_about_that_many_files() -> None:
    assert 20 <= len(taken(sample_of(NAMES, 0.05, 7))) <= 80  # 50, more than four deviations


def test_one_seed_takes_the_same_files_and_another_takes_others() -> None:
    assert taken(sample_of(NAMES, 0.05, 7)) == taken(sample_of(reversed(NAMES), 0.05, 7))
    assert taken(sample_of(NAMES, 0.05, 7)) != taken(sample_of(NAMES, 0.05, 8))


def test_the_marks_are_those_that_anybody_computes() -> None:
    # echo -n 7:a.parquet | sha256sum
    assert f"{mark_of('a.parquet', 7):016x}" == "6e5b5f32aabb7d4c"


@given(st.sets(st.text(), min_size=1), st.floats(1e-9, 1), st.integers())
def test_a_table_that_has_files_is_never_left_unseen(
    names: set[str], share: float, seed: int
) -> None:
    listed = sorted(names)

    assert taken(sample_of(listed, share, seed), listed)
