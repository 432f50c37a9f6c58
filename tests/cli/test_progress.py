"""How far a clone is, as people and scripts see it."""

import io
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from lakeferry.cli import json_lines, render
from lakeferry.cli.clone.estimate import Estimate
from lakeferry.cli.render import TextScreen, fitted, wrapped
from lakeferry.clone.run import clone
from lakeferry.events import BytesMoved, Event, TablePlanned
from lakeferry.workers import map_threads
from tests.clone.small import new_table


def test_what_was_there_already_is_done_but_did_not_move(tmp_path: Path) -> None:
    source = new_table(tmp_path / "source", "a", "b")
    (tmp_path / "t").mkdir()
    shutil.copy(source / "a", tmp_path / "t" / "a")
    told: list[Event] = []

    clone(str(source), str(tmp_path / "t"), on_event=told.append)

    last = [event for event in told if isinstance(event, BytesMoved)][-1]
    assert (last.files_done, last.files_total, last.files_moved) == (2, 2, 1)
    assert (last.bytes_done, last.bytes_total, last.bytes_moved) == (20, 20, 10)


def line(moved: BytesMoved, estimate: Estimate) -> dict[str, Any]:
    body = json_lines.body(moved, estimate)
    return {name: body[name] for name in ("rate", "left_s")}


def test_a_line_of_progress_has_a_rate_and_no_time_left_while_measuring() -> None:
    moved = BytesMoved("t", 700, 10_000, 70, 1000, 2.0, bytes_present=500, files_present=50)

    assert line(moved, Estimate()) == {"rate": {"bytes_per_s": 100}, "left_s": None}


def test_a_line_of_progress_tells_the_time_left_as_a_range() -> None:
    estimate = Estimate()
    for second, so_far in ((20, 20_000), (40, 60_000), (60, 80_000)):
        estimate.feed(second, so_far, so_far // 100)
    moved = BytesMoved("t", 80_000, 100_000, 800, 1000, 60.0)

    left = {"p10": 10, "p50": 20, "p90": 20, "basis": "rates of 10 s windows"}
    assert line(moved, estimate) == {"rate": {"bytes_per_s": 1333}, "left_s": left}


def test_progress_is_told_while_one_large_file_is_under_way() -> None:
    pulses, enough = 0, threading.Event()

    def pulse() -> None:
        nonlocal pulses
        pulses += 1
        if pulses == 5:
            enough.set()

    results = list(map_threads(enough.wait, [60], count=2, on_silence=pulse))

    assert results == [True]


def test_a_pipe_hears_the_totals_only_of_what_takes_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "PLAIN_EVERY_S", 0)
    screen = TextScreen(quiet=False, verbose=False, progress="plain")

    screen.event(TablePlanned("s3://b/orders", 4, 64, 23_800_000, "version 4 · 1 txn"))
    screen.event(BytesMoved("s3://b/orders", 0, 23_800_000, 0, 64, 1.0))
    assert capsys.readouterr().err == ""
    screen.event(BytesMoved("s3://b/orders", 0, 23_800_000, 0, 64, 2.5))

    said = [text.split("  ", 1)[1] for text in capsys.readouterr().err.splitlines()]
    assert said == [
        "orders  version 4 · 1 txn  64 files, 23.8 MB to copy",
        "0 B of 23.8 MB  0.0 %  0/64 files  0 B/s  measuring",
    ]


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (80, "1.3 TB of 2.0 TB  65.0 %  11,312/17,384 files  1.9 GB/s  9 to 11 h left"),
        (60, "1.3 TB of 2.0 TB  65.0 %  1.9 GB/s  9 to 11 h left"),
        (40, "1.3 TB of 2.0 TB  65.0 %  9 to 11 h left"),
        (10, "1.3 TB of "),
    ],
)
def test_a_painted_line_never_wraps(width: int, text: str) -> None:
    parts = ("1.3 TB of 2.0 TB", "65.0 %", "11,312/17,384 files", "1.9 GB/s", "9 to 11 h left")

    assert fitted(parts, width) == text


def test_what_happened_breaks_between_words_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    seen = Terminal()
    monkeypatch.setattr("sys.stderr", seen)
    monkeypatch.setenv("COLUMNS", "40")
    screen = TextScreen(quiet=False, verbose=False, progress="none", color="never")

    screen.told("  1 ✓ preconditions    18 tables synced, proven\n      a.b", {"type": "step"})

    assert seen.getvalue().splitlines() == [
        "  1 ✓ preconditions    18 tables synced,",
        "      proven",
        "      a.b",
    ]


def test_long_lines_break_between_words_on_a_terminal() -> None:
    lines = ["  short", "    not kept: time travel  to versions before the clone"]

    assert wrapped(lines, 30) == [
        "  short",
        "    not kept: time travel  to",
        "        versions before the",
        "        clone",
    ]
    assert wrapped(lines, 10) == lines  # too narrow for anything
