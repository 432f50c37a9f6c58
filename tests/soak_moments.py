"""Every moment at which a command can be killed, one after another: a part of `make soak`."""

import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.flows import command_runner
from tests.flows.fleet_moments import SCENES
from tests.flows.ingest_moments import scenes, streaming
from tests.flows.moments import Play
from tests.flows.test_rollback_kills import SCENES as SWITCHES


def each(runs: int, seed: int) -> None:
    """Kill each command at all of its moments, at most so many; half of them are typed again."""
    chance = random.Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="lakeferry-soak-"))
    killed = tried = 0
    with command_runner.running() as runner, streaming() as feed:
        for number, (name, scene) in enumerate({**SCENES, **SWITCHES, **scenes(feed)}.items()):
            begun = time.monotonic()
            home = folder / str(number)
            play = Play(home, scene, runner)
            moments = play.moments
            chance.shuffle(moments)
            of_it = 0
            for at, when in moments[:runs]:
                tried += 1
                try:
                    of_it += play.kill_at(at, when, repeats=chance.random() < 0.5)
                except Exception as error:
                    raise SystemExit(f"{name}: {error!r}\nkept: {home}") from error
            killed += of_it
            _say(f"{name}: {of_it} killed in {time.monotonic() - begun:.0f} s")
            shutil.rmtree(home)
    shutil.rmtree(folder)
    _say(f"{killed} killed of {tried}: no dead end, and each time the truth in the end")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
