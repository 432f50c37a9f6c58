"""Where temporary files lie: one folder a process, gone with it, even when it is killed.

A killed process cannot clean up, so the next one does: each holds a lock on its own folder, and a
folder whose lock nobody holds is abandoned. The lock goes with the process, whatever ends it.
"""

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import IO

_PREFIX = "lakeferry-"
_LOCK = "in-use"
_YOUNG_S = 60  # between making a folder and locking it a process may be stopped for a while


@cache
def scratch_folder() -> Path:
    """This process's folder; the first call also removes what killed processes left."""
    parent = Path(tempfile.gettempdir())
    remove_abandoned(parent)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    # A name of the module's keeps the lock's file open, and with it the lock.
    _held.append(_locked(folder / _LOCK))
    atexit.register(_remove_own, folder, os.getpid())
    return folder


_held: list[IO[bytes]] = []


def _locked(file: Path) -> IO[bytes]:
    handle = file.open("wb")
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def _remove_own(folder: Path, process: int) -> None:
    # A forked child has the same folder in mind, but it is its parent's.
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(parent: Path) -> None:
    """Remove scratch folders whose process is gone. Never fails: others may do it at once."""
    for folder in parent.glob(f"{_PREFIX}*"):
        lock = folder / _LOCK
        try:
            if time.time() - lock.stat().st_mtime < _YOUNG_S:
                continue
            with lock.open("rb") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # in use, not ours, or gone in this moment
