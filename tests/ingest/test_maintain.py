"""The upkeep of a table beside its ingest: in a process of its own, that hinders nobody."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lakeferry.delta.log import list_log
from lakeferry.ingest.events import Compacted, Event, Warned
from lakeferry.ingest.settings import Rhythm, TargetSettings
from lakeferry.ingest.table.target import Target
from lakeferry.ingest.upkeep.compact import Sizes
from lakeferry.ingest.upkeep.maintain import Job, Maintenance, do
from lakeferry.store.open import open_store
from tests.ingest.batches import BY_DAY, deltalake_table, moved, numbers_in, opened, put, settings
from tests.servers import Server

PATIENCE_S = 60.0
RHYTHM = Rhythm(checkpoint_every=5, compact_every_s=None)
SOON = replace(RHYTHM, compact_every_s=3600.0, compact_after_s=-60.0)


@pytest.fixture
def where(tmp_path: Path) -> TargetSettings:
    return settings(tmp_path / "t", partition_by=BY_DAY)


def commits(where: TargetSettings, count: int) -> Target:
    target = opened(where)
    for number in range(1, count + 1):
        target = moved(put(target, number))
    return target


def maintenance(where: TargetSettings, rhythm: Rhythm, version: int = 0) -> Maintenance:
    return Maintenance(where, "clicks", rhythm, version=version, now_s=0.0)


def after(upkeep: Maintenance, version: int, now_s: float) -> tuple[Event, ...]:
    """What is told once what is due has been done."""
    upkeep.turn(version, now_s)
    return upkeep.finish(PATIENCE_S)


# --- when ---------------------------------------------------------------------------------------


def test_a_checkpoint_is_made_when_so_many_versions_have_passed(where: TargetSettings) -> None:
    commits(where, 6)
    upkeep = maintenance(where, RHYTHM, version=3)

    assert after(upkeep, 4, 1.0) == ()
    assert after(upkeep, 6, 2.0) == (Compacted("checkpoint", 6),)
    assert after(upkeep, 7, 3.0) == ()
    assert [one.version for one in list_log(open_store(where.url)).checkpoints] == [6]


def test_a_checkpoint_that_another_writer_made_is_enough(where: TargetSettings) -> None:
    commits(where, 6)
    deltalake_table(where).create_checkpoint()

    assert after(maintenance(where, RHYTHM), 6, 1.0) == ()


def test_small_files_are_joined_some_minutes_after_the_start_and_every_hour(
    where: TargetSettings,
) -> None:
    commits(where, 12)
    upkeep = maintenance(where, replace(SOON, checkpoint_every=1000))

    assert after(upkeep, 12, 599.0) == ()
    [told] = after(upkeep, 12, 601.0)
    assert isinstance(told, Compacted)
    assert (told.what, told.version, told.files_before, told.files_after) == (
        "compaction", 13, 12, 1,
    )  # fmt: skip
    assert after(upkeep, 13, 1200.0) == ()
    assert numbers_in(where) == list(range(1, 13))


def test_with_nothing_to_do_nothing_is_told(where: TargetSettings) -> None:
    commits(where, 2)

    assert tuple(do(Job(where, "clicks", 100, True, 0.0))) == ()


def test_the_parts_of_one_job_follow_each_other(where: TargetSettings) -> None:
    commits(where, 12)

    told = tuple(do(Job(where, "clicks", 5, True, -60.0, Sizes(files=2))))

    assert [one.what for one in told if isinstance(one, Compacted)] == ["checkpoint", "compaction"]


@pytest.mark.server
def test_a_table_on_s3_is_kept_like_one_on_a_disk(s3_server: Server) -> None:
    where = settings(f"{s3_server.place}/upkeep", options=s3_server.options, partition_by=BY_DAY)
    target = commits(where, 12)

    told = tuple(do(Job(where, "clicks", 5, True, -60.0)))

    assert [one.what for one in told if isinstance(one, Compacted)] == ["checkpoint", "compaction"]
    moved(put(target, 13))
    assert numbers_in(where) == list(range(1, 14))


# --- what goes wrong ----------------------------------------------------------------------------


def test_what_fails_is_told_and_tried_again_later(where: TargetSettings) -> None:
    commits(where, 12)
    gone = next(Path(where.url).rglob("part-*.parquet"))
    gone.rename(gone.with_suffix(".away"))
    upkeep = maintenance(where, SOON)

    told = after(upkeep, 12, 700.0)

    assert told[0] == Compacted("checkpoint", 12)
    assert isinstance(told[1], Warned)
    assert gone.name in told[1].message


def test_a_process_that_is_killed_is_told_of_and_harms_nothing(where: TargetSettings) -> None:
    target = commits(where, 12)
    upkeep = maintenance(where, SOON)

    upkeep.turn(12, 700.0)
    child = upkeep.process_id
    assert child is not None
    os.kill(child, signal.SIGKILL)
    *_, told = upkeep.finish(PATIENCE_S)  # what it did before is told, too

    assert isinstance(told, Warned)
    assert "-9" in told.message
    moved(put(target, 13))
    assert numbers_in(where) == list(range(1, 14))


def test_an_end_does_not_wait(where: TargetSettings) -> None:
    commits(where, 12)
    upkeep = maintenance(where, SOON)
    upkeep.turn(12, 700.0)
    child = upkeep.process_id

    upkeep.end()

    assert child is not None
    assert not Path(f"/proc/{child}").exists()
    assert upkeep.turn(12, 701.0) == ()


PARENT = """
import sys, time
from tests.ingest.test_maintain import SOON, maintenance, settings
from lakeferry.ingest.settings import TargetSettings

if __name__ == "__main__":
    upkeep = maintenance(settings(sys.argv[1]), SOON)
    upkeep.turn(12, 700.0)
    print(upkeep.process_id, flush=True)
    time.sleep(60)
"""


def test_the_process_ends_with_the_one_that_began_it(where: TargetSettings, tmp_path: Path) -> None:
    commits(where, 12)
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, str(script), where.url],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()

    until(lambda: not Path(f"/proc/{child}").exists())


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
