"""Two sets of files become equal by what `compare_files` says, and only by that."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.clone.difference import Difference, Marked, compare_files
from lakeferry.delta.actions import FILE_SCHEMA
from lakeferry.delta.files import MemoryFiles

VECTOR = {
    "storageType": "u",
    "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^",
    "offset": 1,
    "sizeInBytes": 40,
    "cardinality": 6,
    "maxRowIndex": None,
}


def row(path: str, **fields: Any) -> dict[str, Any]:
    plain = {"partitionValues": [], "size": 10, "modificationTime": 1, "dataChange": True}
    return {"path": path, **plain, **fields}


def files(*rows: dict[str, Any]) -> MemoryFiles:
    return MemoryFiles([pa.RecordBatch.from_pylist(list(rows), schema=FILE_SCHEMA)])


def difference(source: MemoryFiles, target: MemoryFiles) -> Difference:
    return compare_files(source, target, target_root="file:///target")


def paths(found: Marked) -> list[str]:
    return [path for batch in found.batches(["path"]) for path in batch.column(0).to_pylist()]


def test_equal_sets_differ_in_nothing() -> None:
    assert difference(files(row("a"), row("b")), files(row("b"), row("a"))).is_empty


def test_a_new_file_is_added_and_an_old_one_removed() -> None:
    source, target = files(row("a"), row("b")), files(row("a"), row("c"))

    found = difference(source, target)

    assert paths(Marked(source, found.added)) == ["b"]
    assert paths(Marked(target, found.removed)) == ["c"]
    assert not found.restated.any()


def test_a_new_deletion_vector_is_another_file_whose_data_is_present() -> None:
    source, target = files(row("a", deletionVector=VECTOR)), files(row("a"))

    found = difference(source, target)

    assert found.added.tolist() == [True]
    assert found.present.tolist() == [True]
    assert found.removed.tolist() == [True]


@pytest.mark.parametrize(
    "change",
    [
        {"tags": [("k", "v")]},
        {"stats": '{"numRecords":3}'},
        {"size": 11},
        {"modificationTime": 2},
        {"baseRowId": 5},
        {"defaultRowCommitVersion": 0},
        {"clusteringProvider": "liquid"},
        {"partitionValues": [("p", None)]},
        {"extra": '{"futureField":1}'},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_field_restates_the_file(change: dict[str, Any]) -> None:
    found = difference(files(row("a", **change)), files(row("a")))

    assert found.restated.tolist() == [True]
    assert not found.added.any()
    assert not found.removed.any()


def test_data_change_is_no_part_of_a_files_state() -> None:
    assert difference(files(row("a", dataChange=False)), files(row("a"))).is_empty


def test_statistics_that_the_source_has_lost_restate_nothing() -> None:
    assert difference(files(row("a")), files(row("a", stats='{"numRecords":3}'))).is_empty


def test_the_order_of_a_map_is_no_difference() -> None:
    forth, back = [("p", "1"), ("q", None)], [("q", None), ("p", "1")]

    found = difference(
        files(row("a", partitionValues=forth, tags=back), row("b", tags=[("x", "1")])),
        files(row("a", partitionValues=back, tags=forth), row("b", tags=[("x", "1")])),
    )

    assert found.is_empty


def test_two_spellings_of_one_path_are_one_file() -> None:
    assert not difference(files(row("p=a%20b/x")), files(row("p=a b/x"))).added.any()


ROWS = st.dictionaries(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from([None, 1, 2])),
    st.integers(0, 2),
    max_size=8,
)


def rows_of(state: dict[tuple[str, int | None], int]) -> list[dict[str, Any]]:
    return [
        row(
            path,
            size=size,
            deletionVector=None if offset is None else {**VECTOR, "offset": offset},
        )
        for (path, offset), size in state.items()
    ]


@given(source=ROWS, target=ROWS)
def test_applying_a_difference_makes_the_target_equal_the_source(
    source: dict[tuple[str, int | None], int], target: dict[tuple[str, int | None], int]
) -> None:
    wanted, here = rows_of(source), rows_of(target)
    found = difference(files(*wanted), files(*here))

    kept = [one for one, gone in zip(here, found.removed, strict=True) if not gone]
    stated = [one for one, flag in zip(wanted, found.added | found.restated, strict=True) if flag]
    result = {key(one): one for one in [*kept, *stated]}

    assert result == {key(one): one for one in wanted}
    assert difference(files(*wanted), files(*result.values())).is_empty


def key(one: dict[str, Any]) -> tuple[str, int | None]:
    vector = one["deletionVector"]
    return one["path"], None if vector is None else vector["offset"]
