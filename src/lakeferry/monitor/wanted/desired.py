"""All that there shall be, from what was found and what was chosen. Pure and in a fixed order."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from lakeferry.monitor.nat.instances import nat, with_endpoints
from lakeferry.monitor.nat.standing import standing_gateways
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted import alarms as alarm_set
from lakeferry.monitor.wanted import notify
from lakeferry.monitor.wanted.dashboard import dashboard
from lakeferry.monitor.wanted.endpoints import endpoints
from lakeferry.monitor.wanted.flow_logs import flow_logs
from lakeferry.monitor.wanted.own_cost import MonthlyCost, Volume, costs, total, volume
from lakeferry.monitor.wanted.ways_to_be import led
from lakeferry.network.resources import Alarm, CompositeAlarm, InsightRule, Resource, VpcEndpoint
from lakeferry.network.rule_set import QUESTIONS, RuleSet, RuleWish, Unanswerable, rule_set
from lakeferry.network.topology import Topology


@dataclass(frozen=True, slots=True)
class Desired:
    """What there shall be of ours, what it costs, and what it cannot tell."""

    resources: tuple[Resource, ...]  # each after those that it names
    costs: tuple[MonthlyCost, ...]  # one for each resource, in their order
    volume: Volume  # of the flow logs, a month
    fields: tuple[str, ...]  # of the flow log that rules read
    rules: RuleSet
    unanswerable: tuple[Unanswerable, ...]
    notes: tuple[str, ...]
    vpc_id: str
    scope: tuple[str, ...]  # subnets in question

    @property
    def usd_a_month(self) -> Decimal:
        return total(self.costs)


def desired(topology: Topology, settings: MonitorSettings) -> Desired:
    """What shall be there.

    Args:
        topology: of `network.discover`. What is in it and ours is wanted again, unchanged.
        settings: what a person chose.

    Raises:
        FerryError: those of `nat`.
    """
    forwarding = nat(topology, settings)
    settings = with_endpoints(settings, forwarding.endpoints)
    ways, settings = led(topology, forwarding.routes, settings)
    points = endpoints(topology, settings, {one.subnet_id for one in forwarding.interfaces})
    logs = flow_logs(topology, settings)
    rules = _rules(ways, settings, logs.fields, logs.rule_groups, points.endpoints)
    standing = standing_gateways(ways, settings, forwarding.routes)
    made = alarm_set.alarms(ways, rules, settings, standing)
    board = dashboard(ways, rules, made, settings, standing)
    topic = notify.topic(settings)
    resources: tuple[Resource, ...] = (
        *points.groups, *forwarding.groups, *points.endpoints, *logs.groups, *logs.roles,
        *forwarding.made, *logs.logs,
        *(InsightRule(one.name, one.body, tags=settings.all_tags) for one in rules.rules),
        *((topic,) if topic else ()),
        *(one for one in made if isinstance(one, Alarm)),
        *(one for one in made if isinstance(one, CompositeAlarm)),
        board.dashboard,
        *forwarding.routes,
    )  # fmt: skip
    expected = volume(topology, settings, logs.fields, rules)
    notes = (
        *forwarding.notes, *points.notes, *logs.notes, *rules.notes, *_unknown(settings),
        *alarm_set.notes(ways, settings, standing), *notify.notes(settings, topology.found.topics),
        *board.notes,
    )  # fmt: skip
    return Desired(
        resources=resources,
        costs=costs(resources, expected, settings.region),
        volume=expected,
        fields=logs.fields,
        rules=rules,
        unanswerable=rules.unanswerable,
        notes=notes,
        vpc_id=topology.found.vpc.id,
        scope=topology.scope,
    )


def _rules(
    topology: Topology,
    settings: MonitorSettings,
    fields: Sequence[str],
    groups: tuple[str, ...],
    made: Sequence[VpcEndpoint],
) -> RuleSet:
    if not groups:
        return RuleSet((), ())
    others = sum(1 for one in topology.found.rules if not one.name.startswith(settings.prefix))
    wish = RuleWish(
        prefix=settings.prefix,
        log_groups=groups,
        per=settings.per,
        questions=settings.questions,
        other_rules=others,
        s3_gateway=any(one.type == "Gateway" and one.service.endswith(".s3") for one in made),
    )
    return rule_set(topology, fields, wish)


def _unknown(settings: MonitorSettings) -> tuple[str, ...]:
    unknown = [one for one in settings.questions if one not in QUESTIONS]
    if not unknown:
        return ()
    return (f"no rules for {', '.join(unknown)}: the rules are {', '.join(QUESTIONS)}",)
