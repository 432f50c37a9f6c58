"""Long tests of the ingest, parts of `make soak`: a thousand kills, thousands of commits."""

import contextlib
import os
import re
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

import numpy as np
import orjson

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.demo.kinesis_feed_load import Load
from tests.flows.ingest_storm import Storm, storm
from tests.flows.ingests import KEYS, process
from tests.servers import Server, versitygw

SIDE_BY_SIDE = 3  # tables: while an ingest begins, it waits much
COUNTED_AFTER = 50  # kills of one table


@dataclass(slots=True)
class Score:
    """What became of all tables so far."""

    runs: int  # kills that are wanted
    seed: int
    begun_s: float
    taken: int = 0  # kills that are done or begun
    killed: int = 0
    reshards: int = 0
    commits: int = 0
    records: int = 0

    def take(self) -> int:
        """Kills for the next table; 0: there are enough."""
        most = min(COUNTED_AFTER, self.runs - self.taken)
        self.taken += most
        return most

    def __str__(self) -> str:
        return (
            f"{self.killed} killed in {time.monotonic() - self.begun_s:.0f} s, {self.reshards} "
            f"reshards, {self.commits} commits, {self.records} records each once"
        )


def kills(runs: int, seed: int) -> None:
    """Kill ingests into tables side by side, on this disk and on S3, and count each one's rows."""
    os.environ.update(KEYS)
    score, parts = Score(runs, seed, time.monotonic()), count(1)
    again = f"make soak PART=ingest-kills ARGS={shlex.quote(f'--runs {runs} --seed {seed}')}"
    with _kept_if_it_fails(again) as folder, versitygw.running(folder) as server:

        def lane() -> None:
            while most := score.take():
                _kill(folder, next(parts), most, server, score)
                _say(str(score))

        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            lanes = [pool.submit(lane) for _ in range(SIDE_BY_SIDE)]
            for one in lanes:
                one.result()
    _say(f"{score.commits / score.killed:.1f} commits a kill; every version is readable")


def _kill(folder: Path, part: int, most: int, server: Server, score: Score) -> None:
    home = folder / f"part{part}"
    home.mkdir()
    place = (f"{server.place}/ingest{part}", server.options) if part % 2 == 0 else ("", {})
    done: list[str] = []
    with storm(home, score.seed + part, *place) as found:
        try:
            while found.kills < most:
                done.append(found.round())
            commits = found.version
            score.records += found.judge()
            found.read_versions()
        except BaseException as error:
            score.taken = score.runs  # the others end with their tables
            _write_down(home, found, done, error)
            what = "\n".join(done[-20:])
            raise SystemExit(f"seed {score.seed}, part {part}: {error!r}\n{what}") from error
        score.killed += found.kills
        score.reshards += found.reshards
        score.commits += commits
    shutil.rmtree(home, ignore_errors=True)


def _write_down(home: Path, found: Storm, done: list[str], error: BaseException) -> None:
    """What only this process knows, beside the table and the log of its ingests."""
    truth = {shard_id: asdict(one) for shard_id, one in found.feed.truth().items()}
    (home / "truth.json").write_bytes(orjson.dumps(truth, option=orjson.OPT_INDENT_2))
    (home / "rounds.txt").write_text("\n".join([*done, f"{found.table}: {error!r}", ""]))


EVERY_S = 0.1  # between commits; a shard is asked five times a second at most
WARM = 0.2  # of the commits, before which memory may grow
MIB = 1 << 20
_PROGRESS = re.compile(
    r"Progress\(elapsed_s=(?P<s>[\d.]+).* commits=(?P<commits>\d+),.* worker_rss=\((?P<worker>\d+)"
    r".* coordinator_rss=(?P<rss>\d+).* state_bytes=(?P<state>\d+)"
)


def commits(runs: int, seed: int) -> None:
    """Commit so many times in one process, by the real loop, and show how its memory grows."""
    del seed
    os.environ.update(KEYS)
    rhythm, source = {"every_s": EVERY_S, "list_every_s": 10.0}, {"idle_s": EVERY_S}
    seen: list[tuple[float, int, int, int, int]] = []
    with (
        _folder() as folder,
        Feed(shards=4, load=Load(rate=20)) as feed,
        process(feed.url, folder / "table", folder, workers=1, rhythm=rhythm, source=source) as run,
        (folder / "ingest.log").open() as log,
    ):
        while not seen or seen[-1][1] < runs:
            line = log.readline()
            if not line.endswith("\n"):
                if run.poll() is not None:
                    raise SystemExit(f"it ended: {(folder / 'ingest.log').read_text()[-2000:]}")
                time.sleep(0.2)
            elif told := _PROGRESS.match(line):
                names = ("commits", "rss", "worker", "state")
                seen.append((float(told["s"]), *(int(told[name]) for name in names)))  # type: ignore[arg-type]
                if seen[-1][1] // max(1, runs // 20) > seen[-2:][0][1] // max(1, runs // 20):
                    _say(_shown(seen[-1]))
        run.terminate()
        run.wait(60)
    late = [one for one in seen if one[1] >= runs * WARM]
    for name, at in (("coordinator", 2), ("worker", 3)):
        a_commit = np.polyfit([one[1] for one in late], [one[at] for one in late], 1)[0]
        a_minute = np.polyfit([one[0] / 60 for one in late], [one[at] for one in late], 1)[0]
        _say(f"{name}: {a_commit:+.0f} bytes a commit, {a_minute / MIB:+.2f} MiB a minute")


def _shown(one: tuple[float, int, int, int, int]) -> str:
    elapsed_s, done, rss, worker, state = one
    return (
        f"{done} commits in {elapsed_s:.0f} s: coordinator {rss / MIB:.1f} MiB, "
        f"worker {worker / MIB:.1f} MiB, positions {state} bytes"
    )


@contextlib.contextmanager
def _kept_if_it_fails(again: str) -> Iterator[Path]:
    """A folder that goes with the block, unless something went wrong in it: then it says where.

    Args:
        again: the command that does the same once more.
    """
    folder = Path(tempfile.mkdtemp(prefix="lakeferry-soak-"))
    try:
        yield folder
    except BaseException:
        _say(f"tables, logs (ingests.log), truth of the feed and rounds are kept: {folder}")
        _say(f"to do it once more: {again}")
        raise
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lakeferry-soak-") as folder:
        yield Path(folder)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
