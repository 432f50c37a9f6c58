"""Which flow logs are looked at, from when to when, and what was planned, as it is typed."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from lakeferry.cli.flag_types import DecimalUnits, PlannedBytes, PlannedDays, SavedTopology
from lakeferry.cli.monitor.network_flags import WatchFlags


@Parameter(name="*")
@dataclass(frozen=True)
class LogFlags:
    """Which rows, and whose network they are read by."""

    topology: SavedTopology = None
    format: Annotated[
        str | None, Parameter(help="Fields of rows without a header line, in order.")
    ] = None
    log_option: Annotated[
        list[str] | None, Parameter(negative="", help="NAME=VALUE, a setting of the logs' store.")
    ] = None


@Parameter(name="*")
@dataclass(frozen=True)
class SpanFlags:
    """From when to when."""

    last: Annotated[
        str | None, Parameter(help="Such as '1 h'; of a log group the last hour is usual.")
    ] = None
    start: Annotated[str | None, Parameter(help="ISO 8601, UTC unless it says.")] = None
    end: Annotated[str | None, Parameter(help="ISO 8601; not included.")] = None


@Parameter(name="*")
@dataclass(frozen=True)
class PlannedFlags:
    """What the migration is to move, to hold it against what moves."""

    planned_bytes: PlannedBytes = None
    planned_days: PlannedDays = None
    planned_start: Annotated[
        str | None, Parameter(help="From when (ISO 8601); earlier rows are not counted.")
    ] = None
    decimal_units: DecimalUnits = False

    def as_watch(self) -> WatchFlags:
        return WatchFlags(
            planned_bytes=self.planned_bytes, planned_days=self.planned_days,
            planned_start=self.planned_start, decimal_units=self.decimal_units,
        )  # fmt: skip


NO_LOGS, NO_SPAN, NO_PLANNED = LogFlags(), SpanFlags(), PlannedFlags()
