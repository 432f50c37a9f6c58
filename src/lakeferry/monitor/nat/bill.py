"""What a month costs by NAT gateways and by NAT instances, for the same bytes. Pure.

A month has 730 hours. Zero-priced bytes of an instance are bounded by what it sustains: the
capacity stands beside the break-even. See `cost` for a whole migration's bill.

Source: Amazon VPC pricing (NAT gateway, public IPv4, PrivateLink); EC2 on demand; gp3.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from lakeferry.cost.path.break_even import capacity_gb, instance_or_gateway
from lakeferry.cost.path.money import exact
from lakeferry.cost.prices.price_file import own_book
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted.own_cost import HOURS, instance_usd_an_hour, usd_of_first
from lakeferry.network.nat_resources import DISK_GB, NatInstance, StandbyGateway
from lakeferry.network.resources import VpcEndpoint

NAT_PATHS = ("nat_gateway", "nat_instance")
GIB = 2**30


@dataclass(frozen=True, slots=True)
class NatBill:
    """Dollars a month; GB of 2^30 bytes."""

    gateways: Decimal  # hours and addresses of the gateways
    per_gb: Decimal  # that a gateway processes; an instance's are not charged
    instances: Decimal | None  # with addresses, disks, and what stands by; None: no price known
    planned_gb: Decimal | None  # through NAT; None: nothing is planned
    capacity_gb: Decimal  # that the instances sustain to the internet

    @property
    @exact()
    def by_gateways(self) -> Decimal | None:
        return None if self.planned_gb is None else self.gateways + self.per_gb * self.planned_gb

    @property
    @exact()
    def saved(self) -> Decimal | None:
        """By instances; negative where they cost more."""
        if self.by_gateways is None or self.instances is None:
            return None
        return self.by_gateways - self.instances

    @property
    def break_even_gb(self) -> Decimal | None:
        """From which on instances are cheaper; zero or less: from the first byte."""
        if self.instances is None:
            return None
        return instance_or_gateway(self.instances, self.gateways, self.per_gb)


@exact()
def nat_bill(
    resources: Iterable[object], gateways: Collection[str], settings: MonitorSettings
) -> NatBill:
    """A month by both.

    Args:
        resources: instances and what belongs to them, wanted or found.
        gateways: NAT gateways that carry the bytes, where gateways do.
    """
    region, listed = settings.region, list(resources)
    instances = [one for one in listed if isinstance(one, NatInstance)]
    ours = sum(isinstance(one, StandbyGateway) for one in listed)
    address = usd_of_first("aws.ipv4.hour", region)
    gateway = (usd_of_first("aws.natgw.hour", region) + address) * HOURS
    # A gateway of others stands by as it is where the zone has none of ours: its hours stay.
    kept = min(len(gateways), max(0, len(_zones(instances)) - ours)) if _stands_by(settings) else 0
    usd: Decimal | None = (ours + kept) * gateway + _endpoint_hours(listed, settings)
    disk = usd_of_first("aws.ebs.gp3", region) * DISK_GB
    for one in instances:
        hour = instance_usd_an_hour(one.type, region)
        usd = None if hour is None or usd is None else usd + (hour + address) * HOURS + disk
    gbps = sum((own_book().instance(one.type).internet_gbps for one in instances), Decimal(0))
    return NatBill(
        len(gateways) * gateway,
        usd_of_first("aws.natgw.gb", region),
        usd,
        _planned_gb(settings),
        capacity_gb(gbps, HOURS),
    )


def _zones(instances: Iterable[NatInstance]) -> set[str]:
    """Of 'lakeferry-m1.nat.us-east-1a.2' the zone."""
    return {one.name.partition(".nat.")[2].partition(".")[0] for one in instances}


def _stands_by(settings: MonitorSettings) -> bool:
    return settings.nat.standby == "gateway"


def _endpoint_hours(resources: Iterable[object], settings: MonitorSettings) -> Decimal:
    """Of the `ec2` endpoint, by which a Lambda moves routes."""
    hour = usd_of_first("aws.vpce.hour", settings.region)
    own = (
        one
        for one in resources
        if isinstance(one, VpcEndpoint) and one.service.endswith(".ec2") and one.type == "Interface"
    )
    zones = sum(len(one.subnet_ids) for one in own) if settings.nat.check == "lambda" else 0
    return zones * hour * HOURS


def _planned_gb(settings: MonitorSettings) -> Decimal | None:
    """Of a month at the plan's rate; of a shorter plan all of it."""
    planned = [one for one in settings.planned if one.path in NAT_PATHS]
    if not planned:
        return None
    month = Decimal(HOURS * 3600)
    shares = (min(Decimal(1), month / Decimal(str(one.seconds))) for one in planned)
    volumes = (one.bytes * share for one, share in zip(planned, shares, strict=True))
    return sum(volumes, Decimal(0)) / GIB
