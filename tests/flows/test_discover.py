"""A discovery of the same lake on every kind of store, and of several at once."""

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from lakeferry.delta.checkpoint_head import checkpoint_head
from lakeferry.fleet.discovery.read_head import read_head
from lakeferry.store.open import open_store
from lakeferry.store.part import Part, Requests
from lakeferry.store.protocol import Store
from tests.cli.program import called, json_lines
from tests.fleet import lakes
from tests.servers import Server, free_port

pytestmark = pytest.mark.server

SERVERS = {"s3": "s3_server", "azure": "azure_server", "gcs": "gcs_server", "hdfs": "hdfs_server"}
KIND = {"s3": "aws", "azure": "azure", "gcs": "gcs", "hdfs": "hdfs"}
SECRETS = {"secret_access_key", "account_key"}


def fill(lake: Store) -> None:
    """A lake with one of each: found beside each other they must not be taken for another."""
    lakes.delta(lake, "sales.db/orders", files=3, size=50)
    lakes.delta(lake, "eu/de/items 100%", files=1, size=7)
    lakes.parquet(lake, "old/visits/day=1/a.parquet")
    lakes.parquet(lake, "old/visits/day=2/b.parquet")
    lakes.iceberg(lake, "ice")
    lakes.checkpoint(lake, "jobs/_checkpoint")
    lakes.put(lake, "landing/2024/01/a.json", "12")
    lakes.put(lake, "landing/2024/02/b.json", "345")


FOUND = {
    "eu.de.items 100%": ("delta", 1, 7),
    "sales.orders": ("delta", 3, 150),
    "old.visits": ("parquet", 2, None),
    "default.ice": ("iceberg", 3, 300),
    "jobs._checkpoint": ("checkpoint", None, None),
    "default.landing": ("folder", 2, 5),
}


def manifest(folder: Path, places: dict[str, tuple[str, Server]]) -> dict[str, str]:
    """Write it: a source for each place. Returns the environment that its secrets stand in."""
    connections, sources, environment = {}, {}, {}
    for name, (root, server) in places.items():
        kind = name.partition("-")[0]
        options = dict(server.options)
        for key in SECRETS & options.keys():
            variable = f"{kind}_{key}".upper()
            environment[variable] = options[key]
            options[key] = f"${{env:{variable}}}"
        connections[kind] = {"kind": KIND[kind], "options": options}
        sources[name] = {"root": root, "connection": kind}
    text = {
        "version": 1, "name": "trial", "target": {"root": f"{folder}/target"},
        "connections": connections, "sources": sources,
    }  # fmt: skip
    folder.joinpath("lakeferry.yaml").write_text(json.dumps(text))
    return environment


@pytest.mark.parametrize("kind", SERVERS)
def test_a_lake_is_found_alike_on_every_kind_of_store(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server: Server = request.getfixturevalue(SERVERS[kind])
    root = f"{server.place}/{uuid.uuid4().hex}"
    fill(open_store(root, server.options))
    environment = manifest(tmp_path, {f"{kind}-lake": (root, server)})

    lines = json_lines(called("discover", "--json", folder=tmp_path, **environment))

    found = {
        line["table"].removeprefix(f"{kind}-lake."): (line["kind"], line["files"], line["bytes"])
        for line in lines if line["type"] == "found"
    }  # fmt: skip
    sizes = {name: told[2] for name, told in found.items()}
    assert found == {name: (told[0], told[1], sizes[name] if told[2] is None else told[2])
                     for name, told in FOUND.items()}  # fmt: skip
    assert sizes["old.visits"] > 100
    assert lines[-1]["exit"] == 0
    again = called("discover", "--check", folder=tmp_path, **environment)
    assert (again.returncode, "as at the last look" in again.stdout) == (0, True)


def test_a_bucket_that_is_not_there_and_a_server_that_does_not_answer_stop_nobody_else(
    s3_server: Server, tmp_path: Path
) -> None:
    root = f"{s3_server.place}/{uuid.uuid4().hex}"
    fill(open_store(root, s3_server.options))
    deaf = {**s3_server.options, "endpoint": f"http://127.0.0.1:{free_port()}"}
    environment = manifest(
        tmp_path,
        {
            "s3-here": (root, s3_server),
            "s3-no-bucket": ("s3://no-such-bucket-here/lake", s3_server),
        },
    )
    text = json.loads(tmp_path.joinpath("lakeferry.yaml").read_text())
    text["connections"]["deaf"] = {
        "kind": "aws",
        "options": {**text["connections"]["s3"]["options"], "endpoint": deaf["endpoint"]},
    }
    text["sources"]["s3-deaf"] = {"root": root, "connection": "deaf"}
    tmp_path.joinpath("lakeferry.yaml").write_text(json.dumps(text))

    lines = json_lines(called("discover", "--json", folder=tmp_path, **environment))

    told = {line["message"].split()[1]: line["code"] for line in lines if line["type"] == "error"}
    assert told == {"s3-no-bucket": "LF-2101", "s3-deaf": "LF-1003"}
    assert (lines[-1]["exit"], lines[-1]["unread"]) == (1, ["s3-deaf", "s3-no-bucket"])
    assert (lines[-1]["tables"], lines[-1]["in_scope"]) == (4, 3)


def test_a_log_of_many_commits_is_read_from_its_last_checkpoint_on(
    s3_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeferry.fleet.discovery.read_head.LONG", 50)
    monkeypatch.setattr("lakeferry.fleet.discovery.read_head.BACK", 10)
    root = f"{s3_server.place}/{uuid.uuid4().hex}"
    lake = open_store(root, s3_server.options)
    lakes.delta(lake, "long", files=1)
    for version in range(1, 70):
        lakes.commit(lake, "long", version, lakes.add(f"{version}.parquet"))
    checkpoint_head(open_store(f"{root}/long", s3_server.options), 65, now_ms=1)
    environment = manifest(tmp_path, {"s3-lake": (root, s3_server)})

    lines = json_lines(called("discover", "--json", folder=tmp_path, **environment))

    [found] = [line for line in lines if line["type"] == "found"]
    assert (found["head"]["version"], found["files"], found["bytes"]) == (69, 70, 7000)
    assert found["head"]["commits_a_day"] > 15 * 86_400 / 600  # 15 commits of a moment ago


@pytest.mark.parametrize("kind", ["local", "s3"])
def test_a_table_that_is_written_meanwhile_is_told_as_of_one_version(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server: Server | None = None if kind == "local" else request.getfixturevalue("s3_server")
    root = str(tmp_path) if server is None else f"{server.place}/{uuid.uuid4().hex}"
    options = {} if server is None else server.options
    lake = open_store(root, options)
    lakes.delta(lake, "live", files=1)
    part = Part(open_store(f"{root}/live", options), "", Requests())
    seen: set[int] = set()
    over = threading.Event()

    def write() -> None:
        for version in count(1):
            lakes.commit(lake, "live", version, lakes.add(f"{version}.parquet"))
            if version % 25 == 0:
                checkpoint_head(open_store(f"{root}/live", options), version, now_ms=1)
            if over.is_set() or (version >= 400 and len(seen) > 5):
                return

    with ThreadPoolExecutor(1) as hand:
        writing = hand.submit(write)
        try:
            while not writing.done():
                look(part, seen)
        finally:
            over.set()
    writing.result()


def look(part: Part, seen: set[int]) -> None:
    """What a reader is told of a table whose commits bring a file of 100 bytes each."""
    found = read_head(part, now_ms=4_000_000_000_000, window_ms=1)
    assert found is not None
    assert found.head is not None, found.remarks
    version = found.head.version
    assert (found.files, found.bytes) == (version + 1, 100 * version + 100)
    seen.add(version)
