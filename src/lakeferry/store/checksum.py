"""CRC64NVME of bytes as they pass, and the count of them.

Every store sends through `Counted`: what leaves is counted and summed once, and a source that
gives fewer or more bytes than announced never becomes a readable object.
"""

from collections.abc import Iterable, Iterator

from lakeferry.connect.importing import ONE_AT_A_TIME
from lakeferry.errors import FerryError
from lakeferry.store.protocol import CRC64NVME


def crc64nvme(data: bytes | memoryview, before: int = 0) -> int:
    """The CRC64NVME of what `before` is that of, followed by `data`.

    The library comes with the first call: it takes longer to load than a clone with nothing new.
    """
    with ONE_AT_A_TIME:
        from awscrt.checksums import crc64nvme as summed

    crc: int = summed(data, before)
    return crc


class Counted:
    """Passes chunks through once; afterwards `total` bytes and `crc` describe what passed.

    `size`: what must pass in all, in bytes; None where the caller only estimates it.
    """

    def __init__(self, chunks: Iterable[bytes], *, size: int | None, where: str) -> None:
        self._chunks = chunks
        self._size = size
        self._where = where
        self.total = 0
        self.crc = 0
        self.failure: BaseException | None = None  # what the chunks themselves raised

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._pass()
        except BaseException as error:
            self.failure = error
            raise

    def _pass(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.total += len(chunk)
            if self._size is not None and self.total > self._size:
                raise wrong_size(self._where, expected=self._size, got=self.total, more=True)
            self.crc = crc64nvme(chunk, self.crc)
            yield chunk
        if self._size is not None and self.total != self._size:
            raise wrong_size(self._where, expected=self._size, got=self.total)

    @property
    def checksums(self) -> dict[str, str]:
        return {CRC64NVME: f"{self.crc:016x}"}


def wrong_size(where: str, *, expected: int, got: int, more: bool = False) -> FerryError:
    """LF-1004: a body is not as long as it was said to be. Sizes in bytes."""
    return FerryError(
        "LF-1004",
        f"{got:,} bytes {'or more ' if more else ''}arrived where {expected:,} were announced",
        f"at {where}",
        "run the same command again; if it stays so, compare the file with what wrote it",
    )


def changed(where: str, *, expected: str, found: str | None) -> FerryError:
    """LF-1004: the object was replaced between two requests."""
    return FerryError(
        "LF-1004",
        f"the object changed while it was read: e_tag `{expected}` expected, `{found}` found",
        f"at {where}",
        "run the same command again, so that a state of now is read",
    )
