"""The two sides of a verification: opened, read at the right versions, their bytes counted."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock

from lakeferry.clone.landing import LandedFiles, Roots
from lakeferry.clone.places import open_places
from lakeferry.clone.record import CloneRecord
from lakeferry.clone.report import CloneRequest
from lakeferry.clone.target import newest_record
from lakeferry.delta.features import DROP, FEATURES
from lakeferry.delta.files import OnEntries, untold
from lakeferry.delta.log import LogListing, list_log, told_from_nowhere
from lakeferry.delta.paths import below, canonical, canonical_key
from lakeferry.delta.snapshot import Snapshot, read_snapshot
from lakeferry.errors import FerryError
from lakeferry.store.protocol import Folder, ObjectMeta, OnMeta, Store
from lakeferry.verify.report import VerifyRequest
from lakeferry.verify.sample import WHOLE, Sample, sample_of

PROGRESS_S = 0.5
# A clone may have been made of their published state; looking at it again harms nobody.
ACCEPTED = frozenset(name for name, feature in FEATURES.items() if feature.action == DROP)


class Meter:
    """Bytes of data files and vectors that were read, by all threads together."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.bytes = 0
        self.expected: int | None = None  # in all, as checksums that are kept leave it
        self.tell: Callable[[int], None] | None = None  # called with the sum, now and then
        self._told = time.monotonic()

    def count(self, path: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
        of_log = path.startswith("_delta_log/")
        for chunk in chunks:
            if not of_log:
                self._add(len(chunk))
            yield chunk

    def _add(self, size: int) -> None:
        with self._lock:
            self.bytes += size
            now = time.monotonic()
            due = self.tell is not None and now - self._told >= PROGRESS_S
            if due:
                self._told = now
        if due and self.tell is not None:
            self.tell(self.bytes)


class MeteredStore:
    """A store that is only read, and counts what is."""

    def __init__(self, store: Store, meter: Meter) -> None:
        self._store, self._meter = store, meter

    @property
    def url(self) -> str:
        return self._store.url

    def head(self, path: str, *, checksums: bool = False) -> ObjectMeta | None:
        return self._store.head(path, checksums=checksums)

    def list(
        self, prefix: str, *, after: str | None = None, recursive: bool = True
    ) -> Iterator[ObjectMeta]:
        return self._store.list(prefix, after=after, recursive=recursive)

    def entries(self, folder: str) -> Iterator[ObjectMeta | Folder]:
        return self._store.entries(folder)

    def read(
        self,
        path: str,
        *,
        start: int = 0,
        end: int | None = None,
        if_match: str | None = None,
        on_meta: OnMeta | None = None,
    ) -> Iterator[bytes]:
        chunks = self._store.read(path, start=start, end=end, if_match=if_match, on_meta=on_meta)
        return self._meter.count(path, chunks)

    def write(self, path: str, chunks: Iterable[bytes], *, size: int) -> ObjectMeta:
        raise NotImplementedError("a verification writes nothing")

    def put_if_absent(self, path: str, chunks: Iterable[bytes], *, size_hint: int) -> None:
        raise NotImplementedError("a verification writes nothing")

    def copy_from(self, other: Store, path: str, to: str) -> ObjectMeta | None:
        raise NotImplementedError("a verification writes nothing")

    def settle(self) -> None:
        raise NotImplementedError("a verification writes nothing")

    def set_modified(self, path: str, ms: int) -> bool:
        raise NotImplementedError("a verification writes nothing")

    def delete(self, path: str, *, if_match: str | None = None) -> None:
        raise NotImplementedError("a verification writes nothing")


@dataclass(frozen=True)
class Sides:
    """Source and target as one verification compares them."""

    source_store: Store
    target_store: Store
    source: Snapshot
    target: Snapshot
    record: CloneRecord | None  # of the clone that the target holds; None: not of this source
    roots: Roots
    elsewhere: Callable[[str], tuple[Store, str]]  # decoded URL -> store, path in it
    target_root: str  # canonical
    target_options: Mapping[str, str]  # by which its store was opened
    meter: Meter
    sample: Sample = WHOLE  # of the files, by `canonical_key` at the target

    @property
    def mode(self) -> str:
        return self.record.mode if self.record else "snapshot"

    @property
    def landed(self) -> LandedFiles:
        """The source's files as the target must state them."""
        return LandedFiles(self.source.files, self.roots)

    def source_place(self, path: str) -> tuple[Store, str]:
        """Where an absolute path of the source's log lies, after prefixes moved."""
        return self.elsewhere(self.roots.address(path))

    def target_place(self, path: str) -> tuple[Store, str]:
        """Where a path of the target's log lies."""
        key = below(path, self.target_root)
        return (self.target_store, key) if key is not None else self.target_elsewhere(path)

    def target_elsewhere(self, path: str) -> tuple[Store, str]:
        """Where an absolute path of the target's log lies: that of a shallow clone."""
        return self.elsewhere(Roots(self.target.url).address(path))


def open_sides(request: VerifyRequest, *, on_entries: OnEntries = untold) -> Sides:
    """Read both tables.

    The source's version is the one asked for, else the one that the target's last clone holds,
    else the newest. A mirror has the source's versions, so its own is taken at the same one if one
    was asked for.

    Raises:
        FerryError: a side cannot be read, at that version or at all.
    """
    places = open_places(
        CloneRequest(
            source=request.source,
            target=request.target,
            source_options=request.source_options,
            target_options=request.target_options,
        )
    )
    meter = Meter()
    source_store = MeteredStore(places.source, meter)
    target_store = MeteredStore(places.target, meter)

    def elsewhere(url: str) -> tuple[Store, str]:
        store, path = places.elsewhere(url)
        return MeteredStore(store, meter), path

    here = list_log(target_store)
    record = newest_record(target_store, here)
    source, record = _read_source(source_store, record, request.version, on_entries)
    exact = request.version if record is not None and record.mode == "mirror" else None
    target = _read(target_store, here, exact, on_entries)
    root = canonical(target.url)
    return Sides(
        source_store=source_store,
        target_store=target_store,
        source=source,
        target=target,
        record=record,
        roots=Roots(source.url, request.moved, shallow=record.shallow if record else False),
        elsewhere=elsewhere,
        target_options=request.target_options,
        target_root=root,
        meter=meter,
        sample=sample_of(_names(target, root), request.sample, request.seed),
    )


def _names(target: Snapshot, root: str) -> Iterator[str]:
    for batch in target.files.batches(["path"]):
        yield from (canonical_key(path, root) for path in batch.column("path").to_pylist())


def _read_source(
    store: Store, record: CloneRecord | None, version: int | None, on_entries: OnEntries
) -> tuple[Snapshot, CloneRecord | None]:
    """The source, and the record if it is one of this source.

    A clone of a clone may be held against the first table: its record names versions of the
    second one, which mean nothing here.
    """
    listing = list_log(store)
    if record is None or version is not None:
        source = _read(store, listing, version, on_entries)
        ours = record is not None and record.source_id == source.metadata.id
        return source, record if ours else None
    try:
        source = _read(store, listing, record.source_version, on_entries)
    except FerryError as error:
        if error.code != "LF-2105":
            raise
        source = _read(store, listing, None, on_entries)
        if source.metadata.id == record.source_id:
            raise
        return source, None
    if source.metadata.id == record.source_id:
        return source, record
    return _read(store, listing, None, on_entries), None


def _read(
    store: Store, listing: LogListing, version: int | None, on_entries: OnEntries
) -> Snapshot:
    try:
        return read_snapshot(
            store, version=version, allow_features=ACCEPTED, listing=listing, on_entries=on_entries
        )
    except FerryError as error:
        raise told_from_nowhere(store, error) from None
