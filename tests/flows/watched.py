"""A store that tells of each operation, and clones between such stores.

What listens may do anything at that moment: end the process, let another writer go on, raise.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from lakeferry.clone.mirror_clone import clone_mirror
from lakeferry.clone.places import Places, split_url
from lakeferry.clone.report import CloneRequest
from lakeferry.clone.snapshot_clone import clone_snapshot
from lakeferry.clone.surroundings import Done, Surroundings
from lakeferry.events import Emit, silent
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Folder, ObjectMeta, OnMeta, Store


@dataclass(frozen=True)
class Moment:
    """One point of a run."""

    number: int  # of the operation, from 1
    when: str  # 'before', 'amid' (half of the bytes are there), 'after'
    operation: str  # a method of Store
    path: str


Listener = Callable[[Moment], None]
Result = TypeVar("Result")


@dataclass
class Watch:
    """Counts the operations of several stores together, and tells `listener` of each."""

    listener: Listener
    lock: threading.Lock = field(default_factory=threading.Lock)
    count: int = 0

    def next(self) -> int:
        with self.lock:
            self.count += 1
            return self.count


class WatchedStore:
    """`inner`, with each of its operations told before it begins and after it ended."""

    def __init__(self, inner: Store, watch: Watch) -> None:
        self.inner = inner
        self._watch = watch

    @property
    def url(self) -> str:
        return self.inner.url

    def head(self, path: str, *, checksums: bool = False) -> ObjectMeta | None:
        return self._told("head", path, lambda _: self.inner.head(path, checksums=checksums))

    def list(
        self, prefix: str, *, after: str | None = None, recursive: bool = True
    ) -> Iterator[ObjectMeta]:
        number = self._tell("list", prefix)
        found = self.inner.list(prefix, after=after, recursive=recursive)
        for place, meta in enumerate(found):
            if place == 1:
                self._tell("list", prefix, "amid", number)
            yield meta
        self._tell("list", prefix, "after", number)

    def entries(self, folder: str) -> Iterator[ObjectMeta | Folder]:
        return self.inner.entries(folder)

    def read(
        self,
        path: str,
        *,
        start: int = 0,
        end: int | None = None,
        if_match: str | None = None,
        on_meta: OnMeta | None = None,
    ) -> Iterator[bytes]:
        number = self._tell("read", path)
        yield from self.inner.read(path, start=start, end=end, if_match=if_match, on_meta=on_meta)
        self._tell("read", path, "after", number)

    def write(self, path: str, chunks: Iterable[bytes], *, size: int) -> ObjectMeta:
        return self._told(
            "write",
            path,
            lambda number: self.inner.write(path, self._halved("write", path, chunks, number),
                                            size=size),
        )  # fmt: skip

    def put_if_absent(self, path: str, chunks: Iterable[bytes], *, size_hint: int) -> None:
        self._told(
            "put_if_absent",
            path,
            lambda number: self.inner.put_if_absent(
                path, self._halved("put_if_absent", path, chunks, number), size_hint=size_hint
            ),
        )

    def copy_from(self, other: Store, path: str, to: str) -> ObjectMeta | None:
        real = other.inner if isinstance(other, WatchedStore) else other
        return self._told("copy_from", to, lambda _: self.inner.copy_from(real, path, to))

    def settle(self) -> None:
        self._told("settle", "", lambda _: self.inner.settle())

    def set_modified(self, path: str, ms: int) -> bool:
        return self._told("set_modified", path, lambda _: self.inner.set_modified(path, ms))

    def delete(self, path: str, *, if_match: str | None = None) -> None:
        self._told("delete", path, lambda _: self.inner.delete(path, if_match=if_match))

    def _told(self, operation: str, path: str, do: Callable[[int], Result]) -> Result:
        number = self._tell(operation, path)
        done = do(number)
        self._tell(operation, path, "after", number)
        return done

    def _tell(
        self, operation: str, path: str, when: str = "before", number: int | None = None
    ) -> int:
        number = self._watch.next() if number is None else number
        self._watch.listener(Moment(number, when, operation, path))
        return number

    def _halved(
        self, operation: str, path: str, chunks: Iterable[bytes], number: int
    ) -> Iterator[bytes]:
        for place, chunk in enumerate(chunks):
            half = len(chunk) // 2
            yield chunk[:half]
            if place == 0:
                self._tell(operation, path, "amid", number)
            yield chunk[half:]


def clone_stores(request: CloneRequest, source: Store, target: Store, emit: Emit = silent) -> Done:
    """As `lakeferry.clone`, between stores that are open already."""

    def elsewhere(url: str) -> tuple[Store, str]:
        address, path = split_url(url)
        return open_store(address, request.source_options), path

    around = Surroundings(Places(source, target, elsewhere), None, emit)
    do = clone_mirror if request.mode == "mirror" else clone_snapshot
    return do(request, around)
