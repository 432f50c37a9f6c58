"""Which type NAT instances are of, and whether they are the cheaper way, by what is planned. Pure.

An instance carries each byte twice and has 5 Gbit/s to the internet below 32 vCPU. With a NAT
gateway standing by, a lost instance's bytes are the gateway's; without one the others take them.
Prices are those of the one price book, for as long as the plan lasts.

Source: EC2 User Guide, "Amazon EC2 instance network bandwidth"; Amazon VPC pricing.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal

from lakeferry.cost.path.break_even import capacity_gb, instance_or_gateway
from lakeferry.cost.path.decide import TIE
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.sizing import HEAD_ROOM, MANY_VCPUS, Allowance, Demand, limits
from lakeferry.cost.prices.price_file import own_book
from lakeferry.cost.prices.values import InstanceType, nearest
from lakeferry.errors import FerryError
from lakeferry.monitor.settings import NatWish
from lakeferry.monitor.wanted.own_cost import instance_usd_an_hour, usd_of_first
from lakeferry.network.nat_resources import DISK_GB, NatInstance, NetworkInterface
from lakeferry.network.resources import PlannedFlow, Resource
from lakeferry.network.topology import Topology

# Where nothing is planned: 5 Gbit/s to the internet, which no smaller type of the family has.
USUAL = ("c7gn.large", "c6gn.xlarge", "c6in.xlarge")
MONTH_HOURS = 720  # by which a month of a disk is reckoned where a plan's hours are
NAT_PATHS = ("nat_gateway", "nat_instance")


@dataclass(frozen=True, slots=True)
class Room:
    """What there is to be dealt out to."""

    region: str
    zones: int  # with private subnets
    tables: int  # private route tables: more instances are of no use


@dataclass(frozen=True, slots=True)
class Choice:
    """What it shall be, and why."""

    kind: str  # 'instance', 'gateway'
    type: str  # of the instances
    count: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Load:
    """What is planned by NAT."""

    bytes: int
    hours: Decimal

    @property
    def demand(self) -> Demand:
        return Demand(down=round(self.bytes / self.hours / 60) if self.hours else 0)

    @property
    def gbps(self) -> Decimal:
        return Decimal(self.demand.down * 8) / 60 / 10**9


def choice(
    wish: NatWish, room: Room, planned: Sequence[PlannedFlow], *, there: bool = False
) -> Choice:
    """Instances or gateways, and which type.

    Args:
        wish: of kind 'instance' or 'auto'.
        planned: the flows of the plan; those by NAT count.
        there: instances of the deployment are there, which stay where nothing else is said.

    Raises:
        FerryError: LF-6502 for a type that the price book does not know, with the nearest.
    """
    load = _load(planned)
    kind, count, notes = _sized(wish, room, load)
    said = [*notes, *_warnings(kind, count, wish, load)]
    if wish.kind != "auto":
        return Choice("instance", kind.name, count, tuple(said))
    if not load.bytes:
        stay = "the instances that are there stay" if there else "nothing is made"
        why = (
            f"NAT by what costs least: nothing is planned to judge by, so {stay}: --planned-bytes, "
            "--planned-days"
        )
        return Choice("instance" if there else "gateway", kind.name, count, (why, *said))
    better, why = _cheaper(kind, count, wish, room, load)
    return Choice(better, kind.name, count, (why, *(said if better == "instance" else ())))


def _load(planned: Sequence[PlannedFlow]) -> _Load:
    found = [one for one in planned if one.path in NAT_PATHS]
    seconds = max((one.seconds for one in found), default=0)
    return _Load(sum(one.bytes for one in found), Decimal(str(seconds)) / 3600)


# ---- size


def _sized(wish: NatWish, room: Room, load: _Load) -> tuple[InstanceType, int, list[str]]:
    """The cheapest type and count that carry the load with a third of their room left."""
    book = own_book()
    counts = [wish.count] if wish.count else list(range(room.zones, room.tables + 1))
    if wish.type:
        kind = book.instance(wish.type)
        fits = (one for one in counts if _carries(kind, one, wish, load))
        return kind, next(fits, counts[-1] if load.bytes else counts[0]), []
    if not load.bytes:
        kind = _usual(room.region)
        said = f"{kind.name}: nothing is planned to size by; --planned-bytes, or --nat-type"
        return kind, counts[0], [said]
    steady = [one for one in book.instance_types.values() if not one.burstable]
    usd = _prices(steady, room.region)
    found = sorted(
        (count * usd[kind.name], count, kind.name)
        for kind in steady
        for count in counts
        if kind.name in usd and _carries(kind, count, wish, load)
    )
    if not found:
        kind = max(steady, key=lambda one: (one.internet_gbps, one.name))
        return kind, counts[-1], []
    _, count, name = found[0]
    kind = book.instance(name)
    each = _gbit(kind.internet_gbps)
    said = (
        f"{count} x {name}: {_gbit(load.gbps)} are planned, each sustains {each} to the "
        f"internet, and {int(HEAD_ROOM * 100)} % of what there is when one is lost is used"
        if _spare(wish)
        else f"{count} x {name}: {_gbit(load.gbps)} are planned, each sustains {each} to the "
        f"internet, of which {int(HEAD_ROOM * 100)} % are used"
    )
    return kind, count, [said]


def _prices(kinds: Iterable[InstanceType], region: str) -> Mapping[str, Decimal]:
    """An hour of each type that the Region has a price of; where it has none, those of another.

    A type without a price there is most often not offered there.
    """
    names = [one.name for one in kinds]
    for elsewhere in (False, True):
        asked = ((one, instance_usd_an_hour(one, region, elsewhere=elsewhere)) for one in names)
        if found := {name: usd for name, usd in asked if usd is not None}:
            return found
    return {}


def _usual(region: str) -> InstanceType:
    book = own_book()
    priced = _prices(book.instance_types.values(), region)
    return book.instance(next((one for one in USUAL if one in priced), USUAL[0]))


def _spare(wish: NatWish) -> int:
    """Instances that must not be needed: those that are left carry a lost one's bytes."""
    return 0 if wish.standby == "gateway" else 1


def _carries(kind: InstanceType, count: int, wish: NatWish, load: _Load) -> bool:
    sharing = max(1, count - _spare(wish))
    found = limits(kind, load.demand, Allowance())
    return all(one.needed <= HEAD_ROOM * sharing * one.each for one in found)


def _warnings(kind: InstanceType, count: int, wish: NatWish, load: _Load) -> Iterable[str]:
    if kind.burstable:
        yield (
            f"{kind.name} is burstable: it sustains {_gbit(kind.internet_gbps)}, and what it "
            f"does above that ({_gbit(kind.peak_gbps)} at most) ends with its credits"
        )
    if load.bytes and not _carries(kind, count, wish, load):
        sharing = max(1, count - _spare(wish))
        room = kind.internet_gbps * sharing
        small = kind.vcpus < MANY_VCPUS
        yield (
            f"{count} x {kind.name} carry less than is planned: {_gbit(load.gbps)} are, and "
            f"{_gbit(kind.internet_gbps)} each to the internet make {_gbit(room)}"
            + (" with one lost" if _spare(wish) else "")
            + f", of which {int(HEAD_ROOM * 100)} % should be used"
            + (f"; below {MANY_VCPUS} vCPU no type has more than 5 Gbit/s there" if small else "")
            + "; take a larger type, or more instances with a route table each"
        )


def _gbit(gbps: Decimal) -> str:
    return f"{gbps.normalize():f} Gbit/s" if gbps == round(gbps, 3) else f"{gbps:.3g} Gbit/s"


# ---- instances or gateways


@exact()
def _cheaper(
    kind: InstanceType, count: int, wish: NatWish, room: Room, load: _Load
) -> tuple[str, str]:
    """The cheaper of the two for the plan, and why; within 1 % it is the one that AWS keeps up."""
    region, hours = room.region, load.hours
    address = usd_of_first("aws.ipv4.hour", region)
    gateway = (usd_of_first("aws.natgw.hour", region) + address) * hours * room.zones
    per_gb = usd_of_first("aws.natgw.gb", region)
    disk = usd_of_first("aws.ebs.gp3", region) * DISK_GB * hours / MONTH_HOURS
    hourly = instance_usd_an_hour(kind.name, region) or Decimal(0)
    instances = count * ((hourly + address) * hours + disk)
    if wish.standby == "gateway":
        instances += gateway
    if wish.check == "lambda":
        instances += usd_of_first("aws.vpce.hour", region) * hours * room.zones
    by_gateway = gateway + per_gb * load.bytes / 2**30
    even = instance_or_gateway(instances, gateway, per_gb)
    wins = instances * TIE < by_gateway and _carries(kind, count, wish, load)
    most = capacity_gb(kind.internet_gbps * count, int(hours))
    standby = ", a standby gateway in each zone" if wish.standby == "gateway" else ""
    said = (
        f"NAT by what costs least: {'instances' if wins else 'gateways'}. For the plan "
        f"{count} x {kind.name}{standby} cost ${instances:,.2f}, NAT gateways "
        f"${by_gateway:,.2f}; instances are cheaper from {even:,.0f} GB on and carry "
        f"{most:,.0f} GB in that time"
    )
    return ("instance" if wins else "gateway"), said


# ---- what a zone offers


def types_by_zone(wanted: Iterable[Resource], topology: Topology) -> Mapping[str, tuple[str, ...]]:
    """The zones in which instances are wanted, by their type."""
    zones = {one.id: one.zone for one in topology.found.subnets}
    listed = list(wanted)
    where = {one.name: zones.get(one.subnet_id, "") for one in listed
             if isinstance(one, NetworkInterface)}  # fmt: skip
    found: dict[str, set[str]] = {}
    for one in listed:
        if isinstance(one, NatInstance):
            found.setdefault(one.type, set()).add(where[one.name])
    return {type: tuple(sorted(found[type])) for type in sorted(found)}


def known_types(wanted: Iterable[str]) -> tuple[str, ...]:
    """Types to ask about: those that are wanted, and those that could take their place."""
    return tuple(sorted({*own_book().instance_types, *wanted}))


def refuse_not_offered(
    wanted: Mapping[str, Iterable[str]], offered: Mapping[str, Set[str]], where: str
) -> None:
    """LF-6433 where a zone does not offer a type that is wanted there, with the nearest it has."""
    for type, zones in wanted.items():
        for zone in zones:
            there = offered.get(zone, frozenset())
            if type in there:
                continue
            near = nearest(type, tuple(sorted(there)))
            raise FerryError(
                "LF-6433",
                f"EC2 does not offer {type} in {zone}",
                f"{where}; nothing was changed",
                f"take {near or 'another type'} (--nat-type, `network.nat.type`), or subnets of "
                "another zone",
            )
