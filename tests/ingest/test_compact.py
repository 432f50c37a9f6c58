"""Which files are joined: small old ones of an ingest, neighbours in time, never one twice."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.delta.actions import FILE_SCHEMA, Protocol
from lakeferry.ingest.upkeep.compact import COLUMNS, Join, Sizes, plan_joins, why_not

SIZES = Sizes(least=100, most=400, files=5)
VECTOR = {"storageType": "u", "pathOrInlineDv": "x", "offset": 1, "sizeInBytes": 1}


def name(number: int) -> str:
    return f"part-clicks-{number:05}-{UUID(int=number)}.zstd.parquet"


def file(number: int, size: int, *, day: str | None = "1", **more: Any) -> Mapping[str, Any]:
    """A file that was written at minute `number`."""
    return {
        "path": f"day={day}/{name(number)}",
        "partitionValues": [("day", day)],
        "size": size,
        "modificationTime": number * 60_000,
        **more,
    }


def planned(
    *files: Mapping[str, Any], older_than_minutes: int = 1_000, sizes: Sizes = SIZES
) -> tuple[Join, ...]:
    batch = pa.RecordBatch.from_pylist(list(files), schema=FILE_SCHEMA).select(COLUMNS)
    return plan_joins([batch], older_than_ms=older_than_minutes * 60_000, sizes=sizes)


def numbers(joins: Sequence[Join]) -> list[list[int]]:
    return [[one.modified_ms // 60_000 for one in join.files] for join in joins]


def test_neighbours_are_joined_up_to_the_largest_size() -> None:
    assert numbers(planned(*(file(number, 90) for number in range(9)))) == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
    ]


def test_each_partition_has_joins_of_its_own() -> None:
    joins = planned(file(1, 60), file(2, 60, day=None), file(3, 60), file(4, 60, day=None))

    assert [dict(join.partition) for join in joins] == [{"day": "1"}, {"day": None}]
    assert numbers(joins) == [[1, 3], [2, 4]]
    assert joins[0].bytes == 120


def test_few_small_files_wait_for_more() -> None:
    assert planned(file(1, 40), file(2, 40)) == ()


def test_many_tiny_files_are_joined_though_they_are_little_together() -> None:
    assert numbers(planned(*(file(number, 1) for number in range(5)))) == [[0, 1, 2, 3, 4]]


def test_a_file_that_is_large_enough_is_left_alone() -> None:
    assert planned(file(1, 100), file(2, 100)) == ()


def test_files_that_are_young_are_left_alone() -> None:
    joins = planned(file(1, 90), file(2, 90), file(3, 90), older_than_minutes=3)

    assert numbers(joins) == [[1, 2]]


def test_files_with_deleted_rows_row_ids_or_another_writer_are_left_alone() -> None:
    spark = "part-00000-0d0f7f54-7b1e-4d8b-8a3e-0f9a7a3a1f10-c000.snappy.parquet"

    joins = planned(
        file(1, 60),
        file(2, 60, deletionVector=VECTOR),
        file(3, 60, baseRowId=7),
        file(4, 60, path=spark),
        file(5, 60, path=f"s3://elsewhere/{name(5)}"),
        file(6, 60),
    )

    assert numbers(joins) == [[1, 6]]


def test_a_table_whose_rows_are_tracked_or_clustered_is_left_alone() -> None:
    features = frozenset({"domainMetadata", "rowTracking", "clustering"})

    assert why_not(Protocol(1, 7, None, features)) == "the table has clustering, rowTracking"
    assert why_not(Protocol(3, 7, frozenset({"deletionVectors"}), frozenset({"appendOnly"}))) == ""


@given(
    st.lists(st.tuples(st.integers(1, 120), st.sampled_from("ab")), max_size=40),
    st.integers(0, 40),
)
def test_no_file_is_joined_twice_out_of_order_or_too_early(
    told: list[tuple[int, str]], older_than: int
) -> None:
    files = [file(number, size, day=day) for number, (size, day) in enumerate(told)]

    joins = planned(*reversed(files), older_than_minutes=older_than)

    joined = [number for found in numbers(joins) for number in found]
    assert len(joined) == len(set(joined))
    assert all(number < older_than and told[number][0] < SIZES.least for number in joined)
    for join, found in zip(joins, numbers(joins), strict=True):
        assert found == sorted(found)
        assert len(found) > 1
        assert join.bytes <= SIZES.most
        assert join.bytes >= SIZES.least or len(found) >= SIZES.files
        assert {told[number][1] for number in found} == set(join.partition.values())
