"""What the manifest's alarms `lag` and `cost-forecast` are held against, as values. Pure."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeferry.connect.aws import AwsAccess
from lakeferry.fleet.standing.states import OUT_OF_SCOPE
from lakeferry.fleet.standing.status import as_wanted, behind_s
from lakeferry.ledger.rows import LakeTable

if TYPE_CHECKING:
    from lakeferry.fleet.planning.route_prices import Asked


@dataclass(frozen=True, slots=True)
class AlarmMetrics:
    """Which of them are put as metrics, as whom and where; what a forecast is reckoned with."""

    access: AwsAccess
    has_lag: bool = False
    prices: "Asked | None" = None  # None: there is no forecast
    moved: Mapping[str, int] = field(default_factory=dict)  # bytes by route, of the runs before


def counted(tables: Iterable[LakeTable], sources: Container[str]) -> tuple[LakeTable, ...]:
    """The tables of a migration that its alarms are about.

    Args:
        sources: that the manifest names.
    """
    return tuple(one for one in as_wanted([*tables], sources) if one.state not in OUT_OF_SCOPE)


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
