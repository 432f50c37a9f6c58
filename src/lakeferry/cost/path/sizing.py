"""How many NAT instances of which type carry a load, with one of them lost.

An instance carries each byte twice, in on one side and out on the other, so what goes down and up
together stays within its bandwidth, and each of the two within what it may send to the internet.
The smallest cost wins over (type, N >= 2) with `load <= head room x (N - 1) x capacity` for each
limit. N instances are no pool: a route table names one target. `placement` says whether the
subnets that there are can be dealt out so.

Source: EC2 User Guide, "Amazon EC2 instance network bandwidth"; VPC User Guide, "NAT gateways".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np

from lakeferry.cost.path.load import Load
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.replay import GBPS
from lakeferry.cost.prices.values import InstanceType, PriceBook

HEAD_ROOM = Fraction(70, 100)
MANY_VCPUS = 32  # from here on half of the bandwidth goes to the internet, below 5 Gbps
INTERNET_GBPS = Decimal(5)
FLOW_GBPS = Decimal(5)  # of a single flow outside of a placement group
# What masquerading may take of one address: 1024 to 65535, for each destination, port and protocol.
PORTS = 65_536 - 1_024
PORTS_OF_A_NAT_GATEWAY = 55_000
# Seconds that Linux keeps an ended connection (`nf_conntrack_tcp_timeout_time_wait`).
KEPT_S = 120


def internet_gbps(vcpus: int, card0_gbps: Decimal) -> Decimal:
    """What an instance sustains through an internet gateway; one interface uses one card alone."""
    wanted = INTERNET_GBPS if vcpus < MANY_VCPUS else max(card0_gbps / 2, INTERNET_GBPS)
    return min(card0_gbps, wanted)


def busiest(load: Load) -> int:
    """The 99.9th percentile of a load's minutes by nearest rank: 43 minutes of 30 days lie above.

    Bytes in the minute at index `ceil(0.999 n) - 1` of the sorted load; 0 for an empty one.
    """
    if not len(load):
        return 0
    rank = (999 * len(load) + 999) // 1000 - 1
    return int(np.partition(load, rank)[rank]) if load.dtype != object else sorted(load)[rank]


@dataclass(frozen=True, slots=True)
class Demand:
    """What NAT instances must carry together."""

    down: int  # bytes a minute from the internet
    up: int = 0  # bytes a minute to it
    both: int | None = None  # of both together, which need not peak in one minute; None: their sum
    packet_bytes: int = 1_500  # of a packet, on average; the smaller, the more packets
    connections: int = 0  # open at once
    opened_a_second: int = 0  # new connections
    to_one_destination: int = 0  # open at once to the busiest address and port

    @property
    def together(self) -> int:
        return self.down + self.up if self.both is None else self.both

    @property
    def flows_carry_it(self) -> bool:
        """Whether its connections suffice: one is carried at 5 Gbps at most, on any instance."""
        most = max(self.down, self.up)
        return not self.connections or most <= self.connections * int(FLOW_GBPS * GBPS)

    @property
    def packets_a_second(self) -> int:
        """In and out, as an instance's allowance counts them: each packet passes twice."""
        return -(-2 * self.together // (60 * self.packet_bytes))

    @property
    def conntrack_entries(self) -> int:
        """Open connections and those that ended within the time that Linux keeps them."""
        return self.connections + self.opened_a_second * KEPT_S


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an instance may besides bandwidth. AWS publishes no figures: None is not looked at."""

    packets_a_second: int | None = None  # measured: in and out, see `pps_allowance_exceeded`
    connections: int | None = None  # tracked; see `conntrack_allowance_available`
    addresses: int = 1  # public ones, each with its own ports


@dataclass(frozen=True, slots=True)
class Limit:
    """One thing that N - 1 instances must have room for."""

    name: str
    needed: Fraction  # of all together
    each: Fraction  # that one instance has

    def instances(self, head_room: Fraction) -> int:
        """The fewest that carry it while one more is lost."""
        return max(2, -(-self.needed // (head_room * self.each)) + 1)


def limits(kind: InstanceType, demand: Demand, allowance: Allowance) -> tuple[Limit, ...]:
    """All that bounds an instance type under a demand. Bandwidths are bytes a minute."""
    card, internet = (Fraction(gbps) * GBPS for gbps in (kind.card0_gbps, kind.internet_gbps))
    found = [
        Limit("internet bandwidth", Fraction(max(demand.down, demand.up)), internet),
        Limit("bandwidth, down and up together", Fraction(demand.together), card),
        Limit(
            "ports to one destination",
            Fraction(demand.to_one_destination),
            Fraction(PORTS * allowance.addresses),
        ),
    ]
    for name, needed, each in (
        ("packets a second", demand.packets_a_second, allowance.packets_a_second),
        ("conntrack entries", demand.conntrack_entries, allowance.connections),
    ):
        if each is not None:
            found.append(Limit(name, Fraction(needed), Fraction(each)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Size:
    """So many instances of one type, and what they cost."""

    type: str
    count: int
    each_gbps: Decimal  # sustained to the internet
    usd: Decimal  # hours of instances, public addresses and disks
    bound_by: str  # the limit that asks for most instances


def sizes(
    kinds: Iterable[InstanceType],
    demand: Demand,
    *,
    hours: int,
    usd_per_hour: Mapping[str, Decimal | None],
    usd_beside: Decimal = Decimal(0),
    zones: int = 1,
    head_room: Fraction = HEAD_ROOM,
    allowances: Mapping[str, Allowance] | None = None,
) -> tuple[Size, ...]:
    """What each type needs, the cheapest first; among equals fewer instances, then by name.

    Args:
        kinds: the types to choose from.
        demand: of all subnets together.
        hours: that the instances run.
        usd_per_hour: of an instance, by type. A type without a price is left out: it is not free.
        usd_beside: an hour of an instance's address and disk.
        zones: N is a multiple of it, so that no zone's bytes cross to another.
        head_room: the share of its capacity that an instance is to use when one is lost.
        allowances: what is known of packets, tracked connections and addresses, by type.
    """
    if hours < 0 or zones < 1 or not 0 < head_room <= 1:
        raise ValueError(f"{hours} hours, {zones} zones, head room {head_room}")
    found = []
    for kind in kinds:
        each = usd_per_hour.get(kind.name)
        if each is None:
            continue
        allowance = (allowances or {}).get(kind.name, Allowance())
        bound = max(limits(kind, demand, allowance), key=lambda one: one.instances(head_room))
        count = -(-bound.instances(head_room) // zones) * zones
        with exact():
            usd = count * (each + usd_beside) * hours
        found.append(Size(kind.name, count, kind.internet_gbps, usd, bound.name))
    return tuple(sorted(found, key=lambda size: (size.usd, size.count, size.type)))


def sizes_in(
    book: PriceBook, region: str, demand: Demand, *, hours: int, zones: int = 1
) -> tuple[Size, ...]:
    """Every type that the book prices in a region, with its public address; see `sizes`.

    Burstable types are sized by what they sustain, so they are here, too, where they are many.

    Raises:
        FerryError: LF-6501, the book has no prices of the region.
    """
    address = book.of("aws.ipv4.hour", region).last_usd
    hourly = {name: book.hourly(name, region).last_usd for name in book.instance_types}
    return sizes(
        book.instance_types.values(),
        demand,
        hours=hours,
        usd_per_hour=hourly if address is not None else {},
        usd_beside=address or Decimal(0),
        zones=zones,
    )


@dataclass(frozen=True, slots=True)
class Kernel:
    """What an instance's kernel has to be told for so many connections."""

    conntrack_max: int  # `net.netfilter.nf_conntrack_max`
    hashsize: int  # buckets of the table: a quarter of it
    ports_needed: int  # to the busiest destination, by this instance
    addresses: int  # public ones that this takes


def kernel(demand: Demand, *, count: int, head_room: Fraction = HEAD_ROOM) -> Kernel:
    """Settings of each of `count` instances, such that they hold when one of them is lost.

    The table is the next power of two that leaves the head room free; an entry takes some 320
    bytes of memory, so a million of them 0.3 GiB.
    """
    sharing = max(1, count - 1)
    entries = -(-Fraction(demand.conntrack_entries, sharing) // head_room)
    ports = -(-demand.to_one_destination // sharing)
    table = max(1 << 16, 1 << max(0, entries - 1).bit_length())
    addresses = max(1, -(-Fraction(ports) // (head_room * PORTS)))
    return Kernel(table, table // 4, ports, addresses)


def ports_left(
    connections: int, *, destinations: int, addresses: int = 1, ports: int = PORTS_OF_A_NAT_GATEWAY
) -> int:
    """Connections that still fit; negative where ports run out.

    A migration talks to few destinations, so this is met before bandwidth: ports count for each
    public address and each destination's address, port and protocol.
    """
    return ports * addresses * destinations - connections
