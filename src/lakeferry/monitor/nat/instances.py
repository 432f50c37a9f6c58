"""NAT instances that are wanted, and all that belongs to them. Pure.

One in each zone: an interface that outlives the instance, an address, a role that may do little, a
gateway that stands by, and the default routes that lead there. Nothing comes in from outside.

Source: VPC User Guide, "NAT instances"; EC2 User Guide, "Automatic instance recovery"; Systems
Manager User Guide, "Minimum permissions for Session Manager".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lakeferry.cost.prices.price_file import own_book
from lakeferry.errors import FerryError
from lakeferry.monitor.nat.calls import calls_notes
from lakeferry.monitor.nat.names import (
    id_mark,
    is_nat_instance,
    nat_group_name,
    nat_name,
    nat_role_name,
    standby_name,
)  # fmt: skip
from lakeferry.monitor.nat.places import Post, Posts, posts, tables_by_zone
from lakeferry.monitor.nat.size import Choice, Room, choice
from lakeferry.monitor.nat.standing import gateway_of_others, gateway_of_ours
from lakeferry.monitor.nat.user_data import NatInstanceScript, NatRoute
from lakeferry.monitor.settings import EndpointWish, MonitorSettings, NatWish
from lakeferry.network.nat_resources import (
    DefaultRoute,
    ElasticIp,
    InstanceProfile,
    NatInstance,
    NetworkInterface,
    StandbyGateway,
)
from lakeferry.network.policy_text import policy_text
from lakeferry.network.resources import (
    OWNER_TAG,
    PortRange,
    Resource,
    Role,
    SecurityGroup,
)
from lakeferry.network.topology import Topology

# How long a path may stay dead, in seconds, by who looks at it.
PEERS_S = 10  # at most; the script says what it takes
LAMBDA_S = 120  # once a minute, two looks
RECOVERY_S = 600  # EC2 sees a lost host within minutes, and starts the instance on another
USUAL_ADDRESSES = 5  # Elastic IPs of a Region, unless AWS raises it
# Of Session Manager and Run Command; agents before 3.3.40 get commands by `ec2messages` alone.
SESSIONS = (
    "ec2messages:AcknowledgeMessage", "ec2messages:DeleteMessage", "ec2messages:FailMessage",
    "ec2messages:GetEndpoint", "ec2messages:GetMessages", "ec2messages:SendReply",
    "ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)  # fmt: skip
S3 = EndpointWish("s3", "gateway")
EC2 = EndpointWish("ec2", "interface")


@dataclass(frozen=True, slots=True)
class NatPlan:
    """What is wanted of NAT instances; all empty where there shall be none."""

    groups: tuple[SecurityGroup, ...] = ()
    roles: tuple[Role, ...] = ()
    profiles: tuple[InstanceProfile, ...] = ()
    interfaces: tuple[NetworkInterface, ...] = ()
    addresses: tuple[ElasticIp, ...] = ()
    gateways: tuple[StandbyGateway, ...] = ()
    instances: tuple[NatInstance, ...] = ()
    routes: tuple[DefaultRoute, ...] = ()
    endpoints: tuple[EndpointWish, ...] = ()  # that belong to it: S3's before any route
    notes: tuple[str, ...] = ()

    @property
    def made(self) -> tuple[Resource, ...]:
        """All but security groups, which endpoints come before, and routes, which are last."""
        return (
            *self.roles, *self.profiles, *self.interfaces, *self.addresses, *self.gateways,
            *self.instances,
        )  # fmt: skip


def nat(topology: Topology, settings: MonitorSettings) -> NatPlan:
    """What is wanted.

    Raises:
        FerryError: LF-6431 where instances have no place, LF-6432 where the outage is shorter than
            what was chosen can hold, LF-6502 for a type that is not known.
    """
    wish = settings.nat
    if wish.kind not in ("instance", "auto"):
        return NatPlan()
    tables = tables_by_zone(topology)
    room = Room(settings.region, max(1, len(tables)), sum(map(len, tables.values())) or 1)
    there = any(is_nat_instance(settings, one.tags) for one in topology.found.instances)
    chosen = choice(wish, room, settings.planned, there=there)
    if chosen.kind != "instance":
        return NatPlan(notes=chosen.notes)
    count = wish.count or max(chosen.count, len(tables))
    placed = posts(topology, count, settings.deployment)
    return _planned(topology, settings, chosen, placed)


def with_endpoints(settings: MonitorSettings, needed: Sequence[EndpointWish]) -> MonitorSettings:
    """The settings with wishes for endpoints that NAT instances need beside what was chosen."""
    has = {(one.kind, one.type) for one in settings.endpoints}
    more = tuple(one for one in needed if (one.kind, one.type) not in has)
    return replace(settings, endpoints=(*settings.endpoints, *more)) if more else settings


def _planned(
    topology: Topology, settings: MonitorSettings, chosen: Choice, placed: Posts
) -> NatPlan:
    standing = _standing_by(topology, settings, placed)
    scripts = [_script(topology, settings, placed, one, standing) for one in placed.posts]
    _refuse_outage(settings, scripts)
    ours = tuple(
        StandbyGateway(standby_name(settings, zone), _subnet(placed, zone), settings.all_tags)
        for zone, id in standing.items()
        if id == id_mark(standby_name(settings, zone))
    )
    return NatPlan(
        groups=(_group(topology, settings),),
        roles=(_role(settings, scripts),),
        profiles=(
            InstanceProfile(nat_role_name(settings), nat_role_name(settings), settings.iam_tags),
        ),
        interfaces=tuple(_interface(settings, one) for one in placed.posts),
        addresses=tuple(_addresses(settings, placed, ours)),
        gateways=ours,
        instances=tuple(
            _instance(settings, chosen.type, one, script)
            for one, script in zip(placed.posts, scripts, strict=True)
        ),
        routes=tuple(_routes(settings, placed)),
        endpoints=(S3, EC2) if settings.nat.check == "lambda" else (S3,),
        notes=(*chosen.notes, *placed.notes, *_notes(topology, settings, placed, standing)),
    )


# ---- what takes over


def _standing_by(topology: Topology, settings: MonitorSettings, placed: Posts) -> Mapping[str, str]:
    """The gateway that takes over in each zone: its id, or the mark of one of ours."""
    if settings.nat.standby != "gateway":
        return {}
    found: dict[str, str] = {}
    for zone in placed.zones:
        ours = gateway_of_ours(topology, settings, zone)
        there = None if ours else gateway_of_others(topology, zone)
        found[zone] = there.id if there else id_mark(standby_name(settings, zone))
    return found


def _script(
    topology: Topology,
    settings: MonitorSettings,
    placed: Posts,
    post: Post,
    standing: Mapping[str, str],
) -> NatInstanceScript:
    """What an instance knows: all routes, where something can take them over.

    One that has no peer minds its own path, and gives its routes to the gateway when that is dead.
    """
    standby = settings.nat.standby
    taken_over = standby == "gateway" or (standby == "instance" and len(placed.posts) > 1)
    watches = settings.nat.check == "peer" and taken_over
    routes = [
        NatRoute(id, standing.get(one.zone, ""))
        for one in placed.posts
        for id in one.route_tables
        if watches
    ]
    return NatInstanceScript(
        region=settings.region,
        vpc_cidrs=tuple(one for one in topology.found.vpc.cidrs if ":" not in one),
        peer_tag=(OWNER_TAG, settings.deployment),
        routes=tuple(sorted(routes, key=lambda one: one.route_table_id)),
        home=post.route_tables if watches else (),
    )


def held_s(settings: MonitorSettings, scripts: Sequence[NatInstanceScript]) -> int:
    """How long a path stays dead at worst, in seconds, with what was chosen."""
    wish = settings.nat
    if wish.standby == "none" or (wish.standby == "instance" and len(scripts) < 2):
        return RECOVERY_S
    if wish.check == "lambda":
        return LAMBDA_S
    if len(scripts) < 2:
        return RECOVERY_S  # nobody sees the machine itself die
    watching = [one for one in scripts if one.routes]
    return max((one.most_seconds_to_move for one in watching), default=RECOVERY_S)


def least_outage_s(wish: NatWish) -> int:
    """The shortest outage that a wish can hold, in seconds, wherever it is fulfilled."""
    if wish.standby == "none" or wish.check == "none":
        return RECOVERY_S
    return LAMBDA_S if wish.check == "lambda" else PEERS_S


def _refuse_outage(settings: MonitorSettings, scripts: Sequence[NatInstanceScript]) -> None:
    most, holds = settings.nat.max_outage_s, held_s(settings, scripts)
    if most is None or holds <= most:
        return
    wish, steps = settings.nat, []
    if wish.standby == "none":
        steps.append("have something stand by (--nat-standby gateway)")
    if wish.check != "peer":
        steps.append("let peers look at each other (--nat-check peer)")
    if len(scripts) < 2 and wish.check != "lambda":
        steps.append("take two instances, or a Lambda that looks (--nat-check lambda)")
    steps.append(f"allow at least {holds} s (--max-outage)")
    raise FerryError(
        "LF-6432",
        f"a path would be dead for up to {holds} s, and {most} s are allowed",
        f"{len(scripts)} NAT instances, standby {wish.standby}, check {wish.check}",
        "; ".join(steps),
    )


def refuse_undeployed(settings: MonitorSettings, wanted: Iterable[object]) -> None:
    """LF-6434 where a direct apply would leave out what an instance is to be looked at by."""
    if settings.nat.check != "lambda" or not any(isinstance(one, NatInstance) for one in wanted):
        return
    raise FerryError(
        "LF-6434",
        "the Lambda that looks at NAT instances comes with a template alone",
        f"deployment {settings.deployment}; nothing was changed",
        "deploy the template of `lakeferry monitor export`, or let peers look at each other "
        "(--nat-check peer)",
    )


# ---- each of them


def _group(topology: Topology, settings: MonitorSettings) -> SecurityGroup:
    """All of the VPC and nothing else. EC2 tracks these connections: only rules of 0.0.0.0/0 both
    ways would spare its table (`conntrack_allowance`), and let the world in.
    """
    inside = tuple(sorted(one for one in topology.found.vpc.cidrs if ":" not in one))
    return SecurityGroup(
        name=nat_group_name(settings),
        vpc_id=topology.found.vpc.id,
        description="From the VPC to its NAT instances",
        ingress=(PortRange("-1", -1, -1, inside),),
        tags=settings.all_tags,
    )


def _role(settings: MonitorSettings, scripts: Sequence[NatInstanceScript]) -> Role:
    service = "ec2.amazonaws.com.cn" if settings.partition == "aws-cn" else "ec2.amazonaws.com"
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    session = {
        "Sid": "Sessions", "Effect": "Allow", "Action": list(SESSIONS), "Resource": ["*"],
    }  # fmt: skip
    own = scripts[0].statements(settings.account, settings.partition) if scripts[0].routes else ()
    return Role(
        nat_role_name(settings),
        policy_text(trust),
        policy_text(session, *(one.body for one in own)),
        settings.iam_tags,
    )


def _interface(settings: MonitorSettings, post: Post) -> NetworkInterface:
    return NetworkInterface(
        name=nat_name(settings, post.label),
        subnet_id=post.subnet_id,
        security_groups=(nat_group_name(settings),),
        description=f"NAT instance of {post.label}",
        tags=settings.all_tags,
    )


def _addresses(
    settings: MonitorSettings, placed: Posts, standby: Sequence[StandbyGateway]
) -> Iterator[ElasticIp]:
    for post in placed.posts:
        name = nat_name(settings, post.label)
        yield ElasticIp(name, name, settings.all_tags)
    for one in standby:
        yield ElasticIp(one.name, "", settings.all_tags)


def _instance(
    settings: MonitorSettings, type: str, post: Post, script: NatInstanceScript
) -> NatInstance:
    return NatInstance(
        name=nat_name(settings, post.label),
        type=type,
        arch=own_book().instance(type).arch[0],
        image=settings.nat.image,
        profile=nat_role_name(settings),
        user_data=script.user_data,
        tags=settings.all_tags,
    )


def _routes(settings: MonitorSettings, placed: Posts) -> Iterator[DefaultRoute]:
    for post in placed.posts:
        for id in post.route_tables:
            name = nat_name(settings, post.label)
            yield DefaultRoute(nat_name(settings, id), id, name, tags=settings.all_tags)


def _subnet(placed: Posts, zone: str) -> str:
    return next(one.subnet_id for one in placed.posts if one.zone == zone)


# ---- what is worth knowing


def _notes(
    topology: Topology, settings: MonitorSettings, placed: Posts, standing: Mapping[str, str]
) -> Iterator[str]:
    wish = settings.nat
    for zone, id in standing.items():
        if id.startswith("nat-"):
            yield f"{id} in {zone} is not ours: it stands by as it is, and costs its hours"
    if wish.check == "peer" and len(placed.posts) < 2:
        yield (
            "one NAT instance has no peer that looks at it: it minds its own path, and if the "
            "machine is lost EC2's recovery alone brings it back, in minutes; two instances, or "
            "--nat-check lambda, do better"
        )
    elif wish.standby == "none":
        yield "nothing stands by: EC2's recovery alone brings a lost NAT instance back, in minutes"
    if wish.check == "lambda":
        yield (
            "the Lambda that looks at the path comes with a template (`lakeferry monitor export`); "
            "`lakeferry monitor apply` makes none"
        )
    yield from _of_addresses(topology, settings, placed, standing)
    yield from calls_notes(topology, settings, {one.subnet_id for one in placed.posts})
    if wish.auto_scaling:
        yield (
            "no Auto Scaling group is made: it would race with EC2's recovery, which brings an "
            "instance back with its addresses"
        )
    there = {
        one.tags.get("Name")
        for one in topology.nat_instances
        if is_nat_instance(settings, one.tags)
    }
    if not {nat_name(settings, one.label) for one in placed.posts} <= there:
        yield (
            "rules, alarms and graphs of NAT instances follow when routes lead to them: apply goes "
            "on with them, a template has them"
        )


def _of_addresses(
    topology: Topology, settings: MonitorSettings, placed: Posts, standing: Mapping[str, str]
) -> Iterator[str]:
    """Ours and those that NAT gateways beside them have; there may be more of them elsewhere."""
    own = len(placed.posts) + sum(1 for id in standing.values() if "$" in id)
    beside = sum(
        1
        for one in topology.found.nat_gateways
        if one.tags.get(OWNER_TAG) != settings.deployment
        for address in one.addresses
        if address.public_ip
    )
    if own + beside > USUAL_ADDRESSES:
        and_theirs = f", and NAT gateways have {beside}" if beside else ""
        yield (
            f"{own} Elastic IPs are needed{and_theirs}; AWS gives {USUAL_ADDRESSES} a Region: ask "
            "for more first"
        )
