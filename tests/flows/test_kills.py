"""SIGKILL at the steps of a clone. tests/soak.py takes every step, and moments at random too."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chance import chance
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


@pytest.mark.parametrize(("mode", "incremental"), KINDS)
def test_a_clone_survives_a_kill_at_any_time(
    runner: Runner, tmp_path: Path, mode: str, incremental: bool
) -> None:
    stage = Stage(tmp_path, Scene(mode, incremental, str(tmp_path / "targets")), runner)
    started = time.monotonic()
    stage.kill_after(60)  # it lives, so this is how long one takes
    seconds = time.monotonic() - started

    draw = chance(f"{mode} {incremental}")
    for _ in range(5):
        delay = draw.uniform(0, seconds)
        with told(f"killed after {delay:.4f} s"):
            stage.kill_after(delay)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Add to a failure what chance has chosen."""
    try:
        yield
    except AssertionError as error:
        error.add_note(what)
        raise


@pytest.mark.server
@pytest.mark.parametrize(
    ("mode", "incremental", "target"),
    [
        ("snapshot", False, "s3"),
        ("snapshot", True, "this disk"),
        ("mirror", False, "this disk"),
        ("mirror", True, "s3"),
    ],
)
def test_a_clone_from_s3_survives_a_kill_at_its_steps(
    runner: Runner, s3_server: Server, tmp_path: Path, mode: str, incremental: bool, target: str
) -> None:
    home = f"{s3_server.place}/kills-{uuid.uuid4().hex}"
    place, options = (f"{home}/t", s3_server.options) if target == "s3" else (str(tmp_path), {})
    scene = Scene(mode, incremental, place, options, f"{home}/source", s3_server.options)
    stage = Stage(tmp_path, scene, runner)

    killed = sum(stage.kill_at(number, when) for number, when in list(stage.points)[::13])

    assert killed > 4


@pytest.mark.server
@pytest.mark.parametrize(("mode", "incremental"), KINDS)
def test_a_clone_to_s3_survives_a_kill_at_its_steps(
    runner: Runner, s3_server: Server, tmp_path: Path, mode: str, incremental: bool
) -> None:
    place = f"{s3_server.place}/kills-{tmp_path.name}"
    stage = Stage(tmp_path, Scene(mode, incremental, place, s3_server.options), runner)

    killed = sum(stage.kill_at(number, when) for number, when in list(stage.points)[::11])

    assert killed > 4
