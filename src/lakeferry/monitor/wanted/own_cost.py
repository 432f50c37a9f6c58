"""What each thing that monitoring makes costs a month, beside it.

Prices are those of the one price book, with source and date. A month has 730 hours. What traffic
costs is not here: an endpoint's bytes replace bytes that a NAT device would have carried.

Source: Amazon CloudWatch pricing; AWS PrivateLink pricing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from lakeferry.cost.path.money import exact
from lakeferry.cost.prices.price_file import own_book
from lakeferry.cost.prices.values import Price, ladder
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted.migration_alarms import NAMESPACE
from lakeferry.monitor.wanted.tagged_instances import watched_instances
from lakeferry.network.nat_resources import DISK_GB, ElasticIp, NatInstance, StandbyGateway
from lakeferry.network.resources import (
    Alarm,
    CompositeAlarm,
    Dashboard,
    FlowLog,
    InsightRule,
    LogGroup,
    MetricQuery,
    Resource,
    VpcEndpoint,
    key_of,
)
from lakeferry.network.rule_set import RuleSet
from lakeferry.network.topology import Topology

HOURS = 730  # of a typical month
MINUTES = HOURS * 60
FALLBACK_REGION = "us-east-1"  # whose price is shown where a Region has none here

# Bytes of a row as CloudWatch Logs counts them, measured on rows of each format: 118 with the 14
# fields of version 2, 236 with 26, 353 with all 54; a line through the first two is close to it.
_BYTES_AT_14, _BYTES_A_FIELD = 118, Decimal("9.83")

# Rows a minute of one open connection: one a direction at each interface that it crosses.
ROWS = {"s3_gateway": 2, "interface_endpoint": 4, "nat_gateway": 6, "nat_instance": 6}

# What part of the rows a rule matches, when all connections take a NAT device: of the six rows a
# minute two come in there, two leave, and one each comes in and leaves at the worker. What a rule
# of connections or refusals matches depends on how often they are; these are guesses.
_MATCHED: Mapping[str, Decimal] = {
    "nat-billed": Decimal(2) / 6,
    "nat-bytes-by-src": Decimal(2) / 6,
    "nat-bytes-by-dst": Decimal(2) / 6,
    "endpoint-bytes": Decimal(2) / 6,
    "s3-through-nat": Decimal(1) / 6,
    "s3-gateway": Decimal(1) / 6,
    "workers": Decimal(1) / 6,
    "connections": Decimal(1) / 60,
    "rejected": Decimal(1) / 100,
    "skipped": Decimal(1) / 1000,
}


@dataclass(frozen=True, slots=True)
class MonthlyCost:
    """What one resource costs a month."""

    kind: str  # the resource's kind_name
    name: str
    usd: Decimal
    basis: str  # how it was reckoned, with the price's own standing


@dataclass(frozen=True, slots=True)
class Volume:
    """What the flow logs will hold in a month, reckoned from open connections."""

    rows: int
    row_bytes: int
    matched: Mapping[str, int]  # rows by name of the rule that matches them
    instances: int = 0  # that a query by tag finds now

    @property
    def bytes(self) -> int:
        return self.rows * self.row_bytes


def volume(
    topology: Topology, settings: MonitorSettings, fields: Sequence[str], rules: RuleSet
) -> Volume:
    """Rows and bytes a month: every connection leaves rows each minute that it is open."""
    kinds = {path.kind for path in topology.paths}
    rate = max((rows for kind, rows in ROWS.items() if kind in kinds), default=2)
    rows = settings.connections * rate * MINUTES
    matched = {one.name: int(rows * _MATCHED[one.question]) for one in rules.rules}
    more = max(0, len(fields) - 14)
    row_bytes = round(_BYTES_AT_14 + _BYTES_A_FIELD * more)
    return Volume(rows, row_bytes, matched, len(watched_instances(topology, settings)))


def costs(resources: Iterable[Resource], expected: Volume, region: str) -> tuple[MonthlyCost, ...]:
    """The cost of each resource, in their order. What costs nothing has 0 and says why."""
    return tuple(_cost(one, expected, region) for one in resources)


@exact()
def total(found: Iterable[MonthlyCost]) -> Decimal:
    return sum((one.usd for one in found), Decimal(0))


@exact()
def _cost(resource: Resource, expected: Volume, region: str) -> MonthlyCost:
    parts, said = _parts(resource, expected)
    usd = Decimal(0)
    standing: dict[str, None] = {}
    for id, quantity in parts:
        price, where = _price(id, region)
        usd += _usd(price, price.units(quantity))
        standing[where] = None
    basis = f"{said} ({'; '.join(standing)})" if standing else said
    return MonthlyCost(*key_of(resource), usd, basis)


_INSTANCE = "aws.ec2.hour."  # begins the id of an instance's price, by type and Region

Parts = tuple[tuple[str, int], ...]  # (id of a price, how many of its units or bytes)


def _parts(resource: Resource, expected: Volume) -> tuple[Parts, str]:
    """What is paid for one resource, and the quantity in words."""
    parts: Parts = ()
    said = "free"
    match resource:
        case InsightRule():
            matched = expected.matched.get(resource.name, expected.rows)
            parts = (("aws.cw.ci_rule", 1), ("aws.cw.ci_event", matched))
            said = f"about {matched:,} matched events"
        case FlowLog():
            parts, said = _delivery(resource, expected)
        case LogGroup():
            kept = expected.bytes * (resource.retention_days or 365) * 24 // HOURS
            parts, said = (("aws.cw.logstore", kept),), f"{_gb(kept)} kept, before compression"
        case Alarm() if any(one.expression.startswith("SELECT ") for one in resource.metrics):
            found = max(1, expected.instances)
            parts, said = (("aws.cw.alarm_mi", found),), f"{found} metrics that a query reads"
        case Alarm():
            read = max(1, sum(1 for one in resource.metrics if _reads(one)))
            parts, said = (("aws.cw.alarm", read),), f"{read} metric{'s' * (read > 1)} read"
            put = sum(1 for one in resource.metrics if one.namespace == NAMESPACE)
            if put:
                parts = (*parts, ("aws.cw.metric", put))
                said = f"{said} and put by a sync, before its requests"
        case CompositeAlarm():
            parts, said = (("aws.cw.alarm_composite", 1),), "one composite alarm"
        case Dashboard():
            parts, said = (("aws.cw.dashboard", 1),), "beyond the account's first three"
        case VpcEndpoint(type="Interface"):
            zones = len(resource.subnet_ids)
            parts = (("aws.vpce.hour", zones * HOURS),)
            said = f"{zones} zone{'s' * (zones > 1)} for {HOURS} h, before bytes"
        case NatInstance():
            parts = ((f"{_INSTANCE}{resource.type}", HOURS), ("aws.ebs.gp3", DISK_GB * 2**30))
            said = f"{resource.type} for {HOURS} h, a disk of {DISK_GB} GB"
        case ElasticIp():
            parts, said = (("aws.ipv4.hour", HOURS),), f"a public address for {HOURS} h"
        case StandbyGateway():
            parts, said = (("aws.natgw.hour", HOURS),), f"{HOURS} h of standing by, before bytes"
    return parts, said


def _reads(query: MetricQuery) -> bool:
    return bool(query.namespace) or "INSIGHT_RULE_METRIC" in query.expression


def _delivery(log: FlowLog, expected: Volume) -> tuple[Parts, str]:
    said = f"{_gb(expected.bytes)} of rows delivered"
    if log.destination_type == "cloud-watch-logs":
        return (("aws.cw.vended", expected.bytes),), said
    parts: Parts = (("aws.cw.vended_s3", expected.bytes),)
    if log.file_format == "parquet":
        parts = (*parts, ("aws.cw.parquet", expected.bytes))
    return parts, f"{said}, without S3's storage"


def _gb(bytes: int) -> str:
    return f"{bytes / 2**30:,.1f} GB"


# ---- prices


def nat_gbps(instance_type: str) -> float | None:
    """What an instance sustains to the internet; None for a type that is not in the data."""
    found = own_book().instance_types.get(instance_type)
    return None if found is None else float(found.internet_gbps)


def instance_usd_an_hour(type: str, region: str, *, elsewhere: bool = True) -> Decimal | None:
    """What an hour of an instance costs; None where no figure is known.

    Args:
        elsewhere: take the price of FALLBACK_REGION where the Region has none.
    """
    kind = own_book().instance_types.get(type)
    hourly = kind.hourly if kind is not None else {}
    found = hourly.get(region) or (hourly.get(FALLBACK_REGION) if elsewhere else None)
    return None if found is None else found.first_usd


def nat_usd_per_gb(region: str) -> Decimal:
    """What a NAT gateway costs for each GB (2^30 bytes)."""
    return usd_of_first("aws.natgw.gb", region)


def path_usd_per_gb(path: str, region: str, *, crosses_zones: bool = False) -> Decimal | None:
    """What each GB (2^30 bytes) of a path costs beside what every path costs.

    None where bytes are not what is paid for: a NAT instance costs hours, an internet gateway
    nothing but AWS's own transfer out. Endpoints: the first tier of a month.
    """
    match path:
        case "nat_gateway":
            usd = nat_usd_per_gb(region)
        case "transit_gateway":
            usd = usd_of_first("aws.tgw.gb", region)
        case "s3_gateway" | "dynamodb_gateway" | "vpc":
            usd = Decimal(0)
        case "nat_instance" | "internet_gateway" | "unknown":
            return _across_zones(region) if crosses_zones else None
        case "virtual_private_gateway" | "local_gateway" | "peering" | "elsewhere" | "nowhere":
            return None
        case _:  # interface endpoints
            usd = usd_of_first("aws.vpce.gb", region)
    return usd + (_across_zones(region) if crosses_zones else 0)


def _across_zones(region: str) -> Decimal:
    """Billed once for the sender and once for the receiver."""
    return 2 * usd_of_first("aws.crossaz.gb", region)


def usd_of_first(id: str, region: str) -> Decimal:
    """What the first unit of a price costs, in a Region or in FALLBACK_REGION."""
    price, _ = _price(id, region)
    return _usd(price, Decimal(1))


def _usd(price: Price, units: Decimal) -> Decimal:
    found = ladder(price, units)
    if found is None:
        raise LookupError(f"{price.id} has no figure, though monitoring makes what it prices")
    return found


def _price(id: str, region: str) -> tuple[Price, str]:
    """The price of a region, or of FALLBACK_REGION with a word that says so."""
    found = _at(id, region)
    if found.tiers is not None:
        return found, found.confidence
    found = _at(id, FALLBACK_REGION)
    return found, f"{found.confidence}, price of {FALLBACK_REGION}"


def _at(id: str, region: str) -> Price:
    if id.startswith(_INSTANCE):
        found = own_book().instance(id.removeprefix(_INSTANCE)).hourly.get(region)
        if found is not None:
            return found
    return own_book().at(f"{id}.{region}")
