"""What `--dry-run` says comes true."""

from pathlib import Path

import pytest

from lakeferry.clone.run import clone
from tests.flows.growing import grow, recorded, recorded_names

PAIRS = [
    (name, mode)
    for name in recorded_names()
    for mode in ("snapshot", "mirror")
    if (name, mode) != ("shallow-clone", "mirror")  # refused: its paths are absolute
]


@pytest.mark.parametrize(("name", "mode"), PAIRS)
def test_a_dry_run_foresees_what_is_copied(name: str, mode: str, tmp_path: Path) -> None:
    table, target = recorded(name), tmp_path / "target"
    source = tmp_path / "source" / table.folder
    for place in range(len(table.steps)):
        grow(table, place, source)

    foreseen = clone(str(source), str(target), mode=mode, map_prefix=table.moved, dry_run=True)
    assert not target.exists()
    done = clone(str(source), str(target), mode=mode, map_prefix=table.moved)

    assert foreseen.files_copied == done.files_copied
    # A vector file may go on behind the vector that is seen first.
    vectors = sum(path.stat().st_size for path in target.rglob("deletion_vector_*.bin"))
    unforeseen = done.bytes_copied - foreseen.bytes_copied
    assert unforeseen == 0 if vectors == 0 else 0 <= unforeseen < vectors
