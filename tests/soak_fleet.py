"""A fleet of 60 sources over five kinds of store, killed again and again: a part of `make soak`."""

import contextlib
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.flows.fleet_shores import Shore, s3_judge, shores
from tests.flows.fleet_storm import Storm, storm
from tests.servers import azurite, fake_gcs, hdfs, versitygw

SOURCES, TABLES = 60, 1000
SPAN_S = 12.0  # a kill falls into this time after a command began to speak


def kills(runs: int, seed: int) -> None:
    """Kill so many commands, lose the ledger half way; then all tables are there, once."""
    folder = Path(tempfile.mkdtemp(prefix="lakeferry-soak-"))
    done: list[str] = []
    begun = time.monotonic()
    try:
        with contextlib.ExitStack() as stack:
            made = _begin(folder, stack, seed)
            _say(f"{TABLES} tables of {SOURCES} sources made in {time.monotonic() - begun:.0f} s")
            begun = time.monotonic()
            _storm(made, runs, done)
            _say(f"{made.kills} killed in {time.monotonic() - begun:.0f} s; now to the end")
            begun = time.monotonic()
            found = made.judge()
    except BaseException as error:
        what = "\n".join(done[-20:])
        raise SystemExit(f"seed {seed}: {error!r}\n{what}\nkept: {folder}") from error
    _say(
        f"{found['tables']} tables verified, {found['rows']} rows as delta-rs reads them, "
        f"{found['commits']} commits, none twice, in {time.monotonic() - begun:.0f} s"
    )
    shutil.rmtree(folder, ignore_errors=True)


def _begin(folder: Path, stack: contextlib.ExitStack, seed: int) -> Storm:
    rooms = {name: folder / name for name in ("s3", "azure", "hdfs", "gcs")}
    for room in rooms.values():
        room.mkdir()
    s3 = stack.enter_context(versitygw.running(rooms["s3"]))
    used = shores(
        folder, "storm", s3=s3,
        azure=stack.enter_context(azurite.running(rooms["azure"])),
        hdfs=stack.enter_context(hdfs.running(rooms["hdfs"])),
        gcs=stack.enter_context(fake_gcs.running(rooms["gcs"])),
    )  # fmt: skip
    target = Shore("s3", f"{s3.place}/target", s3.options, s3_judge(s3), "secret_access_key")
    return storm(folder, used, target, sources=SOURCES, tables=TABLES, span_s=SPAN_S, seed=seed)


def _storm(made: Storm, runs: int, done: list[str]) -> None:
    lost = False
    with made.living():
        while made.kills < runs:
            done.append(made.round())
            _say(f"{made.kills:3} {done[-1]}")
            if not lost and made.kills >= runs / 2:
                lost = True
                done.append(made.lose_the_ledger(rebuild=True))
                _say(f"{made.kills:3} {done[-1]}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
