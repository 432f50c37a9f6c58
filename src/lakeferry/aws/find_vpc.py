"""Which VPC a person means: by its id, by tags, or by what lies in it.

Source: EC2 API Reference, the filters of DescribeVpcs, DescribeSubnets, DescribeNetworkInterfaces,
DescribeInstances. Filters are used, not ids: an unknown id is then an empty answer, not an error.
"""

from collections.abc import Iterable, Iterator

from lakeferry.aws.read_network import (
    filters,
    find_enis,
    find_instances,
    find_subnets,
    find_vpcs,
    tag_filters,
)
from lakeferry.connect.aws import AwsAccess
from lakeferry.errors import FerryError
from lakeferry.network.discover import Scope
from lakeferry.network.resources import Eni, Subnet, Vpc

Lead = tuple[str, str]  # id of a VPC, and of what in it was named


def find_vpc(access: AwsAccess, scope: Scope) -> Vpc:
    """The one VPC that holds all that the scope names.

    Raises:
        FerryError: LF-6351 where nothing is as named, LF-6352 where several VPCs are meant.
    """
    leads = sorted(set(_named(access, scope)) or set(_tagged(access, scope)))
    vpcs = sorted({vpc for vpc, _ in leads})
    if len(vpcs) > 1:
        said = "; ".join(f"{vpc} by {_some(leads, vpc)}" for vpc in vpcs[:5])
        raise FerryError(
            "LF-6352",
            f"what was named lies in {len(vpcs)} VPCs, and a deployment watches one",
            f"{said}; {access.shown}",
            "name one VPC (`network.vpc`, `--vpc`), and make a deployment for each",
        )
    found = find_vpcs(access, filters(vpc_id=vpcs)) if vpcs else ()
    if not found:
        raise _nothing(access, vpcs[0] if vpcs else _words(scope))
    return found[0]


def _named(access: AwsAccess, scope: Scope) -> Iterator[Lead]:
    """What ids lead to."""
    if scope.vpc:
        yield scope.vpc, scope.vpc
    subnets = sorted({*scope.subnets, *scope.worker_subnets})
    if subnets:
        found = find_subnets(access, filters(subnet_id=subnets))
        yield from _all_of(access, found, subnets)
    if scope.interfaces:
        enis = find_enis(access, filters(network_interface_id=scope.interfaces))
        yield from _all_of(access, enis, scope.interfaces)


def _all_of(
    access: AwsAccess, found: Iterable[Subnet | Eni], wanted: Iterable[str]
) -> Iterator[Lead]:
    there = {one.id: one.vpc_id for one in found}
    for id in wanted:
        if id not in there:
            raise _nothing(access, id)
        yield there[id], id


def _tagged(access: AwsAccess, scope: Scope) -> Iterator[Lead]:
    """What tags lead to: VPCs, else subnets, else workers."""
    if scope.tags:
        wanted = tag_filters(scope.tags)
        vpcs = find_vpcs(access, wanted)
        yield from ((vpc.id, vpc.id) for vpc in vpcs)
        if not vpcs:
            yield from ((one.vpc_id, one.id) for one in find_subnets(access, wanted))
    elif scope.worker_tags:
        workers = find_instances(access, tag_filters(scope.worker_tags))
        yield from ((one.vpc_id, one.id) for one in workers)


def _some(leads: Iterable[Lead], vpc: str) -> str:
    ids = [id for of, id in leads if of == vpc]
    return ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")


def _words(scope: Scope) -> str:
    tags = scope.tags or scope.worker_tags
    said = ", ".join(f"{key}={value}" for key, value in sorted(tags.items()))
    return f"VPC, subnet or worker with the tags {said}" if said else ""


def _nothing(access: AwsAccess, named: str) -> FerryError:
    if not named:
        return FerryError(
            "LF-6351",
            "nothing says which network is meant",
            access.shown,
            "give a VPC, subnets, interfaces or tags: `network.vpc` and its neighbours in the "
            "manifest, or `--vpc`",
        )
    return FerryError(
        "LF-6351",
        f"there is no {named} here",
        access.shown,
        "check the id or the tags, the Region and the account: ids belong to one Region",
    )
