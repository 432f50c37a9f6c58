"""How clones are compared, as it is typed."""

import time
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from lakeferry.cli.clone.place_flags import (
    Jobs,
    MapPrefix,
    SourceOption,
    Strength,
    TargetOption,
    places,
)
from lakeferry.cli.flag_types import Yes
from lakeferry.cli.units import parse_duration
from lakeferry.errors import FerryError


@Parameter(name="*")
@dataclass(frozen=True)
class VerifyFlags:
    """How it is compared, of one table and of many."""

    strength: Annotated[
        Strength | None,
        Parameter(help="How much is compared; default: listed, of a migration as it says."),
    ] = None
    sample: Annotated[
        str | None,
        Parameter(help="Such as 5%: look into this share of the files; logs are compared whole."),
    ] = None
    seed: Annotated[int, Parameter(help="Which files the sample takes.")] = 0
    against: Annotated[
        Literal["deltalake", "duckdb", "spark"] | None,
        Parameter(help="Another engine to ask as well."),
    ] = None
    digest: Annotated[Literal["crc64nvme", "sha256"], Parameter(help="What `hashed` compares.")] = (
        "crc64nvme"
    )

    @property
    def share(self) -> float:
        """Of the files, 0 to 1. Raises LF-2001 for what is no share."""
        if self.sample is None:
            return 1.0
        try:
            return float(self.sample.strip().removesuffix("%")) / 100
        except ValueError:
            raise FerryError(
                "LF-2001", f"`{self.sample}` is no share of files", "--sample", "write 5%"
            ) from None


@Parameter(name="*")
@dataclass(frozen=True)
class OneTableFlags:
    """What is said of one table."""

    offsets: Annotated[
        bool, Parameter(negative="", help="Of the one table: that an ingest brought all, once.")
    ] = False
    name: Annotated[
        str | None, Parameter(help="Of the one ingest to look at, with --offsets; default: all.")
    ] = None
    since: Annotated[
        str | None,
        Parameter(help="With --offsets: look at rows of files that are no older, such as 24h."),
    ] = None
    version: Annotated[
        int | None, Parameter(help="Of the source; default: the one that the target holds.")
    ] = None
    jobs: Jobs = 16
    map_prefix: MapPrefix = None
    source_option: SourceOption = None
    target_option: TargetOption = None

    @property
    def since_ms(self) -> int | None:
        """The moment that --since means, since the epoch. Raises LF-2001 for what is no time."""
        if self.since is None:
            return None
        return round((time.time() - parse_duration(self.since, "--since")) * 1000)

    def options(self, flags: VerifyFlags) -> dict[str, Any]:
        """As `lakeferry.verify` takes them. Raises LF-2001 for a wrong pair."""
        return {
            "strength": flags.strength or "listed",
            "sample": flags.share,
            "seed": flags.seed,
            "version": self.version,
            "against": flags.against,
            "digest": flags.digest,
            "jobs": self.jobs,
            **places(self.map_prefix, self.source_option, self.target_option),
        }


@Parameter(name="*")
@dataclass(frozen=True)
class FleetFlags:
    """What is said of many tables."""

    report: Annotated[
        str | None, Parameter(help="F.html or F.json: what was found; both are written.")
    ] = None
    yes: Yes = False


NO_VERIFY = VerifyFlags()
NO_TABLE = OneTableFlags()
NO_FLEET = FleetFlags()
