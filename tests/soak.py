"""Long tests: `make soak PART=clone-kills`, or `python -m tests.soak --part NAME`."""

import argparse
import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle, product
from pathlib import Path

from tests import soak_fleet, soak_ingest, soak_moments
from tests.flows import kill_runner
from tests.flows.kill_runner import Runner
from tests.flows.killing import Scene, Stage
from tests.servers import versitygw

KINDS = [(mode, again) for mode in ("snapshot", "mirror") for again in (False, True)]
Place = tuple[str, Mapping[str, str]]  # an address and its options
Kill = tuple[str, Callable[[], bool]]  # what is done, for the message; doing it


def clone_kills(runs: int, seed: int) -> None:
    """Kill clones at each of their steps, then after random times, until `runs` were killed."""
    chance = random.Random(seed)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lakeferry-soak-")))
        runner = stack.enter_context(kill_runner.running())
        killed = tried = 0
        for what, kill in _kills(folder, runner, stack, chance):
            tried += 1
            try:
                killed += kill()
            except AssertionError as error:
                raise SystemExit(f"{what} (seed {seed}, run {tried}): {error}") from error
            if tried % 100 == 0:
                _say(f"{killed} killed of {tried} runs")
            if killed >= runs:
                break
    _say(f"{killed} killed of {tried} runs: each left a readable target and was made good again")


def _kills(
    folder: Path, runner: Runner, stack: contextlib.ExitStack, chance: random.Random
) -> Iterator[Kill]:
    server = stack.enter_context(versitygw.running(folder))
    stages: list[tuple[Scene, Stage, float]] = []
    disk: Place = (str(folder / "targets"), {})
    s3: Place = (f"{server.place}/kills", server.options)
    ways = [(None, disk), (None, s3), (s3, disk), (s3, s3)]
    for number, ((mode, again), (source, target)) in enumerate(product(KINDS, ways)):
        home = folder / f"stage{number}"
        origin = (f"{source[0]}/source{number}", source[1]) if source else ("", {})
        scene = Scene(mode, again, *target, *origin)
        stage = Stage(home, scene, runner)
        started = time.monotonic()
        stage.kill_after(60)  # it lives, so this is how long one takes
        stages.append((scene, stage, time.monotonic() - started))
    steps = [
        (f"{scene.name}: killed {when} operation {number}", stage, number, when)
        for scene, stage, _ in stages
        for number, when in stage.points
    ]
    chance.shuffle(steps)
    random_ones = cycle(stages)
    while True:
        # Half at chosen steps while these last, half after a time.
        if steps:
            what, stage, number, when = steps.pop()
            yield what, lambda stage=stage, number=number, when=when: stage.kill_at(number, when)  # type: ignore[misc]
        scene, stage, seconds = next(random_ones)
        delay = chance.uniform(0, seconds)
        yield (
            f"{scene.name}: killed after {delay:.4f} s",
            lambda stage=stage, delay=delay: stage.kill_after(delay),  # type: ignore[misc]
        )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


PARTS: dict[str, Callable[[int, int], None]] = {
    "clone-kills": clone_kills,
    "fleet-kills": soak_fleet.kills,
    "ingest-kills": soak_ingest.kills,
    "ingest-commits": soak_ingest.commits,
    "moments": soak_moments.each,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--part", choices=sorted(PARTS), default="clone-kills")
    parser.add_argument(
        "--runs", type=int, help="how many kills (of each command), or commits; 1000, of a fleet 30"
    )
    parser.add_argument(
        "--seed", type=int, help="of random times; the last line of a failure has it"
    )
    chosen = parser.parse_args()
    seed = chosen.seed if chosen.seed is not None else random.randrange(1 << 30)
    runs = chosen.runs or (30 if chosen.part == "fleet-kills" else 1000)
    _say(f"part {chosen.part}, {runs} runs, seed {seed}")
    PARTS[chosen.part](runs, seed)


if __name__ == "__main__":
    main()
