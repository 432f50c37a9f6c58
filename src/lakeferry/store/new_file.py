"""A new file of a local folder, which nobody sees until it is whole.

Where the file system can, it has no name until it is published (`O_TMPFILE`): a killed run leaves
nothing behind. Elsewhere (NFS, some FUSE) it has a hidden name that listings leave out.
"""

import ctypes
import errno
import os
import uuid
from contextlib import closing, suppress

from lakeferry.store.names import TEMPORARY_PREFIX, TEMPORARY_SUFFIX

RESERVE_FROM = 1 << 20  # bytes; below, the write itself finds out that the disk is full
WRITE_BACK_EVERY = 8 << 20  # bytes
NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_UNNAMED_REFUSED = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS)
_FLAGS = os.O_WRONLY | os.O_CLOEXEC
_BY_DESCRIPTOR = "/proc/self/fd"
_HAS_PROC = os.path.isdir(_BY_DESCRIPTOR)
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.sync_file_range.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
_SYNC_FILE_RANGE_WRITE = 2


class NewFile:
    """An open descriptor, and the hidden name, if it has one. To be closed in any case."""

    def __init__(self, full: str) -> None:
        """`full`: the path that it will have. Its folder is made."""
        self._full = full
        folder = os.path.dirname(full)
        try:
            self.descriptor, self._hidden = _open(folder)
        except FileNotFoundError:
            os.makedirs(folder, exist_ok=True)
            self.descriptor, self._hidden = _open(folder)
        self._since_write_back = 0

    def reserve(self, size: int) -> None:
        """Claim the room first: a full disk is found before an hour of copying, not after."""
        if size < RESERVE_FROM:
            return
        try:
            os.posix_fallocate(self.descriptor, 0, size)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                raise

    def append(self, chunk: bytes | memoryview) -> None:
        written = os.write(self.descriptor, chunk)
        while written < len(chunk):
            written += os.write(self.descriptor, memoryview(chunk)[written:])
        self._since_write_back += len(chunk)
        if self._since_write_back >= WRITE_BACK_EVERY:
            # The disk begins now, while more is copied; `settle` then has little to wait for.
            _LIBC.sync_file_range(self.descriptor, 0, 0, _SYNC_FILE_RANGE_WRITE)
            self._since_write_back = 0

    def publish(self) -> None:
        """Give it its name, instead of a file that has it."""
        if self._hidden is None:
            try:
                self._link(self._full)
                return
            except FileExistsError:
                hidden = _hidden_name(os.path.dirname(self._full))
                self._link(hidden)
                self._hidden = hidden
        os.rename(self._hidden, self._full)
        self._hidden = None

    def publish_if_absent(self) -> None:
        """Give it its name; FileExistsError if another file has it."""
        self._link(self._full)

    def close(self) -> None:
        """Unpublished, it is gone."""
        if self._hidden is not None:
            with suppress(FileNotFoundError):
                os.unlink(self._hidden)
        os.close(self.descriptor)

    def _link(self, name: str) -> None:
        if self._hidden is not None:
            os.link(self._hidden, name)
            return
        # A descriptor as src_dir_fd makes Python call linkat, which follows the magic link; the
        # path is absolute, so the descriptor itself says nothing.
        path = f"{_BY_DESCRIPTOR}/{self.descriptor}"
        os.link(path, name, src_dir_fd=self.descriptor, follow_symlinks=True)


def write_whole(path: str, content: bytes, *, replaces: bool) -> None:
    """Write a file at once: whenever this process is killed, it is whole or as it was before.

    Raises:
        FileExistsError: there is one, and it is not to be replaced.
        OSError: its folder is not there, or whatever the disk says.
    """
    full = os.path.abspath(path)
    if not replaces and os.path.lexists(full):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
    os.stat(os.path.dirname(full))  # a mistyped one is not made
    with closing(NewFile(full)) as file:
        file.append(content)
        try:
            (file.publish if replaces else file.publish_if_absent)()
        except OSError as error:
            if replaces or error.errno not in NO_HARD_LINKS:
                raise
            file.publish()


def _open(folder: str) -> tuple[int, str | None]:
    if _HAS_PROC:
        try:
            return os.open(folder, _FLAGS | os.O_TMPFILE, 0o666), None
        except OSError as error:
            if error.errno not in _UNNAMED_REFUSED:
                raise
    hidden = _hidden_name(folder)
    return os.open(hidden, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666), hidden


def _hidden_name(folder: str) -> str:
    return os.path.join(folder, f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}{TEMPORARY_SUFFIX}")
