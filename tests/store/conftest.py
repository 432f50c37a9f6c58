"""Stores of every kind, each in a folder of its own."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lakeferry.store.open import memory_store, open_store
from lakeferry.store.protocol import Store
from tests.servers import Server

SERVERS = {"s3": "s3_server", "azure": "azure_server", "gcs": "gcs_server", "hdfs": "hdfs_server"}
KINDS = ["local", "memory", *(pytest.param(kind, marks=pytest.mark.server) for kind in SERVERS)]
ONLINE = [pytest.param(kind, marks=pytest.mark.server) for kind in SERVERS]
LARGE = 6 << 20  # bytes; commits over this go in parts here, so that tests stay small


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store of one kind can be opened again and again."""

    kind: str
    url: str
    options: Mapping[str, str] = field(default_factory=dict)

    def open(self, below: str = "") -> Store:
        return open_store(self.url + below, self.options)


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """By indirect parameter: the kind. A new empty folder."""
    kind: str = request.param
    if kind == "local":
        return Place(kind, str(tmp_path / "store"))
    server: Server = request.getfixturevalue(SERVERS[kind])
    large = {} if kind == "hdfs" else {"large_commit_bytes": str(LARGE)}
    return Place(kind, f"{server.place}/{uuid.uuid4().hex}", {**server.options, **large})


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """By indirect parameter: the kind. A new empty store."""
    kind: str = request.param
    if kind == "memory":
        return memory_store()
    if kind == "local":
        return open_store(str(tmp_path / "store"))
    server: Server = request.getfixturevalue(SERVERS[kind])
    large = {} if kind == "hdfs" else {"large_commit_bytes": str(LARGE)}
    return open_store(f"{server.place}/{uuid.uuid4().hex}", {**server.options, **large})
