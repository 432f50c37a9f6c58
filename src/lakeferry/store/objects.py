"""Objects through obstore: S3, Azure Blob and, for tests, memory.

What obstore has not (conditions on uploads in parts, stored checksums, copies inside the
service) comes from a `Service`: `s3.py` and `azure.py`.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Protocol

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

from lakeferry.errors import FerryError
from lakeferry.store import faults
from lakeferry.store.checksum import Counted, changed, wrong_size
from lakeferry.store.entries import entries
from lakeferry.store.names import NameRules, check_name
from lakeferry.store.pacing import Pace, unpaced
from lakeferry.store.parts import PART, part_size, put_in_parts
from lakeferry.store.protocol import AlreadyThere, Folder, Lock, ObjectMeta, OnMeta, Store
from lakeferry.store.ranges import RANGE, read_ranges, split_small

if TYPE_CHECKING:
    from obstore import Attributes, GetOptions
    from obstore import ObjectMeta as Found
    from obstore.store import ObjectStore as Backend

JOINING_S = (0.2, 0.5, 1, 2, 5, *[10] * 30)  # pauses before another look: five minutes in all
READERS = 16  # threads that fetch ranges, for all large objects of one store together


def is_of_log(path: str) -> bool:
    """Whether it is small, and read by each reader: it stays in the bucket's own storage class."""
    return not {"_delta_log", "_lakeferry"}.isdisjoint(path.split("/"))


class Service(Protocol):
    """What one kind of object service can do beyond obstore. `key`: the whole key."""

    def put_large_if_absent(self, key: str, chunks: Iterator[bytes], *, size_hint: int) -> None:
        """Send in parts, publish under the condition that nothing is there; AlreadyThere."""

    def head(self, key: str) -> ObjectMeta | None:
        """With the checksums of the whole body that the service keeps."""

    def copy(self, other: "Service", source: ObjectMeta, key: str) -> ObjectMeta | None:
        """Copy inside the service; None where it cannot. `source.path`: the whole key there."""

    def delete(self, key: str, e_tag: str) -> None:
        """Remove it if it has this e_tag; AlreadyThere, FileNotFoundError."""

    def entries(self, folder: str) -> Iterator[ObjectMeta | Folder]:
        """As `Store.entries`, page by page. `folder` and the paths in the answer: whole keys."""


@dataclass(frozen=True, slots=True)
class _Range:
    body: bytes
    size: int  # bytes of the whole object
    e_tag: str | None


class ObjectStore:
    """One bucket or container, from `prefix` on. Safe to use from many threads."""

    def __init__(
        self,
        url: str,
        connect: Callable[[], "Backend"],
        *,
        prefix: str,
        rules: NameRules,
        greet: Callable[[], "Backend"] | None = None,
        sender: Callable[[], "Backend"] | None = None,
        service: Service | None = None,
        storage_class: str | None = None,
        lock: Lock | None = None,
        large_commit_bytes: int = 32 << 20,
        pace: Pace = unpaced,
    ) -> None:
        """
        Args:
            url: as people write it, without a trailing slash.
            connect: makes the backend; called once, at the first request.
            prefix: of all keys, without slashes at its ends; '' is the whole bucket.
            rules: names that the service would not keep.
            greet: makes a backend that gives up soon. The first request goes by it, so that a
                wrong endpoint, key or bucket is told in seconds and by its right name.
            sender: makes the backend by which bodies are sent, which must be patient with slow
                links; None: the same one.
            service: None only for memory.
            storage_class: of what `write` puts, but for logs; None: the bucket's own.
            lock: by which `put_if_absent` goes, for a service that has no condition.
            large_commit_bytes: `put_if_absent` sends bodies over this size in parts.
            pace: of the requests that the account allows.
        """
        self._url = url
        self._connect = connect
        self._prefix = prefix
        self._rules = rules
        self._greet = greet
        self._connect_sender = sender
        self.service = service
        self._storage_class = storage_class
        self._lock = lock
        self._large_commit_bytes = large_commit_bytes
        self._pace = pace
        self._ready: Backend | None = None
        self._ready_sender: Backend | None = None
        self._opening = threading.Lock()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="lakeferry-read")

    @property
    def url(self) -> str:
        return self._url

    @property
    def prefix(self) -> str:
        """Of all keys, without slashes at its ends."""
        return self._prefix

    def head(self, path: str, *, checksums: bool = False) -> ObjectMeta | None:
        key, backend = self.key(path), self._backend()
        if checksums and self.service is not None:
            found = self.service.head(key)
            return replace(found, path=path) if found else None
        try:
            with self._translated(path):
                return _meta(path, obstore.head(backend, key))
        except FileNotFoundError:
            return None

    def list(
        self, prefix: str, *, after: str | None = None, recursive: bool = True
    ) -> Iterator[ObjectMeta]:
        folder = self.key(prefix) if prefix else self._prefix
        bound = after.encode() if after is not None else None
        cut = len(self._prefix) + 1 if self._prefix else 0
        for found in self._listed(folder, prefix, after, recursive):
            path = found["path"][cut:]
            # Not every service honours the offset, and a folder's own marker is no object in it.
            if found["path"] == folder or (bound is not None and path.encode() <= bound):
                continue
            if not recursive and "/" in path[len(prefix) + 1 if prefix else 0 :]:
                continue
            yield _meta(path, found)

    def entries(self, folder: str) -> Iterator[ObjectMeta | Folder]:
        whole = self.key(folder) if folder else self._prefix
        cut = len(self._prefix) + 1 if self._prefix else 0
        with self._translated(folder):
            paged = self.service.entries if self.service is not None else None
            for found in entries(self._backend(), whole, paged, _meta):
                yield replace(found, path=found.path[cut:])

    def read(
        self,
        path: str,
        *,
        start: int = 0,
        end: int | None = None,
        if_match: str | None = None,
        on_meta: OnMeta | None = None,
    ) -> Iterator[bytes]:
        stop = start + RANGE if end is None else min(end, start + RANGE)
        first = self._range(path, start, stop, if_match)
        if end is not None and end > first.size:
            got = max(first.size - start, 0)
            raise wrong_size(self._where(path), expected=end - start, got=got)
        last = first.size if end is None else end
        if on_meta is not None:
            on_meta(ObjectMeta(path, first.size, first.e_tag))
        if first.body:
            yield first.body

        def fetch(begin: int, end: int) -> bytes:
            return self._range(path, begin, end, first.e_tag).body

        yield from read_ranges(fetch, min(stop, last), last, pool=self._readers)

    def write(self, path: str, chunks: Iterable[bytes], *, size: int) -> ObjectMeta:
        key, backend = self.key(path), self._sender()
        counted = Counted(chunks, size=size, where=self._where(path))
        if size <= PART:
            body = b"".join(counted)
            with self._translated(path):
                answer = obstore.put(
                    backend, key, body, use_multipart=False, attributes=self._attributes(path)
                )
            return ObjectMeta(path, size, _bare(answer["e_tag"]), None, counted.checksums)
        self._pace(size // part_size(size, PART))  # and the request that `_sender` has counted
        with self._translated(path, sending=counted):
            put_in_parts(backend, key, counted, size=size, attributes=self._attributes(path))
        joined = self._await_joined(path, size)
        return replace(joined, checksums=counted.checksums)

    def _attributes(self, path: str) -> "Attributes | None":
        if self._storage_class is None or is_of_log(path):
            return None
        return {"Storage-Class": self._storage_class}

    def _await_joined(self, path: str, size: int) -> ObjectMeta:
        """The object that was sent in parts, when it is there.

        A request to join parts whose answer was long in coming was made again; versitygw says yes
        to the second while it is still at work on the first.
        """
        found = self.head(path)
        for pause_s in JOINING_S:
            if found is not None and found.size == size:
                return found
            time.sleep(pause_s)
            found = self.head(path)
        if found is not None and found.size == size:
            return found
        raise wrong_size(self._where(path), expected=size, got=found.size if found else 0)

    def put_if_absent(self, path: str, chunks: Iterable[bytes], *, size_hint: int) -> None:
        if self._lock is not None:
            self._lock.put_if_absent(self, path, self.key(path), chunks)
            return
        key, backend = self.key(path), self._sender()
        stream = iter(chunks)
        limit = self._large_commit_bytes if self.service else 1 << 62
        body, is_all = split_small(stream, limit)
        try:
            if is_all or self.service is None:
                with self._translated(path):
                    obstore.put(backend, key, body, mode="create", use_multipart=False)
            else:
                if self.head(path) is not None:
                    raise AlreadyThere(path)  # known before gigabytes are sent for nothing
                rest = chain((body,), stream)
                del body
                self.service.put_large_if_absent(key, rest, size_hint=size_hint)
        except AlreadyThere as error:
            raise AlreadyThere(path) from error

    def copy_from(self, other: Store, path: str, to: str) -> ObjectMeta | None:
        if not isinstance(other, ObjectStore) or self.service is None or other.service is None:
            return None
        found = other.head(path)
        if found is None:
            raise FileNotFoundError(other._where(path))
        self._backend()
        source = replace(found, path=other.key(path))
        copied = self.service.copy(other.service, source, self.key(to))
        return replace(copied, path=to) if copied else None

    def settle(self) -> None:
        """Nothing to do: the service answers a write when it is durable."""

    def set_modified(self, path: str, ms: int) -> bool:  # noqa: ARG002
        return False

    def delete(self, path: str, *, if_match: str | None = None) -> None:
        key, backend = self.key(path), self._backend()
        try:
            if if_match is not None and self.service is not None:
                self.service.delete(key, if_match)
                return
            if if_match is not None and (found := self.head(path)) and found.e_tag != if_match:
                raise AlreadyThere(path)
            with self._translated(path):
                obstore.delete(backend, key)
        except FileNotFoundError:
            return
        except AlreadyThere as error:
            if self.head(path) is not None:  # what is gone fails a condition, too
                raise AlreadyThere(path) from error

    def key(self, path: str) -> str:
        """The whole key of a path below this store; LF-3107 if the service cannot keep it."""
        key = f"{self._prefix}/{path}" if self._prefix else path
        check_name(path, self._rules, self._url)
        return key

    def _where(self, path: str) -> str:
        return f"{self._url}/{path}".rstrip("/")

    def _backend(self) -> "Backend":
        """The connected backend; the first caller also learns whether it can work at all.

        Whoever asks for it makes a request, which has to keep to the pace.
        """
        self._pace(1)
        if self._ready is None:
            with self._opening:
                if self._ready is None:
                    backend = self._connect()
                    if self._greet is not None:
                        self._say_hello(self._greet())
                    self._ready = backend
        return self._ready

    def _sender(self) -> "Backend":
        backend = self._backend()
        if self._connect_sender is None:
            return backend
        if self._ready_sender is None:
            with self._opening:
                self._ready_sender = self._ready_sender or self._connect_sender()
        return self._ready_sender

    def _say_hello(self, backend: "Backend") -> None:
        # A folder that is not there: one empty page. HEAD would be cheaper, but its refusals
        # have no body and so no reason.
        folder = f"{self._prefix}/.lakeferry-hello" if self._prefix else ".lakeferry-hello"
        try:
            with self._translated(""):
                next(iter(obstore.list(backend, folder)), None)
        except FerryError as error:
            if error.code != "LF-1002":  # a right to list may be missing where none is needed
                raise

    def _listed(
        self, folder: str, prefix: str, after: str | None, recursive: bool
    ) -> Iterator["Found"]:
        backend = self._backend()
        with self._translated(prefix):
            if not recursive and after is None:
                yield from obstore.list_with_delimiter(backend, folder or None)["objects"]
                return
            offset = None if after is None else self.key(after)
            for page in obstore.list(backend, folder or None, offset=offset, chunk_size=1000):
                yield from page
                self._pace(len(page) // 1000)  # for the next one, if there is one

    def _range(self, path: str, start: int, end: int, if_match: str | None) -> _Range:
        """One bounded range, whole. A range that begins at the object's end is empty."""
        key, backend = self.key(path), self._backend()
        try:
            with self._translated(path, if_match=if_match):
                options: GetOptions = {"range": (start, max(end, start + 1))}
                if if_match is not None:
                    options["if_match"] = f'"{if_match}"'
                answer = obstore.get(backend, key, options=options)
                size = answer.meta["size"]
                body = answer.bytes().to_bytes()
        except _EmptyRange as error:
            found = self.head(path)
            if found is None:
                raise FileNotFoundError(path) from error
            if if_match is not None and found.e_tag != if_match:
                raise changed(self._where(path), expected=if_match, found=found.e_tag) from error
            if start > found.size:
                where = self._where(path)
                raise wrong_size(where, expected=start, got=found.size) from error
            return _Range(b"", found.size, found.e_tag)
        if end <= start:
            body = b""
        elif len(body) != min(end, size) - start:
            raise wrong_size(self._where(path), expected=min(end, size) - start, got=len(body))
        return _Range(body, size, _bare(answer.meta["e_tag"]))

    @contextmanager
    def _translated(
        self, path: str, *, if_match: str | None = None, sending: Counted | None = None
    ) -> Iterator[None]:
        where = self._where(path)
        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            if sending is not None and error is sending.failure:
                raise  # the source's own
            message = str(error)
            code, status = faults.error_code(message), faults.error_status(message)
            if isinstance(error, PreconditionError) and if_match is not None:
                raise changed(where, expected=if_match, found="another") from error
            if (
                isinstance(error, AlreadyExistsError)
                and code not in faults.BAD_NAME | faults.ARCHIVED
            ):
                raise AlreadyThere(path) from error
            known = code in faults.NO_PLACE or code in faults.CREDENTIALS
            if isinstance(error, FileNotFoundError) and not known:
                raise FileNotFoundError(where) from error
            if status == 416 or "StartTooLarge" in message:
                raise _EmptyRange from error
            raise faults.refusal(where, code=code, status=status, message=message) from error


class _EmptyRange(Exception):
    """The range lies behind the object's last byte: an empty object, or a wrong range."""


def _meta(path: str, found: "Found") -> ObjectMeta:
    modified_ms = int(found["last_modified"].timestamp() * 1000)
    return ObjectMeta(path, found["size"], _bare(found["e_tag"]), modified_ms)


def _bare(e_tag: str | None) -> str | None:
    """Without quotes: some listings have them and some have not."""
    return None if e_tag is None else e_tag.strip('"')
