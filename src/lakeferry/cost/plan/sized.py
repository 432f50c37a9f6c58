"""NAT instances and workers that a plan leaves open: the cheapest that carry it. Pure."""

from dataclasses import replace

from lakeferry.cost.path.front import SAFE_SHARE
from lakeferry.cost.path.load import planned_load
from lakeferry.cost.path.migration import Migration, NatInstances
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.sizing import Demand, Size, busiest, sizes_in
from lakeferry.cost.path.total import paths_of
from lakeferry.cost.plan.values import CostPlan
from lakeferry.cost.prices.values import PriceBook

LEAST_VCPUS = 8  # of a worker: less has not the cores to check what it copies
MOST_INSTANCES = 24  # that anybody would run in place of a gateway; more are no offer


def nat_demand(plan: CostPlan, migration: Migration) -> Demand:
    """What NAT must carry: the plan's bytes evenly, and the connections that it names."""
    minutes = max(1, migration.span.hours * 60)
    down = busiest(planned_load(migration.wire_bytes, minutes=minutes))
    return Demand(
        down,
        0 if migration.s3_endpoint else down,
        packet_bytes=plan.packet_bytes,
        connections=plan.connections,
        opened_a_second=plan.connections_a_second,
        to_one_destination=plan.connections_to_one,
    )


def nat_sizes(migration: Migration, demand: Demand, book: PriceBook) -> tuple[Size, ...]:
    """NAT instances that carry a demand with one of them lost, the cheapest first."""
    found = sizes_in(
        book, migration.target_region, demand, hours=migration.span.hours, zones=migration.zones
    )
    return tuple(one for one in found if one.count <= MOST_INSTANCES)


def with_sized(plan: CostPlan, sizes: tuple[Size, ...], book: PriceBook) -> Migration:
    """The plan's migration with the NAT instances and workers that nobody named."""
    migration = plan.migration
    assert migration is not None
    if plan.sizes_instances and sizes:
        best, before = sizes[0], migration.nat_instances
        wanted = NatInstances(best.type, best.count, before.disk_gb, before.standby)
        migration = replace(migration, nat_instances=wanted)
    workers = cheapest_workers(migration, book) if plan.sizes_workers else None
    if workers is None:
        return migration
    kind, count = workers
    return replace(migration, worker_type=kind, workers=count)


@exact()
def cheapest_workers(migration: Migration, book: PriceBook) -> tuple[str, int] | None:
    """Type and count of the cheapest workers that carry a plan with head room; None: no price."""
    found = []
    for kind in book.instance_types.values():
        usd = book.hourly(kind.name, migration.target_region).last_usd
        if usd is None or kind.burstable or kind.vcpus < LEAST_VCPUS:
            continue
        safe = SAFE_SHARE * kind.internet_gbps
        count = max(1, int((migration.gbps / safe).to_integral_value("ROUND_CEILING")))
        found.append((count * usd, count, kind.name))
    if not found:
        return None
    _, count, name = min(found)
    return name, count


def sized_texts(plan: CostPlan, migration: Migration) -> tuple[str, ...]:
    """What was taken, as it is told."""
    said = []
    if plan.sizes_workers:
        said.append(
            f"{migration.workers} x {migration.worker_type} as workers, the cheapest that do"
            if migration.workers
            else "no workers, as the region has no price of any: give --workers TYPE:COUNT"
        )
    if plan.sizes_instances and "nat_instance" in paths_of(migration):
        wanted = migration.nat_instances
        said.append(f"{wanted.count} x {wanted.type} as NAT instances, the cheapest that do")
    return tuple(said)
