"""Folders of Hive and Spark as partition values, there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.clone.hive_path import declared_type, folder_of, partition_of, stored_value

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def test_values_are_decoded_and_a_word_of_hives_is_null() -> None:
    path = "day=2026-11-26 10%3A00/region=__HIVE_DEFAULT_PARTITION__/empty=/part-0.parquet"
    assert partition_of(path) == (("day", "2026-11-26 10:00"), ("region", None), ("empty", None))


def test_a_folder_that_is_no_partition_is_told_from_none_at_all() -> None:
    assert partition_of("archive/part-0.parquet") is None
    assert partition_of("part-0.parquet") == ()


@given(NAMES, st.none() | NAMES)
def test_a_partition_that_lies_elsewhere_is_named_so_that_it_reads_back(
    name: str, value: str | None
) -> None:
    folder = folder_of((name,), (value,))
    expected = None if value == "__HIVE_DEFAULT_PARTITION__" else value
    assert partition_of(f"{folder}/part-0.parquet") == ((name, expected),)


@pytest.mark.parametrize(
    ("value", "kind", "stored"),
    [
        ("007", "string", "007"), ("007", "integer", "7"), ("", "integer", None),
        ("1.50", "decimal(10,2)", "1.50"), ("TRUE", "boolean", "true"),
        ("2026-02-28", "date", "2026-02-28"), (None, "long", None),
    ],
)  # fmt: skip
def test_a_value_is_written_as_its_type_wants(
    value: str | None, kind: str, stored: str | None
) -> None:
    assert stored_value(value, kind) == stored


@pytest.mark.parametrize(
    ("value", "kind"),
    [("x", "integer"), ("128", "byte"), ("2026-02-30", "date"), ("x", "decimal(3,1)"),
     ("maybe", "boolean"), ("yesterday", "timestamp")],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(value: str, kind: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        stored_value(value, kind)


def test_types_of_hive_have_their_names_in_delta() -> None:
    said = [declared_type(one) for one in ("bigint", "varchar(10)", "decimal(12, 2)", "INT")]
    assert said == ["long", "string", "decimal(12,2)", "integer"]
    assert declared_type("array<int>") is None
