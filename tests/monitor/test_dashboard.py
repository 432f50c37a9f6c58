"""The dashboard of a deployment."""

import json
from dataclasses import replace
from typing import Any

from lakeferry.network.metric_syntax import parse_expression
from lakeferry.network.resources import Dashboard, InsightRule, NatGateway
from lakeferry.network.topology import Topology
from tests.monitor.test_alarms import DIMENSIONS, DOCUMENTED
from tests.monitor.wishes import of_kind, wanted
from tests.network.sample_scenario import NAT_GATEWAY, topology


def body(network: Topology | None = None, **chosen: Any) -> dict[str, Any]:
    (found,) = of_kind(wanted(network, **chosen), Dashboard)
    read: dict[str, Any] = json.loads(found.body)
    return read


def widgets(**chosen: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body(**chosen)["widgets"]
    return found


def titled(start: str, **chosen: Any) -> dict[str, Any]:
    """Properties of the widget whose title starts so."""
    found: dict[str, Any] = next(
        one["properties"]
        for one in widgets(**chosen)
        if one["properties"].get("title", "").startswith(start)
    )
    return found


def cells(widget: dict[str, Any]) -> set[tuple[int, int]]:
    return {
        (x, y)
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    }


def test_no_widget_lies_on_another_or_beyond_the_edge() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in widgets():
        assert not taken & cells(widget)
        taken |= cells(widget)
        assert widget["x"] + widget["width"] <= 24


def test_every_path_device_endpoint_and_stream_has_a_series() -> None:
    titles = " ".join(one["properties"].get("title", "") for one in widgets())

    for part in (
        "NAT, billed bytes", "S3 gateway endpoint", "the leak", "Interface endpoints", "Workers",
        f"NAT gateway {NAT_GATEWAY}", "NAT instance", "Endpoint s3", "Endpoint kinesis-streams",
        "Stream clicks", "Alarms", "Connections",
    ):  # fmt: skip
        assert part in titles


def test_every_rule_shows_its_contributors() -> None:
    made = wanted()
    shown = {
        one["properties"]["insightRule"]["ruleName"]
        for one in widgets()
        if "insightRule" in one["properties"]
    }

    assert shown == {one.name for one in of_kind(made, InsightRule)}


def test_a_rate_takes_a_hidden_metric_and_an_expression_over_it() -> None:
    first, second, *_ = titled("NAT, billed bytes")["metrics"]

    assert first[0]["expression"] == 'INSIGHT_RULE_METRIC("lakeferry-m1.nat-gateway-billed","Sum")'
    assert first[0]["visible"] is False
    assert second[0]["expression"] == "r1*8/PERIOD(r1)/1000000000"


def test_the_planned_rate_is_drawn_where_the_path_is() -> None:
    line = titled("NAT, billed bytes")["annotations"]["horizontal"][0]

    assert line["label"] == "planned, nat_gateway"
    assert round(line["value"], 3) == round(2e15 * 8 / (30 * 86_400) / 1e9, 3)


def test_every_metric_is_documented_and_every_expression_can_be_parsed() -> None:
    for widget in widgets():
        for row in widget["properties"].get("metrics", ()):
            if isinstance(row[0], dict):
                parse_expression(row[0]["expression"])
            else:
                namespace, metric, *dimensions, options = row
                assert metric in DOCUMENTED[namespace]
                assert dimensions[::2] == DIMENSIONS[namespace]
                assert options["stat"] in ("Sum", "Maximum")


def test_ids_of_one_widget_differ() -> None:
    for widget in widgets():
        rows = widget["properties"].get("metrics", ())
        ids = [row[-1]["id"] for row in rows if "id" in row[-1]]
        assert len(ids) == len(set(ids))


def crowded() -> Topology:
    gateway = topology().nat_gateways[0]
    many: tuple[NatGateway, ...] = tuple(
        replace(gateway, id=f"nat-{number:017x}") for number in range(400)
    )
    return replace(topology(), nat_gateways=many)


def test_a_dashboard_stays_within_what_cloudwatch_takes_and_says_what_is_left_out() -> None:
    made = wanted(crowded())
    (found,) = of_kind(made, Dashboard)
    shown = json.loads(found.body)["widgets"]
    metrics = [len(one["properties"].get("metrics", ())) for one in shown]

    assert len(shown) <= 500
    assert sum(metrics) <= 2500
    assert max(metrics) <= 500
    assert any("the dashboard is full" in note for note in made.notes)


def test_alarms_are_shown_by_a_hundred() -> None:
    for widget in body(crowded())["widgets"]:
        assert len(widget["properties"].get("alarms", ())) <= 100


def test_what_cannot_be_answered_stands_on_the_dashboard() -> None:
    from lakeferry.monitor.settings import FlowLogWish
    from tests.network.test_rule_set import V2

    text = widgets(flow_logs=FlowLogWish(fields=V2))[0]["properties"]["markdown"]

    assert "pkt-dst-aws-service" in text
