"""What clones say of themselves, as bytes copied by the hour."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lakeferry.cost.bill.copied_report import read_report
from lakeferry.cost.bill.observed import Copied
from lakeferry.errors import FerryError
from tests.cost.bills import NAT_A, seconds


def line(minute: int, type: str, run: str = "r1", **more: Any) -> bytes:
    """One line, so many minutes after midnight of 1 October 2026."""
    ts = f"2026-10-{1 + minute // 1440:02d}T{minute // 60 % 24:02d}:{minute % 60:02d}:00.000Z"
    return json.dumps({"v": 1, "type": type, "ts": ts, "run": run, **more}).encode()


def file(minute: int, size: int, how: str = "streamed", run: str = "r1") -> bytes:
    return line(minute, "file", run, table="t", path="p", bytes=size, how=how)


def progress(minute: int, done: int) -> bytes:
    return line(minute, "progress", table="t", bytes={"done": done, "total": 9}, seconds=1)


def summary(minute: int, copied: int, seconds_taken: float, **more: Any) -> bytes:
    return line(minute, "summary", bytes_copied=copied, seconds=seconds_taken, **more)


def hours(lines: Iterable[bytes]) -> dict[int, int]:
    found = read_report(lines, "clone.log", NAT_A)
    assert {one.path for one in found} <= {NAT_A}
    return {(one.hour - seconds(0)) // 3600: one.payload for one in found}


def test_each_file_counts_in_the_hour_in_which_it_landed() -> None:
    lines = [line(0, "start"), file(59, 10), file(61, 7), file(119, 5), summary(120, 22, 7200)]

    assert hours(lines) == {0: 10, 1: 12}


def test_what_the_service_copied_itself_went_through_no_network_of_ours() -> None:
    lines = [file(1, 10, "server_copy"), file(2, 7), file(3, 90, "already_there")]

    assert hours(lines) == {0: 7}


def test_a_run_without_files_is_laid_over_its_hours_as_its_progress_went() -> None:
    # 100 were there before; of what moved, a third before 01:00 and two thirds after.
    lines = [progress(50, 100), progress(59, 200), progress(70, 400), summary(75, 900, 4500)]

    assert hours(lines) == {0: 300, 1: 600}


def test_a_summary_alone_is_spread_evenly_over_its_time() -> None:
    assert hours([summary(90, 900, 5400)]) == {0: 600, 1: 300}


def test_progress_alone_tells_of_a_run_that_was_cut_off() -> None:
    assert hours([progress(1, 10), progress(2, 30), progress(61, 60)]) == {0: 20, 1: 30}


def test_progress_that_begins_anew_is_another_clone_of_the_same_run() -> None:
    assert hours([progress(1, 10), progress(2, 30), progress(3, 5)]) == {0: 25}


def test_runs_may_be_mixed_in_one_file() -> None:
    assert hours([file(1, 10, run="a"), file(2, 5, run="b"), file(61, 1, run="a")]) == {0: 15, 1: 1}


def test_a_rehearsal_copied_nothing() -> None:
    assert hours([summary(10, 900, 60, dry_run=True)]) == {}


def test_a_last_line_that_is_still_being_written_is_left_out() -> None:
    assert hours([file(1, 10), b'{"v":1,"type":"fi']) == {0: 10}


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "line 1 .*: it has no line"),
        ([b"{"], "line 1 .*: it is no JSON object"),
        ([b"{", file(1, 10)], "line 1 .*: it is no JSON object"),
        ([file(1, 10), b"[1]"], "line 2 .*: it is no JSON object"),
        ([file(1, 10), b'{"type":"file"}'], "line 2 .*: it lacks 'ts'"),
    ],
)
def test_what_is_no_report_is_refused_by_its_line(lines: list[bytes], reason: str) -> None:
    with pytest.raises(FerryError, match=reason) as caught:
        read_report(lines, "clone.log", NAT_A)

    assert (caught.value.code, caught.value.where) == ("LF-6607", "clone.log")


@given(
    some.integers(0, 2**60),
    some.lists(some.integers(0, 2**50), min_size=1, max_size=5),
    some.integers(1, 10_000),
)
def test_whatever_the_weights_no_byte_is_lost_or_made(
    copied: int, moved: list[int], minutes: int
) -> None:
    done, lines = 0, [progress(0, 0)]
    for at, more in enumerate(moved, 1):
        done += more
        lines.append(progress(at * 37, done))
    lines.append(summary(max(minutes, 5 * 37), copied, minutes * 60))

    found: tuple[Copied, ...] = read_report(lines, "clone.log", NAT_A)

    assert sum(one.payload for one in found) == copied
