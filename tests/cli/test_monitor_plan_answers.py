"""A plan for people: what changes, what it costs, what is odd; whatever the width of the screen."""

from dataclasses import replace
from typing import Any

import pytest

from lakeferry.cli.monitor.plan_answers import applied_lines, plan_body, plan_lines
from lakeferry.cli.monitor.plan_file import plan_text
from lakeferry.monitor.brakes import brakes
from lakeferry.monitor.plan import provision_plan
from lakeferry.monitor.run import ApplyReport, ProvisionReport
from lakeferry.monitor.settings import EndpointWish, FlowLogWish, MonitorSettings
from lakeferry.monitor.wanted.desired import desired
from lakeferry.network.fields import DEFAULT_FORMAT
from lakeferry.network.resources import Alarm, FlowLog, InsightRule, Resource, Topic, VpcEndpoint
from lakeferry.network.topology import Finding
from tests.monitor import wishes
from tests.network.sample_scenario import topology

SIGNS = {"ok": "✓", "warning": "▲", "error": "✗"}
IN_WORDS = {"ok": "ok", "warning": "!", "error": "x"}
ODD = Finding(
    "no-s3-endpoint", "warning", "rtb-1", "subnet-1 reaches S3 by NAT", "add it to vpce-1"
)


def report(found: tuple[Resource, ...] = (), **chosen: Any) -> ProvisionReport:
    """A plan over the sample network, where `found` is there already."""
    network = replace(topology(), findings=(ODD,))
    wish: MonitorSettings = wishes.full(**{"endpoints": (), **chosen})
    shall = desired(network, wish)
    made = provision_plan(shall.resources, found, wish)
    return ProvisionReport(network, wish, shall, made, brakes(made))


def drifted() -> ProvisionReport:
    """One alarm has another limit, one rule is gone, one of ours is not wanted any more."""
    there: list[Resource] = []
    for one in report().desired.resources:
        if isinstance(one, Alarm) and one.name == "lakeferry-m1.rejected":
            there.append(replace(one, threshold=99.0))
        elif not (isinstance(one, InsightRule) and one.name == "lakeferry-m1.skipped"):
            there.append(one)
    old = InsightRule("lakeferry-m1.old", "{}", tags={"lakeferry:deployment": "m1"})
    return report((*there, old))


def text(made: ProvisionReport, width: int = 200, **how: Any) -> str:
    return "\n".join(plan_lines(made, SIGNS, width, **how))


def line_of(made: ProvisionReport, name: str) -> str:
    (found,) = [line for line in text(made).splitlines() if f" {name} " in f"{line} "]
    return found


def test_what_is_made_has_its_dollars_beside_it() -> None:
    line = line_of(report(), "lakeferry-m1.rejected")

    assert line.split() == [
        "+", "alarm", "lakeferry-m1.rejected", "$0.10", "1", "metric", "read",
    ]  # fmt: skip


def test_what_follows_when_interfaces_are_known_has_its_dollars_too() -> None:
    wish = (EndpointWish("logs", "interface"),)
    first = report(endpoints=wish)
    new = next(one for one in first.desired.resources if isinstance(one, VpcEndpoint))
    there = replace(new, id="vpce-9", eni_ids=("eni-8", "eni-9"))
    found = replace(topology().found, endpoints=(*topology().found.endpoints, there))
    last = desired(replace(topology(), found=found), first.settings)

    body = plan_body(first)

    assert "  3 more once new interfaces are known" in text(first)
    assert body["later"]["resources"] == 3
    assert body["usd_a_month"] + body["later"]["usd_a_month"] == pytest.approx(
        float(last.usd_a_month), abs=0.02
    )
    assert "once new interfaces" not in text(report())


def test_what_costs_nothing_says_so() -> None:
    assert line_of(report(), "lakeferry-m1.flow").split() == [
        "+", "role", "lakeferry-m1.flow", "free",
    ]  # fmt: skip


def test_drift_shows_what_is_changed_made_and_removed() -> None:
    lines = text(drifted()).splitlines()

    changed = next(n for n, line in enumerate(lines) if "lakeferry-m1.rejected " in line)
    assert lines[changed].split()[0] == "~"
    assert lines[changed + 1] == "      threshold: 99.0 -> 10"
    assert line_of(drifted(), "lakeferry-m1.skipped").split()[0] == "+"
    assert line_of(drifted(), "lakeferry-m1.old").split()[0] == "-"
    assert "  ▲ apply would ask for a word:" in lines
    assert "    1 deleted (lakeferry-m1.old): --allow delete" in lines


def test_what_is_as_it_shall_be_is_shown_only_when_it_is_asked_for() -> None:
    made = report(tuple(report().desired.resources))

    assert "all" in text(made)
    assert "lakeferry-m1.rejected" not in text(made)
    assert "=  alarm" in text(made, verbose=True)


def test_findings_come_with_what_to_do() -> None:
    shown = text(report())

    assert "  ▲ no-s3-endpoint rtb-1: subnet-1 reaches S3 by NAT" in shown
    assert "    next: add it to vpce-1" in shown


def test_a_question_without_a_rule_names_the_format_to_ask_for() -> None:
    made = report(flow_logs=FlowLogWish(fields=DEFAULT_FORMAT))
    shown = text(made)

    assert "lacks `traffic-path`" in shown or "`traffic-path`" in shown
    assert "next: a flow log with them: --flow-log-format connections" in shown
    assert [one["question"] for one in plan_body(made)["unanswerable"]].count("s3-gateway") >= 1


def test_a_format_that_has_no_name_is_written_out() -> None:
    made = report(
        flow_logs=FlowLogWish(fields=(*DEFAULT_FORMAT, "reject-reason", "encryption-status"))
    )

    assert "--flow-log-format '${version} ${account-id}" in text(made)


def test_an_address_that_may_be_a_secret_is_shown_nowhere() -> None:
    made = report(notify=("https://hooks.example.com/T0/B0/hush",))
    topics = [one for one in made.desired.resources if isinstance(one, Topic)]
    there = [
        replace(one, subscriptions=(("https", "https://hooks.example.com/T0/B0/old"),))
        if one in topics
        else one
        for one in made.desired.resources
    ]
    changed = report(tuple(there), notify=("https://hooks.example.com/T0/B0/hush",))

    shown = text(changed, verbose=True) + plan_text(changed).decode() + str(plan_body(changed))

    assert changed.plan.of("update")
    assert "values not shown" in shown
    assert "hush" not in shown
    assert "T0" not in shown


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("made", [report(), drifted()], ids=["first", "drift"])
def test_it_fits_the_screen(made: ProvisionReport, width: int) -> None:
    lines = plan_lines(made, SIGNS, width)

    assert [line for line in lines if len(line) > width] == []
    assert any("$" in line and "lakeferry-" in line for line in lines)


def test_an_apply_that_was_stopped_says_how_far_it_came() -> None:
    made = report()
    asked = made.plan.of("create")

    early = applied_lines(ApplyReport(made.plan, (), asked), SIGNS, 120)
    later = applied_lines(ApplyReport(made.plan, asked[:1], asked[1:]), SIGNS, 120)
    whole = applied_lines(ApplyReport(made.plan, asked, ()), SIGNS, 120)

    assert early == [
        f"  ▲ 0 of {len(asked)} changes made; the same command goes on from here",
    ]
    assert later[1].split() == ["+", "log", "group", "/lakeferry/m1/flow"]
    assert later[-1].startswith(f"  ▲ 1 of {len(asked)} changes made")
    assert whole[-1] == f"  ✓ {len(asked)} of {len(asked)} changes made"


def test_without_utf_8_signs_are_words() -> None:
    there = tuple(
        replace(one, interval_s=600) if isinstance(one, FlowLog) else one
        for one in report().desired.resources
    )
    lines = plan_lines(report(there), IN_WORDS, 120)

    assert all(line.isascii() for line in lines)
    assert any(line.startswith("  -/+  ") for line in lines)
