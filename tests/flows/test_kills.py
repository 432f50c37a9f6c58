"""SIGKILL at the steps of a clone. tests/soak.py takes every step, and moments at random too."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows import kill_runner
from tests.flows.kill_runner import Runner
from tests.flows.killing import Scene, Stage
from tests.servers import Server

KINDS = [("snapshot", False), ("snapshot", True), ("mirror", False), ("mirror", True)]


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with kill_runner.running() as found:
        yield found


@pytest.mark.parametrize(("mode", "incremental"), KINDS)
def test_a_clone_on_this_disk_survives_a_kill_at_its_steps(
    runner: Runner, tmp_path: Path, mode: str, incremental: bool
) -> None:
    stage = Stage(tmp_path, Scene(mode, incremental, str(tmp_path / "targets")), runner)

    killed = sum(stage.kill_at(number, when) for number, when in list(stage.points)[::4])

    assert killed > 13  # four such tests: over 50 kills


@pytest.mark.server
@pytest.mark.parametrize(("mode", "incremental"), KINDS)
def test_a_clone_to_s3_survives_a_kill_at_its_steps(
    runner: Runner, s3_server: Server, tmp_path: Path, mode: str, incremental: bool
) -> None:
    place = f"{s3_server.place}/kills-{tmp_path.name}"
    stage = Stage(tmp_path, Scene(mode, incremental, place, s3_server.options), runner)

    killed = sum(stage.kill_at(number, when) for number, when in list(stage.points)[::11])

    assert killed > 4
