"""Which files a sample takes: the same ones for a seed, whoever asks, in whatever order. Pure."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

_ALL = 1 << 64


@dataclass(frozen=True, slots=True)
class Sample:
    """A share of files by their names; of a table that has any, at least one."""

    share: float = 1.0  # 0 to 1
    seed: int = 0
    least: int = 0  # mark of the one file that is taken whatever the share

    @property
    def is_whole(self) -> bool:
        return self.share >= 1

    def takes(self, name: str) -> bool:
        """Whether a file is looked into; `name`: decoded, below the table."""
        if self.is_whole:
            return True
        mark = mark_of(name, self.seed)
        return mark <= self.least or mark < self.share * _ALL


WHOLE = Sample()


def mark_of(name: str, seed: int) -> int:
    """The first 64 bits of SHA-256 over `<seed>:<name>`: evenly spread, and known to everybody."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8], "big")


def sample_of(names: Iterable[str], share: float, seed: int) -> Sample:
    """The sample of a table with these files; a whole one looks at no name."""
    if share >= 1:
        return Sample(1.0, seed)
    return Sample(share, seed, min((mark_of(name, seed) for name in names), default=0))
