"""The task: bring one file to the target. Idempotent, so it may run twice."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lakeferry.errors import FerryError
from lakeferry.store.protocol import CRC64NVME, ObjectMeta, Store

PIECE = 256 << 10  # bytes between two looks at the rate


@dataclass(frozen=True, slots=True)
class CopyItem:
    """One file to bring. Paths are decoded: object keys or file names."""

    source_url: str  # decoded URL of a file outside the source's root; '': it lies below it
    source_path: str
    target_path: str
    size: int | None  # bytes, as the log states them; None where it does not (vectors)
    kind: str  # 'data', 'vector', 'cdc', 'log'
    at_least: int = 0  # bytes, of a file whose size no log states
    e_tag: str | None = None  # of the bytes that are meant, where files are written over in place

    @property
    def foreseen_bytes(self) -> int:
        """For totals before the copy."""
        return self.at_least if self.size is None else self.size


@dataclass(frozen=True, slots=True)
class Landed:
    """The file is at the target, whole, under its final name."""

    path: str
    bytes: int
    how: str  # 'streamed', 'server_copy', 'already_there'
    kind: str
    crc64nvme: str | None
    source_e_tag: str | None


@dataclass(frozen=True, slots=True)
class Gone:
    """The source no longer has the file: VACUUM came first, or the table is damaged."""

    item: CopyItem


@dataclass(frozen=True, slots=True)
class Failed:
    """The file could not be brought; the error says why."""

    item: CopyItem
    error: FerryError


Outcome = Landed | Gone | Failed


def copy_one(
    item: CopyItem,
    source: Store,
    target: Store,
    *,
    look_first: bool,
    throttle: Callable[[int], None] | None,
) -> Outcome:
    """Copy, unless a file of the right size is there.

    Args:
        look_first: ask the target before copying; False where it is known to be empty.
        throttle: called with the bytes about to move; returns when they may. With one, every byte
            passes through here, also where the service could copy by itself.
    """
    try:
        return _copy(item, source, target, look_first=look_first, throttle=throttle)
    except FileNotFoundError:
        return Gone(item)
    except FerryError as error:
        return Failed(item, error)


def _copy(
    item: CopyItem,
    source: Store,
    target: Store,
    *,
    look_first: bool,
    throttle: Callable[[int], None] | None,
) -> Landed:
    there = target.head(item.target_path) if look_first or item.size is None else None
    if there and item.size == there.size:
        return _landed(item, there, "already_there", None)
    found = source.head(item.source_path) if item.size is None else None
    if item.size is None:
        if found is None:
            raise FileNotFoundError(item.source_path)
        if there and there.size == found.size:
            return _landed(item, there, "already_there", found.e_tag)
    if there:
        raise _name_is_taken(item, there, target)
    size = item.size if found is None else found.size
    assert size is not None
    copied = None
    if throttle is None:
        copied = target.copy_from(source, item.source_path, item.target_path)
    if copied is not None:
        _refuse_other_size(item, copied.size, source, target)
        now = source.head(item.source_path)  # no bytes passed here that could tell
        if item.e_tag is not None and (now is None or now.e_tag != item.e_tag):
            target.delete(item.target_path)
            raise FileNotFoundError(item.source_path)  # as it was meant
        return _landed(item, copied, "server_copy", now.e_tag if now else None)
    seen: list[ObjectMeta] = []
    try:
        body = paced(
            source.read(item.source_path, if_match=item.e_tag, on_meta=seen.append), throttle
        )
        written = target.write(item.target_path, body, size=size)
    except FerryError as error:
        real = source.head(item.source_path) if error.code == "LF-1004" else None
        if real is not None and item.e_tag is not None and real.e_tag != item.e_tag:
            raise FileNotFoundError(item.source_path) from error
        if real is not None and real.size != size:
            raise _size_differs(item, real.size, source) from error
        raise
    return _landed(item, written, "streamed", seen[0].e_tag if seen else None)


def paced(chunks: Iterator[bytes], throttle: Callable[[int], None] | None) -> Iterator[bytes]:
    if throttle is None:
        yield from chunks
        return
    for chunk in chunks:
        # Small pieces, so that a slow rate is a steady one and a stop is heard.
        for at in range(0, len(chunk), PIECE):
            piece = chunk[at : at + PIECE]
            throttle(len(piece))
            yield piece


def _landed(item: CopyItem, meta: ObjectMeta, how: str, e_tag: str | None) -> Landed:
    return Landed(item.target_path, meta.size, how, item.kind, meta.checksums.get(CRC64NVME), e_tag)


def _refuse_other_size(item: CopyItem, size: int, source: Store, target: Store) -> None:
    if item.size is not None and size != item.size:
        target.delete(item.target_path)
        raise _size_differs(item, size, source)


def _size_differs(item: CopyItem, size: int, source: Store) -> FerryError:
    return FerryError(
        "LF-4103",
        f"`{item.source_path}` has {size} bytes, the log says {item.size}",
        f"{source.url}; the file was cut or written over outside Delta",
        "restore the file at the source, or rewrite its rows there, then run again",
    )


def _name_is_taken(item: CopyItem, there: ObjectMeta, target: Store) -> FerryError:
    return FerryError(
        "LF-5008",
        f"`{item.target_path}` exists at the target with {there.size} bytes, not {item.size}",
        f"{target.url}; it is not written over, for a version of the target may need it",
        "clone into an empty place, or move that file away if nothing needs it",
    )
