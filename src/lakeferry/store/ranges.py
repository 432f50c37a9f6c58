"""Large objects are read as bounded ranges, some ahead, handed on in order.

A bounded range is over before any deadline of its service, is retried alone, and can be pinned
to one state of the object; an endless body can do none of these.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

RANGE = 8 << 20  # bytes a request
AHEAD = 4  # requests in flight for one object


def read_ranges(
    fetch: Callable[[int, int], bytes], start: int, end: int, *, pool: ThreadPoolExecutor
) -> Iterator[bytes]:
    """The bytes [start, end), each range from one `fetch(start, end)`, in order."""
    waiting: deque[Future[bytes]] = deque()
    try:
        while start < end or waiting:
            while start < end and len(waiting) < AHEAD:
                stop = min(start + RANGE, end)
                waiting.append(pool.submit(fetch, start, stop))
                start = stop
            yield waiting.popleft().result()
    finally:
        for request in waiting:
            request.cancel()


def in_parts(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of exactly `size`, the last one shorter; none for no bytes."""
    held: list[bytes] = []
    count = 0
    for chunk in chunks:
        rest = memoryview(chunk)
        while count + len(rest) >= size:
            cut = size - count
            yield b"".join((*held, rest[:cut]))
            held, count, rest = [], 0, rest[cut:]
        if rest:
            held.append(bytes(rest))
            count += len(rest)
    if held:
        yield b"".join(held)


def split_small(chunks: Iterator[bytes], limit: int) -> tuple[bytes, bool]:
    """Take from `chunks` until over `limit` bytes: what was taken, and whether that was all."""
    held: list[bytes] = []
    count = 0
    for chunk in chunks:
        held.append(chunk)
        count += len(chunk)
        if count > limit:
            return b"".join(held), False
    return b"".join(held), True
