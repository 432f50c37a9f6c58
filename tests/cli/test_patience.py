"""Notes of work that ends at once are not shown, and faults that come together are all told."""

import threading
import time
from collections.abc import Callable
from threading import Event as Flag
from threading import Timer
from typing import Any

import pytest

from lakeferry.cli import patience
from lakeferry.cli.faults import all_told
from lakeferry.cli.patience import patient
from lakeferry.cli.render import TextScreen
from lakeferry.errors import FerryError
from lakeferry.events import ChangeApplied, Noted, Warned

NOTE = Noted("vpc-1", "reading the network")


@pytest.fixture
def screen() -> TextScreen:
    return TextScreen(quiet=False, verbose=False, progress="plain")


def test_a_note_of_work_that_ends_at_once_is_not_shown(
    screen: TextScreen, capsys: pytest.CaptureFixture[str]
) -> None:
    with patient(screen) as emit:
        emit(NOTE)

    assert capsys.readouterr().err == ""


def test_the_last_note_is_shown_once_the_work_takes_longer(
    screen: TextScreen, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[Callable[[], None]] = []

    def timer(_: float, ring: Callable[[], None]) -> Timer:
        late.append(ring)
        return Timer(3600, ring)

    monkeypatch.setattr(threading, "Timer", timer)
    monkeypatch.setattr(patience, "QUIET_S", 3600)
    with patient(screen) as emit:
        emit(NOTE)
        emit(Noted("vpc-1", "reading flow logs"))
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(patience, "QUIET_S", 0)
        [ring] = late
        ring()
        shown = capsys.readouterr().err
        emit(Noted("vpc-1", "following tgw-1"))

    assert shown == "  reading flow logs\n"
    assert capsys.readouterr().err == "  following tgw-1\n"


def test_a_warning_does_not_wait(screen: TextScreen, capsys: pytest.CaptureFixture[str]) -> None:
    with patient(screen) as emit:
        emit(Warned("vpc-1", "LF-1202", "a role cannot be taken", "give another"))

    assert "a role cannot be taken" in capsys.readouterr().err


def test_steps_of_an_apply_are_told_when_it_takes_longer(
    screen: TextScreen, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = ChangeApplied("m1", "insight_rule", "lakeferry-m1.rejects", "create", "make", 3, 41)
    screen.event(step)
    assert capsys.readouterr().err == ""

    monkeypatch.setattr("lakeferry.cli.render.QUIET_S", 0)
    screen.event(step)
    assert "3/41 steps  make insight rule lakeferry-m1.rejects" in capsys.readouterr().err


def test_faults_that_come_together_are_all_told_and_the_gravest_code_counts(
    screen: TextScreen, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(screen: Any, stop: Flag) -> int:  # noqa: ARG001
        wrong = FerryError("LF-2001", "one", "here", "mend it")
        look = FerryError("LF-5003", "two", "there", "look")
        raise ExceptionGroup("both", [wrong, ExceptionGroup("inner", [look])])

    assert all_told(run)(screen, Flag()) == 3
    assert [line for line in capsys.readouterr().err.splitlines() if "LF-" in line] == [
        "✗ LF-2001 one",
        "✗ LF-5003 two",
    ]


def test_a_bug_among_faults_is_not_hidden(screen: TextScreen) -> None:
    def run(screen: Any, stop: Flag) -> int:  # noqa: ARG001
        raise ExceptionGroup("both", [FerryError("LF-2001", "a", "b", "c"), KeyError("bug")])

    with pytest.raises(ExceptionGroup):
        all_told(run)(screen, Flag())


class SlowScreen(TextScreen):
    """Shows its first event only once another one waits, as a busy machine may."""

    def __init__(self) -> None:
        super().__init__(quiet=False, verbose=False, progress="plain")
        self.shown: list[str] = []
        self.enters = Flag()

    def event(self, event: Any) -> None:
        if not self.enters.is_set():
            self.enters.set()
            time.sleep(0.2)
        self.shown.append(event.message)


def test_a_note_that_was_held_is_never_shown_after_a_newer_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "QUIET_S", 0.05)
    slow = SlowScreen()

    with patient(slow) as emit:
        emit(Noted("vpc-1", "older"))
        slow.enters.wait(60)
        emit(Noted("vpc-1", "newer"))

    assert slow.shown == ["older", "newer"]


def test_nothing_is_shown_once_the_work_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "QUIET_S", 0.05)
    slow = SlowScreen()

    with patient(slow) as emit:
        emit(Noted("vpc-1", "older"))
        slow.enters.wait(60)
    slow.shown.append("the result")

    time.sleep(0.3)
    assert slow.shown == ["older", "the result"]
