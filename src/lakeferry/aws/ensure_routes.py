"""Default routes of tables that are not ours: led to our interfaces, and given back.

Where a route led before is written on our interface before it is moved, so whoever comes later can
give it back; a route that leads to something of others is never touched when it goes.

Source: EC2 API Reference, ReplaceRoute, CreateRoute, DeleteRoute.
"""

from collections.abc import Mapping
from typing import Any

from lakeferry.aws.ensure_nat import gateway_of, interface_of, ours
from lakeferry.aws.nat_alive import PathSeen, path_of
from lakeferry.aws.patience import until
from lakeferry.aws.place import Place
from lakeferry.aws.read_network import target_of
from lakeferry.errors import FerryError
from lakeferry.network.nat_resources import NO_ROUTE, RECORD, DefaultRoute
from lakeferry.network.resources import OWNER_TAG

FORWARDS_IN_S = 600  # from the start of an instance, its packages and EC2's checks
# What ReplaceRoute and CreateRoute call a target, by how its id begins.
_TARGETS = {
    "nat": "NatGatewayId", "eni": "NetworkInterfaceId", "i": "InstanceId", "igw": "GatewayId",
    "vgw": "GatewayId", "tgw": "TransitGatewayId", "pcx": "VpcPeeringConnectionId",
    "vpce": "VpcEndpointId", "lgw": "LocalGatewayId", "cagw": "CarrierGatewayId",
    "arn": "CoreNetworkArn",
}  # fmt: skip
# Targets that are gone: there is nothing to give back to.
_GONE = (
    "InvalidNatGatewayID.NotFound", "NatGatewayNotFound", "InvalidNetworkInterfaceID.NotFound",
    "InvalidInstanceID.NotFound", "InvalidInternetGatewayID.NotFound", "InvalidGatewayID.NotFound",
    "InvalidTransitGatewayID.NotFound", "InvalidVpcEndpointId.NotFound",
    "InvalidVpcPeeringConnectionID.NotFound", "InvalidVpnGatewayID.NotFound",
)  # fmt: skip
_NO_TABLE = ("InvalidRouteTableID.NotFound", "InvalidRoute.NotFound")


def ensure_route(place: Place, wanted: DefaultRoute) -> None:
    """Lead the route to the interface, once the instance on it says that its path is alive."""
    now = target_now(place, wanted)
    if now == interface_of(place, wanted.interface)["NetworkInterfaceId"]:
        return
    eni = _forwarding(place, wanted.interface)
    id: str = eni["NetworkInterfaceId"]
    if _note(wanted, now) not in eni["TagSet"]:
        note_before(place, wanted, id, now)
    _lead(place, wanted, id, there=bool(now))


def note_before(place: Place, route: DefaultRoute, interface_id: str, now: str) -> None:
    """Write on our interface where a route leads now, unless that is something of ours."""
    if now not in _our_targets(place):
        place.ask("ec2", "create_tags", interface_id,
                  Resources=[interface_id], Tags=[_note(route, now)])  # fmt: skip


def _note(route: DefaultRoute, now: str) -> Mapping[str, str]:
    return {"Key": RECORD + route.route_table_id, "Value": now or NO_ROUTE}


def remove_route(place: Place, found: DefaultRoute) -> None:
    """Give the route back to what it led to before; where it had none, delete it.

    A route that somebody else has moved meanwhile is theirs.

    Raises:
        FerryError: LF-6439 where what it led to is gone, or not known: without this route its
            subnets would have no way out at all.
    """
    if target_now(place, found) in _our_targets(place):
        if found.before == NO_ROUTE:
            place.attempt("ec2", "delete_route", found.route_table_id, _NO_TABLE,
                          RouteTableId=found.route_table_id,
                          DestinationCidrBlock=found.destination)  # fmt: skip
        elif not found.before or not _given_back(place, found, found.before):
            raise _no_way_out(place, found)
    _forget(place, found)


def _no_way_out(place: Place, found: DefaultRoute) -> FerryError:
    id = found.route_table_id
    led = f"led to {found.before} before, which is gone" if found.before else (
        "has no note of where it led before"
    )  # fmt: skip
    return FerryError(
        "LF-6439",
        f"the default route of {id} {led}: its subnets would have no way out",
        f"{place.access.shown}; it still leads to the NAT instance, or what stands by for it",
        f"lead it to a NAT gateway (`aws ec2 replace-route --route-table-id {id} "
        f"--destination-cidr-block {found.destination} --nat-gateway-id nat-...`), or take it away "
        f"(`aws ec2 delete-route --route-table-id {id} --destination-cidr-block "
        f"{found.destination}`); then run the same command again",
    )


def set_aside(place: Place, found: DefaultRoute, standby: str) -> None:
    """Lead the route elsewhere while another instance is made: what stands by, or as before.

    Args:
        standby: name of a gateway of ours, if there is one. With neither the route stays.
    """
    gateway = gateway_of(place, standby)
    usable = gateway is not None and gateway["State"] == "available"
    target = gateway["NatGatewayId"] if gateway is not None and usable else _before(found)
    if target and target_now(place, found) != target:
        _given_back(place, found, target)


def _before(found: DefaultRoute) -> str:
    return "" if found.before == NO_ROUTE else found.before


def _given_back(place: Place, found: DefaultRoute, target: str) -> bool:
    """Whether the target of before could take the route; False where it is gone."""
    if target.startswith("nat-") and not _is_up(place, target):
        return False
    _, code = place.attempt(
        "ec2", "replace_route", found.route_table_id, (*_GONE, *_NO_TABLE),
        RouteTableId=found.route_table_id, DestinationCidrBlock=found.destination,
        **target_named(target),
    )  # fmt: skip
    return code not in _GONE


def _is_up(place: Place, gateway: str) -> bool:
    """A NAT gateway that was deleted is shown for an hour: a route there leads into nothing."""
    answer = place.ask(
        "ec2", "describe_nat_gateways", gateway,
        Filter=[{"Name": "nat-gateway-id", "Values": [gateway]}],
    )  # fmt: skip
    return any(one["State"] in ("available", "pending") for one in answer["NatGateways"])


def _forget(place: Place, found: DefaultRoute) -> None:
    """Take away the note of where the route led, wherever it is."""
    key = RECORD + found.route_table_id
    answer = place.ask(
        "ec2", "describe_network_interfaces", found.route_table_id,
        Filters=[
            {"Name": "tag-key", "Values": [key]},
            {"Name": f"tag:{OWNER_TAG}", "Values": [place.deployment]},
        ],
    )  # fmt: skip
    for one in answer["NetworkInterfaces"]:
        id = one["NetworkInterfaceId"]
        place.ask("ec2", "delete_tags", id, Resources=[id], Tags=[{"Key": key}])


def _forwarding(place: Place, name: str) -> Mapping[str, Any]:
    """The interface, when the instance on it forwards: a route that moves sooner is an outage."""
    last = PathSeen("unknown", "")

    def alive() -> Mapping[str, Any] | None:
        nonlocal last
        found = interface_of(place, name)
        last = path_of(place, found.get("Attachment", {}).get("InstanceId", ""))
        return found if last.state == "alive" else None

    try:
        return until(
            alive, "", name, timeout_s=FORWARDS_IN_S, pause_s=5.0, sleep=place.sleep
        )  # fmt: skip
    except FerryError as error:
        if error.code != "LF-6404" or not last.said:
            raise
        by_word = "; `lakeferry monitor failback --unproven` leads its routes there all the same"
        by_word = by_word if last.state == "unknown" else ""
        raise FerryError(
            error.code,
            f"after {FORWARDS_IN_S} s the path through `{name}` is not known to be alive",
            f"{last.said}; {place.access.shown}; its routes were not moved",
            "look at the instance (/var/log/cloud-init-output.log, `journalctl -u lakeferry-nat`, "
            "or `aws ec2 get-console-output`), then run the same command again" + by_word,
        ) from error


def _lead(place: Place, wanted: DefaultRoute, target: str, *, there: bool) -> None:
    place.ask(
        "ec2", "replace_route" if there else "create_route", wanted.route_table_id,
        RouteTableId=wanted.route_table_id, DestinationCidrBlock=wanted.destination,
        **target_named(target),
    )  # fmt: skip


def target_now(place: Place, route: DefaultRoute, *, active: bool = False) -> str:
    """Where the route leads now; '' where there is none, or where it must be active and is not."""
    answer, _ = place.attempt(
        "ec2", "describe_route_tables", route.route_table_id, _NO_TABLE,
        RouteTableIds=[route.route_table_id],
    )  # fmt: skip
    routes = (one for table in answer.get("RouteTables", ()) for one in table["Routes"])
    found = [one for one in routes if one.get("DestinationCidrBlock") == route.destination]
    alive = [one for one in found if not active or one.get("State") == "active"]
    return target_of(alive[0]) if alive else ""


def _our_targets(place: Place) -> set[str]:
    """Ids of the deployment's interfaces and standby gateways."""
    (_, tagged) = ours(place, "")
    enis = place.ask("ec2", "describe_network_interfaces", "", Filters=[tagged])
    gateways = place.ask("ec2", "describe_nat_gateways", "", Filter=[tagged])
    return {one["NetworkInterfaceId"] for one in enis["NetworkInterfaces"]} | {
        one["NatGatewayId"] for one in gateways["NatGateways"]
    }


def target_named(target: str) -> Mapping[str, str]:
    """A target as a parameter of ReplaceRoute and CreateRoute."""
    return {_TARGETS[target.partition(":" if target.startswith("arn:") else "-")[0]]: target}
