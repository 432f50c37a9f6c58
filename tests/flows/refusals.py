"""A clone that must be refused, and the proof that it changed nothing."""

import os
from pathlib import Path
from typing import Any

import pytest

import lakeferry
from lakeferry.errors import CODES, FerryError
from lakeferry.store.open import open_store
from tests.flows.tables import tree


def refused(source: str | Path, target: str | Path, **options: Any) -> FerryError:
    """The refusal of a clone, after it was seen that the target is as it was."""
    place = open_store(str(target), options.get("target_options", {}))
    before, was_there = _seen(place), os.path.lexists(str(target))
    with pytest.raises(FerryError) as caught:
        lakeferry.clone(str(source), str(target), **options)
    error = caught.value
    assert error.code in CODES
    assert error.what
    assert error.where
    assert error.next_step
    assert "\n" not in error.what + error.where + error.next_step
    assert _seen(place) == before
    assert os.path.lexists(str(target)) == was_there
    return error


def _seen(place: Any) -> object:
    try:
        return tree(place)
    except FerryError as error:
        return error.code


def tree_of_log(root: Path) -> dict[str, bytes]:
    found = tree(open_store(str(root)))
    return {name: body for name, body in found.items() if name.endswith(".json")}
