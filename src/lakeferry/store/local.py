"""A folder of this machine as a store.

Written on the operating system's own calls, for what a general object client cannot promise:
room is reserved before a byte is written, a commit appears by a hard link (atomic, refuses what
exists), modification times can be set, any file name is kept.

Durability: `put_if_absent` returns when its file and folders are on disk. `write` does not wait
for the disk, for one fsync per small file is what makes copying slow; `settle` makes all that
was written before it durable, at once, and is called once before a commit names the files.
"""

import ctypes
import errno
import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import TypeVar

from lakeferry.errors import FerryError
from lakeferry.store.checksum import Counted, changed, crc64nvme, wrong_size
from lakeferry.store.names import NameRules, check_name, is_temporary, unholdable
from lakeferry.store.new_file import NO_HARD_LINKS, NewFile
from lakeferry.store.protocol import CRC64NVME, AlreadyThere, Folder, ObjectMeta, OnMeta, Store

CHUNK = 1 << 20  # bytes; fits a core's cache, so that the checksum does not fetch it again
RULES = NameRules("a local folder", control_characters=True, any_bytes=True, longest_segment=255)
_BAD_NAME = (errno.ENAMETOOLONG, errno.EILSEQ, errno.ENOTDIR, errno.EISDIR)
_TOLD = (  # numbers of the operating system -> code, what happened, what to do
    ((errno.EACCES, errno.EPERM), "LF-1002", "the operating system refused",
     "give this user the right, or be another"),
    ((errno.EROFS,), "LF-1002", "the operating system refused",
     "mount it so that it can be written to, or name another place"),
    ((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "LF-5101", "no room",
     "free space and run the same command again"),
    ((errno.EMFILE, errno.ENFILE), "LF-2001", "too many files are open at once",
     "give fewer --jobs, or raise `ulimit -n`"),
    ((errno.EIO, errno.ESTALE, errno.ENXIO, errno.ENODEV), "LF-1004", "the disk failed",
     "look at the disk, then run again"),
    ((errno.ELOOP,), "LF-1004", "its links lead in a circle, to no file",
     "mend the links, then run again"),
)  # fmt: skip
_NOWHERE = (errno.ENOENT, errno.ELOOP)  # of an entry: it is gone, or its links lead to no file
Looked = TypeVar("Looked")


class LocalStore:
    """One folder and what lies below it. The folder is made by the first write."""

    def __init__(self, root: str) -> None:
        """`root`: a path; links in it are followed once, here. LF-2104 if it can be no folder's."""
        self._disks: dict[int, int] = {}  # device -> a descriptor on it, for settle
        self._root = _real(root)
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The folder's absolute path: not a URI, nothing in it is percent-encoded."""
        return self._root

    def head(self, path: str, *, checksums: bool = False) -> ObjectMeta | None:  # noqa: ARG002
        with self._translated(path):
            try:
                found = os.stat(self._full(path))
            except (FileNotFoundError, NotADirectoryError):
                return None
            return _meta(path, found) if stat.S_ISREG(found.st_mode) else None

    def list(
        self, prefix: str, *, after: str | None = None, recursive: bool = True
    ) -> Iterator[ObjectMeta]:
        bound = os.fsencode(after) if after is not None else None
        folders = [prefix]
        entered: set[tuple[int, int]] = set()
        while folders:
            folder = folders.pop()
            with self._translated(folder):
                full = self._full(folder) if folder else self._root
                try:
                    seen = os.stat(full)
                    entries = os.scandir(full)
                except FileNotFoundError:
                    continue
                except NotADirectoryError:
                    if os.path.isdir(self._root):
                        continue
                    raise self._no_folder("a file stands where a folder is wanted") from None
            if (seen.st_dev, seen.st_ino) in entered:
                continue  # a link back to a folder above: its files were listed already
            entered.add((seen.st_dev, seen.st_ino))
            with entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    if _looked(entry.is_dir, path, entry.path):
                        if recursive and not _all_before(path, bound):
                            folders.append(path)
                        continue
                    if is_temporary(entry.name) or (bound and os.fsencode(path) <= bound):
                        continue
                    found = _looked(entry.stat, path, entry.path)
                    if found is not None and stat.S_ISREG(found.st_mode):
                        yield _meta(path, found)

    def entries(self, folder: str) -> Iterator[ObjectMeta | Folder]:
        with self._translated(folder):
            try:
                found = os.scandir(self._full(folder) if folder else self._root)
            except (FileNotFoundError, NotADirectoryError):
                return
        with found:
            for entry in found:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if _looked(entry.is_dir, path, entry.path):
                    if not (entry.is_symlink() and _leads_back(entry.path)):
                        yield Folder(path)
                elif not is_temporary(entry.name):
                    seen = _looked(entry.stat, path, entry.path)
                    if seen is not None:
                        yield _meta(path, seen)

    def read(
        self,
        path: str,
        *,
        start: int = 0,
        end: int | None = None,
        if_match: str | None = None,
        on_meta: OnMeta | None = None,
    ) -> Iterator[bytes]:
        with self._translated(path), self._opened(path) as (source, found):
            if if_match is not None and if_match != _e_tag(found):
                raise changed(self._where(path), expected=if_match, found=_e_tag(found))
            stop = found.st_size if end is None else end
            if start > found.st_size:
                raise wrong_size(self._where(path), expected=start, got=found.st_size)
            if on_meta is not None:
                on_meta(_meta(path, found))
            at = start
            if at:
                os.lseek(source, at, os.SEEK_SET)
            while at < stop:
                chunk = os.read(source, min(CHUNK, stop - at))
                if not chunk:
                    raise wrong_size(self._where(path), expected=stop - start, got=at - start)
                at += len(chunk)
                yield chunk

    def write(self, path: str, chunks: Iterable[bytes], *, size: int) -> ObjectMeta:
        counted = Counted(chunks, size=size, where=self._where(path))
        with self._new(path) as file:
            self._reserve(path, file, size)
            self._append(path, file, counted)
            return self._publish(path, file, counted.checksums)

    def put_if_absent(self, path: str, chunks: Iterable[bytes], *, size_hint: int) -> None:  # noqa: ARG002
        full = self._full(path)
        if os.path.lexists(full):
            raise AlreadyThere(path)
        with self._new(path) as file:
            self._append(path, file, chunks)
            with self._translated(path):
                os.fsync(file.descriptor)
                self._publish_if_absent(path, file)
                self._sync_folders(full)

    def copy_from(self, other: Store, path: str, to: str) -> ObjectMeta | None:
        """Copy a file of another local folder, with the checksum of what was read.

        A thread uses one buffer again and again: a fresh one costs more than the checksum.
        """
        if not isinstance(other, LocalStore):
            return None
        with other._translated(path), other._opened(path) as (source, found):
            size = found.st_size
            with self._new(to) as file:
                self._reserve(to, file, size)
                buffer = _own_buffer()
                crc, total = 0, 0
                while total < size and (count := os.readv(source, [buffer])):
                    chunk = buffer[:count]
                    crc = crc64nvme(chunk, crc)
                    self._append(to, file, (chunk,))
                    total += count
                if total != size:
                    raise wrong_size(other._where(path), expected=size, got=total)
                return self._publish(to, file, {CRC64NVME: f"{crc:016x}"})

    def set_modified(self, path: str, ms: int) -> bool:
        with self._translated(path):
            os.utime(self._full(path), ns=(ms * 1_000_000, ms * 1_000_000))
        return True

    def delete(self, path: str, *, if_match: str | None = None) -> None:
        with (
            self._translated(path),
            suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError),
        ):
            if if_match is not None and if_match != _e_tag(os.stat(self._full(path))):
                raise AlreadyThere(path)
            os.unlink(self._full(path))

    def settle(self) -> None:
        """Make all that this store wrote before durable; LF-1004 if the disk lost some of it."""
        with self._lock:
            disks = list(self._disks.values())
        for disk in disks:
            if _LIBC.syncfs(disk):
                number = ctypes.get_errno()
                raise FerryError(
                    "LF-1004",
                    f"the disk could not keep what was written: {os.strerror(number)}",
                    f"below {self.url}",
                    "mend the disk, delete what this run copied there, and run again",
                )

    def _full(self, path: str) -> str:
        return os.path.join(self._root, check_name(path, RULES, self.url))

    def _where(self, path: str) -> str:
        return os.path.join(self._root, path)

    @contextmanager
    def _opened(self, path: str) -> Iterator[tuple[int, os.stat_result]]:
        """A descriptor to read from, and what it is; a folder counts as no file."""
        try:
            source = os.open(self._full(path), os.O_RDONLY | os.O_CLOEXEC)
        except NotADirectoryError as error:
            raise FileNotFoundError(errno.ENOENT, "no such file", self._where(path)) from error
        try:
            found = os.fstat(source)
            if not stat.S_ISREG(found.st_mode):
                raise FileNotFoundError(errno.ENOENT, "no such file", self._where(path))
            yield source, found
        finally:
            os.close(source)

    @contextmanager
    def _new(self, path: str) -> Iterator[NewFile]:
        """A new file that will be `path`; without a `_publish` it is gone at the end."""
        try:
            with self._translated(path):
                file = NewFile(self._full(path))
        except FileNotFoundError as error:
            raise self._no_folder(f"the folder cannot be made: {error.strerror}") from error
        with closing(file):
            yield file

    def _no_folder(self, what: str) -> FerryError:
        return FerryError("LF-2101", what, f"at {self._root}", "give the address of a folder")

    def _reserve(self, path: str, file: NewFile, size: int) -> None:
        with self._translated(path):
            file.reserve(size)

    def _append(self, path: str, file: NewFile, chunks: Iterable[bytes | memoryview]) -> None:
        """Write all of `chunks`; what the chunks themselves raise passes as it is."""
        for chunk in chunks:
            try:
                file.append(chunk)
            except OSError as error:
                translated = _translate(error, path, self._where(path))
                if translated is None:
                    raise
                raise translated from error

    def _publish(self, path: str, file: NewFile, checksums: dict[str, str]) -> ObjectMeta:
        with self._translated(path):
            file.publish()
        found = os.fstat(file.descriptor)
        if found.st_dev not in self._disks:
            self._remember_disk(found.st_dev, os.path.dirname(self._full(path)))
        return _meta(path, found, checksums)

    def _publish_if_absent(self, path: str, file: NewFile) -> None:
        try:
            file.publish_if_absent()
        except FileExistsError as error:
            raise AlreadyThere(path) from error
        except OSError as error:
            if error.errno not in NO_HARD_LINKS:
                raise
            raise FerryError(
                "LF-5004",
                f"the file system has no hard links: {error.strerror}",
                f"at {self._where(path)}",
                "put the table on another file system, or accept the risk with --single-writer",
            ) from error

    def _sync_folders(self, full: str) -> None:
        """The file's folder and those above: any of them may have been made just now."""
        folder = os.path.dirname(full)
        while len(folder) >= len(os.path.dirname(self._root)):
            with suppress(PermissionError):  # a parent that is not ours was not made by us
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            if folder == os.path.dirname(folder):
                break
            folder = os.path.dirname(folder)

    def _remember_disk(self, device: int, folder: str) -> None:
        # Kept open from the first write on: syncfs reports the write-back errors that
        # happened since its descriptor was opened, not earlier ones.
        with self._lock:
            if device not in self._disks:
                self._disks[device] = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    @contextmanager
    def _translated(self, path: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            translated = _translate(error, path, self._where(path))
            if translated is None:
                raise
            raise translated from error

    def __del__(self) -> None:
        for disk in self._disks.values():
            os.close(disk)


_LIBC = ctypes.CDLL(None, use_errno=True)
_OF_THREAD = threading.local()


def _real(root: str) -> str:
    """The path without links. One that is not UTF-8 could not be named by a commit or a record."""
    real = os.path.realpath(root)
    try:
        real.encode()
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            os.stat(real)
    except (UnicodeEncodeError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        where = f"`{os.fsencode(root).decode(errors='backslashreplace')}`"
        raise FerryError(
            "LF-2104", f"no folder can have this path: {why}", where, "choose another path"
        ) from None
    return real


def _own_buffer() -> memoryview:
    if not hasattr(_OF_THREAD, "buffer"):
        _OF_THREAD.buffer = memoryview(bytearray(CHUNK))
    buffer: memoryview = _OF_THREAD.buffer
    return buffer


def _translate(error: OSError, path: str, where: str) -> FerryError | None:
    if error.errno in _BAD_NAME:
        return unholdable(path, f"the file system refused the name ({error.strerror})", where)
    for numbers, code, what, next_step in _TOLD:
        if error.errno in numbers:
            return FerryError(code, f"{what}: {error.strerror}", f"at {where}", next_step)
    return None


def _looked(look: Callable[[], Looked], path: str, where: str) -> Looked | None:
    """What a call on an entry of a folder answers; None where no file is at its end."""
    try:
        return look()
    except OSError as error:
        if error.errno in _NOWHERE:
            return None
        translated = _translate(error, path, where)
        if translated is None:
            raise
        raise translated from error


def _leads_back(link: str) -> bool:
    """Whether a link is to a folder above it: whoever follows it would come here again."""
    above = os.path.join(os.path.realpath(os.path.dirname(link)), "")
    return above.startswith(os.path.join(os.path.realpath(link), ""))


def _all_before(folder: str, bound: bytes | None) -> bool:
    """Whether every path below `folder` sorts at or before `bound`."""
    if bound is None:
        return False
    below = os.fsencode(folder) + b"/"
    return bound[: len(below)] > below


def _e_tag(found: os.stat_result) -> str:
    return f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}"


def _meta(path: str, found: os.stat_result, checksums: dict[str, str] | None = None) -> ObjectMeta:
    modified_ms = found.st_mtime_ns // 1_000_000
    return ObjectMeta(path, found.st_size, _e_tag(found), modified_ms, checksums or {})
