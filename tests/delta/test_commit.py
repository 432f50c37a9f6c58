"""One version, one commit: who won is told from what lies there."""

from collections.abc import Iterable

import pytest

from lakeferry.delta.commit import VersionTaken, prove_put_if_absent, publish
from lakeferry.errors import FerryError
from lakeferry.store.open import memory_store
from lakeferry.store.protocol import AlreadyThere, Store, read_all

PATH = "_delta_log/00000000000000000003.json"


def body(token: str) -> list[bytes]:
    return [b'{"commitInfo":{"txnId":"' + token.encode() + b'"}}\n', b'{"add":{}}\n']


class Strange:
    """A store whose put-if-absent does what a test asks for; all else is the real one."""

    def __init__(self, store: Store, answer: str) -> None:
        self._store = store
        self._answer = answer
        self.tries = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def put_if_absent(self, path: str, chunks: Iterable[bytes], *, size_hint: int) -> None:
        self.tries += 1
        if self._answer == "never arrives" and self.tries == 1:
            raise FerryError("LF-1003", "no answer", path, "again")
        if self._answer == "overwrites":
            whole = b"".join(chunks)
            self._store.write(path, [whole], size=len(whole))
            return
        self._store.put_if_absent(path, chunks, size_hint=size_hint)
        if self._answer == "answer lost" and self.tries == 1:
            raise FerryError("LF-1003", "no answer", path, "again")
        if self._answer == "says exists":
            raise AlreadyThere(path)


def put(store: object, token: str, *, single_writer: bool = False) -> None:
    publish(
        store,  # type: ignore[arg-type]  # stands for a Store
        3,
        lambda: body(token),
        txn_id=token,
        size_hint=100,
        single_writer=single_writer,
    )


def test_the_commit_is_there_as_it_was_made() -> None:
    store = memory_store()

    put(store, "mine")

    assert read_all(store, PATH) == b"".join(body("mine"))


def test_another_writers_version_is_taken() -> None:
    store = memory_store()
    put(store, "theirs")

    with pytest.raises(VersionTaken):
        put(store, "mine")

    assert read_all(store, PATH) == b"".join(body("theirs"))


@pytest.mark.parametrize("answer", ["says exists", "answer lost", "never arrives"])
def test_an_unclear_answer_is_settled_by_the_token(answer: str) -> None:
    store = memory_store()

    put(Strange(store, answer), "mine")

    assert read_all(store, PATH) == b"".join(body("mine"))


@pytest.mark.parametrize("answer", ["says exists", "answer lost", "never arrives"])
def test_an_unclear_answer_after_a_lost_race_is_a_lost_race(answer: str) -> None:
    store = memory_store()
    put(store, "theirs")

    with pytest.raises(VersionTaken):
        put(Strange(store, answer), "mine")


def test_a_store_that_lets_the_second_writer_win_is_refused() -> None:
    store = memory_store()

    with pytest.raises(FerryError) as refused:
        prove_put_if_absent(Strange(store, "overwrites"))  # type: ignore[arg-type]

    assert refused.value.code == "LF-5004"
    prove_put_if_absent(memory_store())


def test_a_single_writer_still_refuses_a_version_that_is_there() -> None:
    store = memory_store()
    put(store, "theirs", single_writer=True)

    with pytest.raises(VersionTaken):
        put(store, "mine", single_writer=True)
