"""Where transit gateways send the traffic of a VPC: attachments, and their default routes.

A gateway's route tables are seen by the account that owns the gateway alone, so each question goes
to the account that can answer it. What no role opens is told as the hop at which sight is lost.

Source: EC2 API Reference, DescribeTransitGatewayAttachments, SearchTransitGatewayRoutes; Transit
Gateway Guide, "Transit gateway route tables".
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from lakeferry.aws.read_network import PAGE, SMALL_PAGE, Answer, filters
from lakeferry.connect.aws import AwsAccess, call, pages
from lakeferry.errors import FerryError
from lakeferry.network.resources import TransitAttachment

AccessOf = Callable[[str], AwsAccess | None]  # by account; None where no role is given
REFUSED = ("LF-1202", "LF-1203")  # another account's answer that ends the way, not the run


def find_attachments(access: AwsAccess, vpc_id: str) -> tuple[TransitAttachment, ...]:
    """A VPC's own attachments, without what their gateways do."""
    found = pages(
        access, "ec2", "describe_transit_gateway_vpc_attachments", "TransitGatewayVpcAttachments",
        Filters=filters(vpc_id=[vpc_id], state=["available"]), PaginationConfig=PAGE,
    )  # fmt: skip
    attachments = (
        TransitAttachment(
            id=one["TransitGatewayAttachmentId"],
            gateway_id=one["TransitGatewayId"],
            kind="vpc",
            resource_id=one["VpcId"],
            resource_account=one.get("VpcOwnerId", ""),
            subnet_ids=tuple(sorted(one.get("SubnetIds", ()))),
        )
        for one in found
    )
    return tuple(sorted(attachments, key=lambda one: one.id))


def follow(
    access: AwsAccess, attachment: TransitAttachment, access_of: AccessOf
) -> tuple[TransitAttachment, ...]:
    """The attachment with where its default route leads, and the attachment that it leads to."""
    owner = ""
    try:
        listed = _listed(access, attachment.id)
        owner = listed.get("TransitGatewayOwnerId", "")
        theirs = access_of(owner)
        if theirs is None:
            why = f"{attachment.gateway_id} is of account {owner}, for which no role is given"
            return (replace(attachment, lost=why),)
        return tuple(_followed(theirs, attachment, listed))
    except FerryError as error:
        if error.code not in REFUSED:
            raise
        of = f"account {owner}" if owner else "this account"
        return (replace(attachment, lost=f"{of} did not let us look: {error.what}"),)


def _followed(
    theirs: AwsAccess, attachment: TransitAttachment, listed: Answer
) -> Iterator[TransitAttachment]:
    # A gateway's owner is told the association; others may not be.
    table = _table(listed) or _table(_listed(theirs, attachment.id))
    if not table:
        yield replace(attachment, lost=f"{attachment.id} has no route table in its gateway")
        return
    route = _default_route(theirs, table)
    targets = sorted(
        one["TransitGatewayAttachmentId"] for one in route.get("TransitGatewayAttachments", ())
    )
    if not targets:
        said = f"{table} has no default route"
        if route:
            said = f"the default route of {table} leads into nothing"
        yield replace(attachment, lost=said)
        return
    # Several are the ways of one route with equal cost: connections spread over them.
    target = _listed(theirs, targets[0])
    yield replace(attachment, default_to=targets[0])
    yield TransitAttachment(
        id=targets[0],
        gateway_id=attachment.gateway_id,
        kind=target.get("ResourceType", ""),
        resource_id=target.get("ResourceId", ""),
        resource_account=target.get("ResourceOwnerId", ""),
    )


def _listed(access: AwsAccess, id: str) -> Answer:
    found = pages(
        access, "ec2", "describe_transit_gateway_attachments", "TransitGatewayAttachments",
        Filters=filters(transit_gateway_attachment_id=[id]), PaginationConfig=SMALL_PAGE,
    )  # fmt: skip
    return next(found, {})


def _table(listed: Answer) -> str:
    tied = listed.get("Association", {})
    id: str = tied.get("TransitGatewayRouteTableId", "")
    return id if tied.get("State", "associated") in ("associated", "associating") else ""


def _default_route(access: AwsAccess, table: str) -> Answer:
    """The route for 0.0.0.0/0 that is in force; a static one goes before a propagated one."""
    exact = {"Name": "route-search.exact-match", "Values": ["0.0.0.0/0"]}
    answer = call(
        access, "ec2", "search_transit_gateway_routes", on=table,
        TransitGatewayRouteTableId=table, Filters=[exact],
    )  # fmt: skip
    routes = [one for one in answer["Routes"] if one.get("State") in ("active", "blackhole")]
    routes.sort(key=lambda one: one.get("Type") != "static")
    found: Answer = routes[0] if routes else {}
    return found
