"""The dashboard of a deployment: each path, device and endpoint over time, and who sends.

Widgets lie in two columns and never on each other. A rule's metric may not refer to itself, so a
rate takes two rows: the hidden metric, and the expression over it.

Source: CloudWatch API reference, "Dashboard body structure and syntax".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from lakeferry.monitor.nat.standing import StandingGateway
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted import thresholds
from lakeferry.monitor.wanted.migration_alarms import migration_graphs
from lakeferry.monitor.wanted.service_alarms import (
    EC2,
    ENDPOINTS,
    NAT,
    called,
    endpoint_dimensions,
    watched_endpoints,
)  # fmt: skip
from lakeferry.monitor.wanted.stream_alarms import stream_graphs
from lakeferry.monitor.wanted.tagged_instances import instance_graphs
from lakeferry.network.resources import Alarm, CompositeAlarm, Dashboard
from lakeferry.network.rule_set import RuleSet, WantedRule
from lakeferry.network.services import label_of
from lakeferry.network.topology import Topology

MOST_WIDGETS = 500
MOST_METRICS = 2500  # of a dashboard
MOST_IN_WIDGET = 500
COLUMNS, WIDTH, HEIGHT = 2, 12, 6  # of the 24 columns that a dashboard has
MOST_ALARMS = 100  # that one alarm widget shows

Widget = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Board:
    dashboard: Dashboard
    notes: tuple[str, ...]  # what did not fit


def dashboard_name(settings: MonitorSettings) -> str:
    return f"lakeferry-{settings.deployment}"


def dashboard(
    topology: Topology,
    rules: RuleSet,
    alarms: Sequence[Alarm | CompositeAlarm],
    settings: MonitorSettings,
    standing: Sequence[StandingGateway] = (),
) -> Board:
    """The dashboard of a deployment, within CloudWatch's limits; what does not fit is said."""
    wanted = [
        _words(rules, settings),
        *_alarm_states(alarms, settings),
        *_migration(settings),
        *_paths(rules, settings),
        *_gateways(topology, settings),
        *_nat_instances(topology, settings),
        *_standing(standing, settings),
        *_endpoints(topology, settings),
        *_streams(settings),
        *_contributors(rules, settings),
        *tagged_widgets(topology, settings),  # last: of many nodes the graphs may not all fit
    ]
    kept = _within_limits(wanted)
    body = {"start": "-PT3H", "periodOverride": "inherit", "widgets": _placed(kept)}
    left_out = len(wanted) - len(kept)
    notes = (f"the dashboard is full: {left_out} widgets are left out",) if left_out else ()
    text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()
    return Board(Dashboard(dashboard_name(settings), text, settings.all_tags), notes)


def _within_limits(widgets: Sequence[Widget]) -> list[Widget]:
    kept: list[Widget] = []
    metrics = 0
    for widget in widgets[:MOST_WIDGETS]:
        metrics += len(widget["properties"].get("metrics", ()))
        if metrics > MOST_METRICS:
            break
        kept.append(widget)
    return kept


def _placed(widgets: Sequence[Widget]) -> list[Widget]:
    """Each in the next free place, left to right and down; a wide one takes a row."""
    placed: list[Widget] = []
    x = y = 0
    for widget in widgets:
        if x + widget["width"] > COLUMNS * WIDTH:
            x, y = 0, y + HEIGHT
        placed.append({**widget, "x": x, "y": y})
        x += widget["width"]
    return placed


def _widget(kind: str, properties: dict[str, Any], width: int = WIDTH) -> Widget:
    return {"type": kind, "width": width, "height": HEIGHT, "properties": properties}


def _graph(
    title: str, metrics: list[list[Any]], region: str, *, unit: str, lines: Sequence[Any] = ()
) -> Widget:
    properties: dict[str, Any] = {
        "title": title,
        "metrics": metrics,
        "view": "timeSeries",
        "region": region,
        "period": 60,
        "yAxis": {"left": {"label": unit, "min": 0, "showUnits": False}},
        "legend": {"position": "bottom"},
    }
    if lines:
        properties["annotations"] = {"horizontal": list(lines)}
    return _widget("metric", properties)


def _words(rules: RuleSet, settings: MonitorSettings) -> Widget:
    cannot = "".join(f"\n- {one.what}" for one in rules.unanswerable[:8])
    markdown = (
        f"# {settings.deployment}\n"
        "Bytes of the migration by path. NAT bytes count each byte once, as it is billed; the S3 "
        "gateway endpoint has no interface and no metric, so its bytes come from flow logs, which "
        "are minutes late. Contributors are approximate.\n"
    )
    return _widget("text", {"markdown": markdown + cannot}, COLUMNS * WIDTH)


def _alarm_states(
    alarms: Sequence[Alarm | CompositeAlarm], settings: MonitorSettings
) -> Iterator[Widget]:
    start = f"arn:{settings.partition}:cloudwatch:{settings.region}:{settings.account}:alarm:"
    arns = [start + one.name for one in alarms]
    for first in range(0, len(arns), MOST_ALARMS):
        some = arns[first : first + MOST_ALARMS]
        yield _widget("alarm", {"title": "Alarms", "alarms": some}, COLUMNS * WIDTH)


def _migration(settings: MonitorSettings) -> Iterator[Widget]:
    for title, rows, unit, lines in migration_graphs(settings):
        yield _graph(title, rows, settings.region, unit=unit, lines=lines)


# ---- paths, from the rules


def _paths(rules: RuleSet, settings: MonitorSettings) -> Iterator[Widget]:
    titles = {
        "nat-billed": "NAT, billed bytes",
        "s3-gateway": "S3 gateway endpoint",
        "s3-through-nat": "S3 through NAT: the leak",
        "endpoint-bytes": "Interface endpoints",
        "workers": "Workers, received",
    }
    lines = _planned_lines(settings)
    for question, title in titles.items():
        found = rules.of(question)
        if found:
            rows = _rates(found)
            graph = _graph(
                title, rows, settings.region, unit="Gbit/s", lines=lines.get(question, ())
            )
            yield graph
    counts = rules.of("connections", "rejected", "skipped")
    if counts:
        rows = [_rule_row(one, "SampleCount", f"c{n}") for n, one in enumerate(counts, start=1)]
        yield _graph("Connections, rejects, skips", rows, settings.region, unit="a minute")


def _rates(rules: Sequence[WantedRule]) -> list[list[Any]]:
    """Two rows a rule: bytes of a minute, and Gbit/s."""
    rows: list[list[Any]] = []
    for number, rule in enumerate(rules[: MOST_IN_WIDGET // 2], start=1):
        id = f"r{number}"
        label = rule.name.split(".", 1)[-1]
        rows.append(_rule_row(rule, "Sum", id, visible=False))
        rate = f"{id}*8/PERIOD({id})/1000000000"
        rows.append([{"expression": rate, "id": f"g{number}", "label": label}])
    return rows


def _rule_row(rule: WantedRule, metric: str, id: str, *, visible: bool = True) -> list[Any]:
    return [
        {
            "expression": f'INSIGHT_RULE_METRIC("{rule.name}","{metric}")',
            "id": id,
            "period": 60,
            "label": rule.name.split(".", 1)[-1],
            "visible": visible,
        }
    ]


def _planned_lines(settings: MonitorSettings) -> dict[str, list[dict[str, Any]]]:
    """The plan's average rate, where a graph shows the path."""
    of_question = {
        "nat_gateway": "nat-billed",
        "nat_instance": "nat-billed",
        "s3_gateway": "s3-gateway",
        "s3_interface": "endpoint-bytes",
        "kinesis": "endpoint-bytes",
        "privatelink": "endpoint-bytes",
    }
    lines: dict[str, list[dict[str, Any]]] = {}
    for flow in settings.planned:
        line = {"label": f"planned, {flow.path}", "value": _gbps(flow.bytes / flow.seconds)}
        lines.setdefault(of_question[flow.path], []).append(line)
    return lines


def _gbps(bytes_a_second: float) -> float:
    return round(bytes_a_second * 8 / 1e9, 6)


def _contributors(rules: RuleSet, settings: MonitorSettings) -> Iterator[Widget]:
    for rule in rules.rules:
        yield _widget(
            "metric",
            {
                "title": f"{rule.subject}: {rule.why}",
                "insightRule": {
                    "ruleName": rule.name,
                    "maxContributorCount": 10,
                    "orderBy": "Sum",
                },
                "period": 60,
                "view": "timeSeries",
                "region": settings.region,
                "legend": {"position": "right"},
            },
        )


# ---- devices and endpoints, from their services


def _service_rates(
    namespace: str, metrics: Sequence[str], dimensions: Sequence[str]
) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for number, metric in enumerate(metrics, start=1):
        id = f"m{number}"
        hidden = {"id": id, "stat": "Sum", "period": 60, "visible": False}
        rows.append([namespace, metric, *dimensions, hidden])
        rate = f"{id}*8/PERIOD({id})/1000000000"
        rows.append([{"expression": rate, "id": f"g{number}", "label": metric}])
    return rows


def _service_rows(
    namespace: str, metrics: Sequence[tuple[str, str]], dimensions: Sequence[str]
) -> list[list[Any]]:
    return [
        [namespace, metric, *dimensions, {"stat": statistic, "period": 60}]
        for metric, statistic in metrics
    ]


def _gateways(topology: Topology, settings: MonitorSettings) -> Iterator[Widget]:
    share = max(1, len(topology.nat_gateways))
    planned = thresholds.planned_bytes(settings.planned, "nat_gateway", 1) / share
    lines = [{"label": "most a gateway carries", "value": thresholds.GATEWAY_GBPS}]
    if planned:
        lines = [{"label": "planned", "value": _gbps(planned)}]
    names = ("BytesInFromSource", "BytesInFromDestination", "BytesOutToSource")
    for one in topology.nat_gateways:
        dimensions = ("NatGatewayId", one.id)
        rows = _service_rates(NAT, names, dimensions)
        title = f"NAT gateway {one.id}"
        yield _graph(title, rows, settings.region, unit="Gbit/s", lines=lines)
        counts = (
            ("ActiveConnectionCount", "Maximum"),
            ("ConnectionAttemptCount", "Sum"),
            ("ErrorPortAllocation", "Sum"),
            ("PacketsDropCount", "Sum"),
        )
        rows = _service_rows(NAT, counts, dimensions)
        yield _graph(f"{title}: connections", rows, settings.region, unit="count")


def _nat_instances(topology: Topology, settings: MonitorSettings) -> Iterator[Widget]:
    for one in topology.nat_instances:
        rows = _service_rates(EC2, ("NetworkIn", "NetworkOut"), ("InstanceId", one.id))
        title = f"NAT instance {one.id} ({one.kind})"
        yield _graph(title, rows, settings.region, unit="Gbit/s")


def _standing(standing: Sequence[StandingGateway], settings: MonitorSettings) -> Iterator[Widget]:
    names = ("BytesOutToDestination", "BytesOutToSource")
    for one in standing:
        rows = _service_rates(NAT, names, ("NatGatewayId", one.id))
        title = f"NAT gateway {one.id}, stands by in {one.zone}"
        yield _graph(title, rows, settings.region, unit="Gbit/s")


def tagged_widgets(topology: Topology, settings: MonitorSettings) -> Iterator[Widget]:
    """A widget for each graph of tagged instances; they have no place yet."""
    for title, rows, unit in instance_graphs(topology, settings):
        yield _graph(title, rows, settings.region, unit=unit)


def _endpoints(topology: Topology, settings: MonitorSettings) -> Iterator[Widget]:
    for one in watched_endpoints(topology):
        pairs = endpoint_dimensions(one).items()
        dimensions = [word for pair in pairs for word in pair]
        title = f"Endpoint {label_of(one.service)} ({called(one, settings)})"
        rows = _service_rates(ENDPOINTS, ("BytesProcessed",), dimensions)
        yield _graph(title, rows, settings.region, unit="Gbit/s")
        counts = (
            ("ActiveConnections", "Maximum"),
            ("NewConnections", "Sum"),
            ("PacketsDropped", "Sum"),
            ("RstPacketsReceived", "Sum"),
        )
        rows = _service_rows(ENDPOINTS, counts, dimensions)
        yield _graph(f"{title}: connections", rows, settings.region, unit="count")


def _streams(settings: MonitorSettings) -> Iterator[Widget]:
    for title, rows, unit, lines in stream_graphs(settings):
        yield _graph(title, rows, settings.region, unit=unit, lines=lines)
