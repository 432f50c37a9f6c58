"""Which path a group of observed bytes should take: each one replayed, and priced as a month.

A month is one of 720 hours like the minutes that were seen. Bytes to the internet pay for the
hours of the path that they take. Bytes to AWS's own services leave a NAT device that stands for
others anyway, so of that path only the bytes count; an endpoint's hours count.

Source: this project; the order of what is decided is that of `decide`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from lakeferry.cost.observe.flow_groups import UNKNOWN_SUBNET, FlowGroup
from lakeferry.cost.observe.placement import Placement, Subnet, fewest
from lakeferry.cost.path.break_even import endpoint_or_gateway, instance_or_gateway
from lakeferry.cost.path.decide import Bounded, Decision, Option, Outcome, Wanted, decide, outcome
from lakeferry.cost.path.loss import Lost
from lakeferry.cost.path.migration import Migration, NatInstances, Path, Source
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.options import NO_COST_OF_WAITING, Replayed, Trouble, replayed
from lakeferry.cost.path.replay import GBPS, Replay
from lakeferry.cost.path.sizing import Demand, Kernel, Size, kernel, sizes_in
from lakeferry.cost.path.span import UNDATED_HOURS, of_hours
from lakeferry.cost.prices.values import GIB, PriceBook
from lakeferry.errors import FerryError

MONTH_MINUTES = UNDATED_HOURS * 60
MOST_INSTANCES = 24  # that anybody would run in place of a gateway
_TRIED = 6  # types, the cheapest first, whose subnets are dealt out
PRIVATE = "its subnets are private: workers have no public addresses"
_STAYS: Mapping[Path, str] = {
    "nat_gateway": "the NAT gateway, which stays", "nat_instance": "the NAT instances, which stay",
}  # fmt: skip
ELSEWHERE = Source("on_premises")  # a place that nobody bills for leaving
_NAT: tuple[Path, ...] = ("nat_gateway", "nat_instance")
_TODAY: Mapping[str, Path] = {
    "nat_gateway": "nat_gateway", "nat_instance": "nat_instance", "s3_gateway": "s3_gateway",
    "internet_gateway": "internet_gateway", "dynamodb_gateway": "s3_gateway",
    "privatelink": "privatelink",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all groups of a network."""

    region: str
    zones: Mapping[str, str] = field(default_factory=dict)  # of each subnet
    workers: int = 1  # that would need a public address each
    worker_type: str = ""  # '': not known, and taken for such as bound nothing
    types: Mapping[str, str] = field(default_factory=dict)  # of each NAT instance that is there
    source: Source = ELSEWHERE  # whose circuit could carry what comes from outside
    instances: NatInstances | None = None  # None: chosen by size
    disk_gb: int = 8
    standby: bool = True
    gateway_stays: bool = False  # a NAT gateway is there, and AWS's services are reached by it too
    refused: tuple[Path, ...] = ()
    trouble: Trouble = NO_COST_OF_WAITING
    used: Mapping[str, int] = field(default_factory=dict)  # see `Migration.used`


@dataclass(frozen=True, slots=True)
class Sized:
    """NAT instances that carry a group with one of them lost."""

    size: Size
    placement: Placement | None  # None: no dealing out of whole subnets fits
    demand: Demand
    kernel: Kernel


@dataclass(frozen=True, slots=True)
class GroupChoice:
    """A group with what each path would cost in a month like it, and which one to take."""

    group: FlowGroup
    now: Path | None  # the path that it takes
    today: Outcome | None  # what that path costs; None: it has no price that is known here
    decision: Decision | None  # None: there is nothing to decide, or nobody carries it
    fault: str = ""  # why nobody does
    sized: Sized | None = None
    lost: Lost | None = None  # the worst loss of one NAT instance
    replays: Mapping[str, Replay] = field(default_factory=dict)  # of the minutes seen, by label
    break_even: Bounded | None = None  # GB a month from which the other way is cheaper

    @property
    @exact()
    def saves(self) -> Decimal | None:
        """Dollars a month by which the chosen path is cheaper than today's."""
        if self.today is None or self.decision is None or self.is_settled:
            return None
        return self.today.total - self.decision.chosen.total

    @property
    def is_settled(self) -> bool:
        """Whether it takes the path already that it should take."""
        return self.decision is not None and self.decision.chosen.option.path == self.now


def choose(group: FlowGroup, terms: Terms, book: PriceBook) -> GroupChoice:
    """Replay a group over every path that leads where it goes, price it, and choose.

    Raises:
        FerryError: LF-6501 for a Region without prices; LF-6502.
    """
    if group.destination is None:
        return GroupChoice(group, None, None, None)
    now = _TODAY.get(group.path, "interface_endpoint")
    sized = _sized(group, terms, book) if group.destination == "internet" else None
    migration = _migration(group, now, terms, sized, book)
    carries: dict[Path, tuple[tuple[str, ...], ...]] = {}
    if sized is not None and sized.placement is not None:
        carries["nat_instance"] = sized.placement.carries
    rows = replayed(migration, book, group.loads, carries=carries, trouble=terms.trouble, seen=True)
    found = {one.way.path: _of_a_month(one, group) for one in _fitting(rows, group, now, terms)}
    wanted = _wanted(group, now, terms)
    decision, fault = _decided([one.option for one in found.values()], wanted)
    lost = next((one.lost for one in rows if one.lost is not None), None)
    return GroupChoice(
        group,
        now,
        _today(group, now, found, migration, terms, book, wanted),
        decision,
        fault,
        sized,
        lost if "nat_instance" in found else None,
        {one.option.label: one.option.replay for one in rows},
        _break_even(found, group),
    )


# ---- instances


def _sized(group: FlowGroup, terms: Terms, book: PriceBook) -> Sized | None:
    """The cheapest instances that carry the group's subnets; None: no type is known that does."""
    demand = group.demand()
    zones = _zones(group, terms)
    found = sizes_in(book, terms.region, demand, hours=UNDATED_HOURS, zones=len(zones))
    if terms.instances is not None:
        found = tuple(one for one in found if one.type == terms.instances.type)
    tried = []
    for size in [one for one in found if one.count <= MOST_INSTANCES][:_TRIED]:
        placement = fewest(
            [Subnet(id, terms.zones.get(id, zones[0]), load) for id, load in group.loads.items()],
            zones,
            sustained=int(size.each_gbps * GBPS),
            least=size.count,
            most=MOST_INSTANCES,
        )
        if placement is not None:
            tried.append(_with_count(size, placement))
    best = min(tried, key=lambda one: (one[0].usd, one[0].count, one[0].type), default=None)
    if best is None:
        return None
    return Sized(best[0], best[1], demand, kernel(demand, count=best[0].count))


@exact()
def _with_count(size: Size, placement: Placement) -> tuple[Size, Placement]:
    count = len(placement.carries)
    return replace(size, count=count, usd=size.usd * count / size.count), placement


def _zones(group: FlowGroup, terms: Terms) -> tuple[str, ...]:
    found = {terms.zones[one] for one in group.loads if one in terms.zones}
    return tuple(sorted(found)) or (UNKNOWN_SUBNET,)


# ---- options


def _migration(
    group: FlowGroup, now: Path, terms: Terms, sized: Sized | None, book: PriceBook
) -> Migration:
    """The group's bytes of a month as a plan, so that they are priced as any plan is."""
    source = terms.source
    if group.destination == "partner":
        source = Source("partner")
    elif group.destination != "internet":
        source = Source("aws", terms.region)
    kind, count = (sized.size.type, sized.size.count) if sized else ("c7gn.large", 2)
    wanted = terms.instances
    if wanted is not None:
        kind, count = wanted.type, max(wanted.count, count if sized else wanted.count)
    return Migration(
        bytes=a_month(group.bytes, group.minutes),
        objects=0,
        span=of_hours(UNDATED_HOURS),
        source=source,
        target_region=terms.region,
        zones=len(_zones(group, terms)),
        nat_gateways=max(1, len(group.devices)) if now == "nat_gateway" else None,
        nat_instances=NatInstances(kind, count, terms.disk_gb, terms.standby),
        overhead=Decimal(0),
        workers=max(1, terms.workers),
        worker_type=_worker_type(terms, book),
        used=terms.used,
    )


def _worker_type(terms: Terms, book: PriceBook) -> str:
    if terms.worker_type in book.instance_types:
        return terms.worker_type
    kinds = book.instance_types.values()
    return max(kinds, key=lambda one: (one.internet_gbps, one.name)).name


def a_month(size: int, minutes: int) -> int:
    """Bytes of 720 hours at the rate that was seen."""
    return size * MONTH_MINUTES // minutes if minutes else 0


def _fitting(
    rows: tuple[Replayed, ...], group: FlowGroup, now: Path, terms: Terms
) -> Iterator[Replayed]:
    """The paths that come into question. A NAT device that stands for others is free of hours."""
    stays = {now, "nat_gateway"} if terms.gateway_stays else {now}
    for one in rows:
        if group.destination == "internet":
            yield one
        elif one.way.path in stays and one.way.path in _NAT:
            nothing = Decimal(0)
            free = replace(
                one.option, label=_STAYS[one.way.path], usd_per_hour=nothing,
                usd_per_started_hour=nothing, risk_usd_per_hour=nothing,
            )  # fmt: skip
            yield replace(one, option=free)
        elif one.way.path == now or one.way.path not in (*_NAT, "internet_gateway"):
            yield one


def _of_a_month(one: Replayed, group: FlowGroup) -> Replayed:
    """Its option as if the minutes that were seen went on for 720 hours."""
    seen = one.option.replay
    late = max(0, seen.minutes - group.minutes)
    size = a_month(group.bytes, group.minutes)
    month = replace(seen, came=size, carried=size, minutes=MONTH_MINUTES + late)
    return replace(one, option=replace(one.option, replay=month))


def _wanted(group: FlowGroup, now: Path, terms: Terms) -> Wanted:
    assert group.destination is not None
    private: tuple[Path, ...] = () if now == "internet_gateway" else ("internet_gateway",)
    return Wanted(
        group.destination,
        MONTH_MINUTES,
        waiting_usd_hour=terms.trouble.waiting_usd_hour,
        refused=(*terms.refused, *private),
    )


def _decided(options: list[Option], wanted: Wanted) -> tuple[Decision | None, str]:
    try:
        found = decide(options, wanted)
    except FerryError as error:
        if error.code != "LF-6521":
            raise
        return None, error.where
    rows = tuple(
        replace(one, set_aside=PRIVATE)
        if one.option.path == "internet_gateway" and one.set_aside
        else one
        for one in found.outcomes
    )
    return replace(found, outcomes=rows), ""


def _today(
    group: FlowGroup,
    now: Path,
    found: Mapping[Path, Replayed],
    migration: Migration,
    terms: Terms,
    book: PriceBook,
    wanted: Wanted,
) -> Outcome | None:
    """What the path of today costs, with the NAT instances that are there."""
    if now not in found:
        return None
    if now == "nat_instance" and group.destination == "internet":
        types = {terms.types.get(one, "") for one in group.devices}
        kind = next(iter(types)) if len(types) == 1 else ""
        if kind not in book.instance_types:
            return None
        there = NatInstances(kind, len(group.devices), terms.disk_gb, standby=False)
        rows = replayed(replace(migration, nat_instances=there), book, group.loads, seen=True)
        ours = next(one for one in rows if one.way.path == now)
        return outcome(_of_a_month(ours, group).option, wanted)
    return outcome(found[now].option, wanted)


@exact()
def _break_even(found: Mapping[Path, Replayed], group: FlowGroup) -> Bounded | None:
    """GB a month from which instances, or an endpoint, cost less than the NAT gateway."""
    gateway, endpoint = found.get("nat_gateway"), found.get("interface_endpoint")
    other = found.get("nat_instance") if group.destination == "internet" else None
    if gateway is None or gateway.option.data is None:
        return None
    per_gb = gateway.option.data.last_usd
    if per_gb is None:
        return None
    if other is not None and not other.option.unpriced:
        fixed = _fixed(other.option)
        at = instance_or_gateway(fixed, _fixed(gateway.option), per_gb)
        return Bounded(at, _capacity_gb(other.option))
    if endpoint is None or endpoint.option.data is None:
        return None
    endpoint_gb = endpoint.option.data.first_usd
    if endpoint_gb is None or endpoint_gb == per_gb:
        return None
    at = endpoint_or_gateway(_fixed(endpoint.option), endpoint_gb, per_gb)
    return Bounded(at, _capacity_gb(endpoint.option))


def _fixed(option: Option) -> Decimal:
    return option.usd_of_an_hour * UNDATED_HOURS + option.usd_once


def _capacity_gb(option: Option) -> Decimal:
    return Decimal(option.capacity * MONTH_MINUTES) / GIB
