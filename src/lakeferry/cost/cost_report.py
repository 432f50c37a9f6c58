"""The answer to "what does it cost": every path with its lines, days and remark, and the choice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from lakeferry.cost.migration import Path, Placement
from lakeferry.cost.money import exact
from lakeferry.cost.plan_values import CostPlan
from lakeferry.cost.quote import Quote

if TYPE_CHECKING:
    from lakeferry.cost.decide import Decision


@dataclass(frozen=True, slots=True)
class Route:
    """One path of the plan for one placement of its workers, at the pace of the plan."""

    placement: Placement
    path: Path
    label: str  # for people: `3 x c7gn.large`
    gbps: Decimal | None  # sustained by all its devices; None: nothing is known
    hours: int  # whole; more than planned where it carries less than is planned
    quote: Quote
    remark: str = ""  # why it is none to take, or what is to be known about it

    @property
    @exact()
    def days(self) -> Decimal:
        return Decimal(self.hours) / 24


@dataclass(frozen=True, slots=True)
class CostReport:
    """What a plan costs by every path."""

    plan: CostPlan
    routes: tuple[Route, ...]  # the cheapest first
    decision: "Decision | None" = None
    hints: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()  # prices to check before acting on them
    assumed: tuple[str, ...] = field(default=())
    currency: str = "USD"
    written: str = ""  # of the book of prices

    def route(self, path: Path, placement: Placement = "pull") -> Route:
        """Raises KeyError for a path that does not lead from the source."""
        return {(one.path, one.placement): one for one in self.routes}[path, placement]

    @property
    def totals(self) -> Mapping[str, Decimal]:
        """Exact dollars by placement and path, `pull nat_gateway`; lower bounds among them."""
        return {f"{one.placement} {one.path}": one.quote.total for one in self.routes}
