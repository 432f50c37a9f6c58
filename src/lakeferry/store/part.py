"""A part of a store, from a folder on, by the same connection; its requests are counted.

Thousands of tables lie in one bucket: a store of its own for each would open as many connections.
"""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace

from lakeferry.store.protocol import Folder, ObjectMeta, OnMeta, Store

PAGE = 1000  # entries of one request for a listing


class Requests:
    """How many were made. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lists = 0
        self._reads = 0

    def add(self, *, lists: int = 0, reads: int = 0) -> None:
        with self._lock:
            self._lists += lists
            self._reads += reads

    @property
    def lists(self) -> int:
        """Pages of listings."""
        return self._lists

    @property
    def reads(self) -> int:
        """GET and HEAD."""
        return self._reads

    @property
    def all(self) -> int:
        return self._lists + self._reads


class Part:
    """`store` from `folder` on. Safe to use from many threads."""

    def __init__(self, store: Store, folder: str, requests: Requests) -> None:
        """`folder`: relative to the store's root, without slashes at its ends; '' is all of it."""
        self._store = store
        self._folder = folder
        self._requests = requests

    @property
    def url(self) -> str:
        url = self._store.url
        above = "" if url == "/" else url  # the root of this machine's own file system
        return f"{above}/{self._folder}" if self._folder else url

    def part(self, folder: str) -> "Part":
        """The part of this one from `folder` on."""
        return Part(self._store, self._full(folder), self._requests)

    def head(self, path: str, *, checksums: bool = False) -> ObjectMeta | None:
        self._requests.add(reads=1)
        found = self._store.head(self._full(path), checksums=checksums)
        return None if found is None else replace(found, path=path)

    def list(
        self, prefix: str, *, after: str | None = None, recursive: bool = True
    ) -> Iterator[ObjectMeta]:
        behind = None if after is None else self._full(after)
        found = self._store.list(self._full(prefix), after=behind, recursive=recursive)
        self._requests.add(lists=1)
        for number, meta in enumerate(found):
            if number and number % PAGE == 0:
                self._requests.add(lists=1)
            yield replace(meta, path=self._below(meta.path))

    def entries(self, folder: str) -> Iterator[ObjectMeta | Folder]:
        self._requests.add(lists=1)
        for number, found in enumerate(self._store.entries(self._full(folder))):
            if number and number % PAGE == 0:
                self._requests.add(lists=1)
            yield replace(found, path=self._below(found.path))

    def read(
        self,
        path: str,
        *,
        start: int = 0,
        end: int | None = None,
        if_match: str | None = None,
        on_meta: OnMeta | None = None,
    ) -> Iterator[bytes]:
        self._requests.add(reads=1)
        yield from self._store.read(
            self._full(path), start=start, end=end, if_match=if_match, on_meta=on_meta
        )

    def write(self, path: str, chunks: Iterable[bytes], *, size: int) -> ObjectMeta:
        return replace(self._store.write(self._full(path), chunks, size=size), path=path)

    def put_if_absent(self, path: str, chunks: Iterable[bytes], *, size_hint: int) -> None:
        self._store.put_if_absent(self._full(path), chunks, size_hint=size_hint)

    def copy_from(self, other: Store, path: str, to: str) -> ObjectMeta | None:
        if isinstance(other, Part):
            found = self._store.copy_from(other._store, other._full(path), self._full(to))
        else:
            found = self._store.copy_from(other, path, self._full(to))
        return None if found is None else replace(found, path=to)

    def settle(self) -> None:
        self._store.settle()

    def set_modified(self, path: str, ms: int) -> bool:
        return self._store.set_modified(self._full(path), ms)

    def delete(self, path: str, *, if_match: str | None = None) -> None:
        self._store.delete(self._full(path), if_match=if_match)

    def _full(self, path: str) -> str:
        return f"{self._folder}/{path}" if self._folder and path else self._folder or path

    def _below(self, path: str) -> str:
        return path[len(self._folder) + 1 :] if self._folder else path
