import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.delta.paths import (
    below,
    canonical,
    canonical_key,
    canonical_paths,
    decode,
    encode,
    is_absolute,
    safe_relative,
)
from lakeferry.errors import FerryError


@pytest.mark.parametrize(
    "path",
    ["/x", "file:/x", "file:///x", "s3://b/k", "s3a://b/k", "hdfs://nn/x", "dbfs:/mnt/x"],
)
def test_a_slash_or_a_scheme_with_a_slash_makes_a_path_absolute(path: str) -> None:
    assert is_absolute(path)


@pytest.mark.parametrize("path", ["part-0.parquet", "a:b=1/part", "p=s3%3A//b", "p=1:/x", "é:/x"])
def test_a_colon_alone_makes_no_path_absolute(path: str) -> None:
    assert not is_absolute(path)


def test_a_path_is_decoded_exactly_once() -> None:
    assert decode("p=a%20b%252Fc%2525d/part") == "p=a b%2Fc%25d/part"


def test_a_plus_sign_is_no_space_and_unicode_may_be_raw_or_encoded() -> None:
    assert decode("a+b/na%C3%AFve%20ü") == "a+b/naïve ü"


def test_a_path_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(FerryError, match="LF-3106"):
        decode("a%FFb")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_what_is_encoded_decodes_to_itself(key: str) -> None:
    assert decode(encode(key)) == key


def test_a_key_that_looks_like_a_scheme_is_encoded_as_a_relative_path() -> None:
    assert encode("a:/b:c") == "a%3A/b:c"
    assert safe_relative(encode("a:/b:c")) == "a:/b:c"


@pytest.mark.parametrize("path", ["../x", "a/../x", "a//b", "/x", "", "a/", "a/%2E%2E/x", "./a"])
def test_a_path_that_climbs_or_has_an_empty_segment_is_unsafe(path: str) -> None:
    with pytest.raises(FerryError) as refused:
        safe_relative(path, "s3://b/t")

    assert refused.value.code == "LF-3106"
    assert "s3://b/t" in refused.value.where


def test_dots_inside_a_name_are_safe() -> None:
    assert safe_relative("a..b/.hidden/x%2Fy") == "a..b/.hidden/x/y"


@pytest.mark.parametrize(
    ("url", "spelling"),
    [
        ("file:/x/y", "file:///x/y"),
        ("/x/y/", "file:///x/y"),
        ("file://localhost/x", "file:///x"),
        ("s3a://Bucket/k//k", "s3://bucket/k//k"),
        ("s3n://b", "s3://b"),
        ("abfss://c@acc.dfs.core.windows.net/t", "abfss://c@acc/t"),
        ("wasbs://c@acc.blob.core.windows.net/t", "abfss://c@acc/t"),
        ("hdfs://nn:8020//a//b", "hdfs://nn/a/b"),
        ("dbfs:/mnt/x", "dbfs:///mnt/x"),
        ("gcs://b/k", "gs://b/k"),
    ],
)
def test_all_spellings_of_a_place_become_one(url: str, spelling: str) -> None:
    assert canonical(url) == spelling


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("p=a%20b/f", "s3://b/t"),
        ("p=a b/f", "s3://b/t"),
        ("s3a://b/t/p=a%20b/f", "s3://b/t"),
        ("/t/p=a%20b/f", "s3://b/t"),
        ("file:/t/p=a%20b/f", "file:///t"),
        ("file:///t//p=a%20b/f", "file:///t"),
        ("hdfs://NN:8020/t/p=a%20b/f", "hdfs://nn/t"),
    ],
)
def test_a_file_below_the_root_has_one_key_however_it_is_named(path: str, root: str) -> None:
    assert canonical_key(path, root) == "p=a b/f"


def test_a_file_elsewhere_keeps_its_whole_address() -> None:
    assert canonical_key("s3://b/t2/f", "s3://b/t") == "s3://b/t2/f"
    assert below("s3://b/t2/f", "s3://b/t") is None
    assert below("s3://b/t/f%25", "s3://b/t") == "f%"


def test_an_absolute_path_cannot_climb_out_either() -> None:
    with pytest.raises(FerryError, match="LF-3106"):
        below("s3://b/t/../f", "s3://b/t")


def test_a_whole_column_gets_the_keys_of_its_values() -> None:
    column = pa.array(["plain", "a%20b", "s3a://b/t/x", "s3://c/x", "a:b/c"])

    keys = canonical_paths(column, "s3://b/t")

    assert keys.to_pylist() == ["plain", "a b", "x", "s3://c/x", "a:b/c"]


def test_a_relative_path_lies_below_the_root() -> None:
    assert below("p=a%20b/f", "s3://b/t") == "p=a b/f"
