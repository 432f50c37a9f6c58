"""Several processes, one target: what threads of one process cannot show of a store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeferry.delta.log import list_log
from lakeferry.store.open import open_store
from tests.flows import racers
from tests.flows.racers import Racers
from tests.flows.tables import LAST, clone_commits, grow, look
from tests.servers import Server

pytestmark = pytest.mark.xdist_group("racers")  # the processes begin once
COUNT = 6
SERVERS = {"s3": "s3_server", "azure": "azure_server", "hdfs": "hdfs_server"}
STORES = ["this disk", *(pytest.param(kind, marks=pytest.mark.server) for kind in SERVERS)]


@pytest.fixture(scope="module")
def six() -> Iterator[Racers]:
    with racers.running(COUNT) as found:
        yield found


@pytest.mark.parametrize("mode", ["snapshot", "mirror"])
@pytest.mark.parametrize("kind", STORES)
def test_six_processes_that_clone_at_once_make_each_version_once(
    request: pytest.FixtureRequest, six: Racers, tmp_path: Path, kind: str, mode: str
) -> None:
    server: Server = (
        Server(str(tmp_path)) if kind == "this disk" else request.getfixturevalue(SERVERS[kind])
    )
    source, place = grow(tmp_path / "source", 1), f"{server.place}/race-{tmp_path.name}"

    first = six.clone(str(source), place, mode, server.options)
    grow(source)
    second = six.clone(str(source), place, mode, server.options)

    target = open_store(place, server.options)
    assert set(first + second) <= {"committed", "up to date", "LF-5001"}
    assert look(target) == look(source)
    if mode == "snapshot":
        assert (first.count("committed"), second.count("committed")) == (1, 1)
        assert [version for version, _ in clone_commits(target)] == [1, LAST]
    else:
        assert sorted(list_log(target).commits) == list(range(LAST + 1))
