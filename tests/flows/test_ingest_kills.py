"""SIGKILL at ingests, at steps and at any time. tests/soak.py does it a thousand times."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.flows.ingest_storm import storm

pytestmark = pytest.mark.usefixtures("keys")

SEEDS = 3  # tables, side by side
KILLS = 10  # of each


def test_ingests_that_are_killed_at_any_time_bring_each_record_once(tmp_path: Path) -> None:
    seeds = [random.randrange(1 << 30) for _ in range(SEEDS)]
    with ThreadPoolExecutor(SEEDS) as pool:
        versions = sum(pool.map(lambda seed: killed(tmp_path / str(seed), seed), seeds))

    assert versions > SEEDS * KILLS, f"{versions} versions alone: few kills met a commit"


def killed(folder: Path, seed: int) -> int:
    """Kill ingests into one table, and judge it; its versions."""
    folder.mkdir()
    done: list[str] = []
    with storm(folder, seed) as found:
        try:
            while found.kills < KILLS:
                done.append(found.round())
            found.judge()
            return found.read_versions()
        except AssertionError as error:
            error.add_note(f"seed {seed}\n" + "\n".join(done))
            raise


@pytest.mark.parametrize("when", ["before", "amid", "after"])
@pytest.mark.parametrize("table", ["table", "table_rejected"])
def test_an_ingest_that_dies_in_a_commit_brings_each_record_once(
    tmp_path: Path, table: str, when: str
) -> None:
    with storm(tmp_path, seed=1) as found:
        for version in (0, 1, 2):
            found.die_on(f"{table}/_delta_log/{version:020}.json", when)
        found.judge()
