"""Which `dataChange` a clone states, and when one commit cannot tell a range truly."""

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from lakeferry.clone.changes import DataChange, RangeChanges, scan_commits
from lakeferry.clone.landing import Roots
from lakeferry.delta.actions import FILE_SCHEMA

ROOTS = Roots("/lake/orders")


def batch(*files: tuple[str, bool]) -> pa.RecordBatch:
    rows: list[dict[str, Any]] = [
        {"path": path, "size": 1, "dataChange": changed} for path, changed in files
    ]
    return pa.RecordBatch.from_pylist(rows, schema=FILE_SCHEMA)


@dataclass
class Commit:
    add: tuple[tuple[str, bool], ...] = ()
    remove: tuple[tuple[str, bool], ...] = ()
    adds: list[pa.RecordBatch] = field(init=False)
    removes: list[pa.RecordBatch] = field(init=False)

    def __post_init__(self) -> None:
        self.adds, self.removes = [batch(*self.add)], [batch(*self.remove)]


def scan(*commits: Commit) -> RangeChanges:
    return scan_commits(commits, ROOTS)


def test_appends_fit_into_one_commit() -> None:
    assert not scan(Commit(add=(("f1", True),)), Commit(add=(("f2", True),))).rearranged


def test_optimize_of_files_from_before_fits_into_one_commit() -> None:
    optimize = Commit(add=(("f2", False),), remove=(("f0", False), ("f1", False)))

    assert not scan(optimize, Commit(add=(("f3", True),))).rearranged


def test_optimize_of_a_file_born_in_the_range_does_not() -> None:
    append = Commit(add=(("f1", True),))
    optimize = Commit(add=(("f2", False),), remove=(("f0", False), ("f1", False)))

    assert scan(append, optimize).rearranged


def test_a_delete_from_a_file_that_optimize_made_in_the_range_does_not() -> None:
    optimize = Commit(add=(("f2", False),), remove=(("f0", False),))
    delete = Commit(add=(("f3", True),), remove=(("f2", True),))

    assert scan(optimize, delete).rearranged


def test_an_update_of_an_update_fits_into_one_commit() -> None:
    first = Commit(add=(("f1", True),), remove=(("f0", True),))
    second = Commit(add=(("f2", True),), remove=(("f1", True),))

    assert not scan(first, second).rearranged


def test_two_optimizes_in_a_row_fit_into_one_commit() -> None:
    first = Commit(add=(("f1", False),), remove=(("f0", False),))
    second = Commit(add=(("f2", False),), remove=(("f1", False),))

    assert not scan(first, second).rearranged


def test_a_row_is_flagged_as_its_key_says_and_by_default_otherwise() -> None:
    changes = scan(Commit(add=(("f1", True),)))

    flagged = DataChange(default=False, by_key=changes.added).set_on(
        batch(("f1", False), ("f2", True))
    )

    assert flagged.column("dataChange").to_pylist() == [True, False]


def test_without_a_default_rows_keep_their_own_flag() -> None:
    rows = batch(("f1", False), ("f2", True))

    assert DataChange(default=None).set_on(rows) is rows
