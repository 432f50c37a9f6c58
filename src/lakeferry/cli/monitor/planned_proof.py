"""`monitor plan --prove LOGS`: the rules and alarms of a plan, run over past flow logs."""

import sys
import time
from collections.abc import Iterator
from threading import Event as Flag

from lakeferry.aws.read_logs import log_lines
from lakeferry.cli.columns import paragraph, screen_width
from lakeferry.cli.monitor import rule_answers
from lakeferry.cli.render import Screen, marks
from lakeferry.cli.units import counted
from lakeferry.connect.aws import AwsAccess
from lakeferry.monitor.logs.flow_log_place import flow_log_place
from lakeferry.monitor.logs.generated_logs import generated, with_gateways
from lakeferry.monitor.logs.opening import store_options
from lakeferry.monitor.proof.prove import AlarmProof, Proofs, RuleProof, proofs_of
from lakeferry.monitor.proof.prove_logs import LogsRead, evaluate_logs
from lakeferry.monitor.run import ProvisionReport
from lakeferry.network.resources import Alarm
from lakeferry.network.rule_report import METRICS, report_body

MOST_CONTRIBUTORS = 10  # of a rule, in --json


def prove_planned(
    report: ProvisionReport, place: str, access: AwsAccess, *, screen: Screen, stop: Flag
) -> bool:
    """Whether every rule fits the logs. One that matches nothing is named; it may be good news."""
    shall = report.desired
    rules = [one.rule for one in shall.rules.rules]
    alarms = [one for one in shall.resources if isinstance(one, Alarm)]

    def log_events(group: str) -> Iterator[bytes]:
        return log_lines(access, group)

    def made_up(place: str) -> Iterator[bytes]:
        planned, now_s = report.settings.planned, int(time.time())
        network = with_gateways(report.topology, shall.resources)
        return generated(place, network, shall.fields, planned, now_s=now_s)

    _, fields = flow_log_place(report.topology, place)
    evaluation, read = evaluate_logs(
        place, rules, alarms, fields=fields, log_events=log_events, generated=made_up, stop=stop,
        options=store_options(
            place, {}, region=access.region, profile=access.profile, endpoint=access.endpoint,
            role=access.role, external_id=access.external_id,
        ),
    )  # fmt: skip
    proofs = proofs_of(evaluation, rules, alarms)
    for rule in proofs.rules:
        found = report_body(rule.report, max_contributors=MOST_CONTRIBUTORS, metrics=METRICS)
        screen.result([], rule_answers.rule_body_line(rule, found))
    for alarm in proofs.alarms:
        screen.result([], rule_answers.alarm_body_line(alarm))
    body = {"proven": {"place": place, "events": read.events, "bad_lines": read.bad_lines}}
    screen.result(_lines(proofs, read, place), body)
    return all(not one.problems for one in proofs.rules)


def _lines(proofs: Proofs, read: LogsRead, place: str) -> list[str]:
    signs, width = marks(sys.stdout), screen_width()
    matching = [one for one in proofs.rules if one.reason is None]
    is_fine = all(not one.problems for one in proofs.rules)
    said = (
        f"{len(matching)} of {len(proofs.rules)} rules match in {read.events:,} events of {place}"
        f" ({counted(read.bad_lines, 'bad line')})"
    )
    lines = paragraph(f"  {signs['ok' if is_fine else 'warning']} {said}", width)
    for rule in proofs.rules:
        lines += _rule_lines(rule, width)
    for alarm in proofs.alarms:
        lines += _alarm_lines(alarm, width)
    return lines


def _rule_lines(proof: RuleProof, width: int) -> list[str]:
    """One that does not fit the log, or that matches nothing, and why."""
    name = proof.report.rule.name
    if proof.problems:
        first, *others = proof.problems
        more = f" and {len(others)} more" if others else ""
        return paragraph(f"    ! {name} {first.code}: {first.message}{more}", width)
    if proof.reason is not None:
        return paragraph(f"    - {name} matches nothing: {proof.reason.text}", width)
    return []


def _alarm_lines(proof: AlarmProof, width: int) -> list[str]:
    fired = sum(1 for one in proof.changes if one.after == "ALARM")
    if not fired:
        return []
    minutes = proof.seconds_in_alarm / 60
    times = "once" if fired == 1 else f"{fired} times"
    said = f"would have fired {times}, {minutes:,.0f} min in ALARM"
    return paragraph(f"    - alarm {proof.alarm.name} {said}", width)
