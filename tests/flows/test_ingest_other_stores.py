"""A stream into a table of each kind of store, killed at a commit: each record comes once.

The judge is delta-rs, on a copy of the table's objects: it speaks to none of these servers.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from lakeferry.ingest.settings import TargetSettings
from lakeferry.store.open import open_store
from lakeferry.store.protocol import read_all
from lakeferry.verify.offsets import verify_offsets
from tests.flows import ingest_runner
from tests.flows.ingest_runner import Order
from tests.flows.ingests import assert_each_once, feed_of, ingest_of, ingest_once
from tests.servers import Server

pytestmark = pytest.mark.usefixtures("keys", "warm_workers")

SERVERS = {"azure": "azure_server", "gcs": "gcs_server", "hdfs": "hdfs_server"}
FIRST_ROWS = f"_delta_log/{1:020}.json"


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(SERVERS[request.param])
    return found


def copied(where: TargetSettings, folder: Path) -> Path:
    """The objects of a table on this disk."""
    store = open_store(where.url, where.options)
    for meta in store.list(""):
        file = folder / meta.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(read_all(store, meta.path))
    return folder


@pytest.mark.server
def test_an_ingest_that_is_killed_at_a_commit_brings_each_record_once(
    server: Server, tmp_path: Path
) -> None:
    where = TargetSettings(f"{server.place}/{tmp_path.name}", server.options)
    with feed_of(2, 500) as feed, ingest_runner.running(tmp_path / "ingests.log") as runner:
        order = Order(feed.url, where.url, where.options, die_on=f"{tmp_path.name}/{FIRST_ROWS}")
        for when in ("before", "after"):
            ending = runner.ending(runner.begin(replace(order, die_when=when)))
            assert (ending.signal, ending.killed) == (9, False), f"{when}: {ending}"
        ingest_once(replace(ingest_of(feed.url, ""), target=where))

        assert_each_once(copied(where, tmp_path / "copy"), feed.truth())

    proof = verify_offsets(where.url, options=where.options)
    assert proof.right, proof.findings
    assert proof.rows == 1_000
