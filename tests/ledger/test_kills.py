"""A coordinator that is killed, paused, or not alone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lakeferry.errors import FerryError
from lakeferry.ledger import read
from lakeferry.ledger.lease import leader
from lakeferry.ledger.open import open_to_read, open_to_write
from lakeferry.ledger.write import now_ms
from tests.chance import chance
from tests.ledger.lakes import leading

ROOT = Path(__file__).resolve().parents[2]
KILLS = 50


@contextmanager
def coordinator(folder: Path, run_id: str, *how: str) -> Iterator[subprocess.Popen[str]]:
    """A process that leads, once it has begun to move tables; it never outlives the test."""
    command = [sys.executable, "-m", "tests.ledger.led", str(folder), run_id, *how]
    started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert started.stdout is not None
        assert started.stdout.readline() == "alive\n"
        yield started
    finally:
        with suppress(ProcessLookupError):
            started.kill()
        started.communicate()


def refuse_half_a_state(path: Path) -> int:
    """What is true of every moment; the number of the last event."""
    open_to_write(path).close()  # looks at the whole file
    db = open_to_read(path)
    numbers = [seq for (seq,) in db.execute("SELECT seq FROM event ORDER BY seq")]
    assert numbers == list(range(1, len(numbers) + 1))
    told = dict(
        db.execute(
            "SELECT target_url, json_extract(body, '$.to') FROM event WHERE kind = 'state'"
            " AND seq IN (SELECT max(seq) FROM event WHERE kind = 'state' GROUP BY target_url)"
        ).fetchall()
    )
    tables = read.tables(db)
    assert {table.target_url: table.state for table in tables} == told
    for table in tables:
        committed = db.execute(
            "SELECT source_version FROM clone WHERE target_url = ? AND state = 'committed'"
            " ORDER BY clone_id DESC LIMIT 1",
            (table.target_url,),
        ).fetchone()
        assert (table.held_version,) == (committed or (None,))
        is_open = db.execute(
            "SELECT count(*) FROM clone WHERE target_url = ? AND state = 'copying'",
            (table.target_url,),
        ).fetchone()
        assert is_open == (int(table.state == "syncing"),)
    db.close()
    return len(numbers)


def last_event(path: Path) -> int:
    db = open_to_read(path)
    found = read.last_seq(db)
    db.close()
    return found


def test_a_ledger_is_whole_after_each_of_fifty_kills_and_the_next_one_leads_at_once(
    tmp_path: Path,
) -> None:
    seen, draw = [0], chance("ledger")
    for number in range(KILLS):
        with coordinator(tmp_path, f"run {number}") as running:
            time.sleep(draw.uniform(0, 0.05))
            running.kill()
            running.wait()
        seen.append(refuse_half_a_state(tmp_path / "ledger.db"))

    assert sorted(set(seen)) == seen  # each run got on


def test_a_second_coordinator_is_refused_by_name_and_told_what_to_do(tmp_path: Path) -> None:
    with coordinator(tmp_path, "the first") as running:
        with pytest.raises(FerryError) as refused:
            leading(tmp_path / "ledger.db", "the second")

        assert refused.value.code == "LF-8001"
        assert f"process {running.pid} on " in refused.value.what
        assert "run the first (sync)" in refused.value.where
        assert f"kill {running.pid}" in refused.value.next_step


def test_one_that_stood_still_for_too_long_is_kept_out_by_its_token(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with coordinator(tmp_path, "stood still", "pause") as paused:
        os.waitid(os.P_PID, paused.pid, os.WSTOPPED | os.WNOWAIT)
        with pytest.raises(FerryError, match="LF-8001"):
            leading(path, "too early")

        with leading(path, "took over", clock_ms=lambda: now_ms() + 61_000) as ledger:
            before = last_event(path)
            paused.send_signal(signal.SIGCONT)
            said, _ = paused.communicate(timeout=300)
            assert last_event(path) == before
            ledger.flush()  # and who took over goes on

    assert paused.returncode == 1
    assert "LF-8002 another coordinator has taken over" in said
    assert "run took over of process" in said


def test_of_six_that_begin_at_once_where_no_ledger_is_one_leads(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.ledger.led", str(tmp_path)]
    begun = [
        subprocess.Popen([*command, f"run {number}"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for number in range(6)
    ]
    try:
        said = [one.stdout.readline() for one in begun if one.stdout is not None]
        ended = [one.wait() for one, line in zip(begun, said, strict=True) if line != "alive\n"]
        assert ended == [2] * 5
        assert sorted(line.partition(" ")[0].strip() for line in said) == [
            *["LF-8001"] * 5,
            "alive",
        ]
    finally:
        for one in begun:
            one.kill()
            one.communicate()
    refuse_half_a_state(tmp_path / "ledger.db")


def test_a_lease_that_was_given_back_is_nobodys(tmp_path: Path) -> None:
    leading(tmp_path / "ledger.db").close()

    db = open_to_read(tmp_path / "ledger.db")
    assert leader(db) is None
    db.close()
