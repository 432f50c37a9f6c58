"""Where temporary files lie: one folder a process, gone with it, even when it is killed.

A killed process cannot clean up, so the next one does: each holds a lock on its own folder, and a
folder whose lock nobody holds is abandoned. The lock goes with the process, whatever ends it.

A process may be killed between making its folder and the lock in it, too, or amid the removal of a
folder. So the lock's file goes last, and a folder that has none is abandoned once it is old.
"""

import atexit
import fcntl
import os
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO

_PREFIX = "lakeferry-scratch-"  # no other folder begins so: one without a lock is removed as well
_LOCK = "in-use"
_YOUNG_S = 60  # between making a folder and locking it a process may be stopped for a while
_BARE_S = 3600  # the same of a folder without a lock
_TRIES = 3


@cache
def scratch_folder() -> Path:
    """This process's folder; the first call also removes what killed processes left."""
    parent = Path(tempfile.gettempdir())
    remove_abandoned(parent)
    folder, lock = _made(parent)
    # A name of the module's keeps the lock's file open, and with it the lock.
    _held.append(lock)
    atexit.register(_remove_own, folder, os.getpid())
    return folder


_held: list[IO[bytes]] = []


def _made(parent: Path) -> tuple[Path, IO[bytes]]:
    """A new folder, and its lock: held, and of the file that lies there.

    A process that slept amid this may find its folder taken for abandoned, and makes another.
    """
    for _ in range(_TRIES):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        with suppress(FileNotFoundError):
            lock = _locked(folder / _LOCK)
            if os.path.samestat(os.fstat(lock.fileno()), (folder / _LOCK).stat()):
                return folder, lock
    raise FileNotFoundError(f"folders in {parent} are removed as soon as they are made")


def _locked(file: Path) -> IO[bytes]:
    handle = file.open("wb")
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def _remove_own(folder: Path, process: int) -> None:
    # A forked child has the same folder in mind, but it is its parent's.
    if os.getpid() == process:
        _remove(folder)


def _remove(folder: Path) -> None:
    """The lock's file last: what a kill leaves of a removal is then still known as abandoned."""
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            elif entry.name != _LOCK:
                with suppress(OSError):
                    os.unlink(entry.path)
    shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(parent: Path) -> None:
    """Remove scratch folders whose process is gone. Never fails: others may do it at once."""
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            _remove_if_abandoned(folder)
        except OSError:
            continue  # in use, not ours, or gone in this moment


def _remove_if_abandoned(folder: Path) -> None:
    made = folder.lstat()
    if not stat.S_ISDIR(made.st_mode) or made.st_uid != os.geteuid():
        return  # in a shared `/tmp` anybody may name a link so, and it leads to whatever is ours
    lock = folder / _LOCK
    try:
        age_s = time.time() - lock.stat().st_mtime
    except FileNotFoundError:
        if time.time() - folder.stat().st_mtime > _BARE_S:
            _remove(folder)
        return
    if age_s < _YOUNG_S:
        return
    with lock.open("rb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(folder)
