"""What about a network costs money, hides bytes or will break. Pure.

Source: VPC User Guide, "Gateway endpoints", "NAT gateways"; CloudWatch User Guide, "Contributor
Insights rule syntax" (ten values in a filter).
"""

from collections.abc import Iterator, Mapping

from lakeferry.network.finding_kinds import finding, listed
from lakeferry.network.flow_log_findings import flow_log_findings
from lakeferry.network.resources import NatGateway, RouteTable, VpcEndpoint
from lakeferry.network.services import label_of
from lakeferry.network.topology import Finding, Path, Topology
from lakeferry.network.ways import (
    EVERYWHERE,
    EVERYWHERE_6,
    has_s3_route,
    is_up,
    route_to,
    table_of,
    zone_id_of,
)

MOST_INTERFACES = 10  # that one rule can name


def findings(topology: Topology, *, passed_through: bool = False) -> tuple[Finding, ...]:
    """All findings, warnings first, then by code and place.

    Args:
        passed_through: the VPC is one that others' bytes come through; it has no workers, and no
            endpoint of its can be reached from where they come.
    """
    made = [*_routes(topology), *flow_log_findings(topology), *_interfaces(topology)]
    if not passed_through:
        made += [*_endpoints(topology), *_s3(topology), *_workers(topology)]
    order = ("warning", "info")
    return tuple(
        sorted(
            set(made), key=lambda one: (order.index(one.severity), one.code, one.where, one.what)
        )
    )


# ---- routes


def _routes(topology: Topology) -> Iterator[Finding]:
    for path in topology.paths:
        yield from _way(topology, path)
    for table, subnets in _tables(topology):
        yield from _table(topology, table, listed(subnets))
    for gateway in topology.nat_gateways:
        if gateway.vpc_id != topology.found.vpc.id:
            yield _far_gateway(gateway.id, gateway.vpc_id)
    vpc, reader = topology.found.vpc, topology.found.reader
    if reader not in ("", vpc.account):
        yield finding(
            "shared-vpc",
            vpc.id,
            f"{vpc.id} is shared by account {vpc.account}: its gateways, endpoints and flow logs "
            f"are not shown to {reader}",
            f"give a role for account {vpc.account} (`network.beyond`)",
        )


def _table(topology: Topology, table: RouteTable, subnets: str) -> Iterator[Finding]:
    for route in table.routes:
        if route.state == "blackhole":
            yield finding(
                "blackhole-route",
                table.id,
                f"{route.destination} of {subnets} leads to {route.target}, which is gone",
                "give the route a target that is there, or remove it",
            )
    lists = topology.found.prefix_lists
    four, six = (route_to(all, table, lists) for all in (EVERYWHERE, EVERYWHERE_6))
    if four and six and four.target != six.target:
        yield finding(
            "ipv6-way-out",
            table.id,
            f"IPv6 of {subnets} leaves by {six.target}, IPv4 by {four.target}",
            "watch the workers' own interfaces, or take the route away",
        )


def _far_gateway(id: str, vpc_id: str) -> Finding:
    return finding(
        "nat-out-of-sight",
        id,
        f"{id} on the way is in {vpc_id}, whose interfaces this VPC's flow logs do not have",
        f"run `lakeferry monitor` for {vpc_id} too",
    )


def _way(topology: Topology, path: Path) -> Iterator[Finding]:
    subnets = listed(path.subnet_ids)
    endpoint = path.kind in ("interface_endpoint", "s3_gateway")
    if path.crosses_zones and not endpoint:
        yield finding(
            "cross-zone-route",
            path.id,
            f"of {subnets} some are in another zone than {path.id}: each byte is billed once more, "
            "and the zone of the device takes all of them down",
            "route each subnet to a device in its own zone",
        )
    if path.kind == "nowhere" and not path.id:
        yield finding(
            "no-default-route",
            listed(path.subnet_ids, 1),
            f"{subnets}: {path.lost_at}",
            "nothing, if endpoints are enough; else add a default route",
        )
    elif path.lost_at and not endpoint:
        # A hop is a better place than a path: it is where somebody can go on looking.
        where = path.hops[-1].id if path.hops else path.id
        yield finding(
            "lost-sight",
            where,
            f"the way out of {subnets} is known up to here: {path.lost_at}",
            "give a role for the account that has the next hop (`network.beyond`), if it is one",
        )
    far = [hop for hop in path.hops if hop.kind == "nat_gateway"]
    near = {gateway.id for gateway in topology.nat_gateways}
    for hop in far:
        if hop.id not in near and hop.vpc_id != topology.found.vpc.id:
            yield _far_gateway(hop.id, f"{hop.vpc_id} of account {hop.account}")


def _tables(topology: Topology) -> Iterator[tuple[RouteTable, tuple[str, ...]]]:
    """Each route table of the scope with its subnets there."""
    by_table: dict[str, tuple[RouteTable, list[str]]] = {}
    for subnet in topology.scope:
        if table := table_of(topology.found, subnet):
            by_table.setdefault(table.id, (table, []))[1].append(subnet)
    for id in sorted(by_table):
        table, subnets = by_table[id]
        yield table, tuple(subnets)


# ---- endpoints


def _endpoints(topology: Topology) -> Iterator[Finding]:
    found = topology.found
    if not found.endpoints:
        yield finding(
            "no-endpoints",
            found.vpc.id,
            f"{found.vpc.id} has no endpoint: S3, Kinesis, STS and all else take the default route",
            "name the endpoints that are wanted: `network.endpoints`; S3's gateway is free",
        )
    starts = sorted({eni.subnet_id for eni in topology.workers}) or topology.scope
    zones = {zone_id_of(found, subnet) for subnet in starts} - {""}
    for one in found.endpoints:
        label = label_of(one.service)
        if not is_up(one.state):
            yield finding(
                "endpoint-down",
                one.id,
                f"the endpoint for {label} is {one.state}",
                "have it accepted by the owner of the service, or make it again",
            )
        if one.type != "Interface":
            continue
        yield from _zones(topology, one, zones)
        if not one.private_dns and label in ("kinesis-streams", "sts", "logs"):
            yield finding(
                "no-private-dns",
                one.id,
                f"{label} keeps its public addresses: clients reach {one.id} by its own names only",
                f"enable private DNS names on {one.id}",
            )


def _zones(topology: Topology, one: VpcEndpoint, zones: set[str]) -> Iterator[Finding]:
    has = {zone_id_of(topology.found, subnet) for subnet in one.subnet_ids}
    missing = sorted(zones - has)
    if missing:
        yield finding(
            "endpoint-zones",
            one.id,
            f"the endpoint for {label_of(one.service)} has no interface in {', '.join(missing)}: "
            "bytes from there cross zones, and are lost with the zone that they go to",
            f"add a subnet of {', '.join(missing)} to {one.id}",
        )


_BY_ROUTE = ("nat_gateway", "nat_instance", "transit_gateway", "nowhere")


def _s3(topology: Topology) -> Iterator[Finding]:
    found = topology.found
    s3 = [one for one in found.endpoints if one.service.endswith(".s3")]
    gateways = [one.id for one in s3 if one.type == "Gateway"]
    if any(one.type == "Interface" and one.private_dns for one in s3):
        return  # S3's names lead there
    kinds = {id: path.kind for path in topology.paths for id in path.subnet_ids
             if path.kind in _BY_ROUTE}  # fmt: skip
    for table, subnets in _tables(topology):
        private = [id for id in subnets if id in kinds]
        if not private or any(has_s3_route(found, private[0], one) for one in gateways):
            continue
        nowhere = kinds[private[0]] == "nowhere"
        how = "cannot reach S3" if nowhere else "reach S3 by their default route, billed per GB"
        yield finding(
            "no-s3-endpoint",
            table.id,
            f"{listed(private)} {how}: {table.id} has no route to an S3 gateway endpoint",
            f"add {table.id} to {gateways[0]}; it is free"
            if gateways
            else "make an S3 gateway endpoint (`network.endpoints`); it is free",
        )


# ---- interfaces, workers


def _interfaces(topology: Topology) -> Iterator[Finding]:
    found = topology.found
    for label, ids in _by_kind(topology).items():
        if len(ids) > MOST_INTERFACES:
            yield finding(
                "many-interfaces",
                found.vpc.id,
                f"{len(ids)} interfaces of {label}: a rule names {MOST_INTERFACES} at most",
                "nothing: the rules are split, and use more of the quota of 100",
            )
    checked = {eni.id for eni in found.enis if eni.source_dest_check}
    for one in topology.nat_instances:
        if one.source_dest_check and checked.issuperset(one.eni_ids):
            yield finding(
                "source-dest-check",
                one.id,
                f"routes lead to {one.id}, which checks sources and destinations: it drops what it "
                "should forward",
                f"turn the check off on every interface of {one.id}",
            )


def _by_kind(topology: Topology) -> Mapping[str, set[str]]:
    vpc = topology.found.vpc.id
    kinds: dict[str, set[str]] = {
        "NAT gateways": {id for one in topology.nat_gateways for id in _enis(one, vpc)},
        "NAT instances": {id for one in topology.nat_instances for id in one.eni_ids},
    }
    for endpoint in topology.found.endpoints:
        kinds.setdefault(f"endpoints for {label_of(endpoint.service)}", set()).update(
            endpoint.eni_ids
        )
    return kinds


def _enis(gateway: NatGateway, vpc_id: str) -> Iterator[str]:
    if gateway.vpc_id == vpc_id:
        yield from (address.eni_id for address in gateway.addresses if address.eni_id)


def _workers(topology: Topology) -> Iterator[Finding]:
    found = topology.found
    if not topology.workers:
        yield finding(
            "no-workers",
            found.vpc.id,
            "no interface is a worker's at present",
            "nothing, if clusters start later: rules ask for subnets, not for workers",
        )
    public = {
        id for path in topology.paths if path.kind == "internet_gateway" for id in path.subnet_ids
    }
    direct = [eni for eni in topology.workers if eni.subnet_id in public]
    with_address = [eni.id for eni in direct if eni.public_ip]
    without = [eni.id for eni in direct if not eni.public_ip]
    if with_address:
        yield finding(
            "public-address",
            found.vpc.id,
            f"{len(with_address)} workers have public addresses: {listed(with_address)}",
            "use subnets behind a NAT device or endpoints; each address is billed by the hour",
        )
    if without:
        yield finding(
            "no-public-address",
            found.vpc.id,
            f"{len(without)} workers are in public subnets without an address: {listed(without)}",
            "give them a subnet whose default route leads to a NAT device",
        )
