"""What one run of `sync` is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lakeferry.fleet.standing.alarm_values import AlarmMetrics
from lakeferry.fleet.sync.budget import Budget, UnitPrice
from lakeferry.ledger.rows import Pace


@dataclass(frozen=True)
class SyncRequest:
    """What one run is asked for."""

    follow: bool = False
    replace: bool = False
    accept_schema: int | None = None
    budget: Budget = field(default_factory=Budget)
    versions: Mapping[str, int] = field(default_factory=dict)  # planned, by target; others: newest
    plan_sha256: str = ""
    prices: Mapping[str, UnitPrice] = field(default_factory=dict)  # by route; {}: not asked for
    bytes_per_s: float | None = None  # of this run, beside the manifest's limits
    paces: tuple[Pace, ...] = ()  # of the runs before
    tells_files: bool = False  # each that arrives
    may_be_in_use: bool = False  # a cut-over asks: one that was killed has laid receipts
    metrics: AlarmMetrics | None = None  # of the manifest's alarms; None: it has none
