"""Requests to an account are counted where they leave, whoever makes them."""

import pytest

from lakeferry.store.names import NameRules
from lakeferry.store.objects import ObjectStore
from lakeferry.store.open import account_of, locate, open_store
from lakeferry.store.pacing import pace_of, paced_accounts, unpaced
from lakeferry.store.ranges import RANGE
from tests.servers import Server


def paced() -> tuple[ObjectStore, list[float]]:
    from obstore.store import MemoryStore

    asked: list[float] = []
    rules = NameRules("memory")
    return ObjectStore("memory://", MemoryStore, prefix="", rules=rules, pace=asked.append), asked


def test_a_listing_takes_one_request_for_each_page_of_a_thousand() -> None:
    store, asked = paced()
    for number in range(1500):
        store.write(f"log/{number:05}", [b"x"], size=1)
    asked.clear()

    assert len(list(store.list("log"))) == 1500
    assert sum(asked) == 2


def test_logs_that_are_read_commits_that_are_put_and_looks_take_one_each() -> None:
    store, asked = paced()

    store.put_if_absent("_delta_log/0.json", [b"{}"], size_hint=2)
    store.head("_delta_log/0.json")
    assert b"".join(store.read("_delta_log/0.json")) == b"{}"

    assert asked == [1, 1, 1]


def test_a_large_file_takes_one_for_each_range_and_each_part() -> None:
    store, asked = paced()
    size = 2 * RANGE + 1
    store.write("large", [bytes(RANGE), bytes(RANGE), b"x"], size=size)
    written = sum(asked)
    asked.clear()

    assert sum(map(len, store.read("large"))) == size
    assert (written, sum(asked)) == (2 + 1 + 1, 3)  # and a look whether the parts are joined


def test_buckets_and_accounts_are_told_apart() -> None:
    keys = [account_of(locate(url)) for url in (
        "s3://one/a", "s3://one/b", "s3://two/a",
        "abfss://x@acc.dfs.core.windows.net/a", "abfss://y@acc.dfs.core.windows.net/b",
        "hdfs://dc1/a", "hdfs://dc1/b", "hdfs://dc2/a",
    )]  # fmt: skip

    assert keys[0] == keys[1] != keys[2]
    assert keys[3] == keys[4]
    assert keys[5] == keys[6] != keys[7]


@pytest.mark.server
def test_a_store_that_is_opened_where_accounts_are_paced_keeps_to_the_pace_of_its_own(
    s3_server: Server,
) -> None:
    asked: list[str] = []
    with paced_accounts(lambda account: lambda _: asked.append(account)):
        store = open_store(f"{s3_server.place}/paced", s3_server.options)
    assert asked == []  # nothing is asked before it is used

    list(store.list(""))

    assert asked == [account_of(locate(s3_server.place, s3_server.options))]
    assert pace_of("any") is unpaced


@pytest.mark.server
def test_calls_of_a_namenode_are_counted(hdfs_server: Server) -> None:
    asked: list[float] = []
    with paced_accounts(lambda _: asked.append):
        store = open_store(f"{hdfs_server.place}/paced", hdfs_server.options)

    store.write("a", [b"x"], size=1)

    assert asked == [1, 1, 1]  # made, looked at, renamed
