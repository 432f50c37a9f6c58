"""Make one resource what it shall be, or remove it; done twice it is done once."""

from lakeferry.aws import ensure_logs as logs
from lakeferry.aws import ensure_nat as nat
from lakeferry.aws import ensure_network as network
from lakeferry.aws import ensure_routes as routes
from lakeferry.aws import ensure_watching as watching
from lakeferry.aws.place import Place
from lakeferry.network.nat_resources import (
    DefaultRoute,
    ElasticIp,
    InstanceProfile,
    NatInstance,
    NatResource,
    NetworkInterface,
    StandbyGateway,
)
from lakeferry.network.resources import (
    Alarm,
    CompositeAlarm,
    Dashboard,
    FlowLog,
    InsightRule,
    LogGroup,
    Resource,
    Role,
    SecurityGroup,
    Topic,
    VpcEndpoint,
)


def ensure(place: Place, wanted: Resource, before: Resource | None) -> None:
    """Make `wanted`, or change `before` into it.

    Args:
        before: what was found and is ours, of the same kind; None where nothing was.

    Raises:
        FerryError: LF-6401 where something of others turns up under the name; LF-6403, LF-6404;
            LF-1201 to LF-1206.
    """
    match wanted, before:
        case SecurityGroup(), SecurityGroup() | None:
            network.ensure_security_group(place, wanted, before)
        case VpcEndpoint(), VpcEndpoint() | None:
            network.ensure_endpoint(place, wanted, before)
        case LogGroup(), LogGroup() | None:
            logs.ensure_log_group(place, wanted, before)
        case Role(), Role() | None:
            logs.ensure_role(place, wanted, before)
        case FlowLog(), FlowLog() | None:
            logs.ensure_flow_log(place, wanted, before)
        case InsightRule(), InsightRule() | None:
            watching.ensure_rule(place, wanted, before)
        case Topic(), Topic() | None:
            watching.ensure_topic(place, wanted, before)
        case Alarm(), Alarm() | None:
            watching.ensure_alarm(place, wanted, before)
        case CompositeAlarm(), CompositeAlarm() | None:
            watching.ensure_composite(place, wanted, before)
        case Dashboard(), Dashboard() | None:
            watching.ensure_dashboard(place, wanted, before)
        case _:
            _ensure_nat(place, wanted, before)


def _ensure_nat(place: Place, wanted: Resource, before: Resource | None) -> None:
    match wanted, before:
        case InstanceProfile(), InstanceProfile() | None:
            nat.ensure_profile(place, wanted, before)
        case NetworkInterface(), NetworkInterface() | None:
            nat.ensure_interface(place, wanted, before)
        case ElasticIp(), ElasticIp() | None:
            nat.ensure_address(place, wanted, before)
        case StandbyGateway(), StandbyGateway() | None:
            nat.ensure_gateway(place, wanted, before)
        case NatInstance(), NatInstance() | None:
            nat.ensure_instance(place, wanted, before)
        case DefaultRoute(), DefaultRoute() | None:
            routes.ensure_route(place, wanted)
        case _:
            raise TypeError(f"{type(before).__name__} cannot become {type(wanted).__name__}")


def remove(place: Place, found: Resource) -> None:
    """Remove something of ours; that it is gone already is no error."""
    match found:
        case SecurityGroup():
            network.remove_security_group(place, found)
        case VpcEndpoint():
            network.remove_endpoint(place, found)
        case LogGroup():
            logs.remove_log_group(place, found)
        case Role():
            logs.remove_role(place, found)
        case FlowLog():
            logs.remove_flow_log(place, found)
        case InsightRule():
            watching.remove_rule(place, found)
        case Topic():
            watching.remove_topic(place, found)
        case Alarm() | CompositeAlarm():
            watching.remove_alarm(place, found)
        case Dashboard():
            watching.remove_dashboard(place, found)
        case _:
            _remove_nat(place, found)


def _remove_nat(place: Place, found: NatResource) -> None:
    match found:
        case InstanceProfile():
            nat.remove_profile(place, found)
        case NetworkInterface():
            nat.remove_interface(place, found)
        case ElasticIp():
            nat.remove_address(place, found)
        case StandbyGateway():
            nat.remove_gateway(place, found)
        case NatInstance():
            nat.remove_instance(place, found)
        case DefaultRoute():
            routes.remove_route(place, found)
