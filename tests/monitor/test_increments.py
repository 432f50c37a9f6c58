"""Each row is taken once, however often one looks, and whatever grows or comes late."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeferry.errors import FerryError
from lakeferry.monitor.logs.increments import (
    Event,
    GroupLogs,
    Increments,
    StoredLogs,
    note,
    open_increments,
)
from lakeferry.monitor.logs.watch import Fault
from lakeferry.network.fields import DEFAULT_FORMAT
from lakeferry.network.flow_batch import ReadReport
from lakeferry.store.open import open_store


def line(number: int) -> str:
    """A row of the default format that carries `number` bytes."""
    return f"2 1 eni-1 10.0.0.1 10.0.0.2 443 49152 6 1 {number} 1700000000 1700000060 ACCEPT OK\n"


def taken(place: Increments) -> list[int]:
    return [octets for batch in place.look() for octets in batch.rows["bytes"].to_pylist()]


@pytest.fixture
def folder(tmp_path: Path) -> tuple[Path, StoredLogs]:
    return tmp_path, StoredLogs(open_store(str(tmp_path)), ReadReport())


def test_a_log_is_taken_once(folder: tuple[Path, StoredLogs]) -> None:
    path, logs = folder
    (path / "1.log").write_text(line(1) + line(2))
    assert taken(logs) == [1, 2]
    assert taken(logs) == []
    (path / "2.log.gz").write_bytes(gzip.compress(line(3).encode()))
    assert taken(logs) == [3]


def test_of_a_log_that_grew_only_the_new_rows_are_taken(folder: tuple[Path, StoredLogs]) -> None:
    path, logs = folder
    (path / "1.log").write_text(line(1) + line(2))
    assert taken(logs) == [1, 2]
    (path / "1.log").write_text(line(1) + line(2) + line(3))
    assert taken(logs) == [3]


def test_a_log_that_is_still_written_is_taken_when_it_is_whole(
    folder: tuple[Path, StoredLogs],
) -> None:
    path, logs = folder
    whole = gzip.compress("".join(map(line, range(1000))).encode())
    (path / "1.log.gz").write_bytes(whole[: len(whole) // 2])
    first = taken(logs)
    assert len(logs.faults) == 1
    assert "1.log.gz" in logs.faults[0].what
    (path / "1.log.gz").write_bytes(whole)
    assert sorted(first + taken(logs)) == list(range(1000))


def test_an_empty_folder_is_no_fault_for_logs_will_come(folder: tuple[Path, StoredLogs]) -> None:
    path, logs = folder
    assert taken(logs) == []
    (path / "1.log").write_text(line(1))
    assert taken(logs) == [1]


def test_a_log_of_another_time_is_not_taken(tmp_path: Path) -> None:
    for hour in ("09", "10"):
        name = f"1_vpcflowlogs_us-east-1_fl-1_20261123T{hour}00Z_ab.log"
        (tmp_path / name).write_text(line(int(hour)))
    logs = StoredLogs(open_store(str(tmp_path)), ReadReport(), start_s=1_795_428_000)
    assert taken(logs) == [10]


def test_standard_input_cannot_be_looked_at_twice() -> None:
    with pytest.raises(FerryError, match="LF-6205"):
        open_increments("-", ReadReport())
    with pytest.raises(FerryError, match="LF-6205"):
        open_increments("log-group:/a", ReadReport())


# ---- log groups

MINUTE_MS = 60_000


class Group:
    """A log group to which events come in any order."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.asked: list[int | None] = []

    def put(self, number: int, at_ms: int) -> None:
        text = f'{{"timestamp":{at_ms},"message":"{line(number).strip()}"}}\n'
        self.events.append(Event(f"id-{number}", at_ms, text.encode()))

    def pages(self, start_ms: int | None) -> Iterator[list[Event]]:
        self.asked.append(start_ms)
        found = [one for one in self.events if start_ms is None or one.at_ms >= start_ms]
        found.sort(key=lambda one: one.at_ms)
        yield from (found[at : at + 3] for at in range(0, len(found), 3))


def group_logs(group: Group, *, start_s: int | None = None, overlap_s: int = 900) -> GroupLogs:
    return GroupLogs(
        "log-group:/a", group.pages, ReadReport(), start_s=start_s, overlap_s=overlap_s
    )


def test_an_event_that_comes_late_is_taken_and_none_twice() -> None:
    group = Group()
    logs = group_logs(group)
    for number in range(5):
        group.put(number, number * MINUTE_MS)
    assert taken(logs) == [0, 1, 2, 3, 4]
    group.put(9, 2 * MINUTE_MS)  # late
    group.put(5, 5 * MINUTE_MS)
    assert taken(logs) == [9, 5]
    assert taken(logs) == []


def test_a_group_is_asked_from_a_while_before_its_newest_event() -> None:
    group = Group()
    logs = group_logs(group, start_s=60, overlap_s=120)
    for number in range(1, 100):
        group.put(number, number * MINUTE_MS)
    assert len(taken(logs)) == 99
    assert taken(logs) == []
    assert group.asked == [60_000, 97 * MINUTE_MS]
    assert sum(map(len, logs._seen.values())) <= 3  # ids of what is older are forgotten


def test_what_others_write_to_a_group_is_told_and_the_rows_behind_it_are_taken() -> None:
    group = Group()
    for number in range(3):  # a page
        body = f'{{"timestamp":{number},"message":"GET /index.html 200"}}\n'.encode()
        group.events.append(Event(f"other-{number}", number, body))
    group.put(7, MINUTE_MS)
    logs = group_logs(group)
    logs.fields = DEFAULT_FORMAT

    assert taken(logs) == [7]
    assert [fault.what for fault in logs.faults] == [
        "log-group:/a: no line has the 14 fields of its format"
    ]
    assert logs.report.bad_lines == 3


def test_a_fault_is_kept_once_and_the_last_few_of_them() -> None:
    faults: list[Fault] = []

    for number in [*range(20), 15]:
        note(faults, f"log {number}", "wait")

    assert [fault.what for fault in faults] == [
        f"log {number}" for number in (10, 11, 12, 13, 14, 16, 17, 18, 19, 15)
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 14), max_size=8), max_size=6))
def test_all_that_comes_within_the_overlap_is_taken_once(looks: list[list[int]]) -> None:
    group = Group()
    logs = group_logs(group)
    found: list[int] = []
    number = 0
    for minutes in looks:
        for minute in minutes:
            group.put(number, minute * MINUTE_MS)
            number += 1
        found += taken(logs)
    assert sorted(found) == list(range(number))


def test_the_place_decides_how_it_is_looked_at(tmp_path: Path) -> None:
    group = Group()
    group.put(7, 0)

    def pages_of(name: str) -> Callable[[int | None], Iterator[list[Event]]]:
        assert name == "/a"
        return group.pages

    assert taken(open_increments("log-group:/a", ReadReport(), pages_of=pages_of)) == [7]
    (tmp_path / "1.log").write_text(line(1))
    assert taken(open_increments(str(tmp_path), ReadReport())) == [1]
