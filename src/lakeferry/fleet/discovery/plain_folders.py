"""Folders of plain files, told by the highest folder that holds nothing else. Pure.

A landing zone has a folder for each hour: what a person wants to hear of is the zone.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

MOST = (
    10_000  # folders kept apart; the deepest are joined to those above them before there are more
)


@dataclass
class Plain:
    """Files of one folder and of those below it."""

    files: int = 0
    bytes: int = 0
    formats: Counter[str] = field(default_factory=Counter)  # ending -> files

    def add(self, other: "Plain") -> None:
        self.files += other.files
        self.bytes += other.bytes
        self.formats += other.formats


class PlainFolders:
    """All of one source."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._by_path: dict[str, Plain] = {}
        self._busy: set[str] = set()  # folders above what was found to be something else

    def add(self, path: str, plain: Plain) -> None:
        self._by_path.setdefault(path, Plain()).add(plain)
        while len(self._by_path) > self._most:
            self._join_deepest()

    def keep_apart(self, path: str) -> None:
        """A table, or anything else with a name of its own, lies at `path`."""
        while path:
            path = path.rpartition("/")[0]
            if path in self._busy:
                return
            self._busy.add(path)

    def joined(self) -> Iterator[tuple[str, Plain]]:
        """Path and files, sorted by path. Files directly in the root stand under ''."""
        found: dict[str, Plain] = {}
        for path, plain in self._by_path.items():
            found.setdefault(self._highest(path), Plain()).add(plain)
        yield from sorted(found.items(), key=lambda one: one[0])

    def _highest(self, path: str) -> str:
        while path:
            above = path.rpartition("/")[0]
            if not above or above in self._busy:
                return path
            path = above
        return path

    def _join_deepest(self) -> None:
        depth = max(path.count("/") for path in self._by_path)
        before, self._by_path = self._by_path, {}
        for path, plain in before.items():
            to = path.rpartition("/")[0] if path.count("/") == depth else path
            self._by_path.setdefault(to, Plain()).add(plain)
