"""A state is put once under its name, and found by the `txn` that names it."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from lakeferry.delta.actions import DomainMetadata, Txn
from lakeferry.delta.txn_files import file_of
from lakeferry.errors import FerryError
from lakeferry.ingest.position.state import (
    IngestState,
    advanced,
    app_id,
    domain,
    txn_version,
)
from lakeferry.ingest.position.text import state_json, state_text
from lakeferry.ingest.table.state_store import Found, find_state, put_state
from lakeferry.ingest.table.target import Lost, Target
from lakeferry.store.open import memory_store
from lakeferry.store.protocol import AlreadyThere, read_all
from tests.ingest.batches import NAME, first, moved, numbers_in, opened, put, settings, span

ONE = replace(first(), epoch=1)
VERSION = txn_version(1, 7)


def txns(version: int) -> dict[str, Txn]:
    return {app_id(NAME): Txn(app_id(NAME), version)}


def test_a_state_is_found_by_the_txn_that_names_it() -> None:
    store = memory_store()
    put_state(store, NAME, VERSION, ONE)
    put_state(store, NAME, txn_version(1, 8), replace(ONE, gaps=()))

    assert find_state(store, txns(VERSION), {}, NAME) == Found(ONE, "sidecar", VERSION)


def test_an_ingest_goes_on_from_positions_in_the_form_that_was_the_first(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    before = moved(put(opened(where), 1, 2))
    file = tmp_path / "t" / file_of(NAME, before.states[-1])
    assert before.state is not None
    file.write_bytes(orjson.dumps(state_json(before.state)))

    again = opened(where)
    put(again, 3)

    assert again.state == before.state
    assert numbers_in(where) == [1, 2, 3]


def test_a_domain_of_the_same_epoch_goes_before_a_file() -> None:
    kept = DomainMetadata(domain(NAME), state_text(ONE))

    found = find_state(memory_store(), txns(VERSION), {kept.domain: kept}, NAME)

    assert found == Found(ONE, "domain", VERSION)


def test_a_domain_that_the_txn_has_left_behind_does_not_count() -> None:
    store, two = memory_store(), replace(ONE, epoch=2)
    put_state(store, NAME, txn_version(2, 7), two)
    kept = DomainMetadata(domain(NAME), state_text(ONE))

    found = find_state(store, txns(txn_version(2, 7)), {kept.domain: kept}, NAME)

    assert found == Found(two, "sidecar", txn_version(2, 7))


def test_a_state_of_another_epoch_than_its_name_is_damage() -> None:
    store = memory_store()
    put_state(store, NAME, txn_version(5, 7), ONE)

    with pytest.raises(FerryError, match="epoch 5 holds epoch 1") as caught:
        find_state(store, txns(txn_version(5, 7)), {}, NAME)

    assert caught.value.code == "LF-7002"


def test_a_name_that_is_taken_is_told_and_what_lies_there_stays() -> None:
    store = memory_store()

    assert put_state(store, NAME, VERSION, ONE)
    assert not put_state(store, NAME, VERSION, ONE)
    assert not put_state(store, NAME, VERSION, replace(ONE, epoch=2))
    assert read_all(store, file_of(NAME, VERSION)) == state_text(ONE).encode()


def test_of_two_that_draw_one_number_the_loser_leaves_the_winner_its_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = settings(tmp_path / "t", offsets="sidecar")
    one, other = opened(where), opened(where)
    drawn = iter([7, 7, 8])
    monkeypatch.setattr("secrets.randbits", lambda _: next(drawn))

    moved(put(one, 1))
    assert isinstance(put(other, 1), Lost)

    assert opened(where).state == advanced_by_one(one)


def advanced_by_one(target: Target) -> IngestState:
    assert target.state is not None
    return advanced(target.state, (span(target, [1]),))


class Old:
    """A store that has no put-if-absent; all else is the real one."""

    def __init__(self, store: object) -> None:
        self._store = store

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def put_if_absent(self, path: str, chunks: Iterable[bytes], *, size_hint: int) -> None:
        del chunks, size_hint
        raise AlreadyThere(path)


def test_a_lone_writer_needs_no_put_if_absent(tmp_path: Path) -> None:
    where = settings(tmp_path / "t", single_writer=True)
    target = opened(where)
    old: object = Old(target.store)

    moved(put(replace(target, store=old), 1))  # type: ignore[arg-type]  # stands for a Store

    assert numbers_in(where) == [1]
