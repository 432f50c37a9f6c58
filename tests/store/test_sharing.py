"""Stores of one bucket that go by one client, while a scope says so."""

from collections.abc import Callable

import pytest

from lakeferry.store import sharing
from lakeferry.store.open import open_store
from lakeferry.store.protocol import read_all
from lakeferry.store.sharing import shared, shared_clients
from tests.servers import Server


def making() -> tuple[list[object], Callable[[], object]]:
    made: list[object] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    return made, make


def test_outside_of_a_scope_each_store_has_its_own() -> None:
    made, make = making()

    assert shared("bucket", make)() is not shared("bucket", make)()
    assert len(made) == 2


def test_within_a_scope_equal_keys_have_one_and_others_another() -> None:
    _, make = making()
    with shared_clients(), shared_clients():
        one, same, other = (shared(key, make)() for key in ("bucket", "bucket", "other"))

    assert one is same
    assert one is not other
    with shared_clients():
        assert shared("bucket", make)() is not one


def test_a_client_is_made_anew_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    _, make = making()
    with shared_clients():
        one = shared("bucket", make)()
        monkeypatch.setattr(sharing, "FRESH_S", -1.0)

        assert shared("bucket", make)() is not one


@pytest.mark.server
def test_two_tables_of_a_bucket_go_by_one_client(s3_server: Server) -> None:
    with shared_clients():
        one, two = (
            open_store(f"{s3_server.place}/shared/{name}", s3_server.options)
            for name in ("one", "two")
        )
        one.write("a", [b"1"], size=1)
        two.write("a", [b"22"], size=2)

        assert one._ready is two._ready  # type: ignore[attr-defined]
        assert (read_all(one, "a"), read_all(two, "a")) == (b"1", b"22")
