"""Utilisation and health of the instances that bear a tag, while they come and go. Pure.

Two ways. `each` names every instance that bears the tag now: it needs nothing of the account, and
is brought up to date by each apply, or by the Lambda that keeps rules. `query` asks CloudWatch by
the tag itself (Metrics Insights), so nodes join and leave by themselves; it needs "resource tags
for telemetry" to be on in the account and Region, and reads at most 500 series.

Source: CloudWatch User Guide, "Create an alarm on a Metrics Insights query", "Metrics Insights
quotas", "Query components and syntax"; EC2 User Guide, "CloudWatch metrics for your instances",
"Monitor network performance for ENA settings"; CloudWatch agent, `ethtool` with
`aggregation_dimensions: [["InstanceId"]]`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from lakeferry.cost.prices.price_file import own_book
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted.alarm_parts import (
    LESS,
    Kind,
    alarm,
    expression,
    limit_of,
    service_metric,
)
from lakeferry.network.resources import Alarm, Instance, MetricQuery
from lakeferry.network.topology import Topology

EC2, AGENT = "AWS/EC2", "CWAgent"
PERIOD_S = 300  # of basic monitoring; nodes of Databricks have no other
MOST_METRICS = 9  # of an alarm, which has ten with its expression
MOST_SERIES = 500  # of one query
# Counters of the network driver, since boot: packets that a limit of the instance held or dropped.
ALLOWANCES = (
    "bw_in_allowance_exceeded", "bw_out_allowance_exceeded", "pps_allowance_exceeded",
    "conntrack_allowance_exceeded", "linklocal_allowance_exceeded",
)  # fmt: skip
NEAR = 0.8  # of what an instance's type sustains

# The alarms by the manifest's names, and in what a limit for one is given.
ALARMS: dict[str, str] = {
    "instance-cpu": "share",
    "instance-status": "count",
    "instance-network": "share",  # of what its type sustains
    "instance-disk": "share",  # of the burst balance, that is left
    "instance-allowance": "count",  # in five minutes
}
_SUSTAINED = Kind(PERIOD_S, 3, 3, "notBreaching")
_FAILED = Kind(60, 2, 3, "notBreaching")
_SPENT = Kind(PERIOD_S, 2, 3, "notBreaching", comparison=LESS)


@dataclass(frozen=True, slots=True)
class Family:
    """One thing that is asked of every instance; alarms of at most ten metrics share them."""

    name: str  # of the alarms: 'instance-cpu', then 'instance-cpu.2', ...
    said: str
    metrics: tuple[tuple[str, str], ...]  # name and statistic, of each instance
    of: Literal["value", "share", "growth"]  # what is held against the limit
    limit: float
    kind: Kind
    namespace: str = EC2

    @property
    def worst(self) -> str:
        return "MIN" if self.kind.comparison == LESS else "MAX"

    @property
    def at_once(self) -> int:
        return MOST_METRICS // len(self.metrics)


def tag_of(settings: MonitorSettings) -> tuple[str, str] | None:
    """The tag by which instances are watched; None: none is, or it has no value."""
    wish = settings.tagged
    value = settings.tags.get(wish.key)
    return (wish.key, value) if wish.how != "none" and value else None


def watched_instances(topology: Topology, settings: MonitorSettings) -> tuple[Instance, ...]:
    """Those that bear the tag and run, by id."""
    tag = tag_of(settings)
    if tag is None:
        return ()
    found = (one for one in topology.found.instances if one.state in ("pending", "running"))
    return tuple(
        sorted((one for one in found if one.tags.get(tag[0]) == tag[1]), key=lambda one: one.id)
    )


def instance_alarms(topology: Topology, settings: MonitorSettings) -> Iterator[Alarm]:
    """Alarms of all the instances together; each says which one by its graph or contributors."""
    tag = tag_of(settings)
    if tag is None:
        return
    instances = watched_instances(topology, settings)
    for family in families(settings):
        # The agent's own metrics bear no tags of the instance, so they are named in both ways.
        if settings.tagged.how == "query" and family.namespace == EC2:
            yield from _by_query(family, instances, tag, settings)
        else:
            yield from _by_name(family, instances, settings)


def instance_notes(topology: Topology, settings: MonitorSettings) -> tuple[str, ...]:
    wish = settings.tagged
    if wish.how == "none":
        return ()
    if tag_of(settings) is None:
        return (f"no instance is watched by its tag: `tags` has no `{wish.key}`",)
    instances = watched_instances(topology, settings)
    said = [_of_way(len(instances), settings)]
    strange = sorted({one.kind for one in instances if sustained_bytes(one.kind) is None})
    if strange:
        some = ", ".join(strange[:5])
        said.append(f"what these types sustain is not known, so no alarm near it: {some}")
    if wish.allowances:
        said.append(
            "network allowances are metrics of the CloudWatch agent (ethtool, aggregated by "
            "InstanceId): where it does not run there is nothing to alarm on"
        )
    return tuple(said)


def _of_way(count: int, settings: MonitorSettings) -> str:
    if settings.tagged.how == "query":
        return (
            "instances are found by their tag each time an alarm looks; until `resource tags for "
            "telemetry` is on in this account and Region it finds none (`aws observabilityadmin "
            f"start-telemetry-enrichment`), and of more than {MOST_SERIES} it sees the first"
        )
    return (
        f"{count} instances bear the tag now; nodes that come or go are taken up by the next apply"
    )


# ---- what is asked


def families(settings: MonitorSettings) -> tuple[Family, ...]:
    """What is asked of every instance, without what is turned off."""
    made: list[Family] = []
    for name, metric, statistic, kind, usual, scale, said in (
        ("cpu", "CPUUtilization", "Average", _SUSTAINED, 0.95, 100, "CPUs have no time left"),
        ("status", "StatusCheckFailed", "Maximum", _FAILED, 0, 1, "status checks fail"),
        ("disk", "EBSByteBalance%", "Minimum", _SPENT, 0.2, 100, "disks have spent their burst"),
    ):
        limit = limit_of(settings, f"instance-{name}", usual, PERIOD_S)
        if limit is not None:
            asked = ((metric, statistic),)
            whole = f"instance-{name}"
            made.append(Family(whole, f"a node's {said}", asked, "value", limit * scale, kind))
    limit = limit_of(settings, "instance-network", NEAR, PERIOD_S)
    if limit is not None:
        both = (("NetworkIn", "Sum"), ("NetworkOut", "Sum"))
        said = "a node sends or receives nearly what its type sustains"
        made.append(Family("instance-network", said, both, "share", limit, _SUSTAINED))
    limit = limit_of(settings, "instance-allowance", 0, PERIOD_S)
    for counter in ALLOWANCES if settings.tagged.allowances and limit is not None else ():
        short = counter.removesuffix("_allowance_exceeded").replace("_", "-")
        said = f"a node's packets wait or are dropped: {counter}"
        asked = ((f"ethtool_{counter}", "Maximum"),)
        name = f"instance-allowance.{short}"
        made.append(Family(name, said, asked, "growth", limit or 0, _SUSTAINED, AGENT))
    return tuple(made)


def sustained_bytes(kind: str) -> float | None:
    """What a type sustains in a period, either way; None for a type that is not in the data."""
    known = own_book().instance_types.get(kind)
    return None if known is None else float(known.baseline_gbps) * 1e9 / 8 * PERIOD_S


# ---- each by its id


def _by_name(
    family: Family, instances: Sequence[Instance], settings: MonitorSettings
) -> Iterator[Alarm]:
    if family.of == "share":
        instances = [one for one in instances if sustained_bytes(one.kind) is not None]
    for first in range(0, len(instances), family.at_once):
        number = first // family.at_once + 1
        name = f"{family.name}.{number}" if number > 1 else family.name
        metrics = _queries(family, instances[first : first + family.at_once])
        yield alarm(settings, name, family.said, metrics, family.limit, family.kind)


def _queries(family: Family, instances: Sequence[Instance]) -> tuple[MetricQuery, ...]:
    """The metrics of some instances and the worst of them.

    `MAX` of one series is one number, so of a single value there is no `MAX`.
    """
    parts: list[MetricQuery] = []
    values: list[str] = []
    for number, one in enumerate(instances, start=1):
        for letter, (metric, statistic) in zip("mn", family.metrics, strict=False):
            id, dimensions = f"{letter}{number}", {"InstanceId": one.id}
            part = service_metric(
                family.namespace, metric, dimensions, statistic, family.kind.period_s,
                id=id, returned=False,
            )  # fmt: skip
            parts.append(part)
            values.append(_value(family, id, one.kind))
    if values == [parts[0].id]:
        return (replace(parts[0], returned=True),)
    text = values[0] if len(values) == 1 else f"{family.worst}([{', '.join(values)}])"
    return (*parts, expression("worst", text, family.kind.period_s))


def _value(family: Family, id: str, kind: str) -> str:
    match family.of:
        case "value":
            return id
        case "growth":  # the counters count since boot
            return f"DIFF({id})"
        case "share":
            return f"{id} / {sustained_bytes(kind) or 0:.0f}"


# ---- by the tag itself


def _by_query(
    family: Family, instances: Sequence[Instance], tag: tuple[str, str], settings: MonitorSettings
) -> Iterator[Alarm]:
    """One alarm for each metric: a request can hold one query. Against the least of the types."""
    limit = family.limit
    if family.of == "share":
        known = [sustained_bytes(one.kind) for one in instances]
        least = min((one for one in known if one is not None), default=None)
        if least is None:
            return
        limit *= least
    period_s, lowest = family.kind.period_s, family.worst == "MIN"
    for metric, statistic in family.metrics:
        name = f"{family.name}.{metric.lower()}" if len(family.metrics) > 1 else family.name
        text = query(metric, _function(statistic), tag, lowest=lowest)
        asked = (expression("q1", text, period_s, metric),)
        yield alarm(settings, name, family.said, asked, limit, family.kind)


def _function(statistic: str) -> str:
    return {"Average": "AVG", "Maximum": "MAX", "Minimum": "MIN", "Sum": "SUM"}[statistic]


def query(metric: str, function: str, tag: tuple[str, str], *, lowest: bool = False) -> str:
    """A Metrics Insights query: one series for each instance that bears the tag.

    An alarm on many series has to group and to order them. Names with more than letters, digits
    and `_` stand in double quotes, a quote in a value is doubled.
    """
    key, value = tag
    order = "ASC" if lowest else "DESC"
    return (
        f'SELECT {function}({_quoted(metric)}) FROM SCHEMA("{EC2}", InstanceId) '
        f"WHERE tag.{_quoted(key)} = '{value.replace(chr(39), chr(39) * 2)}' "
        f"GROUP BY InstanceId ORDER BY {function}() {order}"
    )


def _quoted(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else f'"{name}"'


# ---- graphs

TITLE = "Tagged instances: "  # begins the title of each
Graph = tuple[str, list[list[Any]], str]  # title, metrics, unit
_GRAPHS = (
    ("CPU", "CPUUtilization", "Average", "%"),
    ("bytes in, five minutes", "NetworkIn", "Sum", "bytes"),
    ("bytes out, five minutes", "NetworkOut", "Sum", "bytes"),
    ("status checks failed", "StatusCheckFailed", "Maximum", "checks"),
    ("bytes read from EBS, five minutes", "EBSReadBytes", "Sum", "bytes"),
    ("bytes written to EBS, five minutes", "EBSWriteBytes", "Sum", "bytes"),
)


def instance_graphs(topology: Topology, settings: MonitorSettings) -> Iterator[Graph]:
    """A graph for each thing that is asked, with a line an instance."""
    tag = tag_of(settings)
    if tag is None:
        return
    instances = watched_instances(topology, settings)[:MOST_SERIES]
    for title, metric, statistic, unit in _GRAPHS:
        if settings.tagged.how == "query":
            text = query(metric, _function(statistic), tag)
            row = [{"expression": text, "id": "q1", "period": PERIOD_S, "label": ""}]
            yield f"{TITLE}{title}", [row], unit
        elif instances:
            rows = _rows(EC2, metric, statistic, instances)
            yield f"{TITLE}{title}", rows, unit
    if settings.tagged.allowances and instances:
        for counter in ALLOWANCES:
            rows = _rows(AGENT, f"ethtool_{counter}", "Maximum", instances)
            yield f"{TITLE}{counter}", rows, "packets since boot"


def _rows(
    namespace: str, metric: str, statistic: str, instances: Iterable[Instance]
) -> list[list[Any]]:
    return [
        [namespace, metric, "InstanceId", one.id, {"stat": statistic, "period": PERIOD_S}]
        for one in instances
    ]
