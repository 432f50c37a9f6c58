"""Who may lead, and from when."""

import dataclasses
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lakeferry.errors import FerryError
from lakeferry.ledger import lease
from lakeferry.ledger.lease import Process, is_gone, leader, take, this_process
from lakeferry.ledger.open import open_to_write
from tests.ledger.lakes import Clock, leading, until_heard

ELSEWHERE = Process("etl-2", "another boot, another namespace", os.getpid(), "1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def led_by(path: Path, other: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let another process have the lease, from the millisecond 1,000,000 on, for a minute."""
    db = open_to_write(path)
    with monkeypatch.context() as patched:
        patched.setattr(lease, "this_process", lambda: other)
        take(db, path, run_id="theirs", command="sync", now_ms=1_000_000, lease_s=60)
    db.close()


def as_process(running: subprocess.Popen[bytes]) -> Process:
    started = lease._started(running.pid)
    return dataclasses.replace(this_process(), pid=running.pid, started=started)


def leads_now(path: Path) -> Process | None:
    db = sqlite3.connect(path)
    found = leader(db)
    db.close()
    return None if found is None else found.process


def ended() -> Process:
    """A process of this machine that is no more."""
    running = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    found = dataclasses.replace(
        this_process(), pid=running.pid, started=lease._started(running.pid)
    )
    assert not is_gone(found)
    running.communicate()
    return found


def test_we_are_not_gone() -> None:
    assert not is_gone(this_process())


def test_a_process_that_ended_is_gone() -> None:
    assert is_gone(ended())


def test_a_process_that_ended_and_was_not_waited_for_is_gone() -> None:
    running = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    found = dataclasses.replace(
        this_process(), pid=running.pid, started=lease._started(running.pid)
    )
    running.kill()
    os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOWAIT)

    assert is_gone(found)
    running.communicate()


def test_a_later_process_of_the_same_number_is_another() -> None:
    assert is_gone(dataclasses.replace(this_process(), started="17"))


def test_of_another_machine_or_container_nobody_knows_who_is_gone() -> None:
    assert not is_gone(dataclasses.replace(ended(), machine=ELSEWHERE.machine))


def test_the_lease_of_a_dead_process_here_is_taken_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    led_by(path, ended(), monkeypatch)

    with leading(path, clock_ms=Clock()):
        assert leads_now(path) == this_process()


def test_the_lease_of_another_machine_is_taken_when_it_has_run_out(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    led_by(path, ELSEWHERE, monkeypatch)
    clock = Clock()
    clock.now_ms += 59_999

    with pytest.raises(FerryError) as refused:
        leading(path, clock_ms=clock)
    assert refused.value.what.endswith(f"process {os.getpid()} on etl-2")
    assert "last heard of 59 s ago" in refused.value.where
    assert "run this again after 00:17:40Z" in refused.value.next_step

    clock.now_ms += 1
    leading(path, clock_ms=clock).close()


def test_a_leader_stays_leader_as_long_as_it_writes(path: Path) -> None:
    clock = Clock()
    with leading(path, clock_ms=clock) as ledger:
        clock.now_ms += 59_000
        ledger.flush()
        clock.now_ms += 59_000
        with pytest.raises(FerryError, match="LF-8001"):
            leading(path, "second", clock_ms=clock)


def test_a_leader_whose_lease_ran_out_goes_on_if_nobody_took_it(path: Path) -> None:
    clock = Clock()
    with leading(path, clock_ms=clock) as ledger:
        clock.now_ms += 3_600_000
        ledger.flush()

        assert leads_now(path) == this_process()


def test_who_is_in_the_midst_of_writing_is_named_at_once(path: Path) -> None:
    with leading(path) as ledger, ledger.together(), pytest.raises(FerryError, match="LF-8001"):
        leading(path, "second")


def test_a_turn_renews_the_lease_when_a_third_of_it_is_over(path: Path) -> None:
    clock = Clock()
    with leading(path, clock_ms=clock, lease_s=0) as ledger:
        clock.now_ms += 5
        ledger.turn()

        db = sqlite3.connect(path)
        found = leader(db)
        db.close()
    assert found is not None
    assert (found.taken_at_ms, found.heard_at_ms) == (1_000_000, 1_000_005)


def test_a_leader_that_waits_for_a_terminal_stays_leader(path: Path) -> None:
    clock = Clock()
    with leading(path, clock_ms=clock, lease_s=0.3) as ledger, ledger.beating():
        for _ in range(3):  # as a pager makes whoever prints wait
            clock.now_ms += 299
            until_heard(path, clock.now_ms)
        with pytest.raises(FerryError, match="LF-8001"):
            leading(path, "second", clock_ms=clock)


def test_a_lease_that_another_one_took_is_not_renewed(path: Path) -> None:
    clock = Clock()
    old = leading(path, clock_ms=clock, lease_s=0.3)
    clock.now_ms += 300
    with leading(path, "second", clock_ms=clock) as new, old.beating():
        time.sleep(0.3)
        new.flush()
    with pytest.raises(FerryError, match="LF-8002"):
        old.close()


def test_who_took_over_is_named_and_what_the_old_one_kept_back_is_not_written(path: Path) -> None:
    clock = Clock()
    old = leading(path, clock_ms=clock)
    old.tell("note", {"message": "too late"})
    clock.now_ms += 60_000
    with leading(path, "second", clock_ms=clock) as new:
        with pytest.raises(FerryError, match="run second of process") as refused:
            old.flush()
        new.flush()
    with pytest.raises(FerryError, match="a run that has ended since"):
        old.close()

    assert refused.value.code == "LF-8002"
    db = sqlite3.connect(path)
    assert db.execute("SELECT count(*) FROM event WHERE kind = 'note'").fetchone() == (0,)
    db.close()


def test_a_ledger_that_was_deleted_under_its_leader_is_not_written_where_nobody_looks(
    path: Path,
) -> None:
    ledger = leading(path)
    path.unlink()
    with leading(path, "second"), pytest.raises(FerryError, match="LF-8006 the ledger was deleted"):
        ledger.flush()
    with pytest.raises(FerryError, match="LF-8006"):
        ledger.close()
