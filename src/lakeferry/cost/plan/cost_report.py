"""The answer to "what does it cost": every path with its lines, days and remark, and the choice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING

from lakeferry.cost.path.migration import Migration, Path, Placement
from lakeferry.cost.path.money import dollars, exact
from lakeferry.cost.path.names import NAMES
from lakeferry.cost.path.quote import Quote
from lakeferry.cost.plan.values import CostPlan
from lakeferry.cost.prices.values import PriceBook
from lakeferry.errors import FerryError

if TYPE_CHECKING:  # these import numpy, which an import of lakeferry does not need
    from lakeferry.cost.path.decide import Bounded, Decision
    from lakeferry.cost.path.front import Front
    from lakeferry.cost.path.loss import Lost
    from lakeferry.cost.path.sizing import Kernel, Size
    from lakeferry.cost.plan.sensitivity import Change


@dataclass(frozen=True, slots=True)
class Route:
    """One path of the plan for one placement of its workers, at the pace of the plan."""

    placement: Placement
    path: Path
    label: str  # for people: `3 x c7gn.large`; empty: nothing but the path
    gbps: Decimal | None  # sustained by all its devices; None: nothing is known
    hours: int  # whole; more than planned where it carries less than is planned
    quote: Quote
    remark: str = ""  # why it is none to take, or what is to be known about it

    @property
    @exact()
    def days(self) -> Decimal:
        return Decimal(self.hours) / 24

    @property
    def name(self) -> str:
        """`pull by 3 x NAT gateway`, `pull by NAT instances, 3 x c7gn.large`, `push by ...`."""
        path = NAMES[self.path]
        said = self.label
        if path in said or "public address" in said:
            return f"{self.placement} by {said}"
        separator = ", " if self.path == "nat_instance" else " "
        return f"{self.placement} by {path}{separator * bool(said)}{said}"


@dataclass(frozen=True, slots=True)
class CostReport:
    """What a plan costs by every path, and which one to take. It prints as a table."""

    plan: CostPlan
    book: PriceBook  # of the prices that were taken
    migration: Migration | None = None  # with the NAT instances that were chosen for it
    routes: tuple[Route, ...] = ()  # the cheapest first; lower bounds among them
    taken: Route | None = None  # that of the chosen path, at the pace of the plan
    front: "Front | None" = None  # dollars against days, each as fast as it goes
    decision: "Decision | None" = None  # by replay, for workers in AWS; None: none is in time
    fault: FerryError | None = None  # LF-6521: nothing carries the bytes in time
    sizes: "tuple[Size, ...]" = ()  # of NAT instances that would do, the cheapest first
    changes: "tuple[Change, ...]" = ()  # what moves the total of `taken`, the largest first
    bounded: "Bounded | None" = None  # from which GB on instances pay, and what they carry
    streams: Mapping[str, Quote] = field(default_factory=dict)  # of Kinesis, by way of paying
    hints: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()  # prices to check before acting on them
    assumed: tuple[str, ...] = ()  # what nobody said, as it was taken
    lost: "Lost | None" = None  # the worst loss of one NAT instance, replayed
    kernel: "Kernel | None" = None  # settings of each, where connections are named
    pays_until: Decimal | None = None  # hours of NAT instances that cost what gateways' bytes do

    def route(self, path: Path, placement: Placement = "pull") -> Route:
        """Raises KeyError for a path that does not lead from the source."""
        return {(one.path, one.placement): one for one in self.routes}[path, placement]

    @property
    def totals(self) -> Mapping[str, Decimal]:
        """Exact dollars by route, lower bounds among them: `{"pull by nat_gateway": ...}`."""
        return {f"{one.placement} by {one.path}": one.quote.total for one in self.routes}

    def picture(self) -> str:
        """An SVG: cost by path, break-even, dollars against days. See `cost.picture.one_picture`.

        Raises:
            FerryError: LF-2001 for the price of a stream alone, which has no paths.
        """
        from lakeferry.cost.picture.one_picture import picture

        if self.migration is None or self.front is None:
            raise FerryError(
                "LF-2001",
                "there is nothing to draw",
                "only a stream is priced, which takes no path",
                "give --bytes too, or leave --picture out",
            )
        quotes = [(one.name, one.quote) for one in self.routes]
        taken = self.taken.name if self.taken else None
        return picture(self.migration, self.book, quotes, self.front, taken)

    def _rows(self) -> list[tuple[str, str, str, str]]:
        rows = [
            (one.name, _total(one.quote), days_text(one.days), one.remark) for one in self.routes
        ]
        rows += [
            (f"Kinesis, {label}", _total(quote), "", "") for label, quote in self.streams.items()
        ]
        return rows

    def __str__(self) -> str:
        rows = [("route", f"total {self.book.currency}", "days", "remark"), *self._rows()]
        first, second, third = (max(len(row[at]) for row in rows) for at in range(3))
        lines = [
            f"{name:<{first}}  {total:>{second}}  {days:>{third}}  {remark}".rstrip()
            for name, total, days, remark in rows
        ]
        return "\n".join([*lines, *self.hints])

    def _repr_html_(self) -> str:
        """As notebooks show it."""
        head = ("route", f"total {self.book.currency}", "days", "remark")
        cells = "".join(f"<th>{escape(one)}</th>" for one in head)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._rows()
        )
        said = "".join(f"<li>{escape(one)}</li>" for one in self.hints)
        return f"<table><tr>{cells}</tr>{body}</table><ul>{said}</ul>"


@exact()
def days_text(days: Decimal) -> str:
    """`30.0`, `1.46`, `0.042`: three digits at least."""
    return f"{days:.1f}" if days >= 10 else f"{days:.2f}" if days >= 1 else f"{days:.3f}"


def _total(quote: Quote) -> str:
    return f"at least {dollars(quote.total)}" if quote.at_least else dollars(quote.total)
