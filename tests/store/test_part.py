"""A part of a store is a store: the same promises, and its requests are counted."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from lakeferry.store.open import memory_store
from lakeferry.store.part import Part, Requests
from lakeferry.store.protocol import AlreadyThere, Folder, ObjectMeta, Store, read_all


def put(store: Store, path: str, body: bytes = b"x") -> None:
    store.write(path, [body], size=len(body))


@pytest.fixture
def whole() -> Store:
    found = memory_store()
    for path in ("top", "a/one", "a/b/two", "ab/three"):
        put(found, path)
    return found


def test_paths_of_a_part_are_relative_to_its_folder(whole: Store) -> None:
    part = Part(whole, "a", Requests())

    assert part.url == "memory:///a"
    assert sorted(one.path for one in part.list("")) == ["b/two", "one"]
    assert [one.path for one in part.list("", after="b/two")] == ["one"]
    assert sorted(part.entries(""), key=str) == [
        Folder("b"), *[one for one in part.entries("") if isinstance(one, ObjectMeta)],
    ]  # fmt: skip
    assert [one.path for one in part.entries("b")] == ["b/two"]
    found = part.head("one")
    assert found is not None
    assert found.path == "one"
    assert part.part("b").url == "memory:///a/b"
    assert read_all(part.part("b"), "two") == b"x"


def test_what_a_part_writes_lies_below_its_folder(whole: Store) -> None:
    part = Part(whole, "new", Requests())

    answer = part.write("x", [b"12"], size=2)
    part.put_if_absent("y", [b"3"], size_hint=1)
    part.delete("x")

    assert (answer.path, whole.head("new/x")) == ("x", None)
    assert read_all(whole, "new/y") == b"3"
    with pytest.raises(AlreadyThere):
        part.put_if_absent("y", [b"4"], size_hint=1)


def test_pages_of_listings_and_reads_are_counted_over_all_parts(whole: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: put(whole, f"many/{number:04}"), range(2001)))
    requests = Requests()
    part = Part(whole, "", requests)

    list(part.list("many"))  # three pages of a thousand
    list(part.part("a").entries(""))
    next(iter(part.list("many")))  # one page, whatever is taken of it
    read_all(part, "top")
    part.head("top")

    assert (requests.lists, requests.reads, requests.all) == (5, 2, 7)


def test_the_root_of_a_file_system_has_one_slash() -> None:
    assert Part(memory_store("/"), "data/x", Requests()).url == "/data/x"
