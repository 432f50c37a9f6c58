"""Two writers of one commit at a server of S3 that has no conditional writes."""

import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest

from lakeferry.connect.aws import AwsAccess
from lakeferry.errors import FerryError
from lakeferry.store.commit_lock import Entry
from lakeferry.store.open import open_store
from lakeferry.store.protocol import AlreadyThere, Store, read_all
from tests.servers import Server, dynamodb
from tests.servers.dynamodb import enter, entries

COMMIT = "_delta_log/00000000000000000007.json"
NAME = COMMIT.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Locked:
    """A table's place at a server that lets the second writer overwrite, and its lock."""

    url: str
    options: Mapping[str, str]
    access: AwsAccess

    def open(self) -> Store:
        return open_store(self.url, self.options)

    @property
    def table_path(self) -> str:
        return self.url.replace("s3://", "s3a://")

    def entry(self, name: str = NAME) -> dict[str, str]:
        found = entries(self.access)[(self.table_path, name)]
        return {key: str(next(iter(value.values()))) for key, value in found.items()}


@pytest.fixture
def locked(s3_server: Server, moto_access: AwsAccess) -> Iterator[Locked]:
    with dynamodb.locked(s3_server, moto_access) as server:
        url = f"{server.place}/{uuid.uuid4().hex}/sales/orders"
        yield Locked(url, server.options, moto_access)


def put(store: Store, body: bytes, path: str = COMMIT) -> None:
    store.put_if_absent(path, [body], size_hint=len(body))


def names(store: Store) -> list[str]:
    return sorted(meta.path for meta in store.list(""))


@pytest.mark.server
def test_a_commit_is_entered_as_spark_enters_it_and_the_second_writer_is_refused(
    locked: Locked,
) -> None:
    store = locked.open()

    put(store, b"mine")
    with pytest.raises(AlreadyThere):
        put(locked.open(), b"yours")

    assert read_all(store, COMMIT) == b"mine"
    entry = locked.entry()
    assert entry.keys() == {"tablePath", "fileName", "tempPath", "complete", "expireTime"}
    assert entry["complete"] == "true"
    assert entry["tempPath"].startswith(f".tmp/{NAME}.")
    assert read_all(store, f"_delta_log/{entry['tempPath']}") == b"mine"


@pytest.mark.server
def test_of_writers_that_saw_nothing_there_one_wins_and_the_others_leave_nothing(
    locked: Locked,
) -> None:
    gate, won = threading.Barrier(4), []

    def race(body: bytes) -> None:
        store = locked.open()
        store.head(COMMIT)
        gate.wait()
        try:
            put(store, body)
            won.append(body)
        except AlreadyThere:
            pass

    writers = [threading.Thread(target=race, args=(b"%d" % one,)) for one in range(4)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()

    assert len(won) == 1
    assert read_all(locked.open(), COMMIT) == won[0]
    assert len(names(locked.open())) == 2  # the commit, and its first copy


@pytest.mark.server
def test_a_commit_that_another_decided_and_died_is_finished_and_wins(locked: Locked) -> None:
    store = locked.open()
    store.write(f"_delta_log/.tmp/{NAME}.1", [b"theirs"], size=6)
    enter(locked.access, Entry(locked.table_path, NAME, f".tmp/{NAME}.1"))

    with pytest.raises(AlreadyThere):
        put(store, b"mine")

    assert read_all(store, COMMIT) == b"theirs"
    assert locked.entry()["complete"] == "true"
    assert names(store) == [f"_delta_log/.tmp/{NAME}.1", COMMIT]


@pytest.mark.server
def test_an_entry_of_a_commit_that_is_gone_is_told_and_nothing_is_put_over_it(
    locked: Locked,
) -> None:
    store = locked.open()
    for entry in (
        Entry(locked.table_path, NAME, f".tmp/{NAME}.1", is_complete=True),
        Entry(locked.table_path, NAME, f".tmp/{NAME}.1"),
    ):
        enter(locked.access, entry)
        with pytest.raises(FerryError, match="LF-5010") as caught:
            put(store, b"mine")
        assert locked.table_path in caught.value.where
    assert names(store) == []


@pytest.mark.server
def test_what_is_no_commit_is_kept_apart_and_may_be_put_again_once_it_was_removed(
    locked: Locked,
) -> None:
    store, path = locked.open(), "_delta_log/_lakeferry/probe"

    put(store, b"first", path)
    with pytest.raises(AlreadyThere):
        put(store, b"again", path)
    store.delete(path)
    put(store, b"anew", path)

    assert names(store) == [path]
    assert read_all(store, path) == b"anew"
    (key,) = entries(locked.access)  # none that Spark takes for the newest commit of the table
    assert key == (f"lakeferry:{locked.table_path}/_delta_log/_lakeferry", "probe")


@pytest.mark.server
def test_a_long_commit_goes_by_the_lock_as_well(
    locked: Locked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeferry.store.commit_lock.IN_MEMORY", 1 << 20)
    chunks = [bytes([one]) * (1 << 20) for one in range(10)]

    locked.open().put_if_absent(COMMIT, chunks, size_hint=1)

    assert read_all(locked.open(), COMMIT) == b"".join(chunks)


@pytest.mark.server
def test_a_table_that_is_not_there_is_told_with_how_it_is_made(locked: Locked) -> None:
    other = replace(
        locked,
        options={**locked.options, "commit_lock": f"dynamodb://others?region=us-east-1&endpoint="
                 f"{locked.access.endpoint}"},
    )  # fmt: skip

    with pytest.raises(FerryError, match="LF-5010") as caught:
        put(other.open(), b"mine")

    assert "aws dynamodb create-table --region us-east-1 --table-name others" in (
        caught.value.next_step
    )
    assert COMMIT not in names(locked.open())


@pytest.mark.server
def test_a_lock_that_does_not_answer_is_a_store_that_does_not(
    locked: Locked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    away = "dynamodb://delta_log?region=us-east-1&endpoint=http://127.0.0.1:1"
    other = replace(locked, options={**locked.options, "commit_lock": away})

    with pytest.raises(FerryError, match="LF-1003"):
        put(other.open(), b"mine")


@pytest.mark.parametrize(
    "text",
    ["dynamodb:locks", "dynamodb://", "s3://locks", "dynamodb://a", "dynamodb://locks/x",
     "dynamodb://locks?zone=b"],
)  # fmt: skip
def test_what_is_no_address_of_a_lock_is_refused(text: str) -> None:
    with pytest.raises(FerryError, match="LF-2001"):
        open_store("s3://lake/t", {"commit_lock": text})
