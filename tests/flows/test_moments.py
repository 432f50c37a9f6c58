"""Commands killed at moments that chance chooses: nothing that is typed next is a dead end.

tests/soak.py takes every moment of these and of other commands, `make soak PART=moments`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows import command_runner
from tests.flows.command_runner import Runner
from tests.flows.fleet_moments import SCENES
from tests.flows.moments import Play

MOMENTS = {
    "discover": 3,
    "rebuild": 2,
    "plan again": 2,
    "sync again": 2,
    "verify": 2,
    "init": 2,
    "init over": 2,
    "prices": 1,
}  # of clones: test_kills, of ingests: test_ingest_kills


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with command_runner.running() as found:
        yield found


@pytest.mark.parametrize("name", MOMENTS)
def test_a_command_that_was_killed_leaves_no_dead_end(
    name: str, runner: Runner, tmp_path: Path
) -> None:
    play = Play(tmp_path, SCENES[name], runner)

    assert play.kill_some(MOMENTS[name]) > 0
