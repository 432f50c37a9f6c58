"""Ingests into stores that fail: nothing lost, nothing twice, no commit of what is not whole."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from time import sleep

import pytest

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.demo.kinesis_feed_stream import ShardTruth
from lakeferry.errors import FerryError
from lakeferry.ingest.events import Progress, Warned
from lakeferry.ingest.run import MOST_FAILED
from lakeferry.ingest.settings import Ingest, TargetSettings
from tests.flows.ingests import (
    Running,
    assert_each_once,
    feed_of,
    ingest_of,
    ingest_once,
    running,
)
from tests.flows.test_bad_input import mounted
from tests.servers import Server, lossy_proxy, toxiproxy
from tests.servers.lossy_proxy import Losses
from tests.servers.toxiproxy import Link

pytestmark = pytest.mark.usefixtures("keys", "warm_workers")

COMMIT = "_delta_log/{:020}.json"


@pytest.fixture
def network(s3_server: Server) -> Iterator[Losses]:
    with lossy_proxy.running(s3_server.port) as found:
        yield found


def s3_ingest(
    feed: Feed, server: Server, folder: Path, network: Losses | Link | None = None
) -> Ingest:
    options = dict(server.options)
    if network is not None:
        options["endpoint"] = f"http://127.0.0.1:{network.port}"
    target = TargetSettings(f"{server.place}/{folder.name}", options)
    return replace(ingest_of(feed.url, ""), target=target)


def judge(server: Server, folder: Path, *truths: Mapping[str, ShardTruth]) -> None:
    options = {f"AWS_{key.upper()}": value for key, value in server.options.items()}
    table = f"{server.place}/{folder.name}"
    assert_each_once(table, *truths, options=options | {"AWS_ALLOW_HTTP": "true"})


@pytest.mark.server
def test_a_stream_comes_into_s3_once(s3_server: Server, tmp_path: Path) -> None:
    with feed_of(4, 1_000) as feed:
        ingest_once(s3_ingest(feed, s3_server, tmp_path))

        judge(s3_server, tmp_path, feed.truth())


@pytest.mark.server
def test_a_commit_whose_answer_was_lost_is_known_as_ours(
    s3_server: Server, network: Losses, tmp_path: Path
) -> None:
    network.lose = [f"PUT {tmp_path.name}/{COMMIT.format(1)}"]
    with feed_of(2, 1_000) as feed:
        ended = ingest_once(s3_ingest(feed, s3_server, tmp_path, network)).ended

        judge(s3_server, tmp_path, feed.truth())

    assert network.lost == ["200"]
    assert ended is not None
    assert (ended.rows, ended.restarts) == (2_000, 0)


@pytest.mark.server
def test_a_store_that_asks_to_slow_down_is_asked_again(
    s3_server: Server, network: Losses, tmp_path: Path
) -> None:
    network.refuse = ["PUT .parquet"] * 3 + [f"PUT {COMMIT.format(1)}"] * 2
    with feed_of(2, 1_000) as feed:
        ended = ingest_once(s3_ingest(feed, s3_server, tmp_path, network)).ended

        judge(s3_server, tmp_path, feed.truth())

    assert network.refuse == []
    assert ended is not None
    assert (ended.rows, ended.restarts) == (2_000, 0)


AWAY_S = 25  # longer than the 20 s after which a request that nobody answers is given up


@pytest.mark.server
@pytest.mark.parametrize("outage", ["nothing is answered", "connections are refused"])
def test_while_a_store_is_away_that_is_told_and_all_goes_on_when_it_is_back(
    s3_server: Server, tmp_path: Path, outage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeferry.ingest.crew.notices.LATE_S", 3.0)
    monkeypatch.setattr("lakeferry.ingest.run.LONGEST_WAIT_S", 1.0)
    with (
        toxiproxy.running(tmp_path, upstream_port=s3_server.port) as link,
        feed_of(2, 100_000, rate=200) as feed,
        running(s3_ingest(feed, s3_server, tmp_path, link)) as ingest,
    ):
        ingest.until_committed(300)
        if outage == "nothing is answered":
            link.spoil("timeout", timeout=0)
        else:
            link.cut()
        ingest.until(Warned, is_of_outage)
        if outage == "nothing is answered":
            sleep(AWAY_S)
            link.heal("timeout")
        else:
            # So many crews in a row would end an ingest whose fault does not pass.
            ingest.until(Warned, lambda _: beginnings(ingest) > MOST_FAILED)
            link.join()
        at = len(ingest.commits)
        ingest.until(Progress, lambda _: len(ingest.commits) > at + 3)
        ingest.stop()
        before = feed.truth()
        ingest_once(s3_ingest(feed, s3_server, tmp_path))

        judge(s3_server, tmp_path, before, feed.truth())


def is_of_outage(event: Warned) -> bool:
    return "waits for its commit" in event.message or "begins anew" in event.message


def beginnings(ingest: Running) -> int:
    """How often a crew was given up."""
    return sum(isinstance(one, Warned) and "begins anew" in one.message for one in ingest.events)


def test_where_the_disk_is_full_nothing_is_committed_until_there_is_room(tmp_path: Path) -> None:
    with feed_of(2, 3_000) as feed, mounted(tmp_path / "disk", "size=1m") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(960 * 1024))
        with running(ingest_of(feed.url, disk / "table")) as ingest:
            ingest.until(Warned, lambda event: "begins anew" in event.message)
            ballast.unlink()
            ingest.until_committed(6_000)
        assert_each_once(disk / "table", feed.truth())


def test_a_disk_that_stays_full_ends_the_ingest_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeferry.ingest.run.LONGEST_WAIT_S", 0.1)
    monkeypatch.setattr("lakeferry.ingest.run.OUTAGE_S", 3.0)
    with feed_of(2, 3_000) as feed, mounted(tmp_path / "disk", "size=1m") as disk:
        (disk / "ballast").write_bytes(bytes(960 * 1024))

        with pytest.raises(FerryError, match="LF-5101"):
            ingest_once(ingest_of(feed.url, disk / "table"))
