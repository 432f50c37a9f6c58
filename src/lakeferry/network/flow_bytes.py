"""Bytes of a log, gzip or not, as blocks of whole lines of a bounded size."""

from collections.abc import Callable, Iterator
from typing import cast

import numpy as np

from lakeferry.errors import FerryError

BLOCK = 4 << 20  # bytes; larger ones are no faster
_INFLATED = 1 << 20  # bytes at once, whatever the ratio of a gzip body
_PACKED = 64 << 10  # bytes at once: what is left of it after a MiB is copied each time
_IN_CACHE = 256 << 10
GZIP = b"\x1f\x8b"

TooLong = Callable[[int, bytes], None]


def begun(body: Iterator[bytes], size: int = 4) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, at least `size` where there are so many, and the body from its start."""
    first = b""
    for chunk in body:
        first += chunk
        if len(first) >= size:
            break
    return first, _joined(first, body)


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def inflated(body: Iterator[bytes], name: str) -> Iterator[bytes]:
    """A gzip body of one or more members, unpacked.

    Raises:
        FerryError: LF-6204 where it is damaged or ends early, after what came before.
    """
    from isal import isal_zlib

    broken = cast(type[Exception], isal_zlib.error)  # its stub says otherwise
    unpack = isal_zlib.decompressobj(31)
    fed = False
    for piece in _pieces(body, _PACKED):
        rest = piece
        while rest:
            if unpack.eof:  # zeros after the last member are padding
                rest = rest.lstrip(b"\0") if fed else rest
                if not rest:
                    break
                unpack = isal_zlib.decompressobj(31)
            try:
                found = unpack.decompress(rest, _INFLATED)
            except broken as error:
                raise _damaged(name, f"its gzip bytes do not decode ({error})") from error
            fed = True
            if found:
                yield found
            rest = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
    while fed and not unpack.eof:
        found = unpack.decompress(b"", _INFLATED)
        if not found:
            raise _damaged(name, "its gzip bytes end early")
        yield found


def blocks(
    chunks: Iterator[bytes], too_long: TooLong, most: int = BLOCK
) -> Iterator[tuple[int, bytes]]:
    """Whole lines, at most about `most` bytes at once, with the number of the first line.

    A line that is longer is left out, and `too_long` is told its number and first bytes. Where
    the chunks end with an error, the whole lines before it come first.
    """
    held = bytearray()  # one for all blocks: fresh memory for each would cost a tenth of all time
    size, line, skipping = 0, 1, False
    try:
        for chunk in chunks:
            rest = chunk
            if skipping:
                end = rest.find(b"\n") + 1
                if not end:
                    continue
                rest, skipping = rest[end:], False
                line += 1
            if size + len(rest) > len(held):
                held += bytes(max(len(held), len(rest)))
            held[size : size + len(rest)] = rest
            size += len(rest)
            if size < most:
                continue
            cut = held.rfind(b"\n", 0, size) + 1
            if cut:
                block = _copy(held, cut)
                yield line, block
                line += newlines(block)
            else:
                too_long(line, _copy(held, min(size, 1024)))
                skipping, cut = True, size
            held[: size - cut] = held[cut:size]
            size -= cut
    except FerryError:
        cut = held.rfind(b"\n", 0, size) + 1
        if cut:
            yield line, _copy(held, cut)
        raise
    if size:
        yield line, _copy(held, size)


def _copy(held: bytearray, size: int) -> bytes:
    with memoryview(held) as view:
        return bytes(view[:size])


def _pieces(body: Iterator[bytes], size: int) -> Iterator[bytes]:
    """A body in pieces of at most `size` bytes."""
    for chunk in body:
        for at in range(0, len(chunk), size):
            yield chunk[at : at + size]


def newlines(block: bytes) -> int:
    """How many there are. `bytes.count` takes four times as long."""
    return sum(int(np.count_nonzero(found == ord("\n"))) for found in _slices(block))


def has_blank_pair(block: bytes) -> bool:
    """Whether two bytes in a row are blanks, line ends or other control characters."""
    for found in _slices(block, 1):
        blank = found <= ord(" ")
        if (blank[1:] & blank[:-1]).any():
            return True
    return False


def _slices(block: bytes, overlap: int = 0) -> Iterator[np.ndarray]:
    """The bytes in pieces that stay in a processor's cache, and what is made of them too."""
    whole = np.frombuffer(block, np.uint8)
    for at in range(0, len(whole), _IN_CACHE):
        yield whole[at : at + _IN_CACHE + overlap]


def parts(line: int, block: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    """A block cut into smaller ones at line ends."""
    at = 0
    while at < len(block):
        end = block.find(b"\n", at + size) + 1 or len(block)
        part = block[at:end]
        yield line, part
        line += newlines(part)
        at = end


def _damaged(name: str, what: str) -> FerryError:
    return FerryError(
        "LF-6204",
        f"the log is damaged or cut short: {what}",
        name,
        "fetch the file again; if it is so at its source, leave it out and know what is missing",
    )
