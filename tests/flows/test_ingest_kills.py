"""SIGKILL at ingests, at steps and at any time. tests/soak.py does it a thousand times."""

import random
from pathlib import Path

import pytest

from tests.flows.ingest_storm import storm
from tests.flows.ingests import KEYS

KILLS = 30


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


def test_ingests_that_are_killed_at_any_time_bring_each_record_once(tmp_path: Path) -> None:
    seed = random.randrange(1 << 30)
    done: list[str] = []

    with storm(tmp_path, seed) as found:
        try:
            while found.kills < KILLS:
                done.append(found.round())
            found.judge()
            versions = found.read_versions()
        except AssertionError as error:
            error.add_note(f"seed {seed}\n" + "\n".join(done))
            raise

    assert versions > KILLS / 3, f"{versions} versions alone: few kills met a commit"


@pytest.mark.parametrize("when", ["before", "amid", "after"])
@pytest.mark.parametrize("table", ["table", "table_rejected"])
def test_an_ingest_that_dies_in_a_commit_brings_each_record_once(
    tmp_path: Path, table: str, when: str
) -> None:
    with storm(tmp_path, seed=1) as found:
        for version in (0, 1, 2):
            found.die_on(f"{table}/_delta_log/{version:020}.json", when)
        found.judge()
