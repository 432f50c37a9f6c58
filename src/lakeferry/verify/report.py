"""What a verification was asked for, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lakeferry.errors import FerryError

STRENGTHS = ("listed", "hashed", "replayed", "rows")


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """One call of `verify`."""

    source: str
    target: str
    strength: str = "listed"
    version: int | None = None  # of the source; None: the one that the target holds
    against: str | None = None  # another engine to ask as well
    digest: str = "crc64nvme"
    sample: float = 1.0  # share of the files that are looked into; the logs are compared whole
    seed: int = 0  # of the sample
    jobs: int = 16
    moved: Mapping[str, str] = field(default_factory=dict)
    source_options: Mapping[str, str] = field(default_factory=dict)
    target_options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.strength not in STRENGTHS:
            raise FerryError(
                "LF-2001",
                f"strength `{self.strength}` is not one of: {', '.join(STRENGTHS)}",
                "--strength",
                "see lakeferry verify --help",
            )
        if not 0 < self.sample <= 1:
            raise FerryError(
                "LF-2001",
                f"a sample of {100 * self.sample:g} % is no share of files",
                "--sample",
                "give more than 0 % and at most 100 %",
            )


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference between source and target."""

    check: str  # 'schema', 'txn', 'files', 'size', 'bytes', 'vector', 'footer', 'rows', ...
    what: str  # one line: what differs, with both values
    path: str | None = None  # of the file, where one is at fault


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a verification compared and found."""

    source: str
    target: str
    strength: str
    source_version: int
    target_version: int
    equal: bool
    checks: tuple[str, ...]  # what was compared, in order
    not_seen: tuple[str, ...]  # what this strength cannot see
    findings: tuple[Finding, ...]  # at most 100 of each check
    files: int
    bytes_read: int  # of data, both sides
    rows: int | None  # None: not counted
    source_digest: str | None
    target_digest: str | None
    seconds: float
    sample: float = 1.0  # share of the files that was looked into
    seed: int = 0

    def raise_for_difference(self) -> "VerifyReport":
        """Itself, or LF-6001 with the first finding."""
        if self.equal:
            return self
        first = self.findings[0]
        raise FerryError(
            "LF-6001",
            f"the clone differs from its source: {first.what}",
            f"{self.target}, version {self.target_version}, strength {self.strength}",
            "run lakeferry verify with --json for all findings, then clone again",
        )
