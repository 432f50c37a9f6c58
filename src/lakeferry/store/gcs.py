"""Google Cloud Storage, by its JSON API.

The e_tag of an object is its generation: a number that every write changes and that reads and
writes can be bound to.
"""

import base64
import io
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from typing import Any

from lakeferry.connect import gcs as connect
from lakeferry.connect.connection import LARGE_COMMIT_BYTES, Connection
from lakeferry.connect.importing import ONE_AT_A_TIME
from lakeferry.store import faults
from lakeferry.store.checksum import Counted, changed, wrong_size
from lakeferry.store.cold import ColdFile
from lakeferry.store.names import NameRules, check_name
from lakeferry.store.pacing import Pace, unpaced
from lakeferry.store.protocol import AlreadyThere, Folder, ObjectMeta, OnMeta, Store
from lakeferry.store.ranges import RANGE, read_ranges, split_small

RULES = NameRules("Google Cloud Storage", longest_path=1024)
WHOLE = 8 << 20  # bytes; an object up to here is one request
UPLOAD_CHUNK = 16 << 20  # bytes a request of a resumable upload; a multiple of 256 KiB
READERS = 16
PAGE = 1000  # objects that a listing's answer holds
FOR_A_FEE = frozenset({"NEARLINE", "COLDLINE", "ARCHIVE"})  # all are read at once
FIRST_TIMEOUT_S = 5.0  # the first request gives up soon, so that a wrong endpoint is told soon


class GcsStore:
    """One bucket, from `prefix` on. Safe to use from many threads."""

    def __init__(
        self, url: str, link: Connection, bucket: str, *, prefix: str, pace: Pace = unpaced
    ) -> None:
        """`pace`: of the requests that the bucket allows."""
        self._pace = pace
        self._url = url
        self._link = link
        self._name = bucket
        self._prefix = prefix
        self._made: Any = None
        self._making = threading.Lock()
        self._large_commit_bytes = link.number("large_commit_bytes", LARGE_COMMIT_BYTES)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="lakeferry-read")

    @property
    def url(self) -> str:
        return self._url

    def head(self, path: str, *, checksums: bool = False) -> ObjectMeta | None:  # noqa: ARG002
        with self._translated(path):
            blob = self._bucket().get_blob(self._key(path))
        return None if blob is None else _meta(path, blob)

    def list(
        self, prefix: str, *, after: str | None = None, recursive: bool = True
    ) -> Iterator[ObjectMeta]:
        folder = self._key(prefix) if prefix else self._prefix
        cut = len(self._prefix) + 1 if self._prefix else 0
        start = self._key(after) if after is not None else None
        with self._translated(prefix):
            found = self._bucket().list_blobs(
                prefix=f"{folder}/" if folder else None,
                delimiter=None if recursive else "/",
                start_offset=start,  # inclusive, hence the comparison below
            )
            for number, blob in enumerate(found, 1):
                if number % PAGE == 0:
                    self._pace(1)  # for the next page, if there is one
                if blob.name.endswith("/") or (start is not None and blob.name == start):
                    continue  # a folder's marker; the object `after` itself
                yield _meta(blob.name[cut:], blob)

    def entries(self, folder: str) -> Iterator[ObjectMeta | Folder]:
        whole = self._key(folder) if folder else self._prefix
        cut = len(self._prefix) + 1 if self._prefix else 0
        with self._translated(folder):
            found = self._bucket().list_blobs(prefix=f"{whole}/" if whole else None, delimiter="/")
            for page in found.pages:
                for blob in page:
                    if not blob.name.endswith("/"):  # a folder's marker
                        yield _meta(blob.name[cut:], blob)
                self._pace(page.num_items // PAGE)  # for the next one, if there is one
                for prefix in page.prefixes:
                    yield Folder(prefix[cut:].rstrip("/"))

    def cold(self, *, most: int) -> Iterator[ColdFile]:
        """As `archive.cold_files`."""
        cut = len(self._prefix) + 1 if self._prefix else 0
        with self._translated(""):
            found = self._bucket().list_blobs(
                prefix=f"{self._prefix}/" if self._prefix else None, max_results=most
            )
            for blob in found:
                if blob.storage_class in FOR_A_FEE:
                    yield ColdFile(blob.name[cut:], blob.size, blob.storage_class, waits=False)

    def read(
        self,
        path: str,
        *,
        start: int = 0,
        end: int | None = None,
        if_match: str | None = None,
        on_meta: OnMeta | None = None,
    ) -> Iterator[bytes]:
        found = self.head(path)
        if found is None:
            raise FileNotFoundError(self._where(path))
        if if_match is not None and found.e_tag != if_match:
            raise changed(self._where(path), expected=if_match, found=found.e_tag)
        last = found.size if end is None else end
        if last > found.size or start > found.size:
            got = max(found.size - start, 0)
            raise wrong_size(self._where(path), expected=last - start, got=got)

        if on_meta is not None:
            on_meta(found)

        def fetch(begin: int, end: int) -> bytes:
            with self._translated(path):
                blob = self._bucket().blob(self._key(path), generation=int(found.e_tag or 0))
                # The API's `end` is the last byte itself. Its own checksum would be that of a
                # whole body, which a range has not.
                body: bytes = blob.download_as_bytes(
                    start=begin, end=end - 1, checksum=None, raw_download=True
                )
            if len(body) != end - begin:
                raise wrong_size(self._where(path), expected=end - begin, got=len(body))
            return body

        if last - start <= RANGE:
            if start < last:
                yield fetch(start, last)
        else:
            yield from read_ranges(fetch, start, last, pool=self._readers)

    def write(self, path: str, chunks: Iterable[bytes], *, size: int) -> ObjectMeta:
        counted = Counted(chunks, size=size, where=self._where(path))
        blob = self._blob(path)
        if size <= WHOLE:
            body = b"".join(counted)
            with self._translated(path):
                blob.upload_from_string(body, checksum="crc32c", **_again())
        else:
            with self._translated(path, sending=counted):
                pipe = _Pipe(counted, size=size)
                blob.upload_from_file(pipe, size=size, checksum="crc32c", **_again())
        return _meta(path, blob, counted.checksums)

    def put_if_absent(self, path: str, chunks: Iterable[bytes], *, size_hint: int) -> None:  # noqa: ARG002
        blob = self._blob(path)
        stream = iter(chunks)
        body, is_all = split_small(stream, self._large_commit_bytes)
        absent = {"if_generation_match": 0, "checksum": "crc32c"}
        if is_all:
            with self._translated(path):
                blob.upload_from_string(body, **absent)
            return
        counted = Counted(chain((body,), stream), size=None, where=self._where(path))
        del body
        with self._translated(path, sending=counted):
            blob.upload_from_file(_Pipe(counted), **absent)

    def copy_from(self, other: Store, path: str, to: str) -> ObjectMeta | None:
        """Rewrite inside the service, in as many calls as it asks for."""
        if not isinstance(other, GcsStore) or self._link != other._link:
            return None
        with other._translated(path):
            source = other._bucket().get_blob(other._key(path))
        if source is None:
            raise FileNotFoundError(other._where(path))
        blob = self._bucket().blob(self._key(to))
        with self._translated(to):
            pinned = {"if_source_generation_match": source.generation}
            token, _, _ = blob.rewrite(source, **pinned)
            while token:
                token, _, _ = blob.rewrite(source, token=token, **pinned)
        if blob.size != source.size:
            raise wrong_size(self._where(to), expected=source.size, got=blob.size or 0)
        return _meta(to, blob)

    def settle(self) -> None:
        """Nothing to do: the service answers a write when it is durable."""

    def set_modified(self, path: str, ms: int) -> bool:  # noqa: ARG002
        return False

    def delete(self, path: str, *, if_match: str | None = None) -> None:
        generation = {} if if_match is None else {"if_generation_match": int(if_match)}
        # Google keeps to the condition; not every other server of this protocol does.
        if generation and connect.endpoint_of(self._link) is not None:
            found = self.head(path)
            if found is not None and found.e_tag != if_match:
                raise AlreadyThere(path)
        try:
            with self._translated(path):
                self._bucket().blob(self._key(path)).delete(**generation)
        except FileNotFoundError:
            return

    def _key(self, path: str) -> str:
        check_name(path, RULES, self._url)
        return f"{self._prefix}/{path}" if self._prefix else path

    def _where(self, path: str) -> str:
        return f"{self._url}/{path}".rstrip("/")

    def _blob(self, path: str) -> Any:
        blob = self._bucket().blob(self._key(path))
        blob.chunk_size = UPLOAD_CHUNK
        return blob

    def _bucket(self) -> Any:
        """Whoever asks for it makes a request, which has to keep to the pace."""
        self._pace(1)
        with self._making:
            if self._made is None:
                bucket = connect.client(self._link).bucket(self._name)
                with self._translated(""):
                    # An empty page: says whether bucket, key and endpoint are right.
                    hello = f"{self._prefix}/.lakeferry-hello/"
                    listed: Callable[..., Any] = bucket.list_blobs
                    next(iter(listed(prefix=hello, timeout=FIRST_TIMEOUT_S, retry=None)), None)
                self._made = bucket
            return self._made

    @contextmanager
    def _translated(self, path: str, *, sending: Counted | None = None) -> Iterator[None]:
        with ONE_AT_A_TIME:
            from google.api_core.exceptions import GoogleAPICallError, RetryError
            from google.auth.exceptions import GoogleAuthError
            from google.cloud.exceptions import NotFound
            from requests.exceptions import RequestException

        where = self._where(path)
        try:
            yield
        except (GoogleAPICallError, RetryError, GoogleAuthError, RequestException) as error:
            if sending is not None and error is sending.failure:
                raise  # the source's own
            message = str(error)
            status = error.code if isinstance(error, GoogleAPICallError) else None
            status = int(status) if status is not None else None
            if status == 412:
                raise AlreadyThere(path) from error
            code = None
            if isinstance(error, NotFound):
                if path and "bucket" not in message.lower():
                    raise FileNotFoundError(where) from error
                code = "NoSuchBucket"
            if isinstance(error, GoogleAuthError):
                status = 401
            raise faults.refusal(where, code=code, status=status, message=message) from error


class _Pipe(io.RawIOBase):
    """Chunks as the file object that an upload reads from.

    `size`: where it is announced; the upload then asks for no byte more, so the last bytes are
    handed on only after the chunks have ended too.
    """

    def __init__(self, chunks: Iterable[bytes], *, size: int | None = None) -> None:
        self._chunks = iter(chunks)
        self._size = size
        self._held = b""
        self._position = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Exactly `size` bytes while there are as many: a short answer means the end."""
        held = [self._held]
        count = len(self._held)
        while size < 0 or count < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            held.append(chunk)
            count += len(chunk)
        body = b"".join(held)
        cut = len(body) if size < 0 else size
        body, self._held = body[:cut], body[cut:]
        self._position += len(body)
        if self._position == self._size:
            next(self._chunks, None)
        return body


def _again() -> dict[str, Any]:
    """Repeating an unconditional write of the same bytes is harmless."""
    with ONE_AT_A_TIME:
        from google.cloud.storage.retry import DEFAULT_RETRY

    return {"retry": DEFAULT_RETRY}


def _meta(path: str, blob: Any, sent: dict[str, str] | None = None) -> ObjectMeta:
    stored = {"crc32c": blob.crc32c, "md5": blob.md5_hash}
    checksums = {name: base64.b64decode(value).hex() for name, value in stored.items() if value}
    when = blob.updated
    modified_ms = int(when.timestamp() * 1000) if when else None
    e_tag = str(blob.generation) if blob.generation else None
    return ObjectMeta(path, blob.size, e_tag, modified_ms, checksums | (sent or {}))
