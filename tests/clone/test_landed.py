"""What clones wrote down of a target, as bytes that landed by the hour."""

import os
from pathlib import Path

import pytest

from lakeferry.clone.landed import has_records, landed
from lakeferry.errors import FerryError
from tests.clone.small import SIZE, append, clone, new_table
from tests.cost.bills import NAT_A, seconds


def hours(target: Path) -> dict[int, int]:
    found = landed(str(target), NAT_A)
    assert {one.path for one in found} == {NAT_A}
    return {(one.hour - seconds(0)) // 3600: one.payload for one in found}


def at(minute: int, *files: Path) -> None:
    for one in files:
        os.utime(one, (seconds(0) + 60 * minute, seconds(0) + 60 * minute))


def records(target: Path) -> list[Path]:
    return sorted((target / "_delta_log" / "_lakeferry").iterdir())


def test_each_file_counts_in_the_hour_in_which_it_was_written(tmp_path: Path) -> None:
    source, target = new_table(tmp_path / "source", "a", "b"), tmp_path / "target"
    clone(source, target)
    append(source, 1, "sub/c", "d")
    clone(source, target)
    at(59, target / "a")
    at(61, target / "b", target / "sub" / "c")
    at(130, target / "d")

    assert has_records(str(target))
    assert hours(target) == {0: SIZE, 1: 2 * SIZE, 2: SIZE}


def test_a_file_that_is_gone_counts_with_the_record_of_its_clone(tmp_path: Path) -> None:
    source, target = new_table(tmp_path / "source", "a", "b"), tmp_path / "target"
    clone(source, target)
    at(10, target / "a")
    (target / "b").unlink()
    at(200, *records(target))

    assert hours(target) == {0: SIZE, 3: SIZE}


def test_a_file_that_no_clone_brought_is_not_counted(tmp_path: Path) -> None:
    source, target = new_table(tmp_path / "source", "a"), tmp_path / "target"
    clone(source, target)
    (target / "theirs").write_bytes(b"x" * 1000)
    at(10, target / "a", target / "theirs")

    assert hours(target) == {0: SIZE}


def test_a_table_that_was_never_cloned_to_is_refused(tmp_path: Path) -> None:
    table = new_table(tmp_path / "source", "a")

    assert not has_records(str(table))
    with pytest.raises(FerryError, match="LF-6607 no clone wrote down here"):
        landed(str(table), NAT_A)
