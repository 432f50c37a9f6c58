"""Bytes of a log, gzip or not, as blocks of whole lines of a bounded size."""

from collections.abc import Callable, Iterator
from typing import cast

from lakeferry.errors import FerryError

BLOCK = 4 << 20  # bytes; larger ones are no faster
_INFLATED = 1 << 20  # bytes at once, whatever the ratio of a gzip body
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
    for chunk in body:
        rest = chunk
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
    held: list[bytes] = []
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
            held.append(rest)
            size += len(rest)
            if size < most:
                continue
            whole = b"".join(held)
            cut = whole.rfind(b"\n") + 1
            if cut:
                yield line, whole[:cut]
                line += whole.count(b"\n")
            else:
                too_long(line, whole[:1024])
            skipping = not cut
            held, size = ([whole[cut:]], len(whole) - cut) if cut else ([], 0)
    except FerryError:
        whole = b"".join(held)
        cut = whole.rfind(b"\n") + 1
        if cut:
            yield line, whole[:cut]
        raise
    if size:
        yield line, b"".join(held)


def parts(line: int, block: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    """A block cut into smaller ones at line ends."""
    at = 0
    while at < len(block):
        end = block.find(b"\n", at + size) + 1 or len(block)
        part = block[at:end]
        yield line, part
        line += part.count(b"\n")
        at = end


def _damaged(name: str, what: str) -> FerryError:
    return FerryError(
        "LF-6204",
        f"the log is damaged or cut short: {what}",
        name,
        "fetch the file again; if it is so at its source, leave it out and know what is missing",
    )
