"""A table is ingested into, cloned, and ingested on from the clone: nothing lost, nothing twice."""

from pathlib import Path

import pytest

import lakeferry
from lakeferry.errors import FerryError
from lakeferry.events import Event, Warned
from lakeferry.ingest.settings import TargetSettings
from tests.ingest.batches import (
    BY_DAY,
    deltalake_table,
    moved,
    numbers_in,
    opened,
    put,
    settings,
)
from tests.servers import Server

in_each_mode = pytest.mark.parametrize("mode", ["snapshot", "mirror"])


@pytest.fixture(params=["sidecar", "domain"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> TargetSettings:
    return settings(tmp_path / "source", offsets=request.param, partition_by=BY_DAY)


def cloned(source: TargetSettings, target: TargetSettings, mode: str) -> None:
    report = lakeferry.clone(
        source.url, target.url, mode=mode, target_options=target.options, jobs=2
    )
    assert not report.warnings


def continued_on(target: TargetSettings, source: TargetSettings) -> None:
    """The original is stopped behind 2; whoever goes on from the clone reads from there."""
    here = opened(target)
    assert here.state == opened(source).state
    moved(put(moved(put(here, 3, 4)), 5))
    assert numbers_in(target) == [1, 2, 3, 4, 5]
    assert numbers_in(source) == [1, 2]


@in_each_mode
def test_the_clone_goes_on_exactly_where_the_original_was_stopped(
    source: TargetSettings, tmp_path: Path, mode: str
) -> None:
    moved(put(moved(put(opened(source), 1)), 2))
    target = settings(tmp_path / "target", partition_by=BY_DAY)

    cloned(source, target, mode)

    assert lakeferry.verify(source.url, target.url).equal
    continued_on(target, source)


@in_each_mode
def test_a_clone_that_is_brought_up_to_date_goes_on_from_there(
    source: TargetSettings, tmp_path: Path, mode: str
) -> None:
    running = moved(put(opened(source), 1))
    target = settings(tmp_path / "target", partition_by=BY_DAY)
    cloned(source, target, mode)
    moved(put(running, 2))

    cloned(source, target, mode)

    continued_on(target, source)


@in_each_mode
@pytest.mark.server
def test_a_clone_in_another_store_goes_on_from_there(
    source: TargetSettings, s3_server: Server, mode: str
) -> None:
    moved(put(moved(put(opened(source), 1)), 2))
    url = f"{s3_server.place}/ingest-{mode}-{source.offsets}"
    target = settings(url, options=s3_server.options, partition_by=BY_DAY)

    cloned(source, target, mode)

    continued_on(target, source)


@in_each_mode
def test_what_the_original_commits_while_it_is_cloned_is_read_again_from_the_clone(
    tmp_path: Path, mode: str
) -> None:
    source = settings(tmp_path / "source", partition_by=BY_DAY)
    target = settings(tmp_path / "target", partition_by=BY_DAY)
    running = moved(put(opened(source), 1))
    version = running.version
    moved(put(running, 2, 3))

    lakeferry.clone(source.url, target.url, mode=mode, version=version)

    here = opened(target)
    assert numbers_in(target) == [1]
    moved(put(here, 2, 3))
    assert numbers_in(target) == [1, 2, 3]


@in_each_mode
def test_a_version_whose_positions_are_gone_is_cloned_with_a_word_and_not_ingested_into(
    tmp_path: Path, mode: str
) -> None:
    source = settings(tmp_path / "source", partition_by=BY_DAY)
    target = settings(tmp_path / "target", partition_by=BY_DAY)
    running = moved(put(opened(source), 1))
    version = running.version
    for _ in range(101):
        running = moved(put(running))
    heard: list[Event] = []

    lakeferry.clone(source.url, target.url, mode=mode, version=version, on_event=heard.append)

    [word] = [event for event in heard if isinstance(event, Warned)]
    assert "the ingest `clicks` stood" in word.message
    with pytest.raises(FerryError) as caught:
        opened(target)
    assert caught.value.code == "LF-7043"


@in_each_mode
def test_a_lost_file_of_positions_is_found_by_verify(tmp_path: Path, mode: str) -> None:
    source = settings(tmp_path / "source")
    target = settings(tmp_path / "target")
    moved(put(opened(source), 1))
    cloned(source, target, mode)
    for path in (tmp_path / "target" / "_delta_log/_lakeferry/ingest/clicks").iterdir():
        path.unlink()

    report = lakeferry.verify(source.url, target.url)

    assert not report.equal
    assert "where an ingest stands" in str(report.findings)


def test_a_clone_without_txns_is_no_place_to_ingest_on(tmp_path: Path) -> None:
    source = settings(tmp_path / "source")
    target = settings(tmp_path / "target")
    moved(put(opened(source), 1))

    lakeferry.clone(source.url, target.url, carry_txns=False)

    assert not (tmp_path / "target" / "_delta_log/_lakeferry/ingest").exists()
    with pytest.raises(FerryError) as caught:
        opened(target)
    assert caught.value.code == "LF-7043"
    assert deltalake_table(target).version() == 0
