"""A plan over every path and placement: what each costs, how long it lasts, which to take."""

from datetime import date
from decimal import Decimal

from lakeferry.cost.cost_report import CostReport, Route
from lakeferry.cost.egress import waiver_hint
from lakeferry.cost.migration import Migration
from lakeferry.cost.options import even_loads, replayed
from lakeferry.cost.plan_values import CostPlan
from lakeferry.cost.prices import PriceBook
from lakeferry.cost.quote import doubts
from lakeferry.cost.total import paths_of, price


def report(plan: CostPlan, book: PriceBook, *, today: date) -> CostReport:
    """What a plan costs at the prices of a book.

    Raises:
        FerryError: LF-6501, LF-6502, LF-6505.
    """
    migration = plan.migration
    assert migration is not None
    routes = tuple(sorted(_pulled(migration, book), key=lambda one: one.quote.total))
    lines = [line for one in routes for line in one.quote.lines]
    hint = waiver_hint(migration, routes[0].quote)
    return CostReport(
        plan,
        routes,
        hints=(hint,) if hint else (),
        doubts=doubts(lines, today),
        assumed=plan.assumed,
        currency=book.currency,
        written=book.written,
    )


def _pulled(migration: Migration, book: PriceBook) -> list[Route]:
    found = []
    rows = {one.option.path: one for one in replayed(migration, book, even_loads(migration))}
    for path in paths_of(migration):
        option = rows[path].option
        hours = max(migration.span.hours, -(-option.replay.minutes // 60))
        quote = price(migration.lasting(migration.span.lasting(hours)), book, path)
        gbps = Decimal(option.capacity) / 7_500_000_000
        found.append(Route("pull", path, option.label, gbps, hours, quote))
    return found
