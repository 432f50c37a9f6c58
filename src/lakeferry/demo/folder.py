"""The demo's folder: made, and made again, without touching anybody else's."""

import shutil
from pathlib import Path

from lakeferry.errors import FerryError

MARKER = ".lakeferry-demo"
LAKE, CLONES, INGESTED = "lake", "clones", "ingested"
REQUESTS = f"{INGESTED}/requests"
README, RESULTS = "README.txt", "RESULTS.md"
_OURS = (LAKE, CLONES, INGESTED, README, RESULTS)


def prepare(folder: Path) -> None:
    """An empty folder with the demo's marker.

    Of a folder that an earlier demo made only what the demo makes is removed.

    Raises:
        FerryError: LF-2001 something else lies there; LF-1002 it cannot be made.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise _foreign(folder)
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).is_file():
        raise _foreign(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARKER).write_text("made by `lakeferry demo`, which may replace it\n")
        for name in _OURS:
            _remove(folder / name)
    except PermissionError as error:
        raise FerryError(
            "LF-1002",
            "the demo may not write here",
            f"{folder}: {error.strerror}",
            "name another folder: lakeferry demo FOLDER",
        ) from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _foreign(folder: Path) -> FerryError:
    return FerryError(
        "LF-2001",
        "the demo's folder exists and was not made by a demo",
        f"{folder} has no file {MARKER}; nothing was touched",
        "move it away, or name another: lakeferry demo FOLDER",
    )
