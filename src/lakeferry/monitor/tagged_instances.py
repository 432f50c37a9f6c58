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
from typing import Any

from lakeferry.cost.price_file import own_book
from lakeferry.monitor.alarm_parts import LESS, Kind, alarm, expression, limit_of, service_metric
from lakeferry.monitor.settings import MonitorSettings
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
class Question:
    """One thing that is asked of every instance."""

    name: str  # of ALARMS
    metric: str
    statistic: str
    kind: Kind
    limit: float | None  # of a datapoint; None: no alarm
    said: str
    unit: str  # of the graph


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
    for question in _questions(settings):
        if question.limit is None:
            continue
        if settings.tagged.how == "query":
            yield _by_query(question, tag, settings)
        else:
            yield from _by_name(question, instances, settings)
    yield from _network(tag, instances, settings)
    if settings.tagged.allowances:
        yield from _allowances(instances, settings)


def instance_notes(topology: Topology, settings: MonitorSettings) -> tuple[str, ...]:
    wish = settings.tagged
    if wish.how == "none":
        return ()
    if tag_of(settings) is None:
        return (f"no instance is watched by its tag: `tags` has no `{wish.key}`",)
    instances = watched_instances(topology, settings)
    said = [_of_way(len(instances), settings)]
    strange = sorted({one.kind for one in instances if _gbps(one.kind) is None})
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


def _questions(settings: MonitorSettings) -> tuple[Question, ...]:
    def limit(name: str, usual: float, scale: float = 1) -> float | None:
        found = limit_of(settings, name, usual, PERIOD_S)
        return None if found is None else found * scale

    return (
        Question(
            "instance-cpu", "CPUUtilization", "Average", _SUSTAINED,
            limit("instance-cpu", 0.95, 100), "a node's CPUs have no time left", "%",
        ),
        Question(
            "instance-status", "StatusCheckFailed", "Maximum", _FAILED,
            limit("instance-status", 0), "a node fails its status checks", "checks failed",
        ),
        Question(
            "instance-disk", "EBSByteBalance%", "Minimum", _SPENT,
            limit("instance-disk", 0.2, 100), "a node's disks have nearly spent their burst", "%",
        ),
    )  # fmt: skip


def _gbps(kind: str) -> float | None:
    known = own_book().instance_types.get(kind)
    return None if known is None else float(known.baseline_gbps)


# ---- each by its id


def _by_name(
    question: Question, instances: Sequence[Instance], settings: MonitorSettings
) -> Iterator[Alarm]:
    best = "MIN" if question.kind.comparison == LESS else "MAX"
    for tail, some in chunked(instances, MOST_METRICS):
        parts = [
            _metric(question.metric, question.statistic, one, question.kind.period_s, f"m{number}")
            for number, one in enumerate(some, start=1)
        ]
        assert question.limit is not None, "questions without a limit have no alarm"
        metrics = _worst(best, parts, [one.id for one in parts], question.kind.period_s)
        name = f"{question.name}{tail}"
        yield alarm(settings, name, question.said, metrics, question.limit, question.kind)


def _worst(
    best: str, parts: Sequence[MetricQuery], values: Sequence[str], period_s: int
) -> tuple[MetricQuery, ...]:
    """The metrics and the worst of some values; of one value itself: MAX of it is one number."""
    if len(values) == 1 and values[0] == parts[0].id:
        return (replace(parts[0], returned=True),)
    text = values[0] if len(values) == 1 else f"{best}([{', '.join(values)}])"
    return (*parts, expression("worst", text, period_s))


def _metric(
    metric: str, statistic: str, instance: Instance, period_s: int, id: str, namespace: str = EC2
) -> MetricQuery:
    dimensions = {"InstanceId": instance.id}
    return service_metric(namespace, metric, dimensions, statistic, period_s, id=id, returned=False)


def chunked(
    instances: Sequence[Instance], at_once: int
) -> Iterator[tuple[str, Sequence[Instance]]]:
    """Instances of one alarm each, and the end of its name: '', '.2', '.3', ..."""
    for first in range(0, len(instances), at_once):
        number = first // at_once + 1
        yield f".{number}" if number > 1 else "", instances[first : first + at_once]


def _network(
    tag: tuple[str, str], instances: Sequence[Instance], settings: MonitorSettings
) -> Iterator[Alarm]:
    """Either direction against what the type sustains: in both ways of watching."""
    share = limit_of(settings, "instance-network", NEAR, PERIOD_S)
    if share is None:
        return
    said = "a node sends or receives nearly what its type sustains"
    known = [one for one in instances if _gbps(one.kind) is not None]
    if settings.tagged.how == "query":
        least = min((_gbps(one.kind) or 0 for one in known), default=None)
        if least is None:
            return
        for way in ("NetworkIn", "NetworkOut"):
            question = Question(
                f"instance-network.{way.lower()}", way, "Maximum", _SUSTAINED,
                share * _bytes(least), said, "bytes",
            )  # fmt: skip
            yield _by_query(question, tag, settings, function="SUM")
        return
    for tail, some in chunked(known, MOST_METRICS // 2):
        parts: list[MetricQuery] = []
        shares: list[str] = []
        for number, one in enumerate(some, start=1):
            most = _bytes(_gbps(one.kind) or 0)
            for way, id in (("NetworkIn", f"i{number}"), ("NetworkOut", f"o{number}")):
                parts.append(_metric(way, "Sum", one, PERIOD_S, id))
                shares.append(f"{id} / {most:.0f}")
        metrics = _worst("MAX", parts, shares, PERIOD_S)
        yield alarm(settings, f"instance-network{tail}", said, metrics, share, _SUSTAINED)


def _bytes(gbps: float) -> float:
    return gbps * 1e9 / 8 * PERIOD_S


def _allowances(instances: Sequence[Instance], settings: MonitorSettings) -> Iterator[Alarm]:
    """By name in both ways: the agent's own metrics bear no tags of the instance.

    The counters count since boot, so what counts is by how much one grew.
    """
    limit = limit_of(settings, "instance-allowance", 0, PERIOD_S)
    if limit is None:
        return
    for counter in ALLOWANCES:
        short = counter.removesuffix("_allowance_exceeded").replace("_", "-")
        said = f"a node's packets wait or are dropped: {counter}"
        for tail, some in chunked(instances, MOST_METRICS):
            parts = [
                _metric(f"ethtool_{counter}", "Maximum", one, PERIOD_S, f"m{number}", AGENT)
                for number, one in enumerate(some, start=1)
            ]
            metrics = _worst("MAX", parts, [f"DIFF({one.id})" for one in parts], PERIOD_S)
            name = f"instance-allowance.{short}{tail}"
            yield alarm(settings, name, said, metrics, limit, _SUSTAINED)


# ---- by the tag itself


def _by_query(
    question: Question, tag: tuple[str, str], settings: MonitorSettings, function: str = ""
) -> Alarm:
    assert question.limit is not None, "questions without a limit have no alarm"
    period_s = question.kind.period_s
    text = query(question.metric, function or _function(question.statistic), tag,
                 lowest=question.kind.comparison == LESS)  # fmt: skip
    metrics = (expression("q1", text, period_s, question.metric),)
    return alarm(settings, question.name, question.said, metrics, question.limit, question.kind)


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
            yield f"Tagged instances: {title}", [row], unit
        elif instances:
            rows = _rows(EC2, metric, statistic, instances)
            yield f"Tagged instances: {title}", rows, unit
    if settings.tagged.allowances and instances:
        for counter in ALLOWANCES:
            rows = _rows(AGENT, f"ethtool_{counter}", "Maximum", instances)
            yield f"Tagged instances: {counter}", rows, "packets since boot"


def _rows(
    namespace: str, metric: str, statistic: str, instances: Iterable[Instance]
) -> list[list[Any]]:
    return [
        [namespace, metric, "InstanceId", one.id, {"stat": statistic, "period": PERIOD_S}]
        for one in instances
    ]
