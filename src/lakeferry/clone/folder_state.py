"""Which files of a folder lie at the target as they are at the source: 32 bytes a file.

A folder of plain files has no log that could say so. Beside the files, in `_lakeferry/`, lie marks
of what was brought, each of a path, a size and an ETag (or a time): in `.marks` of the file at the
source, so that what lies there is not brought again; in `.landed` of the file that was made of it
at the target, which tells ours from what others wrote. A mark without its file, or the reverse,
only means that the file is brought again.
"""

import re
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import orjson
import xxhash

from lakeferry.errors import FerryError
from lakeferry.store.protocol import ObjectMeta, Store, read_all

FOLDER = "_lakeferry"
FORMAT = "lakeferry.folder/1"
MOST_PARTS = 16  # files of marks of one kind; of more one is made
RECORD = f"{FOLDER}/folder.json"
_OWN = re.compile(
    rf"{FOLDER}/(folder\.json|[0-9a-f]{{32}}\.(marks|landed)"
    r"|receipts/\d{15}-[a-z_]+\.(json|files))"
)
_WIDTH = 16  # bytes of a mark
Kind = Literal["marks", "landed"]  # endings of their files
BROUGHT: Kind = "marks"
LANDED: Kind = "landed"
Marks = npt.NDArray[np.bytes_]  # sorted


@dataclass(frozen=True, slots=True)
class FolderRecord:
    """The last run at a target."""

    source: str  # URL
    source_id: str
    version: int  # how many runs before it brought something; -1: the first has not ended
    files: int = 0  # of the source then
    bytes: int = 0
    at_ms: int = 0
    apart: tuple[str, ...] = ()  # folders of the source that were left to themselves
    format: str = FORMAT


def read_record(store: Store) -> FolderRecord | None:
    """None where no run of ours was."""
    try:
        said: dict[str, Any] = orjson.loads(read_all(store, RECORD))
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    if said.get("format") != FORMAT:
        return None
    known = {name: said[name] for name in FolderRecord.__slots__ if name in said}
    return FolderRecord(**{**known, "apart": tuple(known.get("apart", ()))})


def put_record(store: Store, record: FolderRecord) -> None:
    """Write it over the one before."""
    body = orjson.dumps(asdict(record), option=orjson.OPT_INDENT_2) + b"\n"
    store.write(RECORD, [body], size=len(body))


def mark_of(meta: ObjectMeta) -> bytes:
    """Of a file as it is at its store now."""
    said = f"{meta.size}/{meta.e_tag or meta.modified_ms}/{meta.path}"
    return xxhash.xxh3_128_digest(said.encode("utf-8", "surrogateescape"))


@dataclass
class Shape:
    """What tells one listing of a folder from another, in whatever order it comes."""

    files: int = 0
    newest: str = ""  # the path of the file that was written last
    _sum: int = 0  # of the marks
    _newest_ms: int = -1

    def take(self, metas: Iterable[ObjectMeta]) -> None:
        """More files of it."""
        for meta in metas:
            self.files += 1
            self._sum += int.from_bytes(mark_of(meta))
            if (made_ms := meta.modified_ms or 0) > self._newest_ms:
                self._newest_ms, self.newest = made_ms, meta.path

    @property
    def text(self) -> str:
        """Equal for equal listings."""
        return f"{self.files}-{self._sum % (1 << 128):032x}"


@dataclass(frozen=True)
class HeldMarks:
    """The marks that lie at a target."""

    marks: Marks
    parts: tuple[str, ...]  # their files

    def has(self, marks: Sequence[bytes]) -> npt.NDArray[np.bool_]:
        """Of each whether it is held."""
        asked = np.array(marks, f"S{_WIDTH}")
        if not len(self.marks):
            return np.zeros(len(asked), np.bool_)
        at = np.minimum(np.searchsorted(self.marks, asked), len(self.marks) - 1)
        return np.asarray(self.marks[at] == asked, np.bool_)


def read_marks(store: Store, kind: Kind = BROUGHT) -> HeldMarks:
    """All that earlier runs put; a part that is half there counts for nothing."""
    parts, found = [], []
    for meta in store.list(FOLDER, recursive=False):
        if meta.path.endswith(f".{kind}") and meta.size % _WIDTH == 0:
            with suppress(FileNotFoundError):
                found.append(np.frombuffer(read_all(store, meta.path), f"S{_WIDTH}"))
                parts.append(meta.path)
    marks = np.concatenate(found) if found else np.array([], f"S{_WIDTH}")
    return HeldMarks(np.unique(marks), tuple(parts))


def put_marks(store: Store, marks: Iterable[bytes], kind: Kind = BROUGHT) -> None:
    """What was brought by now, as a file of its own; nothing of none."""
    body = b"".join(marks)
    if body:
        store.write(f"{FOLDER}/{uuid.uuid4().hex}.{kind}", [body], size=len(body))


def join_parts(store: Store) -> None:
    """Make one file of many, once there are many; first the new one, then the old ones go.

    Where nothing may be deleted they stay: a joined one beside them would be written each time.
    """
    for kind in (BROUGHT, LANDED):
        held = read_marks(store, kind)
        if len(held.parts) > MOST_PARTS and _may_delete(store):
            put_marks(store, [held.marks.tobytes()], kind)
            for part in held.parts:
                store.delete(part)


def _may_delete(store: Store) -> bool:
    """Tried on a name that nobody gave: services weigh the right before they look."""
    try:
        store.delete(f"{FOLDER}/{uuid.uuid4().hex}.{BROUGHT}")
    except FerryError as error:
        if error.code != "LF-1002":
            raise
        return False
    return True


def is_own(path: str) -> bool:
    """Whether a file beside those of a folder, relative to it, has a name that only we give."""
    return _OWN.fullmatch(path) is not None
