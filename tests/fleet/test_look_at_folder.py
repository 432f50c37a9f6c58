"""What one folder of a lake is, and what is told of it."""

import json
from typing import Any

import pytest

from lakeferry.delta.checkpoint_head import checkpoint_head
from lakeferry.fleet.discovery.look_at_folder import Clock, Look, look_at
from lakeferry.store.open import memory_store
from lakeferry.store.part import Part, Requests
from lakeferry.store.protocol import Store
from tests.fleet import lakes

DAY_MS = 86_400_000
META = {"metadata": lakes.metadata("id of t")["metaData"]}
FAR_MS = 4_000_000_000_000  # a time after all commits of a test


@pytest.fixture
def store() -> Store:
    return memory_store()


def looked(store: Store, path: str = "", *, wanted: bool = True) -> Look:
    part = Part(store, path, Requests())
    return look_at(part, is_wanted=lambda _: wanted, clock=Clock(FAR_MS, 7 * DAY_MS))


def test_a_folder_with_a_log_is_a_delta_table_and_its_log_alone_says_how_much_it_is(
    store: Store,
) -> None:
    lakes.delta(store, "orders", files=3, size=50)
    lakes.put(store, "orders/not-in-the-log.parquet")

    look = looked(store, "orders")

    assert (look.kind, look.files, look.bytes, look.folders) == ("delta", 3, 150, ())
    assert look.head is not None
    assert (look.head.id, look.head.version, look.head.counted_by) == ("id of orders", 0, "log")


def test_what_lies_below_a_table_is_not_looked_at(store: Store) -> None:
    lakes.delta(store, "orders")
    lakes.delta(store, "orders/within")

    assert looked(store, "orders").folders == ()


def test_a_checksum_of_the_newest_version_says_it_all_without_the_commits(store: Store) -> None:
    lakes.put(store, "t/_delta_log/00000000000000000041.json", "not read")
    body = {
        "tableSizeBytes": 700, "numFiles": 7, **lakes.protocol(1, 4),
        "metadata": lakes.metadata("abc")["metaData"],
        "setTransactions": [{"appId": "q", "version": 9}], "domainMetadata": [],
    }  # fmt: skip
    lakes.put(store, "t/_delta_log/00000000000000000041.checkpoint.parquet", "not read")
    lakes.put(store, "t/_delta_log/00000000000000000041.crc", json.dumps(body))

    look = looked(store, "t")

    assert (look.files, look.bytes) == (7, 700)
    assert look.head is not None
    assert (look.head.version, look.head.counted_by) == (41, "checksum")
    assert look.head.streams is not None
    assert [(one.app_id, one.version) for one in look.head.streams] == [("q", 9)]


def test_where_a_checksum_does_not_say_who_writes_the_table_its_log_is_asked(
    store: Store,
) -> None:
    lakes.delta(store, "t", {"txn": {"appId": "q", "version": 3}}, files=2)
    body = {"tableSizeBytes": 200, "numFiles": 2, **lakes.protocol(), **META}
    lakes.put(store, f"t/_delta_log/{0:020}.crc", json.dumps(body))

    head = looked(store, "t").head

    assert head is not None
    assert head.streams is not None
    assert ([one.app_id for one in head.streams], head.counted_by) == (["q"], "log")


@pytest.mark.parametrize("body", ["", "{}", '{"numFiles":1}', "[]", '{"metadata":3}'])
def test_a_checksum_that_says_too_little_is_as_none(store: Store, body: str) -> None:
    lakes.delta(store, "t", files=2)
    lakes.put(store, "t/_delta_log/00000000000000000000.crc", body)

    look = looked(store, "t")

    assert look.files == 2
    assert look.head is not None
    assert look.head.counted_by == "log"


def test_a_table_with_an_unknown_reader_feature_is_told_with_its_code_and_not_counted(
    store: Store,
) -> None:
    future = lakes.protocol(3, 7, readerFeatures=["future"], writerFeatures=["future"])
    lakes.delta(store, "t", of=future)

    look = looked(store, "t")

    assert [(one.code, one.blocks) for one in look.remarks] == [("LF-3001", True)]
    assert (look.files, look.bytes) == (None, None)
    assert look.head is not None
    assert (look.head.id, look.head.features, look.head.counted_by) == (
        "id of t", ("future",), "nothing",
    )  # fmt: skip


MANAGED = lakes.protocol(
    3, 7, readerFeatures=["catalogManaged"], writerFeatures=["catalogManaged", "inCommitTimestamp"]
)


def test_a_catalog_managed_table_may_be_moved_when_its_catalog_keeps_no_commit_back(
    store: Store,
) -> None:
    lakes.delta(store, "t", of=MANAGED)
    lakes.put(store, f"t/_delta_log/_staged_commits/{0:020d}.ab.json")  # published since

    assert [(one.code, one.blocks) for one in looked(store, "t").remarks] == [("LF-8051", False)]


def test_a_catalog_managed_table_with_unpublished_commits_is_blocked(store: Store) -> None:
    lakes.delta(store, "t", of=MANAGED)
    for version in (1, 2):
        lakes.put(store, f"t/_delta_log/_staged_commits/{version:020d}.ab.json")

    [remark] = looked(store, "t").remarks

    assert (remark.code, remark.blocks) == ("LF-8051", True)
    assert remark.what.startswith("2 of its commits")


def test_a_log_that_cannot_be_read_is_a_table_with_the_reason(store: Store) -> None:
    lakes.commit(store, "t", 0, lakes.protocol(), lakes.metadata("a"))
    lakes.commit(store, "t", 2, lakes.add("x"))

    look = looked(store, "t")

    assert (look.kind, look.head) == ("delta", None)
    assert [one.code for one in look.remarks] == ["LF-3102"]


@pytest.mark.parametrize(
    "config", [{"delta.enableChangeDataFeed": True}, {"delta.logRetentionDuration": 5}]
)
def test_properties_that_are_no_texts_are_a_damaged_log(
    store: Store, config: dict[str, str]
) -> None:
    lakes.delta(store, "t", config=config)

    assert [one.code for one in looked(store, "t").remarks] == ["LF-3105"]


def test_numbers_that_no_ledger_could_hold_are_a_damaged_log(store: Store) -> None:
    lakes.delta(store, "t", size=1 << 63)

    assert [one.code for one in looked(store, "t").remarks] == ["LF-3105"]


@pytest.mark.parametrize("body", ["[]", "{", '{"snapshots":3}', '{"current-snapshot-id":1}', "7"])
def test_iceberg_metadata_that_says_too_little_is_still_an_iceberg_table(
    store: Store, body: str
) -> None:
    lakes.put(store, "t/metadata/v1.metadata.json", body)

    look = looked(store, "t")

    assert (look.kind, look.files) == ("iceberg", None)


@pytest.mark.parametrize("body", ["", "[]", "{}", "no JSON"])
def test_a_checkpoint_of_which_little_can_be_read_is_still_a_checkpoint(
    store: Store, body: str
) -> None:
    lakes.put(store, "c/metadata", body or " ")
    lakes.put(store, "c/offsets/3", body or " ")

    look = looked(store, "c")

    assert look.kind == "checkpoint"
    assert look.query is not None
    assert (look.query.query_id, look.query.last_batch, look.query.reads) == ("", 3, ())


def test_a_log_that_was_cleaned_while_it_was_read_is_listed_again(store: Store) -> None:
    lakes.delta(store, "t", files=2)
    for version in range(1, 4):
        lakes.commit(store, "t", version, lakes.add(f"{version}"))
    checkpoint_head(Part(store, "t", Requests()), 2, now_ms=1)
    gone = f"t/_delta_log/{1:020}.json"
    cleaned = CleanedAmid(store, gone)

    look = looked(cleaned, "t")

    assert (look.files, look.remarks) == (5, ())
    assert store.head(gone) is None


class CleanedAmid:
    """A store whose log loses its checkpoint's past after the first listing.

    The checkpoint is not in that listing: it was written a moment later.
    """

    def __init__(self, store: Store, gone: str) -> None:
        self._store = store
        self._gone = gone
        self._listed = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def list(self, prefix: str, **how: Any) -> Any:
        self._listed += 1
        found = list(self._store.list(prefix, **how))
        if self._listed == 1:
            found = [meta for meta in found if "checkpoint" not in meta.path]
            self._store.delete(self._gone)
        return iter(found)


def test_a_table_that_was_left_out_is_told_to_be_there_and_not_read(store: Store) -> None:
    lakes.put(store, "t/_delta_log/00000000000000000000.json", "no JSON at all")

    assert looked(store, "t", wanted=False) == Look("delta")


def test_copy_into_streams_and_retention_are_told(store: Store) -> None:
    txn = {"txn": {"appId": "query", "version": 12, "lastUpdated": 5}}
    kept = {"delta.deletedFileRetentionDuration": "interval 1 day"}
    lakes.delta(store, "t", txn, config=kept)
    lakes.put(store, "t/_delta_log/_copy_into_log/snapshots/1")

    head = looked(store, "t").head

    assert head is not None
    assert (head.copy_into_files, head.retention_s, head.streams_in_all) == (1, 86_400, 1)


# ---- no Delta


def test_a_folder_of_parquet_files_is_a_parquet_table(store: Store) -> None:
    size = lakes.parquet(store, "t/a.snappy.parquet") + lakes.parquet(store, "t/b.parquet")
    lakes.put(store, "t/_SUCCESS")

    look = looked(store, "t")

    assert (look.kind, look.files, look.bytes) == ("parquet", 2, size)


def test_folders_of_partitions_are_one_table_with_their_names_as_columns(store: Store) -> None:
    size = lakes.parquet(store, "t/day=1/hour=2/a.parquet")
    size += lakes.parquet(store, "t/day=1/hour=3/b.parquet")
    lakes.parquet(store, "t/day=1/_temporary/c.parquet")

    look = looked(store, "t")

    assert (look.kind, look.files, look.bytes) == ("parquet", 2, size)
    assert (look.partition_columns, look.folders) == (("day", "hour"), ())


def test_files_without_an_ending_are_told_by_their_first_bytes(store: Store) -> None:
    lakes.parquet(store, "hive/000000_0")
    lakes.parquet(store, "parted/day=1/000000_0")
    lakes.put(store, "orc/000000_0", b"ORC....")

    assert (looked(store, "hive").kind, looked(store, "parted").kind) == ("parquet", "parquet")
    look = looked(store, "orc")
    assert (look.kind, look.plain and dict(look.plain.formats)) == (None, {"orc": 1})


def test_delta_tables_below_folders_that_look_like_partitions_are_looked_for(store: Store) -> None:
    lakes.delta(store, "by/region=eu/orders")
    lakes.delta(store, "by/region=us/orders")

    look = looked(store, "by")

    assert (look.kind, sorted(look.folders)) == (None, ["region=eu", "region=us"])


def test_a_delta_table_below_such_a_folder_is_looked_for_also_where_the_folder_is_left_out(
    store: Store,
) -> None:
    lakes.delta(store, "by/Tenant=a")
    lakes.parquet(store, "by/Tenant=a/Day=1/0.parquet")  # listed before the log

    look = looked(store, "by", wanted=False)

    assert (look.kind, look.folders) == (None, ("Tenant=a",))


def test_an_iceberg_table_is_told_with_what_moves_it(store: Store) -> None:
    lakes.iceberg(store, "t")

    look = looked(store, "t")

    assert (look.kind, look.files, look.bytes, look.folders) == ("iceberg", 3, 300, ())
    assert [one.code for one in look.remarks] == ["LF-8052"]


def test_a_delta_table_that_iceberg_can_read_too_is_a_delta_table(store: Store) -> None:
    lakes.delta(store, "t")
    lakes.iceberg(store, "t")

    assert looked(store, "t").kind == "delta"


def test_a_checkpoint_of_a_stream_says_whose_it_is_and_how_far(store: Store) -> None:
    lakes.checkpoint(store, "c", query="7a6f", reads="id of orders")
    lakes.put(store, "c/sources/0/rocksdb/1.zip")

    look = looked(store, "c")

    assert (look.kind, look.folders) == ("checkpoint", ())
    assert look.query is not None
    query = look.query
    assert (query.query_id, query.last_batch, query.last_commit) == ("7a6f", 2, 1)
    assert (query.reads, query.is_auto_loader) == (("id of orders",), True)


def test_a_folder_named_offsets_alone_makes_no_checkpoint(store: Store) -> None:
    lakes.put(store, "c/offsets/1")
    lakes.put(store, "c/metadata/a.txt")

    assert (looked(store, "c").kind, sorted(looked(store, "c").folders)) == (
        None, ["metadata", "offsets"],
    )  # fmt: skip


def test_other_files_are_counted_by_their_endings_and_folders_are_looked_into(
    store: Store,
) -> None:
    lakes.put(store, "land/a.json.gz", "12345")
    lakes.put(store, "land/deeper/b.csv")
    lakes.put(store, "land/.hidden/c.csv")

    look = looked(store, "land")

    assert (look.kind, look.folders) == (None, ("deeper",))
    assert look.plain is not None
    assert (look.plain.files, look.plain.bytes, dict(look.plain.formats)) == (1, 5, {"json": 1})


def test_a_place_where_nothing_lies_is_told_from_one_that_holds_no_table(store: Store) -> None:
    lakes.put(store, "there/.hidden/a")

    assert (looked(store, "there").is_there, looked(store, "nowhere").is_there) == (True, False)
