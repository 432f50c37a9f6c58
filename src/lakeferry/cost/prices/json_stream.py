"""Walking a JSON file of any size member by member, holding one member at a time. Pure.

Three ways were weighed for AWS's price lists, of which one is 441 MB. `ijson` would be a new
dependency for one command. `orjson` reads only whole values, so the end of each would have to be
found by a scan of braces and strings in Python. The decoder of the standard library does both in
C: `raw_decode` reads the value that begins at a place and says where it ends.
"""

import codecs
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

# More characters than a single member of a price list has; beyond, the file is taken for broken.
LARGEST = 32 * 2**20

Path = tuple[str, ...]

_DECODER = json.JSONDecoder()
_SPACE = " \t\n\r"


class BrokenJSON(ValueError):
    """The text is not one whole JSON object; says where it stops being one."""


def members(
    chunks: Iterable[bytes], inside: Callable[[Path], bool], largest: int = LARGEST
) -> Iterator[tuple[Path, Any]]:
    """Yield each member of an object with the keys that lead to it, in the file's order.

    Args:
        chunks: of the file, UTF-8, cut anywhere; of about a megabyte where speed matters.
        inside: whether to walk the object at a path instead of yielding it whole.
        largest: characters that one yielded member may have.

    Raises:
        BrokenJSON: for a file that is cut off, goes on after its end, or is no object.
    """
    text = _Text(chunks, largest)
    yield from _walk(text, (), inside)
    if text.next() != "":
        raise BrokenJSON(f"more follows after the end, at character {text.place}")


def _walk(text: "_Text", path: Path, inside: Callable[[Path], bool]) -> Iterator[tuple[Path, Any]]:
    text.take("{")
    if text.next() == "}":
        return text.take("}")
    while True:
        if text.next() != '"':
            raise BrokenJSON(f"no key at character {text.place}")
        here = (*path, text.value())
        text.take(":")
        if text.next() == "{" and inside(here):
            yield from _walk(text, here, inside)
        else:
            yield here, text.value()
        if text.next() == "}":
            return text.take("}")
        text.take(",")


class _Text:
    """The part of a file that is not read yet, as far as it is held."""

    def __init__(self, chunks: Iterable[bytes], largest: int) -> None:
        self._chunks = iter(chunks)
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._largest = largest
        self._held = ""
        self._at = 0  # in what is held
        self._dropped = 0  # characters before what is held
        self._ended = False

    @property
    def place(self) -> int:
        return self._dropped + self._at

    def next(self) -> str:
        """The next character that is no white space, which stays; empty at the end."""
        while True:
            while self._at < len(self._held):
                if (found := self._held[self._at]) not in _SPACE:
                    return found
                self._at += 1
            if self._ended:
                return ""
            self._more()

    def take(self, wanted: str) -> None:
        found = self.next()
        if found != wanted:
            there = f"`{found}`" if found else "the end of the file"
            raise BrokenJSON(f"`{wanted}` is expected at character {self.place}, not {there}")
        self._at += 1

    def value(self) -> Any:
        """Any value but a number at the very end of the file, which could go on."""
        self.next()
        while True:
            try:
                found, end = _DECODER.raw_decode(self._held, self._at)
            except json.JSONDecodeError as error:
                why = error.msg
            else:
                if end < len(self._held) or self._ended:
                    self._at = end
                    return found
                why = "cut off"
            # Either the value goes on in the next chunk or it is broken: the held part cannot tell.
            held = len(self._held) - self._at
            if self._ended or held > self._largest:
                raise BrokenJSON(f"the value at character {self.place} cannot be read: {why}")
            while not self._ended and len(self._held) - self._at <= held * 2:
                self._more()

    def _more(self) -> None:
        chunk = next(self._chunks, None)
        self._ended = chunk is None
        try:
            more = self._decoder.decode(chunk or b"", final=self._ended)
        except UnicodeDecodeError as error:
            raise BrokenJSON(f"it is not UTF-8 after character {self.place}") from error
        self._dropped += self._at
        self._held = self._held[self._at :] + more
        self._at = 0
