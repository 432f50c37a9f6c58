"""The checkpoint of a streaming query, carried to another place."""

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from lakeferry.errors import FerryError
from lakeferry.fleet.cutover.stream_state import carry, read_position
from lakeferry.store.open import memory_store
from lakeferry.store.protocol import ObjectMeta, Store
from tests.fleet import lakes


class GoesOn:
    """A checkpoint whose query goes on: what was listed a moment ago is purged."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def list(self, prefix: str, **how: Any) -> Iterator[ObjectMeta]:
        found = list(self._store.list(prefix, **how))
        if not prefix:
            self._store.delete("offsets/0")
        return iter(found)


class Slow:
    """A store whose writes take a while, as over a network."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self.at_once = self.most = 0
        self.lacked: list[str] = []  # when `metadata` came

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write(self, path: str, chunks: Iterable[bytes], **how: Any) -> ObjectMeta:
        if path == "metadata":
            there = {meta.path for meta in self._store.list("")}
            self.lacked = [f"offsets/{n}" for n in range(60) if f"offsets/{n}" not in there]
        with self._lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        time.sleep(0.01)
        found = self._store.write(path, chunks, **how)
        with self._lock:
            self.at_once -= 1
        return found


@pytest.fixture
def checkpoint() -> Store:
    found = memory_store()
    lakes.put(found, "metadata", '{"id":"3f1c"}')
    for batch in (0, 1):
        lakes.put(found, f"offsets/{batch}", "v1\n{}\n7")
        lakes.put(found, f"commits/{batch}", "v1\n{}")
    return found


def test_a_checkpoint_is_carried_whole(checkpoint: Store) -> None:
    target = memory_store()

    assert carry(checkpoint, target) == 5
    there = read_position(target)
    assert there is not None
    assert (there.query_id, there.last_batch, there.last_commit) == ("3f1c", 1, 1)


def test_its_files_are_carried_side_by_side_and_what_makes_it_one_last() -> None:
    source, target = memory_store(), Slow(memory_store())
    lakes.put(source, "metadata", '{"id":"3f1c"}')
    for batch in range(60):
        lakes.put(source, f"offsets/{batch}", "v1\n{}\n7")

    assert carry(source, target) == 61
    assert target.most > 4
    assert target.lacked == []
    assert {meta.path for meta in target.list("")} == {meta.path for meta in source.list("")}


def test_a_file_whose_number_is_no_long_is_no_batch(checkpoint: Store) -> None:
    lakes.put(checkpoint, f"offsets/{'9' * 30}", "v1")

    found = read_position(checkpoint)

    assert found is not None
    assert found.last_batch == 1


def test_a_query_that_purges_what_is_carried_goes_on(checkpoint: Store) -> None:
    with pytest.raises(FerryError, match="a stream went on") as refused:
        carry(GoesOn(checkpoint), memory_store())

    assert refused.value.code == "LF-8075"
