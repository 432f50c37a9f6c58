"""What each network path costs: its hours, and the bytes that it carries.

Each function gives the lines of one way on the AWS side, all of them in part "network path" but
for the standby. What the source's cloud takes for the bytes' leaving is in `egress`.

Source: Amazon VPC pricing (NAT gateway, public IPv4, PrivateLink); EC2 on demand; AWS Direct
Connect pricing; Azure ExpressRoute pricing; Google Cloud NAT pricing.
"""

from collections.abc import Sequence
from decimal import Decimal

from lakeferry.cost.path.charge import charge, charge_by_month
from lakeferry.cost.path.migration import Migration, NatInstances
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.quote import Line, Part
from lakeferry.cost.path.span import Span
from lakeferry.cost.prices.values import PriceBook

Lines = tuple[Line, ...]
Volumes = Sequence[int]  # bytes on the wire, by month of a span

MOST_VMS_BY_THE_HOUR = 32  # of Google's Cloud NAT; beyond, its hour has a flat price


def nat_gateway(
    book: PriceBook,
    region: str,
    gateways: int,
    span: Span,
    volumes: Volumes = (),
    *,
    part: Part = "network path",
) -> Lines:
    """Gateways with one address each, and every byte that they process, in both directions."""
    name = "NAT gateway" if part == "network path" else "standby NAT gateway"
    hours = gateways * span.hours
    lines = (
        charge(book, book.of("aws.natgw.hour", region), hours, f"{name}, hours", part=part),
        _addresses(book, region, hours, f"{name}, public IPv4", part=part),
    )
    if not sum(volumes):
        return lines
    price = book.of("aws.natgw.gb", region)
    return (*lines, charge_by_month(book, price, volumes, f"{name}, processed", part=part))


def nat_instance(book: PriceBook, region: str, wanted: NatInstances, span: Span) -> Lines:
    """Instances with one address and one gp3 disk each. Their bytes are free, see `sizing`."""
    hours = wanted.count * span.hours
    hourly = book.hourly(wanted.type, region)
    lines = (
        charge(book, hourly, hours, f"NAT instance {wanted.type}, hours", part="network path"),
        _addresses(book, region, hours, "NAT instance, public IPv4"),
    )
    if not wanted.disk_gb:
        return lines
    with exact():
        gb_months = wanted.count * wanted.disk_gb * span.months
    gp3 = book.of("aws.ebs.gp3", region)
    item = f"NAT instance, disk of {wanted.disk_gb} GB"
    disk = charge(book, gp3, gb_months, item, part="network path", grows_with="months")
    return (*lines, disk)


def standby(book: PriceBook, region: str, zones: int, span: Span) -> Lines:
    """What waits for a NAT instance to fail: an idle gateway a zone, and a way to EC2's API.

    The endpoint lets a route be replaced while the way through the NAT is down.
    """
    endpoint = book.of("aws.vpce.hour", region)
    return (
        *nat_gateway(book, region, zones, span, part="standby"),
        charge(book, endpoint, zones * span.hours, "standby `ec2` endpoint, hours", part="standby"),
    )


def interface_endpoint(
    book: PriceBook,
    region: str,
    zones: int,
    span: Span,
    volumes: Volumes = (),
    *,
    used: int = 0,
    name: str = "interface endpoint",
) -> Lines:
    """One endpoint in each zone, and its bytes, which climb one ladder with all other endpoints.

    `used`: bytes a month of the account's other interface endpoints in the region.
    """
    hour = book.of("aws.vpce.hour", region)
    hours = charge(book, hour, zones * span.hours, f"{name}, hours", part="network path")
    if not sum(volumes):
        return (hours,)
    price = book.of("aws.vpce.gb", region)
    gb = charge_by_month(book, price, volumes, f"{name}, bytes", part="network path", used=used)
    return (hours, gb)


def privatelink(
    book: PriceBook, region: str, zones: int, span: Span, volumes: Volumes, *, used: int = 0
) -> Lines:
    """An endpoint to a partner's service: priced as one to a service of AWS."""
    name = "PrivateLink endpoint"
    return interface_endpoint(book, region, zones, span, volumes, used=used, name=name)


def s3_gateway(book: PriceBook, region: str, volumes: Volumes) -> Lines:
    """The gateway endpoint of S3 or DynamoDB: free, and only for buckets of the same region."""
    price = book.of("aws.vpce_gateway", region)
    with exact():
        gb = Decimal(sum(volumes)) / 2**30
    return (
        charge(book, price, gb, "S3 gateway endpoint", part="network path", grows_with="bytes"),
    )


def public_addresses(book: PriceBook, region: str, workers: int, span: Span) -> Lines:
    """An address on each worker and the free internet gateway; what comes in costs nothing."""
    return (_addresses(book, region, workers * span.hours, "workers' public IPv4"),)


def direct_connect(book: PriceBook, port_gbps: int, span: Span) -> Lines:
    """A dedicated port, and the carrier's part, which no price list has. Bytes in are free."""
    port = book.at(f"aws.dx.port_{port_gbps}g")
    item = f"Direct Connect port {port_gbps} Gbps, hours"
    carrier = book.at("carrier.circuit.month")
    note = "the carrier or the exchange between the two: ask for a quote"
    return (
        charge(book, port, span.hours, item, part="network path", note="data transfer in is free"),
        charge(
            book,
            carrier,
            span.months,
            "circuit of the carrier, months",
            part="network path",
            grows_with="months",
            note=note,
        ),
    )


def expressroute(book: PriceBook, scale_units: int, span: Span) -> Lines:
    """Azure's half of a private circuit: circuit, gateway of a virtual WAN, connection.

    The bytes, metered by zone, are the source's egress; the other half is `direct_connect`.
    """
    circuit = book.at("azure.er.circuit")
    unit = book.at("azure.er.gateway_scale_unit")
    connection = book.at("azure.er.connection")
    hours = span.hours
    return (
        charge(
            book,
            circuit,
            span.months,
            "ExpressRoute circuit, months",
            part="network path",
            grows_with="months",
        ),
        charge(
            book, unit, scale_units * hours, "ExpressRoute gateway, unit-hours", part="network path"
        ),
        charge(book, connection, hours, "ExpressRoute connection, hours", part="network path"),
    )


def interconnect(book: PriceBook, gbps: int, span: Span) -> Lines:
    """AWS Interconnect with Google Cloud: by bandwidth and hour, nothing by the byte."""
    price = book.at("aws.interconnect.gbps_hour")
    item = f"AWS Interconnect {gbps} Gbps, hours"
    return (charge(book, price, gbps * span.hours, item, part="network path"),)


def source_nat(book: PriceBook, migration: Migration, volumes: Volumes) -> Lines:
    """The NAT of the source's own cloud, for workers that push from there.

    Azure: one gateway. Google: by the VM and hour up to 32, then flat, with one address a zone.
    On premises nothing is billed.
    """
    hours = migration.span.hours
    match migration.source.cloud:
        case "azure":
            hour, gb, name = "azure.natgw.hour", "azure.natgw.gb", "Azure NAT gateway"
            lines: Lines = (
                charge(book, book.at(hour), hours, f"{name}, hours", part="network path"),
            )
        case "gcp":
            gb, name = "gcp.nat.gib", "Cloud NAT"
            lines = _cloud_nat_hours(book, migration, hours)
        case _:
            return ()
    price = book.at(gb)
    return (
        *lines,
        charge_by_month(book, price, volumes, f"{name}, processed", part="network path"),
    )


def _cloud_nat_hours(book: PriceBook, migration: Migration, hours: int) -> Lines:
    few = migration.workers <= MOST_VMS_BY_THE_HOUR
    price = book.at("gcp.nat.vm_hour" if few else "gcp.nat.hour_over32")
    quantity = hours * migration.workers if few else hours
    addresses = book.at("gcp.ip.hour")
    return (
        charge(book, price, quantity, "Cloud NAT, hours", part="network path"),
        charge(
            book, addresses, hours * migration.zones, "Cloud NAT, addresses", part="network path"
        ),
    )


def crossing_zones(book: PriceBook, region: str, volumes: Volumes) -> Lines:
    """Bytes from one zone to another: billed once for the sender and once for the receiver."""
    price = book.of("aws.crossaz.gb", region)
    twice = [2 * one for one in volumes]
    return (charge_by_month(book, price, twice, "between zones, both sides", part="network path"),)


def _addresses(
    book: PriceBook, region: str, hours: int, item: str, *, part: Part = "network path"
) -> Line:
    return charge(book, book.of("aws.ipv4.hour", region), hours, item, part=part)
