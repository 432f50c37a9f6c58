"""A folder of this machine: what only it can promise, and what only it can suffer."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lakeferry.errors import FerryError
from lakeferry.store import new_file
from lakeferry.store.local import LocalStore
from lakeferry.store.protocol import CRC64NVME, AlreadyThere, read_all

LIBC = ctypes.CDLL(None, use_errno=True)
READ_ONLY, REMOUNT = 1, 32  # flags of mount(2)


def put(store: LocalStore, path: str, body: bytes = b"x") -> None:
    store.write(path, [body], size=len(body))


def test_the_folder_is_made_by_the_first_write(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "not/yet"))

    assert list(store.list("")) == []
    assert not (tmp_path / "not").exists()
    put(store, "a/b")

    assert (tmp_path / "not/yet/a/b").read_bytes() == b"x"


def test_a_link_to_the_root_is_followed_once(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    store = LocalStore(str(tmp_path / "link"))

    (tmp_path / "link").unlink()
    put(store, "a")

    assert store.url == str(tmp_path / "real")
    assert (tmp_path / "real/a").exists()


def test_our_half_written_files_are_in_no_list(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path))
    put(store, "a")
    (tmp_path / ".lakeferry-0123.tmp").write_bytes(b"half")
    (tmp_path / ".other.tmp").write_bytes(b"not ours")

    assert sorted(meta.path for meta in store.list("")) == [".other.tmp", "a"]


def test_a_list_follows_links_to_folders_but_never_in_circles(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "root"))
    put(store, "sub/a")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/b").write_bytes(b"x")
    (tmp_path / "root/linked").symlink_to(tmp_path / "outside")
    (tmp_path / "root/sub/up").symlink_to(tmp_path / "root")
    (tmp_path / "root/dangling").symlink_to(tmp_path / "nowhere")

    assert sorted(meta.path for meta in store.list("")) == ["linked/b", "sub/a"]


def test_links_in_a_circle_are_in_no_list_and_reading_through_them_is_refused_by_name(
    tmp_path: Path,
) -> None:
    store = LocalStore(str(tmp_path))
    put(store, "a")
    (tmp_path / "one").symlink_to("other")
    (tmp_path / "other").symlink_to("one")

    assert [meta.path for meta in store.list("")] == ["a"]
    assert [one.path for one in store.entries("")] == ["a"]
    for through in (
        lambda: store.head("one"), lambda: read_all(store, "one/b"),
        lambda: store.copy_from(store, "one", "copy"),
    ):  # fmt: skip
        with pytest.raises(FerryError, match="its links lead in a circle") as refused:
            through()
        assert refused.value.code == "LF-1004"
        assert refused.value.where.startswith(f"at {tmp_path}/one")


def test_a_file_where_a_folder_must_be_is_a_name_that_cannot_be_held(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path))
    put(store, "a")
    put(store, "folder/b")

    for impossible in ("a/b", "folder"):
        with pytest.raises(FerryError) as caught:
            put(store, impossible)
        assert caught.value.code == "LF-3107"
    assert store.head("a/b") is None
    with pytest.raises(FileNotFoundError):
        read_all(store, "a/b")


def test_a_file_cut_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path))
    put(store, "a", bytes(3 << 20))
    chunks = store.read("a")
    next(chunks)

    os.truncate(tmp_path / "a", 1 << 20)
    with pytest.raises(FerryError) as caught:
        list(chunks)

    assert caught.value.code == "LF-1004"


def test_a_copy_between_folders_has_the_checksum_of_what_was_read(tmp_path: Path) -> None:
    source, target = LocalStore(str(tmp_path / "a")), LocalStore(str(tmp_path / "b"))
    put(source, "x", b"123456789")
    put(source, "empty", b"")

    copied = target.copy_from(source, "x", "deep/down/y")
    empty = target.copy_from(source, "empty", "empty")

    assert copied is not None
    assert empty is not None
    assert copied.checksums == {CRC64NVME: "ae8b14860a799888"}
    assert read_all(target, "deep/down/y") == b"123456789"
    assert empty.size == 0


# ---- kills: whatever moment a writer dies at, readers see the whole file or none


WRITER = """
import sys
from lakeferry.store.local import LocalStore
store = LocalStore(sys.argv[1])
body = b"y" * (3 << 20)
if sys.argv[2] == "write":
    store.write("dir/a", [body[:100], body[100:]], size=len(body))
else:
    store.put_if_absent("dir/a", [body[:100], body[100:]], size_hint=len(body))
"""


@pytest.mark.parametrize("half", ["unnamed", "hidden"])
@pytest.mark.parametrize("how", ["write", "put_if_absent"])
@pytest.mark.parametrize("call", ["fallocate", "write", "fsync", "rename", "link", "unlink"])
def test_a_writer_killed_at_any_step_leaves_a_whole_file_or_none(
    tmp_path: Path, how: str, call: str, half: str
) -> None:
    store = LocalStore(str(tmp_path))
    command = [sys.executable, "-c", STEPS, str(tmp_path), how, call, half]

    ended = subprocess.run(command, check=False, timeout=60)

    there = [meta.path for meta in store.list("")]
    assert ended.returncode in (0, -9)
    assert there in ([], ["dir/a"])
    if there:
        assert read_all(store, "dir/a") == b"y" * (3 << 20)
    if half == "unnamed":
        assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["a"] * len(there)
    put(store, "dir/a", b"again")
    assert read_all(store, "dir/a") == b"again"


# Replaces one call of the os module by one that ends the process, as SIGKILL does, before it.
STEPS = (
    """
import os, signal, sys
from lakeferry.store import new_file
new_file._HAS_PROC = sys.argv[4] == "unnamed"
name = {"fallocate": "posix_fallocate"}.get(sys.argv[3], sys.argv[3])
honest = getattr(os, name)
def die(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)
if name == "write":
    def die(target, body):
        honest(target, body[:40])
        os.kill(os.getpid(), signal.SIGKILL)
setattr(os, name, die)
"""
    + WRITER
)


def test_a_written_file_replaces_the_old_one_and_leaves_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(str(tmp_path))

    for unnamed in (True, False):
        monkeypatch.setattr(new_file, "_HAS_PROC", unnamed)
        put(store, "a", b"old")
        put(store, "a", b"new")
        with pytest.raises(AlreadyThere):
            store.put_if_absent("a", [b"x"], size_hint=1)

        assert read_all(store, "a") == b"new"
        assert [file.name for file in tmp_path.iterdir()] == ["a"]
        store.delete("a")


# ---- full and forbidden disks


@contextmanager
def mounted(folder: Path, source: str, kind: str, flags: int, data: str = "") -> Iterator[Path]:
    """Something mounted at `folder`; skips the test where this user may not mount."""
    folder.mkdir(parents=True, exist_ok=True)
    arguments = (source.encode(), bytes(folder), kind.encode(), flags, data.encode())
    if LIBC.mount(*arguments):
        pytest.skip(f"mount: {os.strerror(ctypes.get_errno())}; needs root")
    try:
        yield folder
    finally:
        LIBC.umount2(bytes(folder), 2)


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "tmpfs", "tmpfs", 0, "size=4m") as small:
        store = LocalStore(str(small))
        put(store, "fits", bytes(1 << 20))

        with pytest.raises(FerryError) as caught:
            store.write("dir/large", (bytes(65_536) for _ in range(56)), size=56 * 65_536)
        assert caught.value.code == "LF-5101"

        with pytest.raises(FerryError) as caught:
            store.put_if_absent("log/1.json", (bytes(65_536) for _ in range(128)), size_hint=0)
        assert caught.value.code == "LF-5101"
        assert [meta.path for meta in store.list("")] == ["fits"]
        assert [file.name for file in small.rglob("*") if file.is_file()] == ["fits"]


def test_room_is_reserved_before_the_first_byte(tmp_path: Path) -> None:
    def untouched() -> Iterator[bytes]:
        pytest.fail("a byte was asked for")
        yield b""

    with mounted(tmp_path / "small", "tmpfs", "tmpfs", 0, "size=4m") as small:
        with pytest.raises(FerryError) as caught:
            LocalStore(str(small)).write("large", untouched(), size=8 << 20)

        assert caught.value.code == "LF-5101"


def test_a_read_only_disk_is_a_missing_right(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "tmpfs", "tmpfs", 0, "size=1m") as disk:
        store = LocalStore(str(disk))
        put(store, "a")
        assert LIBC.mount(b"none", bytes(disk), b"tmpfs", REMOUNT | READ_ONLY, b"") == 0

        tries = (
            lambda: put(store, "b"),
            lambda: store.put_if_absent("c", [b"x"], size_hint=1),
            lambda: store.delete("a"),
            lambda: store.set_modified("a", 0),
        )
        for attempt in tries:
            with pytest.raises(FerryError) as caught:
                attempt()
            assert caught.value.code == "LF-1002"
            assert "mount it so" in caught.value.next_step  # no right of a user mends that
        assert read_all(store, "a") == b"x"


def test_a_commit_is_refused_without_reading_it_where_one_is(tmp_path: Path) -> None:
    def untouched() -> Iterator[bytes]:
        pytest.fail("a byte was asked for")
        yield b""

    store = LocalStore(str(tmp_path))
    put(store, "_delta_log/1.json")

    with pytest.raises(AlreadyThere):
        store.put_if_absent("_delta_log/1.json", untouched(), size_hint=0)


@pytest.mark.parametrize("below", ["", "/table"])
def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    store = LocalStore(f"{tmp_path}/file{below}")

    with pytest.raises(FerryError) as refused:
        list(store.list("_delta_log"))

    assert (refused.value.code, refused.value.exit_code) == ("LF-2101", 2)


def test_a_folder_that_cannot_be_made_is_told() -> None:
    with pytest.raises(FerryError) as refused:
        LocalStore("/proc/no-such-folder").write("a", [b"x"], size=1)

    assert (refused.value.code, refused.value.exit_code) == ("LF-2101", 2)


def test_a_file_in_place_of_a_sub_folder_lists_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")

    assert list(LocalStore(str(tmp_path)).list("a/b")) == []


def test_a_path_that_no_folder_can_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    wrong = [tmp_path / "loop", tmp_path / ("a" * 300), tmp_path / os.fsdecode(b"\xff")]

    for path in wrong:
        with pytest.raises(FerryError) as refused:
            LocalStore(str(path))
        assert refused.value.code == "LF-2104"
        refused.value.where.encode()


def test_too_few_open_files_are_told(tmp_path: Path) -> None:
    put(LocalStore(str(tmp_path)), "a")
    program = (
        "import resource, sys\n"
        "from lakeferry.store.local import LocalStore\n"
        f"store = LocalStore({str(tmp_path)!r})\n"
        "list(store.read('a'))\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
        "list(store.read('a'))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert "LF-2001 too many files are open at once" in ended.stderr
