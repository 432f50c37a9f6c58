"""What it costs to watch a migration: flow logs, Contributor Insights, alarms, dashboards.

Source: Amazon CloudWatch pricing.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from lakeferry.cost.path.charge import charge, charge_by_month
from lakeferry.cost.path.migration import Watching
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.quote import Line
from lakeferry.cost.path.span import Span
from lakeferry.cost.prices.values import PriceBook

NOTHING_USED: Mapping[str, int] = {}


@exact()
def watching(
    wanted: Watching,
    book: PriceBook,
    region: str,
    span: Span,
    used: Mapping[str, int] = NOTHING_USED,
) -> tuple[Line, ...]:
    """The lines of what is watched; what is not asked for has none.

    Flow logs are vended logs: their ladder is climbed once a month. A rule is paid for each
    event that it matches, so an event that six rules match is paid six times. `used`: bytes or
    units of others that climb the same ladders, by price id.
    """
    flowing = (
        ("aws.cw.vended", wanted.log_bytes, "flow log, ingested"),
        ("aws.cw.ci_event", wanted.events, "events that insight rules match"),
    )
    return (
        *(
            charge_by_month(
                book,
                book.of(id, region),
                span.split(quantity),
                item,
                part="monitoring",
                used=used.get(f"{id}.{region}", 0),
            )
            for id, quantity, item in flowing
            if quantity
        ),
        *_monthly(wanted, book, region, span),
    )


def _monthly(wanted: Watching, book: PriceBook, region: str, span: Span) -> Iterator[Line]:
    """What is paid for by the month that it exists, each month less its own free amount."""
    stored = Decimal(wanted.log_bytes) / 2**30 * wanted.kept_months
    if stored:
        kept = book.of("aws.cw.logstore", region)
        item = "flow log, kept, GB-months"
        yield charge(book, kept, stored, item, part="monitoring", grows_with="bytes")
    shares = [Decimal(part.hours) / part.month_hours for part in span.parts]
    for id, count, item in (
        ("aws.cw.ci_rule", wanted.rules, "insight rules"),
        ("aws.cw.alarm", wanted.alarms, "metrics that alarms read"),
        ("aws.cw.dashboard", wanted.dashboards, "dashboards"),
    ):
        if count:
            by_month = [count * share for share in shares]
            yield charge_by_month(
                book, book.of(id, region), by_month, item, part="monitoring", grows_with="months"
            )
