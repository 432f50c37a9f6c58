"""Coordinators without a stream: processes that bring the numbers behind where the table stands.

Each number is a record; whoever commits takes the next few. What a process does beside is what a
crash, a pause or a race does to a real one.
"""

import os
import random
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.process import BaseProcess

from lakeferry.ingest.payload.rows import RAW_SCHEMA
from lakeferry.ingest.position.state import After, FromTrimHorizon
from lakeferry.ingest.settings import TargetSettings
from lakeferry.ingest.table.commit import commit
from lakeferry.ingest.table.opening import open_target
from lakeferry.ingest.table.target import Committed
from tests.ingest.batches import NAME, SHARD, first, read


def bring(url: str, options: Mapping[str, str], last: int, seed: int, offsets: str) -> None:
    """Commit until the record `last` is in; begin anew whenever another was faster."""
    chance = random.Random(seed)
    where = TargetSettings(url, options, offsets=offsets)  # type: ignore[arg-type]  # one of three
    while True:
        target = open_target(where, RAW_SCHEMA, NAME, first())
        while (at := _stands(target.state)) < last:
            more = range(at + 1, min(last, at + chance.randint(1, 4)) + 1)
            files, after = read(target, list(more))
            time.sleep(chance.random() / 50)
            done = commit(target, files, after)
            if not isinstance(done, Committed):
                break
            target = done.target
        else:
            return


def _stands(state: object) -> int:
    place = getattr(state, "shards", {}).get(SHARD)
    assert isinstance(place, After | FromTrimHorizon)
    return int(place.sequence_number) if isinstance(place, After) else 0


def begun(where: TargetSettings, last: int, seed: int) -> BaseProcess:
    process = get_context("spawn").Process(
        target=bring,
        args=(where.url, dict(where.options), last, seed, where.offsets),
        daemon=True,
    )
    process.start()
    return process


def ended(processes: list[BaseProcess], timeout_s: float = 400) -> list[int | None]:
    """Exit codes; whoever takes longer is killed, which is no code of success."""
    until = time.monotonic() + timeout_s
    for process in processes:
        process.join(max(0.0, until - time.monotonic()))
        if process.exitcode is None:
            process.kill()
            process.join()
    return [process.exitcode for process in processes]


def stopped(process: BaseProcess, seconds: float) -> None:
    """SIGSTOP for a while."""
    assert process.pid is not None
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGCONT)
