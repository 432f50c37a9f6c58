"""What is to be priced: the bytes, from where to where, how long, with what beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from lakeferry.cost.path.money import exact
from lakeferry.cost.path.span import Span

MIB = 2**20

# `partner`: a service in AWS that others run and offer by PrivateLink.
Cloud = Literal["azure", "gcp", "aws", "on_premises", "partner"]
Routing = Literal["default", "internet"]
Waiver = Literal["none", "exit", "eu_at_cost"]
Placement = Literal["pull", "push"]  # workers in AWS, or beside the source
# Beside the source, `nat_gateway` is that cloud's NAT.
Path = Literal[
    "nat_gateway",
    "nat_instance",
    "internet_gateway",  # workers with public addresses
    "s3_gateway",
    "interface_endpoint",
    "privatelink",
    "direct_connect",
    "expressroute",
    "interconnect",
]


@dataclass(frozen=True, slots=True)
class Source:
    """Where the bytes lie today, and how that cloud bills their leaving."""

    cloud: Cloud
    region: str = ""  # the cloud's own word: `westeurope`, `us-central1`; empty: on premises
    routing: Routing = "default"  # Azure: Microsoft's network, or the opt-in to the internet
    accounts: int = 1  # billing accounts that share the bytes evenly; each has its own ladder
    waiver: Waiver = "none"  # egress credited on leaving, or at cost in the EU: both on request
    worker_usd_hour: Decimal | None = None  # a worker there, for push; None: not known
    worker_gbps: Decimal | None = None  # what one of them sends; None: not known
    line_gbps: Decimal | None = None  # the most that leaves there in all; None: not known

    def __post_init__(self) -> None:
        if self.accounts < 1:
            raise ValueError(f"{self.accounts} billing accounts")


@dataclass(frozen=True, slots=True)
class Watching:
    """What watches the migration: flow logs, rules, alarms, dashboards."""

    log_records: int = 0  # flow log records that are delivered, in all
    record_bytes: int = 150
    rules: int = 0  # Contributor Insights rules
    matched_events: int | None = None  # of all rules together; None: each rule matches all records
    alarms: int = 0  # metrics that alarms read, together
    dashboards: int = 0
    kept_months: Decimal = Decimal(1)  # how long the records stay stored

    @property
    def events(self) -> int:
        if self.matched_events is not None:
            return self.matched_events
        return self.rules * self.log_records

    @property
    def log_bytes(self) -> int:
        return self.log_records * self.record_bytes


@dataclass(frozen=True, slots=True)
class NatInstances:
    """The EC2 instances that carry the bytes in place of NAT gateways."""

    type: str = "c7gn.large"
    count: int = 3
    disk_gb: int = 8  # gp3
    standby: bool = True  # an idle NAT gateway with address per zone, and an `ec2` endpoint


@dataclass(frozen=True, slots=True)
class Migration:
    """One plan, as far as its price depends on it. Sizes in bytes, times in whole hours."""

    bytes: int  # payload; on the wire it is `overhead` more
    objects: int
    span: Span
    source: Source
    target_region: str
    zones: int = 3  # availability zones that the workers are spread over
    nat_gateways: int | None = None  # None: one in each zone; fewer, and bytes cross zones
    s3_endpoint: bool = True  # False: what is written goes through NAT too
    nat_instances: NatInstances = field(default_factory=NatInstances)
    overhead: Decimal = Decimal("0.03")  # headers and what is sent again; measure it
    egress_with_overhead: bool = False  # whether the source's cloud counts it too: not documented
    part_size: int = 64 * MIB
    single_put: int | None = None  # objects up to this size go in one PUT; None: `part_size`
    read_size: int = 8 * MIB  # of a ranged read at the source
    workers: int = 0
    worker_type: str = ""
    watching: Watching = field(default_factory=Watching)
    verify: bool = True  # one HEAD per object at the target
    with_storage: bool = False  # both copies, for the span
    overrun_hours: int = 0  # that everything may last longer
    port_gbps: Literal[1, 10, 100] = 10  # of Direct Connect
    scale_units: int = 5  # of an ExpressRoute gateway, 2 Gbit/s each
    used: Mapping[str, int] = field(default_factory=dict)  # bytes or units a month, by price id
    credits: Decimal = Decimal(0)  # dollars that are taken off

    def __post_init__(self) -> None:
        counts = {
            "bytes": self.bytes,
            "objects": self.objects,
            "zones": self.zones,
            "nat_gateways": self.gateways,
            "workers": self.workers,
            "overrun_hours": self.overrun_hours,
        }
        for name, value in counts.items():
            if value < 0:
                raise ValueError(f"{name} is {value}, expected 0 or more")
        if self.part_size < 1 or self.read_size < 1:
            raise ValueError("parts and reads have at least one byte")

    @property
    @exact()
    def wire_bytes(self) -> int:
        """Payload and overhead: what a NAT device, an endpoint or a flow log counts."""
        return int(self.bytes * (1 + self.overhead))

    @property
    def gateways(self) -> int:
        return self.zones if self.nat_gateways is None else self.nat_gateways

    @property
    def nat_passes(self) -> int:
        """How often a byte passes a NAT device: again on the way to S3 where no endpoint is."""
        return 1 if self.s3_endpoint else 2

    @property
    def nat_bytes(self) -> int:
        """What NAT devices count."""
        return self.nat_passes * self.wire_bytes

    @property
    def egress_bytes(self) -> int:
        """What the source's cloud is taken to count."""
        return self.wire_bytes if self.egress_with_overhead else self.bytes

    @property
    @exact()
    def gbps(self) -> Decimal:
        """The average rate on the wire, Gbit/s (10^9 bits)."""
        return Decimal(self.wire_bytes * 8) / (self.span.hours * 3600) / 10**9

    def lasting(self, span: Span) -> "Migration":
        return replace(self, span=span)

    def of_bytes(self, volume: int) -> "Migration":
        """The same plan with another volume, in as many more or fewer objects, none larger."""
        objects = -(-self.objects * volume // self.bytes) if self.bytes else 0
        return replace(self, bytes=volume, objects=objects)
