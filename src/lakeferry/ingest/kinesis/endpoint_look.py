"""What names resolve to, and where in a VPC this machine stands: the look for `endpoint_check`."""

import socket
from collections.abc import Iterable

from lakeferry.aws.read_network import filters, find_endpoints, find_enis, find_route_tables
from lakeferry.connect.aws import AwsAccess
from lakeferry.ingest.kinesis.endpoint_check import Resolved, Surroundings
from lakeferry.network.resources import Eni, RouteTable, VpcEndpoint


def resolved_host(kind: str, host: str) -> Resolved:
    """Every address of a host that may have a port; none where the name does not resolve."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    try:
        found = socket.getaddrinfo(name.strip("[]"), None, proto=socket.IPPROTO_TCP)
    except OSError:
        return Resolved(kind, host, ())
    return Resolved(kind, host, tuple(sorted({str(one[4][0]) for one in found})))


def own_addresses(towards: str) -> tuple[str, ...]:
    """This machine's address on the way to another one; nothing is sent."""
    family = socket.AF_INET6 if ":" in towards else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((towards, 443))
        except OSError:
            return ()
        return (str(probe.getsockname()[0]),)


def surroundings(access: AwsAccess, addresses: Iterable[str]) -> Surroundings | None:
    """Where the machine of these addresses stands; None where this account has no such interface.

    Raises:
        FerryError: LF-1203 and others, see `connect.aws.call`.
    """
    own = list(addresses)
    wanted = [{"Name": "addresses.private-ip-address", "Values": own}]
    enis = find_enis(access, wanted) if own else ()
    if not enis:
        return None
    eni = enis[0]
    endpoints = find_endpoints(access, eni.vpc_id)
    theirs = [one for endpoint in endpoints for one in endpoint.eni_ids]
    interfaces = find_enis(access, filters(network_interface_id=theirs)) if theirs else ()
    tables = find_route_tables(access, eni.vpc_id)
    return Surroundings(
        eni.vpc_id,
        eni.subnet_id,
        _by_address(endpoints, interfaces),
        {
            kind_of(one.service): (one.id, one.private_dns)
            for one in endpoints
            if one.type == "Interface"
        },
        _gateways(endpoints, tables, eni.subnet_id),
    )


def kind_of(service: str) -> str:
    """`com.amazonaws.us-east-1.kinesis-streams` -> `kinesis-streams`."""
    return service.rpartition(".")[2]


def _by_address(endpoints: Iterable[VpcEndpoint], enis: Iterable[Eni]) -> dict[str, str]:
    owner = {eni_id: one.id for one in endpoints for eni_id in one.eni_ids}
    return {address: owner[eni.id] for eni in enis for address in eni.ips if eni.id in owner}


def _gateways(
    endpoints: Iterable[VpcEndpoint], tables: Iterable[RouteTable], subnet_id: str
) -> dict[str, str]:
    """Gateway endpoints that the routes of a subnet lead to."""
    listed = list(tables)
    own = [one.id for one in listed if subnet_id in one.subnet_ids]
    own = own or [one.id for one in listed if one.is_main]
    return {
        kind_of(one.service): one.id
        for one in endpoints
        if one.type == "Gateway" and set(own) & set(one.route_table_ids)
    }
