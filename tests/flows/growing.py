"""The tables of `corpora/spark` as they grow: the same source path, one step after another.

A step's state is the final table with its log cut (the corpus' LIST.md): the log files of later
versions are left out, and so is `_last_checkpoint`. Data files all lie there from the start, as
they would on a busy source: a clone takes its files from the log alone.
"""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import corpora

VERSION = re.compile(r"^(\d{20})\.")
COMPACTED = re.compile(r"^\d{20}\.(\d{20})\.compacted\.json$")


@dataclass(frozen=True)
class Recorded:
    """One table of the corpus with what Spark saw of it."""

    name: str
    folder: str
    steps: tuple[dict[str, Any], ...]
    absolute_prefix: str | None  # of a shallow clone: where it was written

    @property
    def home(self) -> Path:
        return corpora.SPARK / self.name

    @property
    def moved(self) -> dict[str, str]:
        """`map_prefix` of a clone: where the absolute paths of a shallow clone are now."""
        return {} if self.absolute_prefix is None else {self.absolute_prefix: f"file:{self.home}"}


def recorded(name: str) -> Recorded:
    expected = json.loads((corpora.SPARK / name / "expected.json").read_text(encoding="utf-8"))
    return Recorded(
        name, expected["table"], tuple(expected["steps"]), expected.get("absolute_prefix")
    )


def recorded_names() -> list[str]:
    return sorted(path.parent.name for path in corpora.SPARK.glob("*/expected.json"))


def grow(table: Recorded, place: int, root: Path) -> None:
    """Bring the copy of `table` at `root` to step number `place`; never back to an older one."""
    given = table.home / table.folder
    if not root.exists():
        shutil.copytree(given, root, ignore=shutil.ignore_patterns("_delta_log", ".*.crc"))
        (root / "_delta_log").mkdir()
    for file in _log_files(given / "_delta_log", table, place):
        copy = root / "_delta_log" / file.relative_to(given / "_delta_log")
        if not copy.exists():
            copy.parent.mkdir(exist_ok=True)
            shutil.copy2(file, copy)


def _log_files(log: Path, table: Recorded, place: int) -> Iterator[Path]:
    version = table.steps[place]["version"]
    later_steps = any(step["version"] == version for step in table.steps[place + 1 :])
    for file in sorted(log.rglob("*")):
        if file.is_dir() or file.name.startswith(".") or file.name == "_last_checkpoint":
            continue
        compacted = COMPACTED.match(file.name)
        if compacted and later_steps:
            continue  # the step that follows at the same version is the one with the compaction
        named = compacted or VERSION.match(file.name)
        if named is None or int(named[1]) <= version:
            yield file


def files_below(root: Path) -> dict[str, int]:
    """All files of a table but its log and Hadoop's side files, with sizes: what clones move."""
    return {
        str(file.relative_to(root)): file.stat().st_size
        for file in root.rglob("*")
        if file.is_file()
        and "_delta_log" not in file.relative_to(root).parts
        and not (file.name.startswith(".") and file.suffix == ".crc")
    }


def log_bytes(root: Path) -> dict[str, bytes]:
    """The commits and version checksums of a table, by name."""
    return {
        file.name: file.read_bytes()
        for file in (root / "_delta_log").iterdir()
        if re.fullmatch(r"\d{20}\.(json|crc)", file.name)
    }
