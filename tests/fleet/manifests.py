"""Manifests of migrations, written and read as a command reads them."""

from pathlib import Path

import pytest

from lakeferry.config.problems import refuse
from lakeferry.config.read import Read, read_manifest
from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.manifest.wanted_problems import wanted_problems
from lakeferry.fleet.manifest.wanted_values import migration_of


def read(folder: Path, text: str, **how: object) -> Read:
    """The manifest, checked as `lakeferry config check` does."""
    file = folder / "lakeferry.yaml"
    file.write_text(text)
    found = read_manifest(file, **how)  # type: ignore[arg-type]
    refuse(wanted_problems(found.manifest), found.document.texts)
    return found


def migration(folder: Path, text: str, **how: object) -> Migration:
    return migration_of(read(folder, text, **how).manifest)


def faults(folder: Path, text: str, **how: object) -> list[str]:
    """Its faults as they are shown, places relative to the folder."""
    with pytest.raises(ExceptionGroup) as refused:
        read(folder, text, **how)
    assert all(isinstance(one, FerryError) for one in refused.value.exceptions)
    return [str(one).replace(f"{folder}/", "") for one in refused.value.exceptions]
