"""What is told of a file that is no ledger, not ours, damaged, or out of reach."""

import os
import re
import shlex
import sqlite3
import subprocess
from pathlib import Path

import pytest

from lakeferry.errors import FerryError
from lakeferry.ledger import open as opening
from lakeferry.ledger.open import open_to_read, open_to_write, reading_if_made, told
from lakeferry.ledger.read import tables
from lakeferry.ledger.schema import MIGRATIONS, migrate, version
from tests.ledger.lakes import leading, table


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def refusal(path: Path, *, write: bool = True) -> FerryError:
    with pytest.raises(FerryError) as refused:
        (open_to_write if write else open_to_read)(path)
    return refused.value


def filled(path: Path) -> None:
    with leading(path) as ledger:
        ledger.see(table(f"sales.t{number}") for number in range(500))


def test_a_ledger_is_made_with_its_folder(tmp_path: Path) -> None:
    open_to_write(tmp_path / "new" / "folder" / "ledger.db").close()

    assert (tmp_path / "new" / "folder" / "ledger.db").is_file()


def test_a_commit_is_on_the_disk_when_it_returns_and_readers_do_not_wait(path: Path) -> None:
    db = open_to_write(path)

    asked = ("journal_mode", "synchronous", "foreign_keys")
    assert [db.execute(f"PRAGMA {name}").fetchone()[0] for name in asked] == ["wal", 2, 1]
    db.close()


def test_who_only_reads_makes_no_ledger(path: Path) -> None:
    assert refusal(path, write=False).code == "LF-8007"
    assert not path.exists()


def test_an_empty_file_is_no_ledger_to_a_reader_and_becomes_one_for_a_writer(path: Path) -> None:
    path.touch()

    assert refusal(path, write=False).code == "LF-8007"
    open_to_write(path).close()
    open_to_read(path).close()


def test_a_ledger_whose_maker_was_killed_in_the_midst_is_as_none(path: Path) -> None:
    """A process that is killed between turning WAL on and the first table leaves this."""
    with reading_if_made(path) as missing:
        assert missing is None
    sqlite3.connect(path).execute("PRAGMA journal_mode = WAL").connection.close()
    assert path.stat().st_size > 0

    with reading_if_made(path) as begun:
        assert begun is None
    open_to_write(path).close()
    with reading_if_made(path) as made:
        assert made is not None


def test_so_is_one_whose_maker_was_killed_while_it_turned_wal_on(path: Path) -> None:
    """A journal says that there was nothing before; a reader alone may not take that back."""
    path.write_bytes(b"SQLite format 3\0".ljust(2048, b"\0"))  # half of the first page
    magic, counts = "d9d505f920a163d7", (0, 1, 0, 512, 4096)  # records, nonce, pages before, sizes
    head = bytes.fromhex(magic) + b"".join(one.to_bytes(4, "big") for one in counts)
    Path(f"{path}-journal").write_bytes(head.ljust(512, b"\0"))

    with reading_if_made(path) as begun:
        assert begun is None
    assert refusal(path, write=False).code == "LF-8007"
    open_to_write(path).close()
    open_to_read(path).close()


def test_a_file_of_another_program_is_not_touched(path: Path) -> None:
    path.write_text("id,amount\n1,2\n" * 1000)
    before = path.read_bytes()

    assert refusal(path).code == refusal(path, write=False).code == "LF-8004"
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_not_touched(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs (a)")
    db.close()
    before = path.read_bytes()

    assert refusal(path).code == refusal(path, write=False).code == "LF-8004"
    assert path.read_bytes() == before


def test_a_ledger_of_a_newer_lakeferry_is_not_touched(path: Path) -> None:
    db = open_to_write(path)
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()

    assert refusal(path).code == refusal(path, write=False).code == "LF-8005"


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
def test_a_ledger_that_was_cut_off_is_damaged(path: Path, cut: float) -> None:
    filled(path)
    os.truncate(path, int(path.stat().st_size * cut))

    refused = refusal(path)
    assert refused.code == "LF-8003"
    assert "rebuild-ledger" in refused.next_step


def test_a_damaged_one_is_moved_away_as_is_told_and_a_new_one_begins_empty(path: Path) -> None:
    filled(path)
    open_one = open_to_write(path)  # its WAL stays as that of a process that was killed
    open_one.execute("UPDATE lake_table SET why = 'seen'")
    wal = Path(f"{path}-wal").read_bytes()
    open_one.close()
    os.truncate(path, path.stat().st_size // 2)
    Path(f"{path}-wal").write_bytes(wal)

    refused = refusal(path)
    [way] = re.findall(r"mv .*?(?=,)", refused.next_step)
    subprocess.run(shlex.split(way), check=True)
    db = open_to_write(path)

    assert tables(db) == []
    assert db.execute("PRAGMA quick_check").fetchone() == ("ok",)
    db.close()


def test_a_ledger_with_a_page_of_noise_is_damaged(path: Path) -> None:
    filled(path)
    with path.open("r+b") as body:
        body.seek(5 * 4096)
        body.write(b"\xa5" * 4096)

    assert refusal(path).code == "LF-8003"


def test_a_reader_that_comes_upon_damage_says_so(path: Path) -> None:
    filled(path)
    with path.open("r+b") as body:
        body.seek(4096)
        body.write(b"\xa5" * (path.stat().st_size - 4096))

    db = open_to_read(path)
    with pytest.raises(FerryError, match="LF-8003"), told(path):
        db.execute("SELECT * FROM lake_table").fetchall()
    db.close()


def test_a_place_that_is_a_folder_or_lies_in_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert refusal(tmp_path).code == "LF-8006"
    assert refusal(tmp_path / "file" / "ledger.db").code == "LF-8006"


def test_a_full_disk_is_told_and_what_was_written_before_is_whole(path: Path) -> None:
    filled(path)
    ledger = leading(path, "second")
    ledger._lead.db.execute("PRAGMA max_page_count = 1")  # no more pages than there are
    with pytest.raises(FerryError, match=r"LF-8006.*\n.*full"):
        ledger.see(table(f"sales.u{number}") for number in range(5000))
    ledger.close()

    db = open_to_read(path)
    assert db.execute("SELECT count(*) FROM lake_table").fetchone() == (500,)
    db.close()


def test_another_program_that_holds_the_file_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "BUSY_MS", 10)
    ledger = leading(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(FerryError, match=r"LF-8006.*another process is in the midst"):
        ledger.flush()
    other.close()
    ledger.close()


def test_a_python_with_too_old_an_sqlite_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "OLDEST_SQLITE", (99, 0, 0))

    assert refusal(path).code == refusal(path, write=False).code == "LF-8008"


def test_a_flaw_in_our_own_statements_is_no_fault_of_the_file(path: Path) -> None:
    db = open_to_write(path)
    with pytest.raises(sqlite3.OperationalError, match="no such table"), told(path):
        db.execute("SELECT * FROM nowhere")
    db.close()


def test_who_comes_second_to_make_a_ledger_waits_for_no_moment_of_the_first_one(path: Path) -> None:
    first = open_to_write(path)
    second = sqlite3.connect(path, timeout=0, isolation_level=None)
    first.execute("BEGIN IMMEDIATE")  # and it may be in such a one at every look

    migrate(second)

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        migrate(second, (*MIGRATIONS, ("SELECT 1",)))
    first.close()
    second.close()


def test_a_ledger_is_renewed_whole_or_not_at_all(path: Path) -> None:
    filled(path)
    db = open_to_write(path)
    half = (*MIGRATIONS, ("CREATE TABLE added (a) STRICT", "CREATE TABLE lease (a)"))
    with pytest.raises(sqlite3.OperationalError):
        migrate(db, half)
    assert version(db) == len(MIGRATIONS)
    assert db.execute("SELECT 1 FROM sqlite_master WHERE name = 'added'").fetchone() is None

    whole = (*MIGRATIONS, ("ALTER TABLE lake_table ADD COLUMN note TEXT",))
    migrate(db, whole)
    migrate(db, whole)
    assert version(db) == len(MIGRATIONS) + 1
    assert db.execute("SELECT count(note), count(*) FROM lake_table").fetchone() == (0, 500)
    db.close()


@pytest.mark.parametrize("count", range(1, len(MIGRATIONS) + 1))
def test_who_reads_a_ledger_of_an_older_lakeferry_sees_its_tables(path: Path, count: int) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    migrate(db, MIGRATIONS[:count])
    columns = [row[1] for row in db.execute("PRAGMA table_info(lake_table)")]
    row = table("sales.orders")._asdict()
    db.execute(
        f"INSERT INTO lake_table ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
        [row[name] for name in columns],
    )
    db.close()

    db = open_to_read(path)
    found = tables(db)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("DELETE FROM lake_table")
    db.close()

    assert found == [table("sales.orders")]
