"""Makers of small tables with real files, to be cloned on this disk."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import lakeferry
from lakeferry.clone.report import CloneReport
from tests.delta.tables import METADATA, PROTOCOL, Action, add, commit

SIZE = 10  # bytes of each data file


def put_files(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode().ljust(SIZE, b".")[:SIZE])


def append(root: Path, version: int, *names: str, changed: bool = True) -> None:
    """Commit new files, with the bytes that the log says they have."""
    put_files(root, *names)
    commit(root, version, *(add(name, dataChange=changed) for name in names))


def new_table(root: Path, *names: str, extra: Iterable[Action] = ()) -> Path:
    """Version 0 with some files."""
    put_files(root, *names)
    commit(root, 0, PROTOCOL, METADATA, *extra, *(add(name) for name in names))
    return root


def clone(source: Path, target: Path, **options: Any) -> CloneReport:
    return lakeferry.clone(str(source), str(target), **options)


def actions(root: Path, version: int) -> list[dict[str, Any]]:
    text = (root / "_delta_log" / f"{version:020d}.json").read_text()
    return [json.loads(line) for line in text.splitlines()]


def bodies(root: Path, version: int, name: str) -> list[dict[str, Any]]:
    return [action[name] for action in actions(root, version) if name in action]


def commits(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "_delta_log").glob("*.json"))
