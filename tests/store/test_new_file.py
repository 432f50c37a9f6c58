"""Files of this machine that are whole whenever anybody looks at them."""

import errno
import os
from pathlib import Path

import pytest

from lakeferry.store.new_file import NewFile, write_whole


def test_a_file_is_written_at_once_and_never_over_another(tmp_path: Path) -> None:
    new = tmp_path / "new.json"

    write_whole(str(new), b"mine", replaces=False)
    with pytest.raises(FileExistsError):
        write_whole(str(new), b"yours", replaces=False)

    assert new.read_bytes() == b"mine"
    write_whole(str(new), b"yours", replaces=True)
    assert new.read_bytes() == b"yours"
    assert list(tmp_path.iterdir()) == [new]


def test_a_folder_that_was_mistyped_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(str(tmp_path / "no" / "new.json"), b"", replaces=True)

    assert list(tmp_path.iterdir()) == []


def test_before_its_last_byte_is_written_nobody_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def publish(file: NewFile) -> None:
        seen.append((os.fstat(file.descriptor).st_size, list(tmp_path.iterdir())))
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(NewFile, "publish_if_absent", publish)
    with pytest.raises(OSError, match="full"):
        write_whole(str(tmp_path / "new.json"), b"whole", replaces=False)

    assert seen == [(5, [])]
    assert list(tmp_path.iterdir()) == []


def test_where_there_are_no_hard_links_it_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no hard links")

    monkeypatch.setattr("lakeferry.store.new_file._HAS_PROC", False)
    monkeypatch.setattr(os, "link", refused)

    write_whole(str(tmp_path / "new.json"), b"whole", replaces=False)

    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"whole"]
