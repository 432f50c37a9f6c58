"""Coordinators of one ingest that race, sleep and die: each record once, and nothing left over."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeferry.ingest.settings import TargetSettings
from lakeferry.ingest.table.orphans import own_file, sweep
from lakeferry.store.open import open_store
from lakeferry.verify.offsets import verify_offsets
from tests.flows.committers import begun, ended, stopped
from tests.ingest.batches import NAME, deltalake_table, moved, numbers_in, opened, put, settings
from tests.servers import Server


@pytest.fixture(
    params=["sidecar", "domain", pytest.param("s3", marks=pytest.mark.server)],
)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TargetSettings]:
    if request.param != "s3":
        yield settings(tmp_path / "t", offsets=request.param)
        return
    server: Server = request.getfixturevalue("s3_server")
    url = f"{server.place}/races-{time.time_ns()}"
    yield settings(url, options=server.options, offsets="sidecar")


def unnamed(where: TargetSettings) -> set[str]:
    """Files of ours that are no part of the table."""
    listed = open_store(where.url, where.options).list("")
    ours = {meta.path for meta in listed if own_file(meta.path, NAME)}
    live = {uri.removeprefix(f"{where.url}/") for uri in deltalake_table(where).file_uris()}
    return ours - live


def assert_each_once(where: TargetSettings, last: int) -> None:
    assert numbers_in(where) == list(range(1, last + 1))
    report = verify_offsets(where.url, options=where.options)
    assert report.right, report.findings


def test_three_that_race_from_before_the_table_is_there_bring_each_record_once(
    where: TargetSettings,
) -> None:
    codes = ended([begun(where, 400, seed) for seed in range(3)])

    assert codes == [0, 0, 0]
    assert_each_once(where, 400)
    assert unnamed(where) == set()


def test_whoever_is_killed_at_any_time_is_followed_by_one_that_goes_on(
    where: TargetSettings,
) -> None:
    chance = random.Random(11)
    alive = [begun(where, 600, 100)]
    for seed in range(5):
        victim = begun(where, 600, seed)
        time.sleep(1.2 + chance.random())
        victim.kill()
        victim.join()

    assert ended(alive) == [0]
    assert_each_once(where, 600)
    target = moved(put(moved(put(opened(where), 601)), 602))
    sweep(target.store, NAME, margin_ms=-2_000)  # S3 tells times in whole seconds
    assert unnamed(where) == set()
    assert_each_once(where, 602)


def test_a_sleeper_whose_turn_another_took_doubles_nothing(where: TargetSettings) -> None:
    opened(where)
    sleeper = begun(where, 600, 1)
    time.sleep(1.5)
    stopped(sleeper, 0.01)
    other = begun(where, 600, 2)
    for _ in range(4):
        stopped(sleeper, 0.7)
        time.sleep(0.1)

    assert ended([sleeper, other]) == [0, 0]
    assert_each_once(where, 600)
