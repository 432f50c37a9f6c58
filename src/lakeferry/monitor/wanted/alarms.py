"""Which alarms there shall be: who sends by which path, and what stands behind them.

Flow logs are minutes late, so what stalls or breaks is told by the services' own metrics
(`service_alarms`); alarms on rules tell who, and by which path. `FILL` is never used: the newest
minutes of a late series would always be the filling.

Source: CloudWatch API reference, PutMetricAlarm and PutCompositeAlarm; User Guide, "Using metric
math" (SUM of a list takes what is there, + needs both sides).
"""

from collections.abc import Iterator, Sequence

from lakeferry.monitor.nat.standing import StandingGateway, standby_alarms, standby_notes
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted import (
    migration_alarms,
    stream_alarms,
    tagged_instances,
    thresholds,
)
from lakeferry.monitor.wanted.alarm_parts import (
    INFORMS,
    Kind,
    alarm,
    alarm_name,
    expression,
    limit_of,
    rule_metric,
)  # fmt: skip
from lakeferry.monitor.wanted.notify import actions_of
from lakeferry.monitor.wanted.own_cost import nat_usd_per_gb
from lakeferry.monitor.wanted.service_alarms import asleep, service_alarms, stalls
from lakeferry.network.resources import Alarm, CompositeAlarm
from lakeferry.network.rule_set import RuleSet, WantedRule
from lakeferry.network.topology import Topology

MOST_SUMMED = 8  # an alarm has 10 metrics; two stay free

# The alarms by the names that the manifest uses, and in what a limit for one is given.
ALARMS: dict[str, str] = {
    "stalled": "bytes_per_s",  # for each device or endpoint of a planned path
    "s3-through-nat": "bytes_per_s",
    "nat-gateway-bytes": "bytes_per_s",  # of all gateways; only where a limit is given
    "budget": "bytes",  # a day; from the planned spend
    "one-worker": "share",
    "workers-missing": "count",
    "rejected": "count",  # a minute
    "skipped": "count",  # informs only
    "nat-gateway-limit": "bytes_per_s",
    "nat-gateway-packets": "count",  # a minute
    "nat-gateway-drops": "share",
    "nat-gateway-ports": "count",
    "nat-gateway-connections": "count",
    "nat-standby-bytes": "bytes_per_s",  # of one that shall carry nothing
    "nat-instance-limit": "bytes_per_s",
    "nat-instance-cpu": "count",  # percent; of those that are ours
    "nat-instance-recover": "count",
    "nat-instance-reboot": "count",
    "endpoint-drops": "count",
    **stream_alarms.ALARMS,
    **tagged_instances.ALARMS,
    **migration_alarms.ALARMS,
}


def alarms(
    topology: Topology,
    rules: RuleSet,
    settings: MonitorSettings,
    standing: Sequence[StandingGateway] = (),
) -> tuple[Alarm | CompositeAlarm, ...]:
    """All alarms, simple ones before composite ones, each sorted by name."""
    stalled = tuple(stalls(topology, settings))
    simple = [
        *stalled,
        *service_alarms(topology, settings),
        *standby_alarms(standing, settings),
        *tagged_instances.instance_alarms(topology, settings),
        *_rule_alarms(topology, rules, settings),
        *migration_alarms.migration_alarms(settings),
    ]
    composite: list[CompositeAlarm] = []
    if stalled:
        silencer = asleep(stalled[0], settings)
        simple += [silencer] if silencer else []
        composite.append(_any_stalled(stalled, silencer, settings))
    simple.sort(key=lambda one: one.name)
    return (*simple, *composite)


def notes(
    topology: Topology, settings: MonitorSettings, standing: Sequence[StandingGateway] = ()
) -> tuple[str, ...]:
    """What alarms are missing, and what would bring them."""
    said: list[str] = []
    if not settings.planned and "stalled" not in settings.alarms:
        said.append(
            "no stall alarm: nothing is planned (--planned-bytes with --planned-days, or a limit "
            "for `stalled`)"
        )
    if settings.workers is None:
        said.append("no alarm for missing workers: how many are expected is not given")
    if not settings.notify:
        said.append("alarms notify nobody: `alarms.notify` is empty")
    said += stream_alarms.stream_notes(settings)
    unknown = sorted(settings.alarms.keys() - ALARMS.keys())
    if unknown:
        said.append(f"not alarms of the network, left to others: {', '.join(unknown)}")
    said += standby_notes(standing, settings)
    said += tagged_instances.instance_notes(topology, settings)
    return tuple(said)


def _any_stalled(
    stalled: Sequence[Alarm], silencer: Alarm | None, settings: MonitorSettings
) -> CompositeAlarm:
    """One alarm for all stalls, so that a cut line wakes a person once."""
    suppressor = silencer.name if silencer else settings.suppressor
    return CompositeAlarm(
        name=alarm_name(settings, "stalled"),
        description="a path that the plan uses carries less than a quarter of its planned rate",
        rule=" OR ".join(f'ALARM("{one.name}")' for one in stalled),
        actions=actions_of(settings),
        ok_actions=actions_of(settings),
        suppressor=suppressor,
        suppressor_wait_s=300 if suppressor else 0,
        tags=settings.all_tags,
    )


# ---- on Contributor Insights rules


def _rule_alarms(topology: Topology, rules: RuleSet, settings: MonitorSettings) -> Iterator[Alarm]:
    yield from _leak(rules, settings)
    yield from _gateway_bytes(rules, settings)
    yield from _workers(topology, rules, settings)
    one_minute = Kind(60, 2, 3, "notBreaching")
    for question, name, usual, kind in (
        ("rejected", "rejected", thresholds.rejects(), one_minute),
        ("skipped", "skipped", 0.0, Kind(60, 1, 1, "notBreaching", INFORMS)),
    ):
        limit = limit_of(settings, name, usual, 60)
        for rule in rules.of(question):
            if limit is not None:
                metric = rule_metric(rule, "SampleCount", 60)
                yield alarm(settings, name, rule.why, (metric,), limit, kind)


def _leak(rules: RuleSet, settings: MonitorSettings) -> Iterator[Alarm]:
    """Up and down together, since both are paid."""
    usual = thresholds.leak_bytes(settings.tolerance_usd, nat_usd_per_gb(settings.region))
    limit = limit_of(settings, "s3-through-nat", usual, 60)
    if limit is None:
        return
    found = sorted(rules.of("s3-through-nat"), key=lambda one: (one.watched, one.name))
    said = (
        "S3 bytes take a NAT device, which costs for each GB, and not the S3 endpoint: look at "
        "the route tables, the bucket's Region and the endpoint's policy"
    )
    for tail, some in _chunks(found):
        name = f"s3-through-nat{tail}"
        yield _summed(settings, name, said, some, limit, Kind(60, 2, 3, "notBreaching"))


def _gateway_bytes(rules: RuleSet, settings: MonitorSettings) -> Iterator[Alarm]:
    found = [one for one in rules.of("nat-billed") if "gateway" in one.subject]
    spend = settings.usd_per_day
    price = nat_usd_per_gb(settings.region)
    budget = None if spend is None else thresholds.budget_gb(spend, price)
    for name, usual, period_s, said in (
        ("nat-gateway-bytes", None, 3600, "NAT gateways processed more than the limit"),
        ("budget", budget, 86_400, "NAT gateways processed a tenth more than the plan pays for"),
    ):
        limit = limit_of(settings, name, usual, period_s)
        if limit is None:
            continue
        for tail, some in _chunks(found):
            kind = Kind(period_s, 1, 1, "notBreaching")
            yield _summed(settings, f"{name}{tail}", said, some, limit, kind)


def _workers(topology: Topology, rules: RuleSet, settings: MonitorSettings) -> Iterator[Alarm]:
    found = rules.of("workers")
    workers = settings.workers or len(topology.workers)
    usual = thresholds.dominant_share(workers) if workers > thresholds.DOMINANT_FACTOR else None
    share = limit_of(settings, "one-worker", usual, 60)
    for tail, some in _chunks(found, at_once=1):
        if share is not None:
            top = rule_metric(some[0], "MaxContributorValue", 60, id="top", returned=False)
            all_ = rule_metric(some[0], "Sum", 60, id="all", returned=False)
            metrics = (top, all_, expression("share", "top / all", 60))
            kind = Kind(60, 5, 10, "notBreaching")
            said = "one worker gets far more than its share of the bytes"
            yield alarm(settings, f"one-worker{tail}", said, metrics, share, kind)
    expected = settings.workers
    usual = None if expected is None else thresholds.WORKERS_SHARE * expected
    fewest = limit_of(settings, "workers-missing", usual, 60)
    if fewest is not None and found:
        kind = Kind(60, 3, 5, "breaching", comparison="LessThanThreshold")
        said = "fewer workers get bytes than are expected"
        some = found[:MOST_SUMMED]
        yield _summed(settings, "workers-missing", said, some, fewest, kind, "UniqueContributors")


def _summed(
    settings: MonitorSettings,
    name: str,
    said: str,
    rules: Sequence[WantedRule],
    limit: float,
    kind: Kind,
    metric: str = "Sum",
) -> Alarm:
    """An alarm on one metric of several rules together."""
    if len(rules) == 1:
        metrics = (rule_metric(rules[0], metric, kind.period_s),)
        return alarm(settings, name, said, metrics, limit, kind)
    parts = tuple(
        rule_metric(rule, metric, kind.period_s, id=f"r{number}", returned=False)
        for number, rule in enumerate(rules, start=1)
    )
    sum_ = expression("all", f"SUM([{', '.join(part.id for part in parts)}])", kind.period_s)
    return alarm(settings, name, said, (*parts, sum_), limit, kind)


def _chunks(
    rules: Sequence[WantedRule], at_once: int = MOST_SUMMED
) -> Iterator[tuple[str, Sequence[WantedRule]]]:
    for first in range(0, len(rules), at_once):
        number = first // at_once + 1
        yield f".{number}" if number > 1 else "", rules[first : first + at_once]
