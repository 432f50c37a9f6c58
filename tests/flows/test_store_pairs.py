"""From every kind of store to every other: first all of a table, then only what is new."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import lakeferry
from lakeferry.clone.report import CloneReport
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store
from tests.flows.killing import with_state
from tests.flows.tables import STATE, grow, look, tree
from tests.servers import Server

SERVERS = {"s3": "s3_server", "azure": "azure_server", "gcs": "gcs_server", "hdfs": "hdfs_server"}
MAIN = ("local", "s3", "azure", "hdfs")
PAIRS = [(source, target) for source in MAIN for target in MAIN]
WITH_GCS = [("gcs", "local"), ("local", "gcs"), ("gcs", "gcs"), ("s3", "gcs"), ("gcs", "hdfs")]
MIRRORED = [("local", "local"), ("local", "s3"), ("s3", "azure"), ("azure", "hdfs"),
            ("hdfs", "local"), ("local", "gcs"), ("gcs", "s3")]  # fmt: skip


@dataclass(frozen=True)
class Place:
    """One new empty place in a store of some kind."""

    url: str
    options: Mapping[str, str] = field(default_factory=dict)

    def open(self) -> Store:
        return open_store(self.url, self.options)


MakePlace = Callable[[str], Place]


@pytest.fixture
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> MakePlace:
    def make(kind: str) -> Place:
        name = f"pairs-{uuid.uuid4().hex}"
        if kind == "local":
            return Place(str(tmp_path / name))
        server: Server = request.getfixturevalue(SERVERS[kind])
        return Place(f"{server.place}/{name}", server.options)

    return make


def put_new(root: Path, store: Store) -> None:
    """Bring `store` to the state of the folder `root`: what is there stays, the log comes last."""
    files = [file for file in root.rglob("*") if file.is_file()]
    for file in sorted(files, key=lambda found: ("_delta_log" in found.parts, found.name)):
        name, body = str(file.relative_to(root)), file.read_bytes()
        there = store.head(name)
        if there is None or STATE in name:
            store.write(name, [body], size=len(body))


def clone(source: Place, target: Place, mode: str) -> CloneReport:
    return lakeferry.clone(
        source.url, target.url, mode=mode,
        source_options=source.options, target_options=target.options,
    )  # fmt: skip


def play(new_place: MakePlace, tmp_path: Path, kinds: tuple[str, str], mode: str) -> None:
    """A first clone, then one after the source went on, then one with nothing new."""
    source, target = (new_place(kind) for kind in kinds)
    root = with_state(grow(tmp_path / "table", 1), b"old state")
    put_new(root, source.open())

    first = clone(source, target, mode)

    assert (first.files_copied, first.source_version) == (4, 1)
    assert look(target.open()) == look(root)
    assert target.open().head(f"{STATE}/state") is not None

    with_state(grow(root), b"new state")
    put_new(root, source.open())
    second = clone(source, target, mode)

    assert (second.files_copied, second.source_version) == (3, 3)
    assert look(target.open()) == look(root)
    found = tree(target.open())
    assert found[f"{STATE}/state"] == b"new state"
    data = {path: body for path, body in tree(open_store(str(root))).items()
            if not path.startswith("_delta_log")}  # fmt: skip
    assert {path: found[path] for path in data} == data
    if mode == "mirror":
        for file in (root / "_delta_log").glob("*.json"):
            assert found[f"_delta_log/{file.name}"] == file.read_bytes()

    third = clone(source, target, mode)

    assert third.up_to_date
    assert (third.files_copied, third.commits) == (0, 0)
    assert tree(target.open()).keys() == found.keys()


@pytest.mark.server
@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
def test_a_snapshot_clone_crosses_every_pair(
    new_place: MakePlace, tmp_path: Path, kinds: tuple[str, str]
) -> None:
    play(new_place, tmp_path, kinds, "snapshot")


@pytest.mark.server
@pytest.mark.parametrize("kinds", WITH_GCS, ids="-".join)
def test_a_snapshot_clone_comes_from_gcs_and_goes_there(
    new_place: MakePlace, tmp_path: Path, kinds: tuple[str, str]
) -> None:
    play(new_place, tmp_path, kinds, "snapshot")


@pytest.mark.server
@pytest.mark.parametrize("kinds", MIRRORED, ids="-".join)
def test_a_mirror_crosses_between_all_kinds(
    new_place: MakePlace, tmp_path: Path, kinds: tuple[str, str]
) -> None:
    play(new_place, tmp_path, kinds, "mirror")
