"""What was written to a table since a version, as its log still tells it."""

from pathlib import Path

from lakeferry.fleet.cutover.commits_since import written_since
from lakeferry.store.open import open_store
from tests.clone.small import append, new_table
from tests.delta.tables import METADATA, PROTOCOL, add, lines, write


def cleaned(table: Path, version: int, *names: str) -> None:
    """A checkpoint, and no commit up to it any more."""
    name = f"{version:020d}.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json"
    about = {"checkpointMetadata": {"version": version}}
    write(table, name, lines(about, PROTOCOL, METADATA, *map(add, names)))
    for old in range(version + 1):
        (table / f"_delta_log/{old:020d}.json").unlink()


def test_commits_that_log_cleanup_took_count_as_changes(tmp_path: Path) -> None:
    table = new_table(tmp_path / "t", "a")
    append(table, 1, "b")
    append(table, 2, "c")
    append(table, 3, "a", changed=False)
    cleaned(table, 2, "a", "b", "c")

    gone, rearranged = written_since(open_store(str(table)), 0)

    assert (gone.version, gone.rows, gone.changes) == (2, None, True)
    assert gone.writer.text == "whoever wrote versions 1 to 2, whose log is gone"
    assert (rearranged.version, rearranged.changes) == (3, False)


def test_of_a_table_that_nobody_wrote_to_since_there_is_nothing(tmp_path: Path) -> None:
    table = new_table(tmp_path / "t", "a")
    cleaned(table, 0, "a")

    assert written_since(open_store(str(table)), 0) == ()
