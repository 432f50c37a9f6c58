"""A file that a person named to be written: it is, or it is said why not."""

from pathlib import Path

from lakeferry.errors import FerryError


def write_file(path: str | Path, content: bytes) -> None:
    """Raises LF-2004 where the file cannot be written."""
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        raise FerryError(
            "LF-2004", "the file cannot be written", f"{path}: {error.strerror}", "name another"
        ) from error
