"""From NAT gateways to NAT instances and back: steps in order, what each interrupts, dollars. Pure.

`monitor plan` shows it where default routes would move. `monitor apply` does the steps in this
order; what a person does between them (draining, observing) is said as such.

How long a planned move is felt was measured between network namespaces with the real script
(`tests/flows/test_nat_fail_over.py` prints it: 0.07 s over, 0.06 s back). AWS promises no time in
which a replaced route holds.

Source: VPC User Guide, "NAT gateways" (connections break when the route moves); PrivateLink Guide,
"Gateway endpoints for Amazon S3" (connections to S3 break when the endpoint's route appears).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lakeferry.monitor.nat.bill import NatBill, nat_bill
from lakeferry.monitor.nat.moves import standby_of
from lakeferry.monitor.plan import ProvisionPlan
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted.desired import Desired
from lakeferry.network.nat_resources import NO_ROUTE, DefaultRoute, NatInstance, StandbyGateway
from lakeferry.network.resources import VpcEndpoint
from lakeferry.network.topology import Topology
from lakeferry.network.ways import table_of

OBSERVE_HOURS = 24  # one day's course of the load; standing by costs about $1.20 a zone
PART_MIB = 64  # of a transfer: what is sent again at most when its connection breaks
BREAKS = "open connections, once: they are opened anew, and new ones work at once"
To = Literal["instances", "gateways"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step."""

    name: str  # 's3-endpoint', 'instances', 'drain', 'move', 'observe', 'keep', ...
    what: str
    interrupts: str = ""  # whose connections, and how; '': nobody's
    command: str = ""  # that does it; '': `monitor apply` does, or a person waits


DRAIN = Step(
    "drain",
    "let long transfers end, or let those that resume go on: of each open one at most a part "
    f"({PART_MIB} MiB) is sent again; sessions that cannot resume (SQL, SSH) end",
)


@dataclass(frozen=True, slots=True)
class NatMigration:
    to: To
    steps: tuple[Step, ...]
    way_back: tuple[Step, ...]
    bill: NatBill


def nat_migration(
    topology: Topology, wanted: Desired, settings: MonitorSettings, plan: ProvisionPlan
) -> NatMigration | None:
    """The migration that a plan is; None where it moves no default route between the two."""
    routes = [one for one in plan.work if one.kind == DefaultRoute.kind_name]
    coming = [one.after for one in routes if isinstance(one.after, DefaultRoute) and not one.before]
    going = [one.before for one in routes if isinstance(one.before, DefaultRoute) and not one.after]
    if coming:
        now = _targets(topology)
        return NatMigration(
            "instances",
            tuple(_to_instances(topology, wanted, settings, plan, coming)),
            tuple(_back_to_gateways(coming, now)),
            nat_bill(wanted.resources, _gateways(topology, coming, now), settings),
        )
    if going:
        before = {one.route_table_id: one.before for one in going}
        there = [one.before for one in plan.changes if one.before is not None]
        return NatMigration(
            "gateways",
            tuple(_to_gateways(topology, going)),
            (Step("again", "ask for instances again: the steps are those of the way there",
                  command="lakeferry monitor plan --nat instance"),),
            nat_bill(there, _gateways(topology, going, before), settings),
        )  # fmt: skip
    return None


def _gateways(
    topology: Topology, routes: Iterable[DefaultRoute], targets: Mapping[str, str]
) -> frozenset[str]:
    """The NAT gateways that routes lead to in one of the two states."""
    led = {targets.get(one.route_table_id, "") for one in routes}
    return frozenset(led & {one.id for one in topology.found.nat_gateways})


def _targets(topology: Topology) -> Mapping[str, str]:
    """Where the default route of each table leads now."""
    return {
        table.id: route.target
        for table in topology.found.route_tables
        for route in table.routes
        if route.destination == "0.0.0.0/0"
    }


# ---- to instances


def _to_instances(
    topology: Topology,
    wanted: Desired,
    settings: MonitorSettings,
    plan: ProvisionPlan,
    moves: Sequence[DefaultRoute],
) -> Iterator[Step]:
    tables = _targets(topology)
    yield _s3(plan)
    instances = [one.name for one in wanted.resources if isinstance(one, NatInstance)]
    yield Step(
        "instances",
        f"{', '.join(instances)} with addresses and what stands by are made; a route waits until "
        "its instance, asked by Systems Manager, says that its path is alive",
    )
    yield DRAIN
    for one in moves:
        now = tables.get(one.route_table_id, "")
        yield _moved(topology, one.route_table_id, now or "nothing", one.interface)
    yield Step(
        "observe",
        f"watch for {OBSERVE_HOURS} hours under load: bytes by path, allowances, alarms; rehearse "
        "once to what stands by and back",
        BREAKS,
        "lakeferry monitor failover; lakeferry monitor failback",
    )
    yield from _left(topology, wanted, settings, moves)


def _s3(plan: ProvisionPlan) -> Step:
    gateways = [
        one.after
        for one in plan.of("create", "update")
        if isinstance(one.after, VpcEndpoint) and one.after.type == "Gateway"
    ]
    if not gateways:
        return Step("s3-endpoint", "S3's gateway endpoint is there: its bytes take no NAT at all")
    tables = sorted({id for one in gateways for id in one.route_table_ids})
    return Step(
        "s3-endpoint",
        f"S3's gateway endpoint in {', '.join(tables)}, before anything else: its bytes take no "
        "NAT at all",
        "open connections to S3 from these route tables, once",
    )


def _moved(topology: Topology, table: str, now: str, to: str) -> Step:
    subnets = sorted(
        one.id
        for one in topology.found.subnets
        if (own := table_of(topology.found, one.id)) is not None and own.id == table
    )
    return Step(
        "move",
        f"the default route of {table} from {now} to {to}; it is looked at before the next one",
        f"{', '.join(subnets)}: {BREAKS}",
    )


def _left(
    topology: Topology, wanted: Desired, settings: MonitorSettings, moves: Sequence[DefaultRoute]
) -> Iterator[Step]:
    """What stands by is kept; a gateway that nothing leads to any more may go."""
    tables, moved = _targets(topology), {one.route_table_id for one in moves}
    used = {target for table, target in tables.items() if table not in moved}
    instances = [one.name for one in wanted.resources if isinstance(one, NatInstance)]
    standing = {standby_of(one, wanted, settings, topology) for one in instances}
    for id in sorted(_gateways(topology, moves, tables) - used):
        if id in standing:
            yield Step("keep", f"{id} stands by for its zone from then on: keep it")
            continue
        yield Step(
            "remove",
            f"{id}: no route leads there any more; after the observation it may go, by whoever "
            "made it",
            command=f"aws ec2 delete-nat-gateway --nat-gateway-id {id}",
        )
    if any(isinstance(one, StandbyGateway) for one in wanted.resources):
        yield Step("keep", "the standby gateways stay for as long as the instances do")


def _back_to_gateways(moves: Iterable[DefaultRoute], tables: Mapping[str, str]) -> Iterator[Step]:
    yield Step(
        "at once", "routes to what stands by, in one call each", BREAKS,
        "lakeferry monitor failover",
    )  # fmt: skip
    before = "; ".join(
        f"{one.route_table_id} to {tables.get(one.route_table_id) or 'no default route'}"
        for one in moves
    )
    yield Step(
        "for good", f"routes lead where they led before ({before}), then instances go", BREAKS,
        "lakeferry monitor apply --nat gateway --allow routes,delete,many",
    )  # fmt: skip


# ---- back to gateways


def _to_gateways(topology: Topology, leaves: Iterable[DefaultRoute]) -> Iterator[Step]:
    available = {one.id for one in topology.found.nat_gateways if one.state == "available"}
    for one in leaves:
        before = "" if one.before == NO_ROUTE else one.before
        if before in available:
            continue
        was = f"led to {before}, which is no available NAT gateway" if before else "led nowhere"
        yield Step(
            "gateway",
            f"{one.route_table_id} {was} before: make a NAT gateway and lead the route there "
            "first, or its subnets lose their way out",
            command="aws ec2 create-nat-gateway; aws ec2 replace-route",
        )
    yield DRAIN
    yield Step(
        "rehearse",
        f"routes to what stands by, and observe for {OBSERVE_HOURS} hours: instances are still "
        "there, and `failback` leads back to them",
        BREAKS,
        "lakeferry monitor failover",
    )
    for one in leaves:
        before = one.before if one.before not in ("", NO_ROUTE) else "nothing"
        yield _moved(topology, one.route_table_id, one.interface, before)
    yield Step("remove", "instances, their addresses and what stood by are removed")
