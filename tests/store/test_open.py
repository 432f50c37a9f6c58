"""Addresses: what is one, what it means, and when two are the same place."""

from pathlib import Path

import pytest

from lakeferry.errors import FerryError
from lakeferry.store.open import contains, locate, open_store, same_place

ACCOUNT = {"account": "acct"}


@pytest.mark.parametrize(
    ("url", "kind", "service", "place", "path"),
    [
        ("s3://bucket", "s3", "", "bucket", ""),
        ("s3://bucket/", "s3", "", "bucket", ""),
        ("S3A://bucket/a/b%20c/", "s3", "", "bucket", "a/b%20c"),
        ("s3://bucket/what?is#this", "s3", "", "bucket", "what?is#this"),
        ("gs://bucket/t", "gcs", "", "bucket", "t"),
        ("az://box/t", "azure", "https://acct.blob.core.windows.net", "box", "t"),
        ("abfss://box@acct.dfs.core.windows.net/t", "azure",
         "https://acct.blob.core.windows.net", "box", "t"),
        ("abfss://box@acct.dfs.core.chinacloudapi.cn/", "azure",
         "https://acct.blob.core.chinacloudapi.cn", "box", ""),
        ("hdfs://name:8020/user/t", "hdfs", "name:8020", "", "user/t"),
        ("hdfs:///user/t", "hdfs", "", "", "user/t"),
        ("hdfs://cluster", "hdfs", "cluster", "", ""),
    ],
)  # fmt: skip
def test_an_address_is_taken_apart(
    url: str, kind: str, service: str, place: str, path: str
) -> None:
    options = ACCOUNT if url.startswith("az") else {}

    at = locate(url, options)

    assert (at.kind, at.service, at.place, at.path) == (kind, service, place, path)


@pytest.mark.parametrize(
    "url",
    ["", "s3:", "s3://", "s3:/bucket/t", "ftp://host/t", "http://host/t", "file://host/t",
     "file:", "abfss://@acct.dfs.core.windows.net/t", "abfss://box@/t", "hdfs://", "nul\0"],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(FerryError) as caught:
        open_store(url)

    assert caught.value.code == "LF-2104"


def test_local_addresses_have_many_spellings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = str(tmp_path / "a table%41")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    encoded = root.replace("%", "%25").replace(" ", "%20")

    for url in (root, f"{root}/", "a table%41", "./x/../a table%41", "~/a table%41",
                f"file://{encoded}", f"file:{encoded}", f"file://localhost{encoded}/"):  # fmt: skip
        assert open_store(url).url == root


def test_roots_of_file_systems_and_buckets_can_be_opened() -> None:
    assert open_store("file:///").url == "/"
    assert open_store("/").url == "/"
    assert open_store("s3://bucket", {"region": "us-east-1"}).url == "s3://bucket"
    assert open_store("s3://bucket/", {"region": "us-east-1"}).url == "s3://bucket"


def test_a_file_below_the_file_systems_root_is_found(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    root = open_store("file:///")

    found = root.head(str(tmp_path / "a").lstrip("/"))

    assert found is not None
    assert found.size == 3


def test_opening_asks_nothing_of_the_service() -> None:
    store = open_store("s3://bucket/t", {"endpoint": "http://nowhere.invalid", "profile": "none"})

    assert store.url == "s3://bucket/t"


SAME = [
    ("s3://b/t", "s3a://b/t/"),
    ("abfss://c@acct.dfs.core.windows.net/t", "abfs://c@acct.dfs.core.windows.net/t"),
    ("abfss://c@acct.dfs.core.windows.net/t", "az://c/t"),
    ("hdfs://name:8020/t", "hdfs://NAME:8020/t/"),
]
OTHER = [
    ("s3://b/t", "s3://b/T"),
    ("s3://b/t", "s3://c/t"),
    ("s3://b/t", "gs://b/t"),
    ("s3://b/a%20b", "s3://b/a b"),
    ("az://c/t", "az://d/t"),
    ("/t", "s3://b/t"),
]


def with_account(url: str) -> dict[str, str]:
    return ACCOUNT if url.startswith("az") else {}


@pytest.mark.parametrize(("a", "b"), SAME)
def test_two_spellings_are_the_same_place(a: str, b: str) -> None:
    assert same_place(a, b, a_options=with_account(a), b_options=with_account(b))
    assert not contains(a, b, outer_options=with_account(a), inner_options=with_account(b))


@pytest.mark.parametrize(("a", "b"), OTHER)
def test_two_places_are_not_the_same(a: str, b: str) -> None:
    assert not same_place(a, b, a_options=with_account(a), b_options=with_account(b))


def test_a_bucket_of_another_endpoint_is_another_place() -> None:
    here = {"endpoint": "http://127.0.0.1:9000"}

    assert not same_place("s3://b/t", "s3://b/t", a_options=here)
    assert same_place("s3://b/t", "s3://b/t", a_options=here, b_options=here)


def test_a_link_leads_to_the_same_place(tmp_path: Path) -> None:
    (tmp_path / "table").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "table")

    assert same_place(str(tmp_path / "link"), f"file://{tmp_path}/table")
    assert contains(str(tmp_path / "table"), str(tmp_path / "link/inner"))


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("s3://b/t", "s3a://b/t/inner", True),
        ("s3://b", "s3://b/t", True),
        ("/", "/t", True),
        ("/data", "/data/t", True),
        ("/data/t", "/data", False),
        ("s3://b/t", "s3://b/table", False),
        ("s3://b/t", "s3://c/t/inner", False),
        ("/data", "/data", False),
    ],
)
def test_one_place_lies_inside_another(outer: str, inner: str, expected: bool) -> None:
    assert contains(outer, inner) is expected
