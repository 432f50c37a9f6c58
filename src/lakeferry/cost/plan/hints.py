"""What to ask or change before the bytes flow, each with the dollars that hang on it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from lakeferry.cost.path.break_even import circuit_or_internet
from lakeferry.cost.path.egress import WAIVER_DAYS, waiver_hint
from lakeferry.cost.path.front import Front
from lakeferry.cost.path.migration import Migration
from lakeferry.cost.path.money import dollars, exact
from lakeferry.cost.path.names import NAMES
from lakeferry.cost.path.quote import Line, Quote
from lakeferry.cost.path.sizing import PORTS_OF_A_NAT_GATEWAY, Demand, ports_left
from lakeferry.cost.path.total import price
from lakeferry.cost.prices.values import PriceBook

NEGOTIATED = 500 * 2**40  # bytes a month above which Microsoft asks to be contacted
_EUROPE = (
    "europe", "uk", "france", "germany", "norway", "sweden", "switzerland", "italy", "poland",
    "spain",
)  # fmt: skip


def hints(
    migration: Migration, book: PriceBook, quote: Quote, found: Front, demand: Demand
) -> tuple[str, ...]:
    """Words about a plan.

    Args:
        quote: of the path that the plan would take.
        found: its options.
        demand: what NAT has to carry.
    """
    return tuple(
        hint
        for hint in (
            *_undecided(found),
            waiver_hint(migration, quote),
            _too_slow_to_leave(migration),
            _switching(migration, quote),
            _routing(migration, book),
            _negotiated(migration),
            _circuit(migration, book),
            _leaking(migration, book),
            _rules(quote),
            _ports(migration, demand),
            _flows(demand),
        )
        if hint
    )


def _too_slow_to_leave(migration: Migration) -> str:
    if migration.source.waiver != "exit" or migration.span.hours <= WAIVER_DAYS * 24:
        return ""
    return f"an exit programme ends after {WAIVER_DAYS} days: this plan gets nothing credited"


def _switching(migration: Migration, quote: Quote) -> str:
    source = migration.source
    in_europe = any(word in source.region for word in _EUROPE)
    if not (in_europe and waiver_hint(migration, quote)):
        return ""
    return "the EU Data Act forbids charges for switching from January 2027 on: a date is a price"


@exact()
def _routing(migration: Migration, book: PriceBook) -> str:
    source = migration.source
    if source.cloud != "azure" or source.routing != "default":
        return ""
    opted = replace(migration, source=replace(source, routing="internet"))
    now, then = (price(one, book, "nat_gateway").of("source egress") for one in (migration, opted))
    if then <= 0 or now <= then:
        return ""
    return (
        f"{dollars(now - then)} less egress with Internet routing, opted into by storage account: "
        "--routing internet"
    )


def _negotiated(migration: Migration) -> str:
    a_month = max(migration.span.split(migration.bytes), default=0)
    if migration.source.cloud != "azure" or a_month <= NEGOTIATED:
        return ""
    return "above 500 TB a month Microsoft negotiates egress: ask, and give --egress-usd-per-gb"


@exact()
def _circuit(migration: Migration, book: PriceBook) -> str:
    """From which volume a private circuit pays for each thousand dollars of it."""
    source = migration.source
    if source.cloud != "azure":
        return ""
    kind = "internet_routing" if source.routing == "internet" else "mgn"
    out = book.of(f"azure.egress.{kind}", source.region).last_usd
    metered = book.of("azure.er.metered.zone1", source.region).last_usd
    if out is None or metered is None or out <= metered:
        return ""
    gb = circuit_or_internet(Decimal(1000), out, metered)
    return f"a private circuit pays for each 1,000.00 of its fixed costs from {gb:,.0f} GB on"


@exact()
def _leaking(migration: Migration, book: PriceBook) -> str:
    if migration.s3_endpoint:
        return ""
    kept = replace(migration, s3_endpoint=True)
    less = price(migration, book, "nat_gateway").total - price(kept, book, "nat_gateway").total
    return (
        f"{dollars(less)} less by NAT gateway with a gateway endpoint for S3, which costs nothing: "
        "what is written goes through NAT, too"
    )


def _ports(migration: Migration, demand: Demand) -> str:
    """Ports of NAT gateways run out before bandwidth where all connections lead to one place."""
    gateways = max(1, migration.gateways)
    left = ports_left(demand.to_one_destination, destinations=1, addresses=gateways)
    if left >= 0:
        return ""
    return (
        f"NAT gateways lack {-left:,} ports to one destination: {PORTS_OF_A_NAT_GATEWAY:,} are "
        "there for each address; give each gateway more addresses"
    )


def _flows(demand: Demand) -> str:
    if demand.flows_carry_it:
        return ""
    return (
        f"too few connections for the rate, {demand.connections:,}: each is carried at 5 Gbit/s "
        "at most, on any instance"
    )


def _rules(quote: Quote) -> str:
    usd = {line.price_id.rpartition(".")[0]: line.usd or Decimal(0) for line in quote.lines}
    events, log = (usd.get(f"aws.cw.{one}", Decimal(0)) for one in ("ci_event", "vended"))
    if not events > log:
        return ""
    return "the rules cost more than the log that they read: filter each by its own interface"


@exact()
def _undecided(found: Front) -> Iterator[str]:
    """What may be cheaper than the chosen, once a price is known; and up to which price it is."""
    everywhere = [{line.price_id for line in one.quote.unpriced} for one in found.points]
    shared = set.intersection(*everywhere) if everywhere else set()
    by_path = {f"{one.placement} by {NAMES[one.path]}": one for one in reversed(found.undecided)}
    for label, one in by_path.items():
        lacking = {
            line.price_id: line for line in one.quote.unpriced if line.price_id not in shared
        }
        said = f"{label} may be cheaper"
        if found.chosen is not None:
            less = found.chosen.quote.total - one.quote.total
            said = f"{label} is {dollars(less)} below what is taken{_unless(less, lacking)}"
        yield f"{said}: give {' '.join(_how(id) for id in sorted(lacking))}"


def _unless(less: Decimal, lacking: Mapping[str, Line]) -> str:
    if len(lacking) != 1:
        return f" without its {len(lacking)} missing prices"
    ((id, line),) = lacking.items()
    return f", unless {id} is above {dollars(less / line.quantity)} each" if line.quantity else ""


def _how(id: str) -> str:
    return "--push-usd-hour USD" if id.endswith(".worker.hour") else f"--price {id}=USD"
