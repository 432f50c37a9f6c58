"""A listing of a Parquet table as files with values and names at the target."""

import pytest

from lakeferry.clone.parquet_folder import (
    Declared,
    Place,
    id_of,
    is_older_of,
    listed_by_path,
    listed_by_place,
)
from lakeferry.errors import FerryError
from lakeferry.store.protocol import ObjectMeta


def meta(path: str, *, size: int = 10, e_tag: str | None = "e", at: int = 1) -> ObjectMeta:
    return ObjectMeta(path, size, e_tag, at)


def paths(*metas: ObjectMeta, declared: Declared | None = None) -> list[str]:
    state = listed_by_path(metas, declared or Declared(), url="u")
    return sorted(one.path for one in state.files)


def test_hidden_and_empty_files_are_no_part_of_the_table() -> None:
    assert paths(
        meta("a.parquet"), meta("_SUCCESS"), meta("_temporary/0/b.parquet"), meta(".a.parquet.crc"),
        meta("e.parquet", size=0), meta("_delta_log/x.parquet"),
    ) == ["a.parquet"]  # fmt: skip


def test_files_beside_the_partitions_are_left_out_and_told() -> None:
    state = listed_by_path(
        [meta("d=1/a.parquet"), meta("stray.parquet"), meta("old/b.parquet"), meta("d=1/a.csv")],
        Declared(), url="u",
    )  # fmt: skip
    assert [one.path for one in state.files] == ["d=1/a.parquet"]
    assert (state.skipped, state.skipped_in_all) == (("d=1/a.csv", "old/b.parquet",
                                                      "stray.parquet"), 3)  # fmt: skip


def test_hive_gives_its_files_no_ending() -> None:
    assert paths(meta("000000_0"), meta("000001_0")) == ["000000_0", "000001_0"]
    assert paths(meta("a.parquet"), meta("README")) == ["a.parquet"]


def test_a_file_written_over_in_place_lands_under_another_name() -> None:
    [[old], [same], [now], [late]] = [
        listed_by_path([one], Declared(), url="u").files
        for one in (meta("d=1/a.parquet"), meta("d=1/a.parquet", at=5),
                    meta("d=1/a.parquet", e_tag="f"), meta("d=1/a.parquet", e_tag=None))
    ]  # fmt: skip
    assert old.lands == same.lands
    assert old.lands.startswith("d=1/a-")
    assert old.lands.endswith(".parquet")
    assert len({old.lands, now.lands, late.lands}) == 3


def test_values_are_text_unless_a_type_is_declared() -> None:
    found = listed_by_path([meta("n=007/a.parquet")], Declared(), url="u")
    assert (found.types, next(iter(found.files)).values) == ({"n": "string"}, ("007",))
    typed = Declared(("n",), {"n": "integer"})
    found = listed_by_path([meta("n=007/a.parquet")], typed, url="u")
    assert (found.types, next(iter(found.files)).values) == ({"n": "integer"}, ("7",))


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ([meta("a=1/f.parquet"), meta("b=1/f.parquet")], "different partition columns"),
        ([meta("a=1/f.parquet"), meta("a=1/b=2/f.parquet")], "different partition columns"),
        ([meta("n=x/f.parquet")], "not of its column's type"),
    ],
)
def test_folders_that_do_not_fit_together_are_refused(files: list[ObjectMeta], named: str) -> None:
    with pytest.raises(FerryError, match=named) as refused:
        listed_by_path(files, Declared(types={"n": "integer"}), url="u")
    assert refused.value.code == "LF-4111"


def test_a_partition_outside_the_folder_lands_under_a_name_of_its_values() -> None:
    declared = Declared(("d", "r"))
    state = listed_by_place(
        [
            (Place(("1", "x y"), "s3://b/t/2024/01"), "", meta("2024/01/f.parquet")),
            (Place(("2", None), "s3://c/z"), "s3://c/z/f.parquet", meta("f.parquet")),
        ],
        declared, url="s3://b/t",
    )  # fmt: skip
    assert [(one.lands[:-20], one.url, one.values) for one in state.files] == [
        ("2024/01/f-", "", ("1", "x y")),
        ("d=2/r=__HIVE_DEFAULT_PARTITION__/f-", "s3://c/z/f.parquet", ("2", None)),
    ]


def test_the_hash_of_a_state_tells_values_and_bytes_apart() -> None:
    def state(path: str, e_tag: str = "e", kind: str = "string") -> str:
        declared = Declared(types={"d": kind})
        return listed_by_path([meta(path, e_tag=e_tag)], declared, url="u").sha256

    same = state("d=1/f.parquet")
    assert same == state("d=1/f.parquet")
    others = {
        state("d=2/f.parquet"),
        state("d=1/f.parquet", "f"),
        state("d=1/f.parquet", kind="long"),
    }
    assert same not in others
    assert len(others) == 3


def test_a_state_stands_as_long_as_only_files_came() -> None:
    before = listed_by_path([meta("a.parquet")], Declared(), url="u")
    more = listed_by_path([meta("a.parquet"), meta("b.parquet")], Declared(), url="u")
    other = listed_by_path([meta("a.parquet", e_tag="new")], Declared(), url="u")
    assert is_older_of(before, more)
    assert not is_older_of(more, before)
    assert not is_older_of(before, other)


def test_one_place_has_one_id_however_it_is_spelt() -> None:
    assert id_of("s3a://b/t/") == id_of("s3://b/t")
