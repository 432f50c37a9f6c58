"""What every store promises.

Paths are relative to the store's root, `/`-separated and kept byte for byte: they are object keys
or file names, already percent-decoded, never URIs. An edge translates what its library raises:

- a path that is not there: `FileNotFoundError`;
- `put_if_absent` onto something: `AlreadyThere`;
- refused credentials, missing rights, no answer, full disk, impossible names: `FerryError`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

CRC64NVME = "crc64nvme"  # key in ObjectMeta.checksums; value: 16 hex digits, big-endian


class AlreadyThere(Exception):
    """The path exists; nothing was written. The caller knows what that means and says so."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(frozen=True, slots=True)
class ObjectMeta:
    """One object or file."""

    path: str  # relative to the store's root
    size: int  # bytes
    e_tag: str | None = None  # None: the store keeps none
    modified_ms: int | None = None  # since the epoch, UTC
    checksums: Mapping[str, str] = field(default_factory=dict)  # of the whole body


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder: something lies in it, at whatever depth; of a file system it may be empty."""

    path: str  # relative to the store's root, without a slash at its end


OnMeta = Callable[[ObjectMeta], None]


class Store(Protocol):
    """A bucket's prefix, a container's, or a folder. Safe to use from many threads."""

    @property
    def url(self) -> str:
        """Where this is, as people write it; no trailing slash, no secret."""

    def head(self, path: str, *, checksums: bool = False) -> ObjectMeta | None:
        """The object at `path`, or None. `checksums`: also those that the service keeps."""

    def list(
        self, prefix: str, *, after: str | None = None, recursive: bool = True
    ) -> Iterator[ObjectMeta]:
        """Objects whose path starts with the folder `prefix` ('' or 'a/b'), in no order.

        Args:
            prefix: a folder, without a trailing slash; '' is the root. A missing one is empty.
            after: only paths that sort after it by their UTF-8 bytes.
            recursive: False leaves out what lies in sub-folders.
        """

    def entries(self, folder: str) -> Iterator[ObjectMeta | Folder]:
        """What lies directly in `folder` ('' or 'a/b'): objects and folders, in no order.

        A missing folder is empty. Of millions of objects only a page is held.
        """

    def read(
        self,
        path: str,
        *,
        start: int = 0,
        end: int | None = None,
        if_match: str | None = None,
        on_meta: OnMeta | None = None,
    ) -> Iterator[bytes]:
        """The bytes [start, end) in chunks. A body shorter than announced is a `FerryError`.

        So is a range that reaches past the object's end. Nothing is asked of the service before
        the first chunk is taken, and errors come then.

        `if_match`: an e_tag; another one there raises `FerryError` LF-1004.
        `on_meta`: told the object's size and e_tag before the first chunk, at no further request.
        """

    def write(self, path: str, chunks: Iterable[bytes], *, size: int) -> ObjectMeta:
        """All or nothing; replaces. `checksums` of the answer hold CRC64NVME of what was sent.

        `size` must equal the sum of the chunks; if not, nothing is left readable.
        """

    def put_if_absent(self, path: str, chunks: Iterable[bytes], *, size_hint: int) -> None:
        """Write the whole of `chunks` at `path`, or raise `AlreadyThere` and change nothing.

        Atomic against every other writer. A lost answer may raise `AlreadyThere` for one's own
        write: the caller reads back and looks for its own token.
        """

    def copy_from(self, other: "Store", path: str, to: str) -> ObjectMeta | None:
        """Copy within one service without moving the bytes through here; None: stream instead."""

    def settle(self) -> None:
        """Make all that was written before durable; called once before a commit names it.

        A local `write` does not wait for the disk, this does. Object stores answer a write when
        it is durable: nothing to do. `put_if_absent` settles what it writes itself.
        """

    def set_modified(self, path: str, ms: int) -> bool:
        """Set the modification time; False where the store cannot."""

    def delete(self, path: str, *, if_match: str | None = None) -> None:
        """Remove; a missing path is no error. Only for what we put.

        `if_match`: an e_tag; where another lies there by now it stays: `AlreadyThere`. Object
        services decide that themselves; of a file it is looked at just before.
        """


class Lock(Protocol):
    """Who says which of two writers of one name was first, where a service does not."""

    def put_if_absent(self, store: Store, path: str, key: str, chunks: Iterable[bytes]) -> None:
        """As `Store.put_if_absent`. `key`: the whole key of the path."""


def read_all(store: Store, path: str) -> bytes:
    """The whole of a small object."""
    return b"".join(store.read(path))


def read_lines(store: Store, path: str) -> Iterator[bytes]:
    """The lines of a file, without their ends; what follows the last end is one, too."""
    rest = b""
    for chunk in store.read(path):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    yield rest
