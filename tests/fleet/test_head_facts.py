"""What the head of a log says of a table."""

from pathlib import Path

import pytest

from lakeferry.delta.log import list_log
from lakeferry.fleet.discovery.head_facts import commits_a_day
from lakeferry.fleet.discovery.read_head import ReadHead, read_head
from lakeferry.fleet.discovery.sums import worth_knowing
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store
from tests.corpora import SPARK, required

DAY_MS = 86_400_000
NOW_MS = 1_800_000_000_000


def days_ago(*days: float) -> list[int]:
    return [NOW_MS - round(day * DAY_MS) for day in days]


def rate(times_ms: list[int], *, is_whole: bool = True) -> float | None:
    return commits_a_day(times_ms, is_whole=is_whole, now_ms=NOW_MS, window_ms=7 * DAY_MS)


def test_commits_a_day_are_those_of_the_window() -> None:
    assert rate(days_ago(30, 20, 6, 5, 4, 3, 2, 1, 0.5)) == 1.0


def test_a_table_younger_than_the_window_is_asked_for_its_age_but_at_least_a_day() -> None:
    assert rate(days_ago(2, 1)) == 1.0
    assert rate(days_ago(0.001)) == 1.0


def test_of_a_log_of_which_only_the_end_is_known_that_end_counts() -> None:
    assert rate(days_ago(0.5, 0.4, 0.3), is_whole=False) == 6.0


def test_a_table_that_nobody_writes_has_no_commits_a_day_and_one_without_times_is_not_known() -> (
    None
):
    assert rate(days_ago(30, 20)) == 0.0
    assert rate([]) is None


# ---- tables of Spark


TABLES = sorted(path.parent for path in SPARK.glob("*/**/_delta_log")) or [SPARK / "none"]


class WithoutChecksums:
    """A store that has no `.crc` file."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def list(self, prefix: str, **how: object) -> object:
        found = self._store.list(prefix, **how)  # type: ignore[arg-type]
        return (meta for meta in found if not meta.path.endswith(".crc"))


def read(store: object) -> ReadHead:
    found = read_head(store, now_ms=NOW_MS, window_ms=7 * DAY_MS)  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.parent.name)
def test_a_checksum_and_the_whole_log_tell_the_same_of_every_table_of_spark(path: Path) -> None:
    required(path)
    store = open_store(str(path))

    quick, slow = read(store), read(WithoutChecksums(store))

    assert quick.head is not None
    assert slow.head is not None
    assert slow.head.counted_by == "log"
    assert (quick.files, quick.bytes, quick.remarks) == (slow.files, slow.bytes, slow.remarks)
    same = ("id", "version", "features", "schema_sha256", "partition_columns", "streams",
            "retention_s", "is_clustered", "has_change_feed")  # fmt: skip
    assert [getattr(quick.head, name) for name in same] == [
        getattr(slow.head, name) for name in same
    ]
    assert quick.head.version == max(list_log(store).commits)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("deletion-vectors", "DV"),
        ("change-data-feed", "CDF"),
        ("column-mapping-name", "column mapping"),
        ("clustering", "liquid"),
    ],
)
def test_what_is_worth_knowing_of_a_table_is_told_in_a_word(name: str, word: str) -> None:
    found = read(open_store(str(required(SPARK / name / "table"))))

    assert found.head is not None
    assert word in worth_knowing(found.head)
