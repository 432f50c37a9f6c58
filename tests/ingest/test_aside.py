"""Work beside a loop that goes on."""

import threading
import time

import pytest

from lakeferry.ingest.crew.aside import Aside


def test_whoever_waits_has_turns_until_the_work_is_done() -> None:
    turns: list[int] = []
    enough = threading.Event()

    def turn() -> None:
        turns.append(threading.get_ident())
        if len(turns) == 3:
            enough.set()

    aside = Aside(turn, 0.01)

    assert aside.do(lambda: enough.wait(60)) is True
    assert set(turns) == {threading.get_ident()}
    aside.end()


def test_what_the_work_raises_is_raised() -> None:
    aside = Aside(lambda: None, 0.01)
    with pytest.raises(ZeroDivisionError):
        aside.do(lambda: 1 // 0)
    aside.end()


def test_an_end_waits_for_the_work_though_a_turn_failed() -> None:
    done: list[str] = []

    def turn() -> None:
        raise KeyboardInterrupt

    def work() -> None:
        time.sleep(0.2)
        done.append("work")

    aside = Aside(turn, 0.01)
    with pytest.raises(KeyboardInterrupt):
        aside.do(work)
    aside.end()

    assert done == ["work"]
