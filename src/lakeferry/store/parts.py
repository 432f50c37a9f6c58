"""A large body, sent in parts by a thread that is handed its bytes."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import Full, Queue
from typing import TYPE_CHECKING

import obstore

from lakeferry.store.ranges import in_parts

if TYPE_CHECKING:
    from obstore import Attributes, PutResult
    from obstore.store import ObjectStore as Backend

PART = 8 << 20  # bytes; an object up to here is one request
PARTS_AT_ONCE = 4
MOST_PARTS = 9_000  # S3 allows 10,000; Azure 50,000


def put_in_parts(
    backend: "Backend",
    key: str,
    chunks: Iterable[bytes],
    *,
    size: int,
    attributes: "Attributes | None" = None,
) -> "PutResult":
    """Upload in parts, taking `chunks` in the calling thread. `attributes`: of the object.

    obstore takes an iterable's items inside its own runtime, where a read through obstore (the
    source of a copy may be one) panics. So the upload runs in a thread and is handed its bytes.
    """
    handed: Queue[bytes | BaseException | None] = Queue(maxsize=2)

    def receive() -> Iterator[bytes]:
        while (chunk := handed.get()) is not None:
            if isinstance(chunk, BaseException):
                raise chunk
            yield chunk

    with ThreadPoolExecutor(1, thread_name_prefix="lakeferry-write") as sender:
        upload = sender.submit(
            obstore.put, backend, key, receive(), chunk_size=part_size(size, PART),
            max_concurrency=PARTS_AT_ONCE, attributes=attributes,
        )  # fmt: skip
        try:
            for chunk in chunks:
                _hand(handed, chunk, upload)
            _hand(handed, None, upload)
        except BaseException as error:
            _hand(handed, error, upload)
            wait([upload])
            raise
        return upload.result()


def _hand(
    handed: Queue[bytes | BaseException | None],
    item: bytes | BaseException | None,
    upload: Future["PutResult"],
) -> None:
    """Give the upload its next bytes; what made it end early is its result."""
    while not upload.done():
        try:
            handed.put(item, timeout=0.2)
        except Full:
            continue
        return


def part_size(size: int, least: int) -> int:
    """Bytes a part, so that `size` bytes stay within the services' number of parts."""
    return max(least, -(-size // MOST_PARTS))


def sized_parts(chunks: Iterator[bytes], size_hint: int, least: int) -> Iterator[bytes]:
    return in_parts(chunks, part_size(size_hint, least))
