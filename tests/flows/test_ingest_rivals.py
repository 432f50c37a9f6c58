"""Ingests that others go on without: one that always loses, one that was stopped for long."""

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

import pytest

from lakeferry.errors import FerryError
from lakeferry.ingest.events import Began, Event, Warned
from lakeferry.ingest.payload.row_schema import row_schema
from lakeferry.ingest.position.state import IngestState
from lakeferry.ingest.run import MOST_LOST
from lakeferry.ingest.settings import Ingest
from lakeferry.ingest.table.commit import commit, this_process
from lakeferry.ingest.table.opening import open_target
from lakeferry.ingest.table.target import Committed
from tests.flows.ingests import (
    PATIENCE_S,
    Running,
    assert_each_once,
    feed_of,
    ingest_of,
    ingest_once,
    process,
)

pytestmark = pytest.mark.usefixtures("keys", "warm_workers")


class Hasty(threading.Event):
    """What an ingest waits by before it begins anew: here it does not."""

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        return self.is_set()


def overtake(asked: Ingest) -> None:
    """Commit as another ingest of the same name."""
    nowhere = IngestState(0, None)  # type: ignore[arg-type]  # of a table that is made; it is there
    target = open_target(asked.target, row_schema(asked.payload), asked.name, nowhere)
    assert target.state is not None
    done = commit(target, (), replace(target.state, epoch=target.state.epoch + 1))
    assert isinstance(done, Committed)


def test_whoever_loses_8_races_in_a_row_gives_up_and_says_which_process_won(
    tmp_path: Path,
) -> None:
    with feed_of(1, 100_000, rate=100) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", workers=1)

        def rival(event: Event) -> None:
            if isinstance(event, Began):
                overtake(asked)

        loser = Running(asked, flag=Hasty(), on_event=rival).wait(120)
        before = feed.truth()
        ingest_once(asked)

        assert isinstance(loser.error, FerryError)
        assert loser.error.code == "LF-7053"
        assert this_process() in loser.error.where
        told = [event.message for event in loser.events if isinstance(event, Warned)]
        assert len(told) == MOST_LOST - 1
        assert all(this_process() in message for message in told)
        assert_each_once(tmp_path / "table", before, feed.truth())


def test_an_ingest_that_was_stopped_for_long_begins_anew_from_what_is_committed(
    tmp_path: Path,
) -> None:
    log, rhythm = tmp_path / "ingest.log", {"stopped_s": 6.0}
    with feed_of(2, 100_000, rate=200) as feed:
        with process(feed.url, tmp_path / "table", tmp_path, rhythm=rhythm) as sleeper:
            until_said(log, "BatchCommitted(version=2")
            os.killpg(sleeper.pid, signal.SIGSTOP)
            sleep(6.5)
            os.killpg(sleeper.pid, signal.SIGCONT)
            until_said(log, "nothing ran for")
            until_said(log, "times=1)")
            at = log.read_text().count("BatchCommitted")
            until_said(log, "BatchCommitted", at + 2)
            sleeper.terminate()
            assert sleeper.wait(90) == 0
        before = feed.truth()
        ingest_once(ingest_of(feed.url, tmp_path / "table"))

        assert_each_once(tmp_path / "table", before, feed.truth())


def until_said(log: Path, text: str, times: int = 1) -> None:
    end = monotonic() + PATIENCE_S
    while log.read_text().count(text) < times:
        assert monotonic() < end, f"{text!r} was not said: {log.read_text()[-2000:]}"
        sleep(0.05)
