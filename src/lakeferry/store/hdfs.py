"""HDFS, by hdfs-native: no Java, no Hadoop.

A file under its final name is always whole: it is written under a temporary name and renamed.
Rename without overwrite is the put-if-absent; creating the final name directly would show a
part of the file to readers, and leave it there after a crash.
"""

import re
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from lakeferry.connect import hdfs as connect
from lakeferry.connect.connection import Connection
from lakeferry.errors import FerryError
from lakeferry.store import faults
from lakeferry.store.checksum import Counted, changed, wrong_size
from lakeferry.store.names import (
    TEMPORARY_PREFIX,
    TEMPORARY_SUFFIX,
    NameRules,
    check_name,
    is_temporary,
    unholdable,
)
from lakeferry.store.pacing import Pace, unpaced
from lakeferry.store.protocol import AlreadyThere, Folder, ObjectMeta, OnMeta, Store

RULES = NameRules("HDFS", control_characters=True, longest_segment=255, longest_path=8000,
                  refused=":")  # fmt: skip
_BAD_NAME = re.compile(
    r"InvalidPathException|PathComponentTooLong|ParentNotDirectory|must both be directories"
)
_KINDS = {
    "LF-1001": re.compile(r"sasl|kerberos|gssapi|InvalidToken|authentication", re.IGNORECASE),
    "LF-1002": re.compile(r"AccessControlException|permission denied", re.IGNORECASE),
    "LF-5101": re.compile(r"QuotaExceeded|could only be written to 0 of|No space left"),
    "LF-1003": re.compile(r"connection|timed out|resolve|no route|unreachable", re.IGNORECASE),
}


class HdfsStore:
    """One folder of a cluster and what lies below it. Safe to use from many threads."""

    def __init__(
        self, url: str, link: Connection, authority: str, *, root: str, pace: Pace = unpaced
    ) -> None:
        """
        Args:
            root: absolute path of the folder; '/' is the whole cluster.
            pace: of the calls that the namenode allows; its datanodes are asked besides.
        """
        self._pace = pace
        self._url = url
        self._link = link
        self._authority = authority
        self._root = root.rstrip("/")
        self._made: Any = None
        self._making = threading.Lock()

    @property
    def url(self) -> str:
        return self._url

    def head(self, path: str, *, checksums: bool = False) -> ObjectMeta | None:  # noqa: ARG002
        try:
            found = self._status(path)
        except FileNotFoundError:
            return None
        return None if found.isdir else _meta(path, found)

    def list(
        self, prefix: str, *, after: str | None = None, recursive: bool = True
    ) -> Iterator[ObjectMeta]:
        folder = self._full(prefix) if prefix else self._root or "/"
        bound = after.encode() if after is not None else None
        cut = len(self._root) + 1
        try:
            with self._translated(prefix):
                for found in self._client().list_status(folder, recursive):
                    path = found.path[cut:]
                    if found.isdir or found.path == folder or is_temporary(path.split("/")[-1]):
                        continue
                    if bound is None or path.encode() > bound:
                        yield _meta(path, found)
        except FileNotFoundError:
            return

    def entries(self, folder: str) -> Iterator[ObjectMeta | Folder]:
        full = self._full(folder) if folder else self._root or "/"
        cut = len(self._root) + 1
        try:
            with self._translated(folder):
                for found in self._client().list_status(full, False):
                    path = found.path[cut:]
                    if found.isdir:
                        yield Folder(path)
                    elif found.path != full and not is_temporary(path.split("/")[-1]):
                        yield _meta(path, found)
        except FileNotFoundError:
            return

    def read(
        self,
        path: str,
        *,
        start: int = 0,
        end: int | None = None,
        if_match: str | None = None,
        on_meta: OnMeta | None = None,
    ) -> Iterator[bytes]:
        found = _meta(path, self._status(path))
        where = self._where(path)
        if if_match is not None and found.e_tag != if_match:
            raise changed(where, expected=if_match, found=found.e_tag)
        last = found.size if end is None else end
        if last > found.size or start > found.size:
            raise wrong_size(where, expected=last - start, got=max(found.size - start, 0))
        if on_meta is not None:
            on_meta(found)
        passed = 0
        with self._translated(path):
            reader = self._client().read(self._full(path))
            if len(reader) < last:
                raise wrong_size(where, expected=last - start, got=max(len(reader) - start, 0))
            for chunk in reader.read_range_stream(start, last - start):
                passed += len(chunk)
                yield chunk
        if passed != last - start:
            raise wrong_size(where, expected=last - start, got=passed)

    def write(self, path: str, chunks: Iterable[bytes], *, size: int) -> ObjectMeta:
        counted = Counted(chunks, size=size, where=self._where(path))
        with self._temporary(path, counted) as temporary, self._translated(path):
            # Under its final name another writer may have replaced it already. A rename changes
            # neither length nor time.
            found = self._client().get_file_info(temporary)
            if found.length != size:
                raise wrong_size(self._where(path), expected=size, got=found.length)
            self._client().rename(temporary, self._full(path), True)
        meta = _meta(path, found)
        return ObjectMeta(path, size, meta.e_tag, meta.modified_ms, counted.checksums)

    def put_if_absent(self, path: str, chunks: Iterable[bytes], *, size_hint: int) -> None:  # noqa: ARG002
        if self.head(path) is not None:
            raise AlreadyThere(path)
        counted = Counted(chunks, size=None, where=self._where(path))
        with self._temporary(path, counted) as temporary, self._translated(path):
            self._client().rename(temporary, self._full(path), False)

    def copy_from(self, other: Store, path: str, to: str) -> ObjectMeta | None:  # noqa: ARG002
        """None: HDFS cannot copy without its client."""
        return None

    def settle(self) -> None:
        """Nothing to do: a closed file lies on as many datanodes as its replication says."""

    def set_modified(self, path: str, ms: int) -> bool:
        with self._translated(path):
            self._client().set_times(self._full(path), ms, ms)
        return True

    def delete(self, path: str, *, if_match: str | None = None) -> None:
        if (found := self.head(path)) is not None:
            if if_match is not None and found.e_tag != if_match:
                raise AlreadyThere(path)
            with self._translated(path):
                self._client().delete(self._full(path))

    @contextmanager
    def _temporary(self, path: str, chunks: Counted) -> Iterator[str]:
        """All of `chunks` in a closed file beside `path`, removed again unless it was renamed."""
        full = self._full(path)
        folder = full.rpartition("/")[0]
        temporary = f"{folder}/{TEMPORARY_PREFIX}{uuid.uuid4().hex}{TEMPORARY_SUFFIX}"
        try:
            with self._translated(path):
                writer = self._client().create(temporary)
            for chunk in chunks:
                with self._translated(path):
                    writer.write(chunk)
            with self._translated(path):
                writer.close()
            yield temporary
        except BaseException:
            # What failed is told; what cannot be cleaned up is hidden by its name anyway.
            with suppress(OSError, RuntimeError):
                self._client().delete(temporary)
            raise

    def _status(self, path: str) -> Any:
        with self._translated(path):
            return self._client().get_file_info(self._full(path))

    def _full(self, path: str) -> str:
        check_name(path, RULES, self._url)
        return f"{self._root}/{path}"

    def _where(self, path: str) -> str:
        return f"{self._url}/{path}".rstrip("/")

    def _client(self) -> Any:
        """Whoever asks for it makes a call, which has to keep to the pace."""
        self._pace(1)
        with self._making:
            if self._made is None:
                self._made = connect.client(self._link, self._authority)
            return self._made

    @contextmanager
    def _translated(self, path: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise FileNotFoundError(self._where(path)) from error
        except FileExistsError as error:
            raise AlreadyThere(path) from error
        except (OSError, RuntimeError) as error:
            message = str(error)
            if _BAD_NAME.search(message):
                raise unholdable(path, "HDFS refused the name", self._url) from error
            for code, pattern in _KINDS.items():
                if pattern.search(message) or (code == "LF-1002" and _is_denied(error)):
                    raise self._refusal(code, path, message) from error
            raise self._refusal("LF-1004", path, message) from error

    def _refusal(self, code: str, path: str, message: str) -> FerryError:
        gist = message.replace("\\n", "\n").partition("\n")[0]
        return faults.refusal_as(code, self._where(path), gist)


def _is_denied(error: Exception) -> bool:
    return isinstance(error, PermissionError)


def _meta(path: str, found: Any) -> ObjectMeta:
    e_tag = f"{found.modification_time:x}-{found.length:x}"
    return ObjectMeta(path, found.length, e_tag, found.modification_time)
