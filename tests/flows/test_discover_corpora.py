"""A discovery of the tables that other projects publish, damaged and odd ones among them."""

import os
import threading
from pathlib import Path

import pytest

from lakeferry.fleet.discovery.found import FoundTable
from lakeferry.fleet.discovery.gather import Before
from lakeferry.fleet.discovery.run import Wish, discover
from tests.corpora import DELTA, SPARK, required
from tests.fleet.manifests import migration


def with_a_log(root: Path) -> set[str]:
    """Folders with a log, below no other such folder."""
    found = set()
    for folder, names, _ in os.walk(root):
        if "_delta_log" in names and any(Path(folder, "_delta_log").iterdir()):
            found.add(folder)
            names.clear()
    return found


@pytest.mark.parametrize("root", [DELTA, SPARK], ids=["published", "of Spark"])
def test_every_table_of_the_corpora_is_found_and_what_cannot_be_read_says_why(
    root: Path, tmp_path: Path
) -> None:
    required(root)
    text = f"version: 1\nname: t\ntarget: {{root: {tmp_path}/t}}\nsources: {{c: {{root: {root}}}}}"
    found: list[FoundTable] = []

    whole = discover(
        migration(tmp_path, text), Wish(most_depth=12), before=Before(), ledger=None,
        now_ms=4_000_000_000_000, emit=lambda _: None, stop=threading.Event(),
        on_found=lambda one, _: found.append(one),
    )  # fmt: skip

    tables = [one for one in found if one.kind == "delta"]
    assert whole.is_whole
    assert {one.url for one in tables} == with_a_log(root.resolve())
    assert len(tables) > 30
    assert all(one.head is not None or one.blocker is not None for one in tables)
    assert all(one.bytes is not None for one in tables if one.blocker is None)
