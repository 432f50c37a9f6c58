"""What the manifest's alarms `lag` and `cost-forecast` are held against, from the ledger. Pure."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from lakeferry.connect.aws import AwsAccess
from lakeferry.fleet.standing.states import OUT_OF_SCOPE
from lakeferry.fleet.standing.status import as_wanted, behind_s
from lakeferry.ledger.rows import LakeTable
from lakeferry.monitor.wanted.migration_alarms import FORECAST, LAG


@dataclass(frozen=True, slots=True)
class AlarmMetrics:
    """Which of them are put as metrics, as whom and where; what a forecast is reckoned with."""

    access: AwsAccess
    has_lag: bool = False
    # By route, see `run_price.usd_per_byte_of_all`; None: there is no forecast.
    usd_per_byte: Mapping[str, Decimal] | None = None
    moved: Mapping[str, int] = field(default_factory=dict)  # bytes by route, of the runs before


def values(
    asked: AlarmMetrics,
    tables: Iterable[LakeTable],
    moved: Mapping[str, int],
    *,
    sources: Container[str],
    now_ms: int,
) -> Mapping[str, float]:
    """The value of each metric that has one.

    Args:
        tables: all of the migration.
        moved: bytes by route, of all runs.
        sources: that the manifest names; tables of others do not count.
    """
    meant = [one for one in as_wanted([*tables], sources) if one.state not in OUT_OF_SCOPE]
    found: dict[str, float] = {}
    lag = lag_ratio(meant, now_ms) if asked.has_lag else None
    if lag is not None:
        found[LAG] = lag
    if asked.usd_per_byte is not None:
        found[FORECAST] = float(forecast_usd(meant, moved, asked.usd_per_byte))
    return found


def lag_ratio(tables: Iterable[LakeTable], now_ms: int) -> float | None:
    """The greatest of lag / lag_target, as the last look at each table knew it; None: no table
    was moved yet. A table that is cut over lags no more.
    """
    ratios = []
    for one in tables:
        lag_s = behind_s(one, now_ms)
        if lag_s is not None and one.lag_target_s:
            ratios.append(0.0 if one.state == "cut_over" else lag_s / one.lag_target_s)
    return max(ratios, default=None)


def forecast_usd(
    tables: Iterable[LakeTable], moved: Mapping[str, int], usd_per_byte: Mapping[str, Decimal]
) -> Decimal:
    """What the bytes that moved and those that are left come to; a route without a price to 0."""
    total = Counter(moved)
    for one in tables:
        total[one.route] += one.left_bytes
    return sum(
        (usd_per_byte.get(route, Decimal(0)) * size for route, size in total.items()), Decimal(0)
    )
