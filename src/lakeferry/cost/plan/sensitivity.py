"""What moves a migration's total, and where the choice between two paths flips."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from lakeferry.cost.path.migration import MIB, Migration, Path, Placement
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.quote import Quote
from lakeferry.cost.path.requests import MOST_PARTS
from lakeferry.cost.path.total import price
from lakeferry.cost.prices.values import PriceBook


@dataclass(frozen=True, slots=True)
class Change:
    """One assumption changed, all else kept: by how much the total moves."""

    what: str
    usd: Decimal  # exact; positive: dearer


@exact()
def sensitivity(
    migration: Migration,
    book: PriceBook,
    path: Path,
    cases: Iterable[tuple[str, Migration]] | None = None,
    placement: Placement = "pull",
) -> tuple[Change, ...]:
    """How each changed assumption moves the total, the largest move first (a tornado)."""
    before = price(migration, book, path, placement).total
    asked = usual_changes(migration) if cases is None else cases
    found = [Change(what, price(one, book, path, placement).total - before) for what, one in asked]
    return tuple(sorted(found, key=lambda one: (-abs(one.usd), one.what)))


@exact()
def usual_changes(migration: Migration) -> tuple[tuple[str, Migration], ...]:
    """What is most often wrong in a plan: volume, its unit, overhead, parts, time, routing."""
    volume = migration.bytes
    span = migration.span
    longer = span.lasting(span.hours * 3 // 2)
    cases = [
        ("volume 10 % larger", migration.of_bytes(volume * 11 // 10)),
        ("overhead of 8 %", replace(migration, overhead=Decimal("0.08"))),
        (
            f"{_days(longer.hours)} instead of {_days(migration.span.hours)} days",
            migration.lasting(longer),
        ),
    ]
    if migration.objects and -(-volume // migration.objects) <= MOST_PARTS * 8 * MIB:
        cases.append(("parts of 8 MiB", replace(migration, part_size=8 * MIB)))
    if volume % 2**50 == 0 and volume:
        pb = volume >> 50
        cases.append((f"{pb} PB instead of {pb} PiB", migration.of_bytes(pb * 10**15)))
    source = migration.source
    if source.cloud == "azure" and source.routing == "default":
        other = replace(migration, source=replace(source, routing="internet"))
        cases.append(("Internet routing at the source", other))
    return tuple(cases)


@exact()
def flip_gb(gateway: Quote, instance: Quote, gateway_gb: Decimal) -> Decimal:
    """The GB processed from which instances and their standby are cheaper than gateways.

    Args:
        gateway, instance: of the same migration.
        gateway_gb: what the gateways take for each GB.
    """
    return (_with_time(instance) - _with_time(gateway)) / gateway_gb


@exact()
def flip_hours(gateway: Quote, instance: Quote, hours: int) -> Decimal | None:
    """The hours at which instances and their standby cost as much as the gateways' bytes.

    Args:
        gateway, instance: of the same migration, which lasts `hours`.

    Returns:
        Hours; None where an hour of instances is not dearer than one of gateways.
    """
    bytes_apart = gateway.growing_with("bytes") - instance.growing_with("bytes")
    apart = _with_time(instance) - _with_time(gateway)
    return bytes_apart / (apart / hours) if apart > 0 else None


def _with_time(quote: Quote) -> Decimal:
    return quote.growing_with("hours") + quote.growing_with("months")


def _days(hours: int) -> str:
    return f"{Decimal(hours) / 24:.4g}"
