"""Names are kept byte for byte, or refused before a byte is sent."""

import pytest

from lakeferry.errors import FerryError
from lakeferry.store.protocol import Store, read_all
from tests.store.test_contract import every_store, paths, put


@every_store
@pytest.mark.parametrize(
    "name",
    [
        "with space",
        "plus+sign",
        "a%2Fb",
        "a%25b",
        "p=a%3Ab/x",
        "caf\u00e9",
        "cafe\u0301",
        "emoji \U0001f40b",
        "tail#1",
        "#1",
        "question?mark&and=more;@$,!'()[]{}^~`|<>*\"",
        "dots...in.the.middle",
        ".hidden",
        "_underscore",
        "UPPER and lower",
        "n" * 255,
    ],
)
def test_a_name_is_kept_byte_for_byte(store: Store, name: str) -> None:
    path = f"dir {name[:20]}/{name}"

    put(store, path, name.encode())

    assert paths(store) == [path]
    assert paths(store, path.split("/", maxsplit=1)[0]) == [path]
    assert read_all(store, path) == name.encode()
    found = store.head(path)
    assert found is not None
    assert found.path == path


@every_store
def test_composed_and_decomposed_letters_are_two_names(store: Store) -> None:
    put(store, "caf\u00e9", b"composed")
    put(store, "cafe\u0301", b"decomposed")

    assert read_all(store, "caf\u00e9") == b"composed"
    assert read_all(store, "cafe\u0301") == b"decomposed"


@every_store
@pytest.mark.parametrize("name", ["a//b", "/a", "a/", "", "../a", "a/./b", "nul\0"])
def test_a_name_that_no_store_can_hold_is_refused(store: Store, name: str) -> None:
    with pytest.raises(FerryError) as caught:
        put(store, name)

    assert caught.value.code == "LF-3107"
    assert paths(store) == []


REFUSED = [
    ("local", "l" * 256),
    ("hdfs", "l" * 256),
    ("hdfs", "colon:here"),
    ("s3", "line\nfeed"),
    ("azure", "line\nfeed"),
    ("memory", "bell\x07"),
    ("azure", "back\\slash"),
    ("azure", "dot./file"),
    ("azure", "file."),
    ("s3", "k" * 2000),
    ("gcs", "k" * 2000),
    ("s3", "not utf-8 \udcff"),
    ("hdfs", "not utf-8 \udcff"),
]


@pytest.mark.parametrize(
    ("store", "name"),
    [pytest.param(kind, name, marks=() if kind in ("local", "memory") else pytest.mark.server,
                  id=f"{kind}-{ascii(name)[:20]}") for kind, name in REFUSED],
    indirect=["store"],
)  # fmt: skip
def test_a_name_that_this_store_would_change_or_lose_is_refused(store: Store, name: str) -> None:
    with pytest.raises(FerryError) as caught:
        put(store, name)

    assert caught.value.code == "LF-3107"
    assert paths(store) == []


KEPT = [
    ("local", "line\nfeed"),
    ("local", "not utf-8 \udcff"),
    ("local", "dot./file."),
    ("local", "colon:here"),
    ("hdfs", "line\nfeed"),
    ("hdfs", "dot./file."),
    ("s3", "dot./file."),
    ("s3", "colon:here"),
    ("gcs", "dot./file."),
]


@pytest.mark.parametrize(
    ("store", "name"),
    [pytest.param(kind, name, marks=() if kind == "local" else pytest.mark.server,
                  id=f"{kind}-{ascii(name)[:20]}") for kind, name in KEPT],
    indirect=["store"],
)  # fmt: skip
def test_a_name_that_only_some_stores_can_hold_is_kept_there(store: Store, name: str) -> None:
    put(store, name, b"here")

    assert paths(store) == [name]
    assert read_all(store, name) == b"here"
