"""What every store promises (`store/protocol.py`), asked of every store."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from awscrt.checksums import crc64nvme

from lakeferry.errors import FerryError
from lakeferry.store.open import memory_store
from lakeferry.store.protocol import (
    CRC64NVME,
    AlreadyThere,
    Folder,
    ObjectMeta,
    Store,
    read_all,
)
from tests.store.conftest import KINDS, LARGE, ONLINE, Place

every_store = pytest.mark.parametrize("store", KINDS, indirect=True)
# To make a thousand files on HDFS takes a minute, and its client alone knows pages there.
paged_store = pytest.mark.parametrize("store", KINDS[:-1], indirect=True)
MIB = 1 << 20


def body_of(size: int, seed: int = 7) -> bytes:
    """Bytes that repeat nowhere near a chunk's length, so that misplaced ranges show."""
    block = b"".join((seed + number).to_bytes(8, "big") for number in range(1021))
    return (block * (size // len(block) + 1))[:size]


def pieces(body: bytes, size: int = MIB) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def put(store: Store, path: str, body: bytes = b"x") -> None:
    store.write(path, [body], size=len(body))


def paths(store: Store, prefix: str = "", **options: object) -> list[str]:
    return sorted(found.path for found in store.list(prefix, **options))  # type: ignore[arg-type]


# ---- folders


def below(store: Store, folder: str = "") -> tuple[list[str], list[str]]:
    """Objects and folders directly in one."""
    found = list(store.entries(folder))
    folders = sorted(one.path for one in found if isinstance(one, Folder))
    return sorted(one.path for one in found if isinstance(one, ObjectMeta)), folders


@every_store
def test_the_entries_of_a_folder_are_its_objects_and_its_folders_and_nothing_deeper(
    store: Store,
) -> None:
    for path in ("top", "a/one", "a/b/two", "a/b/c/three", "a/d=1/four", "ab/five"):
        put(store, path)

    assert below(store) == (["top"], ["a", "ab"])
    assert below(store, "a") == (["a/one"], ["a/b", "a/d=1"])
    assert below(store, "a/b/c") == (["a/b/c/three"], [])
    assert below(store, "missing") == ([], [])


@paged_store
def test_the_entries_of_a_folder_of_many_objects_are_all_there_and_its_own(store: Store) -> None:
    many = [f"much/many/{number:04}" for number in range(1003)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda path: put(store, path), [*many, "much/z/1", "much/direct"]))

    assert below(store, "much/many") == (many, [])
    assert below(store, "much") == (["much/direct"], ["much/many", "much/z"])
    put(store, "much/many/z/deep")
    assert below(store, "much/many") == (many, ["much/many/z"])


# ---- reading and writing


@every_store
def test_what_was_written_is_read_back_with_its_size_and_checksum(store: Store) -> None:
    answer = store.write("year=2024/part-0.parquet", [b"1234", b"56789"], size=9)

    found = store.head("year=2024/part-0.parquet")

    assert read_all(store, "year=2024/part-0.parquet") == b"123456789"
    assert (answer.path, answer.size) == ("year=2024/part-0.parquet", 9)
    assert answer.checksums[CRC64NVME] == "ae8b14860a799888"
    assert found is not None
    assert (found.path, found.size) == ("year=2024/part-0.parquet", 9)


@every_store
def test_an_object_of_many_ranges_comes_whole_and_in_order(store: Store) -> None:
    body = body_of(35 * MIB + 17)

    answer = store.write("large", pieces(body, 3 * MIB), size=len(body))

    assert read_all(store, "large") == body
    assert answer.checksums[CRC64NVME] == f"{crc64nvme(body):016x}"


@every_store
def test_an_empty_object_is_an_object(store: Store) -> None:
    store.write("empty", [], size=0)

    found = store.head("empty")

    assert found is not None
    assert found.size == 0
    assert list(store.read("empty")) == []


@every_store
@pytest.mark.parametrize(
    ("start", "end"), [(0, 1), (3, 10), (9 * MIB, 9 * MIB + 5), (7 * MIB, 20 * MIB), (5, 5)]
)
def test_a_range_is_exactly_these_bytes(store: Store, start: int, end: int) -> None:
    body = body_of(20 * MIB)
    store.write("ranged", pieces(body), size=len(body))

    read = b"".join(store.read("ranged", start=start, end=end))

    assert read == body[start:end]


@every_store
def test_a_range_without_an_end_goes_to_the_objects_end(store: Store) -> None:
    put(store, "a", b"0123456789")

    assert b"".join(store.read("a", start=7)) == b"789"
    assert b"".join(store.read("a", start=10)) == b""


@every_store
@pytest.mark.parametrize(("start", "end"), [(0, 11), (8, 40), (11, None), (20, 30)])
def test_a_range_past_the_end_is_an_error_not_a_short_answer(
    store: Store, start: int, end: int | None
) -> None:
    put(store, "a", b"0123456789")

    with pytest.raises(FerryError) as caught:
        list(store.read("a", start=start, end=end))

    assert caught.value.code == "LF-1004"


@every_store
def test_a_missing_path_is_a_file_not_found(store: Store) -> None:
    put(store, "there/a")

    assert store.head("missing") is None
    assert store.head("there") is None
    with pytest.raises(FileNotFoundError):
        list(store.read("missing"))
    with pytest.raises(FileNotFoundError):
        list(store.read("missing", start=4, end=9))
    with pytest.raises(FileNotFoundError):
        list(store.read("there"))


@every_store
def test_writing_again_replaces(store: Store) -> None:
    put(store, "a", b"first, and longer")

    put(store, "a", b"second")

    assert read_all(store, "a") == b"second"


@every_store
def test_another_e_tag_than_asked_for_is_refused(store: Store) -> None:
    put(store, "a", b"first")
    first = store.head("a")
    assert first is not None
    put(store, "a", b"second!")

    with pytest.raises(FerryError) as caught:
        list(store.read("a", if_match=first.e_tag))

    second = store.head("a")
    assert caught.value.code == "LF-1004"
    assert second is not None
    assert b"".join(store.read("a", if_match=second.e_tag)) == b"second!"


@every_store
def test_the_e_tags_of_head_and_list_are_the_same(store: Store) -> None:
    put(store, "a", b"first")

    listed = next(iter(store.list("")))

    assert listed == store.head("a")


@every_store
@pytest.mark.parametrize("size", [100, 30 * MIB + 1])
def test_what_one_store_reads_another_writes_in_the_same_breath(store: Store, size: int) -> None:
    elsewhere = memory_store()
    body = body_of(size)
    store.write("a", pieces(body), size=size)

    store.write("b", store.read("a"), size=size)
    elsewhere.write("c", store.read("b"), size=size)
    store.write("d", elsewhere.read("c"), size=size)
    store.put_if_absent("e", store.read("d"), size_hint=size)

    assert read_all(store, "e") == body


# ---- all or nothing


@every_store
@pytest.mark.parametrize("size", [3, 20 * MIB])
def test_a_write_whose_source_fails_leaves_nothing(store: Store, size: int) -> None:
    def broken() -> Iterator[bytes]:
        yield from pieces(body_of(size // 2))
        raise FileNotFoundError("the source's own")

    with pytest.raises(FileNotFoundError, match="the source's own"):
        store.write("dir/a", broken(), size=size)

    assert store.head("dir/a") is None
    assert paths(store) == []


@every_store
@pytest.mark.parametrize(("announced", "sent"), [(4, 3), (4, 5), (20 * MIB, 19 * MIB),
                                                (20 * MIB, 21 * MIB), (0, 1)])  # fmt: skip
def test_a_write_of_another_size_than_announced_leaves_nothing(
    store: Store, announced: int, sent: int
) -> None:
    with pytest.raises(FerryError) as caught:
        store.write("dir/a", pieces(body_of(sent)), size=announced)

    assert caught.value.code == "LF-1004"
    assert store.head("dir/a") is None
    assert paths(store) == []


@every_store
def test_a_large_write_whose_source_is_gone_passes_on_the_sources_own_error(store: Store) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        store.write("a", memory_store().read("missing"), size=20 * MIB)

    assert paths(store) == []


@every_store
def test_writers_of_one_name_take_turns_and_none_takes_the_other_for_damage(store: Store) -> None:
    bodies = [body_of(1_000 + number, seed=number) for number in range(4)]
    start = threading.Barrier(len(bodies))

    def writer(body: bytes) -> None:
        start.wait()
        for _ in range(8):
            assert store.write("a/record", [body], size=len(body)).size == len(body)

    with ThreadPoolExecutor(len(bodies)) as pool:
        list(pool.map(writer, bodies))

    assert read_all(store, "a/record") in bodies
    assert paths(store) == ["a/record"]


@every_store
def test_a_failed_write_keeps_what_was_there(store: Store) -> None:
    put(store, "a", b"before")

    with pytest.raises(FerryError):
        store.write("a", [b"12"], size=3)

    assert read_all(store, "a") == b"before"


# ---- put if absent


@every_store
def test_the_second_writer_of_a_path_is_refused(store: Store) -> None:
    store.put_if_absent("_delta_log/0.json", [b"fir", b"st"], size_hint=5)

    with pytest.raises(AlreadyThere):
        store.put_if_absent("_delta_log/0.json", [b"second"], size_hint=6)

    assert read_all(store, "_delta_log/0.json") == b"first"
    assert paths(store) == ["_delta_log/0.json"]


def race(store: Store, writers: int, body_for: Callable[[int], bytes]) -> list[int]:
    """The numbers of the writers that won."""
    start = threading.Barrier(writers)

    def one(number: int) -> bool:
        body = body_for(number)
        start.wait()
        try:
            store.put_if_absent("_delta_log/1.json", pieces(body), size_hint=len(body))
        except AlreadyThere:
            return False
        return True

    with ThreadPoolExecutor(writers) as pool:
        return [number for number, won in enumerate(pool.map(one, range(writers))) if won]


@every_store
def test_of_fifty_writers_one_wins_and_its_body_is_there(store: Store) -> None:
    winners = race(store, 50, lambda number: body_of(8_000, seed=number))

    assert len(winners) == 1
    assert read_all(store, "_delta_log/1.json") == body_of(8_000, seed=winners[0])
    assert paths(store) == ["_delta_log/1.json"]


@every_store
def test_of_six_writers_of_large_commits_one_wins_and_its_body_is_whole(store: Store) -> None:
    winners = race(store, 6, lambda number: body_of(2 * LARGE + 5, seed=number))

    assert len(winners) == 1
    assert read_all(store, "_delta_log/1.json") == body_of(2 * LARGE + 5, seed=winners[0])
    assert paths(store) == ["_delta_log/1.json"]


@every_store
def test_a_large_commit_onto_a_small_one_is_refused(store: Store) -> None:
    put(store, "_delta_log/1.json", b"there")

    with pytest.raises(AlreadyThere):
        store.put_if_absent("_delta_log/1.json", pieces(body_of(2 * LARGE)), size_hint=0)

    assert read_all(store, "_delta_log/1.json") == b"there"


@every_store
@pytest.mark.parametrize("size", [10, 2 * LARGE])
def test_a_commit_whose_source_fails_leaves_nothing(store: Store, size: int) -> None:
    def broken() -> Iterator[bytes]:
        yield from pieces(body_of(size))
        raise KeyError("the source's own")

    with pytest.raises(KeyError):
        store.put_if_absent("_delta_log/1.json", broken(), size_hint=size)

    assert paths(store) == []


# ---- lists


@every_store
def test_a_list_holds_what_lies_below_the_folder_and_nothing_else(store: Store) -> None:
    for path in ["a/1", "a/2", "a/sub/3", "ab/4", "b/5", "6"]:
        put(store, path)

    assert paths(store) == ["6", "a/1", "a/2", "a/sub/3", "ab/4", "b/5"]
    assert paths(store, "a") == ["a/1", "a/2", "a/sub/3"]
    assert paths(store, "a", recursive=False) == ["a/1", "a/2"]
    assert paths(store, recursive=False) == ["6"]
    assert paths(store, "missing") == []


@every_store
def test_a_list_after_a_path_leaves_out_that_path_and_those_before(store: Store) -> None:
    for path in ["log/1", "log/2", "log/3", "log/30", "log/_sub/4"]:
        put(store, path)

    assert paths(store, "log", after="log/2") == ["log/3", "log/30", "log/_sub/4"]
    assert paths(store, "log", after="log/2", recursive=False) == ["log/3", "log/30"]
    assert paths(store, "log", after="log/2zzz") == ["log/3", "log/30", "log/_sub/4"]
    assert paths(store, "log", after="log/z") == []


@every_store
def test_a_list_of_more_than_a_page_is_whole(store: Store) -> None:
    wanted = [f"log/{number:020}.json" for number in range(1_200)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda path: put(store, path, b""), wanted))

    assert paths(store, "log") == wanted
    assert paths(store, "log", recursive=False) == wanted
    assert paths(store, "log", after=wanted[1_100]) == wanted[1_101:]
    assert paths(store, "log", after=wanted[99], recursive=False) == wanted[100:]


# ---- the rest


@every_store
def test_deleting_removes_and_a_missing_path_is_no_error(store: Store) -> None:
    put(store, "dir/a")

    store.delete("dir/a")
    store.delete("dir/a")
    store.delete("never/was")

    assert store.head("dir/a") is None


@every_store
def test_what_was_written_over_since_it_was_listed_is_not_deleted(store: Store) -> None:
    put(store, "dir/a")
    put(store, "dir/b")
    seen = {found.path: found.e_tag for found in store.list("dir")}
    put(store, "dir/b", b"y")  # of the same size

    store.delete("dir/a", if_match=seen["dir/a"])
    store.delete("dir/a", if_match=seen["dir/a"])
    with pytest.raises(AlreadyThere) as stays:
        store.delete("dir/b", if_match=seen["dir/b"])

    assert (stays.value.path, paths(store), read_all(store, "dir/b")) == ("dir/b", ["dir/b"], b"y")


@every_store
def test_a_modification_time_is_set_or_the_store_says_that_it_cannot(store: Store) -> None:
    put(store, "a")

    can = store.set_modified("a", 1_600_000_000_000)

    found = store.head("a")
    assert found is not None
    assert (found.modified_ms == 1_600_000_000_000) is can


@pytest.mark.parametrize("store", ["local", ONLINE[3]], indirect=True)
def test_folders_of_files_keep_modification_times(store: Store) -> None:
    put(store, "a")

    assert store.set_modified("a", 1_600_000_000_000)


@every_store
def test_settling_is_possible_before_and_after_writes(store: Store) -> None:
    store.settle()
    put(store, "a")
    store.settle()

    assert read_all(store, "a") == b"x"


@pytest.mark.parametrize("place", ["local", *ONLINE], indirect=True)
def test_a_copy_inside_the_service_is_whole_or_declined(place: Place) -> None:
    source, target = place.open("/source"), place.open("/target")
    put(source, "dir/a b%20\u00e9", b"123456789")

    answer = target.copy_from(source, "dir/a b%20\u00e9", "other/c+d")

    if place.kind == "hdfs":
        assert answer is None
        return
    assert answer is not None
    assert (answer.path, answer.size) == ("other/c+d", 9)
    assert read_all(target, "other/c+d") == b"123456789"


@pytest.mark.parametrize("place", ["local", *ONLINE[:3]], indirect=True)
def test_a_copy_of_a_missing_object_is_a_file_not_found(place: Place) -> None:
    source, target = place.open("/source"), place.open("/target")

    with pytest.raises(FileNotFoundError):
        target.copy_from(source, "missing", "a")

    assert paths(target) == []


@pytest.mark.parametrize("place", ["local", *ONLINE[:2]], indirect=True)
def test_a_copy_reports_a_checksum_that_can_be_compared(place: Place) -> None:
    source, target = place.open("/source"), place.open("/target")
    sent = source.write("a", [b"123456789"], size=9)

    answer = target.copy_from(source, "a", "b")

    assert answer is not None
    if place.kind != "azure":  # it keeps no checksum of its own
        assert answer.checksums[CRC64NVME] == sent.checksums[CRC64NVME]


@every_store
def test_stores_of_two_kinds_decline_to_copy_between_them(store: Store) -> None:
    class Elsewhere:
        url = "elsewhere://"

    assert store.copy_from(Elsewhere(), "a", "b") is None  # type: ignore[arg-type]


@every_store
def test_the_address_says_where_it_is_without_a_slash_at_its_end(store: Store) -> None:
    assert store.url == "memory://" or not store.url.endswith("/")
