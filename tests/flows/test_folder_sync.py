"""Plain files brought to a target as files, again and again."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from lakeferry.clone import folder as folder_room
from lakeferry.clone.folder import listed_files, look_at_files, sync_files
from lakeferry.clone.folder_state import FOLDER, LANDED, MOST_PARTS, mark_of, read_marks
from lakeferry.clone.report import CloneReport, CloneRequest
from lakeferry.errors import FerryError
from lakeferry.events import Event, FileLanded
from lakeferry.store.local import LocalStore
from lakeferry.store.open import open_store
from tests.servers import Server

SERVERS = {"s3": "s3_server", "azure": "azure_server", "hdfs": "hdfs_server"}


def put(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def sync(source: Path, target: Path, **more: object) -> CloneReport:
    return sync_files(CloneRequest(str(source), str(target), **more))  # type: ignore[arg-type]


def held(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text()
        for file in folder.rglob("*")
        if file.is_file() and FOLDER not in file.parts
    }


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    landing = tmp_path / "landing"
    put(landing, "2026/11/a.json", "1")
    put(landing, "2026/11/b b%20.json", "22")
    put(landing, "_SUCCESS", "")
    return landing


def test_all_files_come_with_their_times_and_again_only_what_is_new(
    landing: Path, tmp_path: Path
) -> None:
    os.utime(landing / "2026/11/a.json", (1_700_000_000, 1_700_000_000))
    first = sync(landing, tmp_path / "out")
    put(landing, "2026/12/c.json", "333")
    second = sync(landing, tmp_path / "out")
    third = sync(landing, tmp_path / "out")

    assert held(tmp_path / "out") == held(landing)
    assert (tmp_path / "out/2026/11/a.json").stat().st_mtime == 1_700_000_000
    assert [one.files_copied for one in (first, second, third)] == [3, 1, 0]
    assert [one.source_version for one in (first, second, third)] == [0, 1, 1]
    assert third.up_to_date


def test_a_file_of_equal_size_that_was_written_over_comes_again(
    landing: Path, tmp_path: Path
) -> None:
    sync(landing, tmp_path / "out")
    put(landing, "2026/11/a.json", "2")
    assert sync(landing, tmp_path / "out").files_copied == 1
    assert held(tmp_path / "out") == held(landing)


def test_what_the_source_deleted_stays_and_is_counted(landing: Path, tmp_path: Path) -> None:
    sync(landing, tmp_path / "out")
    (landing / "2026/11/a.json").unlink()
    request = CloneRequest(str(landing), str(tmp_path / "out"))
    assert look_at_files(request).gone == 1
    assert sync(landing, tmp_path / "out").up_to_date
    assert (tmp_path / "out/2026/11/a.json").read_text() == "1"


def test_what_somebody_took_from_the_target_comes_again(landing: Path, tmp_path: Path) -> None:
    sync(landing, tmp_path / "out")
    (tmp_path / "out/2026/11/a.json").unlink()
    assert sync(landing, tmp_path / "out").files_copied == 1
    assert held(tmp_path / "out") == held(landing)


def test_tables_below_a_folder_are_left_to_themselves(landing: Path, tmp_path: Path) -> None:
    put(landing, "table/_delta_log/0.json", "{}")
    put(landing, "tables.txt", "no table")
    sync_files(CloneRequest(str(landing), str(tmp_path / "out")), ["table"])
    assert sorted(held(tmp_path / "out")) == [
        "2026/11/a.json", "2026/11/b b%20.json", "_SUCCESS", "tables.txt",
    ]  # fmt: skip


def test_files_of_somebody_else_are_not_written_over(landing: Path, tmp_path: Path) -> None:
    put(tmp_path / "out", "2026/11/a.json", "theirs")
    with pytest.raises(FerryError, match="holds other files") as refused:
        sync(landing, tmp_path / "out")
    assert refused.value.code == "LF-5002"
    assert held(tmp_path / "out") == {"2026/11/a.json": "theirs"}
    put(tmp_path / "other", "x", "y")
    sync(tmp_path / "other", tmp_path / "new")
    with pytest.raises(FerryError, match="holds other files"):
        sync(landing, tmp_path / "new")


def test_a_run_that_is_stopped_keeps_what_came(landing: Path, tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, FileLanded):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync_files(CloneRequest(str(landing), str(tmp_path / "out"), jobs=1), emit=stop)

    again = sync(landing, tmp_path / "out")

    assert again.files_present > 0
    assert again.files_copied + again.files_present == 3
    assert held(tmp_path / "out") == held(landing)


def test_a_run_that_was_killed_copies_whole_files_again(landing: Path, tmp_path: Path) -> None:
    text = (
        "import os, signal, sys; from lakeferry.clone.folder import sync_files;"
        "from lakeferry.clone.report import CloneRequest;"
        "from lakeferry.events import FileLanded;"
        "sync_files(CloneRequest(sys.argv[1], sys.argv[2], jobs=1), emit=lambda event:"
        " isinstance(event, FileLanded) and os.kill(os.getpid(), signal.SIGKILL))"
    )
    words = [sys.executable, "-c", text, str(landing), str(tmp_path / "out")]
    assert subprocess.run(words, check=False).returncode == -9
    put(landing, "2026/11/a.json", "9")

    sync(landing, tmp_path / "out")

    assert held(tmp_path / "out") == held(landing)


def test_files_of_marks_are_joined_once_there_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_room, "MARKS_HELD", 1)
    for number in range(2 * MOST_PARTS):
        put(tmp_path / "in", f"{number}.txt", str(number))
    sync(tmp_path / "in", tmp_path / "out")
    marks = read_marks(open_store(str(tmp_path / "out")))
    assert (len(marks.parts), len(marks.marks)) == (1, 2 * MOST_PARTS)
    assert sync(tmp_path / "in", tmp_path / "out").up_to_date


def test_where_nothing_may_be_deleted_they_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(store: LocalStore, path: str) -> None:
        raise FerryError("LF-1002", "may not delete", f"{store.url}/{path}", "ask for it")

    monkeypatch.setattr(LocalStore, "delete", refuse)
    monkeypatch.setattr(folder_room, "MARKS_HELD", 1)
    for number in range(2 * MOST_PARTS):
        put(tmp_path / "in", f"{number}.txt", str(number))

    sync(tmp_path / "in", tmp_path / "out")

    marks = read_marks(open_store(str(tmp_path / "out")))
    assert len(marks.parts) == len(marks.marks) == 2 * MOST_PARTS


def test_a_name_that_no_list_can_hold_is_named_before_anything_is_copied(
    landing: Path, tmp_path: Path
) -> None:
    put(landing, os.fsdecode(b"\xff.json"), "1")

    with pytest.raises(FerryError, match=r"not UTF-8: `\\udcff\.json`") as refused:
        sync(landing, tmp_path / "out")

    assert (refused.value.code, (tmp_path / "out").exists()) == ("LF-3107", False)


@pytest.mark.server
@pytest.mark.parametrize("kind", SERVERS)
def test_it_moves_to_each_kind_of_store_and_back(
    kind: str, landing: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(SERVERS[kind])
    place = f"{server.place}/folder-{uuid.uuid4().hex}"
    there = CloneRequest(str(landing), place, target_options=server.options)
    back = CloneRequest(place, str(tmp_path / "back"), source_options=server.options)

    copied = [sync_files(there).files_copied, sync_files(back).files_copied]
    put(landing, "2026/11/a.json", "2")
    copied += [sync_files(one).files_copied for one in (there, back, there, back)]

    assert copied == [3, 3, 1, 1, 0, 0]
    assert held(tmp_path / "back") == held(landing)
    for one in (open_store(place, server.options), open_store(str(tmp_path / "back"))):
        there_now = [mark_of(meta) for meta in listed_files(one, ())]
        assert read_marks(one, LANDED).has(there_now).all()
