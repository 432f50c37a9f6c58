"""Proofs of rules and alarms as lines for people and as JSON bodies. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any

import orjson

from lakeferry.cli.columns import Column, table
from lakeferry.cli.units import counted, time_text
from lakeferry.monitor.choice_problems import FORMATS
from lakeferry.monitor.proof.prove import AlarmProof, RuleProof, assumptions
from lakeferry.monitor.proof.prove_logs import LogsRead
from lakeferry.network.alarm_state import StateChange
from lakeferry.network.fields import FIELDS, format_text
from lakeferry.network.rule_report import RuleReport
from lakeferry.network.rule_tally import Tally
from lakeferry.network.rule_value import Rule
from lakeferry.network.rules import Problem

_INT64 = 1 << 63


def rule_body_line(
    proof: RuleProof, report: Mapping[str, Any], order_by: str = "Sum"
) -> dict[str, Any]:
    """One `rule_report` line. `report` has the shape of GetInsightRuleReport's answer."""
    tally = proof.report.tally
    return {
        "type": "rule_report",
        "rule": proof.report.rule.name,
        "report": _exact(report),
        "period": proof.report.period_s,
        "events": tally.events,
        "matched": tally.kept,
        "ignored": {
            "no_key": tally.no_key,
            "no_value": tally.no_value,
            "no_time": tally.no_time,
            "out_of_range": tally.out_of_range,
        },
        "problems": [asdict(problem) for problem in proof.problems],
        "matches_nothing": None if proof.reason is None else asdict(proof.reason),
        "assumed": list(assumptions(proof.report.rule, order_by, proof.report.period_s)),
    }


def _exact(value: Any) -> Any:
    """The same, with integers beyond 64 bits kept: JSON has no limit, our encoder has."""
    if isinstance(value, Mapping):
        return {key: _exact(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_exact(inner) for inner in value]
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        return orjson.Fragment(str(value))
    return value


def rule_lines(
    proof: RuleProof, signs: Mapping[str, str], *, most: int, order_by: str
) -> list[str]:
    """A rule for people: its total, its greatest contributors, and what is wrong with it."""
    report = proof.report
    ranked = report.ranked(order_by, most)
    sign = signs["ok" if proof.is_fine else "warning"]
    name, tally = report.rule.name, report.tally
    lines = [f"  {sign} {name}  matches nothing of {counted(tally.events, 'event')}"]
    if proof.reason is None:
        what = "counted" if report.rule.value_of is None else f"of {report.rule.value_of}"
        who = counted(ranked.contributors, "contributor")
        lines = [
            f"  {sign} {name}  {number_text(report.total)} {what}  {who}  "
            f"{tally.kept:,} of {tally.events:,} events",
            *_ignored_lines(tally),
        ]
    else:
        lines.append(f"      {proof.reason.text}")
    for problem in proof.problems:
        lines.append(f"      {problem.severity} {problem.code} at {problem.at}: {problem.message}")
    if any(problem.code == "FieldNotInFormat" for problem in proof.problems):
        lines += _format_lines(report.rule)
    width = max((len(number_text(value)) for _, value in ranked.top), default=0)
    for key, value in ranked.top:
        lines.append(f"      {number_text(value):>{width}}  {'  '.join(key)}")
    return lines


def period_lines(report: RuleReport, metrics: Sequence[str], width: int) -> list[str]:
    """The metrics that were asked for, a line a period in which an event matched."""
    columns = (Column("from"), *(Column(metric, right=True) for metric in metrics))
    rows = [
        (time_text(one.start_s * 1000), *(number_text(one.value(metric)) for metric in metrics))
        for one in report.periods
    ]
    return table(columns, rows, width, indent="      ") if rows else []


def _ignored_lines(tally: Tally) -> list[str]:
    """Events that would have counted, and do not."""
    reasons = (
        (tally.no_time, "without a time"),
        (tally.no_key, "without a key"),
        (tally.no_value, "without a number"),
    )
    told = ", ".join(f"{counted(count, 'event')} {why}" for count, why in reasons if count)
    return [f"      ignored: {told}"] if told else []


def _format_lines(rule: Rule) -> list[str]:
    """The format to ask for, where a rule reads fields that the log does not hold."""
    read = [name for name in rule.used if name in FIELDS]
    known = [name for name, fields in FORMATS.items() if set(read) <= set(fields)]
    format = known[0] if known else f"'{format_text(read)}'"
    if not read:
        return []
    step = f"lakeferry monitor plan --flow-log-format {format}"
    return [f"      next: a flow log that holds {', '.join(read)}: {step}"]


def number_text(number: int | float | Fraction) -> str:
    """`23,351,168,593`; fractions with up to three decimals."""
    if isinstance(number, Fraction):
        number = float(number)
    return f"{number:,}" if isinstance(number, int) else f"{number:,.3f}".rstrip("0").rstrip(".")


def alarm_body_line(proof: AlarmProof) -> dict[str, Any]:
    """One `alarm` line."""
    return {
        "type": "alarm",
        "alarm": proof.alarm.name,
        "state": proof.changes[-1].after if proof.changes else "INSUFFICIENT_DATA",
        "seconds_in_alarm": proof.seconds_in_alarm,
        "changes": [_change_body(change) for change in proof.changes],
        "fault": proof.fault or None,
    }


def _change_body(change: StateChange) -> dict[str, Any]:
    return {
        "at": time_text(change.at_s * 1000),
        "from": change.before,
        "to": change.after,
        "reason": change.reason,
    }


def alarm_lines(proof: AlarmProof, signs: Mapping[str, str]) -> list[str]:
    """An alarm for people: when it would have fired."""
    if proof.fault:
        sign = signs["ok" if proof.is_fine else "warning"]
        return [f"  {sign} alarm {proof.alarm.name}  not replayed: {proof.fault}"]
    fired = [change for change in proof.changes if change.after == "ALARM"]
    lines = [f"  {signs['ok']} alarm {proof.alarm.name}  would never have fired"]
    if fired:
        minutes = proof.seconds_in_alarm / 60
        times = "once" if len(fired) == 1 else f"{len(fired)} times"
        lines = [
            f"  {signs['ok']} alarm {proof.alarm.name}  would have fired {times}, "
            f"{minutes:,.0f} min in ALARM"
        ]
    for change in proof.changes:
        at = time_text(change.at_s * 1000)
        lines.append(f"      {at}  {change.before} -> {change.after}  {change.reason}")
    return lines


def problem_lines(name: str, problems: Sequence[Problem], signs: Mapping[str, str]) -> list[str]:
    """A rule that was only checked."""
    lines = [f"  {signs['warning' if problems else 'ok']} {name}  CloudWatch would accept it"]
    for problem in problems:
        lines.append(f"      {problem.severity} {problem.code} at {problem.at}: {problem.message}")
    return lines


def check_body(name: str, problems: Sequence[Problem]) -> dict[str, Any]:
    """One `check` line of a rule that was only checked."""
    found = [asdict(problem) for problem in problems]
    return {"type": "check", "what": name, "equal": not problems, "problems": found}


def quota_lines(problems: Sequence[Problem], signs: Mapping[str, str]) -> list[str]:
    """What is wrong with all rules together."""
    return [f"  {signs['warning']} {problem.code}: {problem.message}" for problem in problems]


def read_lines(read: LogsRead, signs: Mapping[str, str]) -> list[str]:
    """What was met in the logs: events, rows by `log-status`, bad lines, formats."""
    statuses = ", ".join(f"{status} {rows:,}" for status, rows in read.by_status.items())
    lines = [
        f"  {counted(read.events, 'event')} of {counted(read.sources, 'source')}, "
        f"{counted(read.bad_lines, 'bad line')}" + (f"; {statuses}" if statuses else "")
    ]
    lines += [f"      bad: {sample}" for sample in read.bad_samples]
    if read.by_status.get("SKIPDATA"):
        lines.append(
            f"  {signs['warning']} SKIPDATA: AWS left rows out, how many is not known; sums are "
            "too small"
        )
    if len(read.formats) > 1:
        each = "; ".join(
            f"{_format_name(one.fields)} from {one.first} ({counted(one.rows, 'row')})"
            for one in read.formats
        )
        said = f"{len(read.formats)} formats in one place, and a rule knows positions alone"
        lines.append(f"  {signs['warning']} {said}: {each}")
    return lines


def _format_name(fields: tuple[str, ...]) -> str:
    """`v2`, or the fields themselves where a format has no name of ours."""
    names = [name for name, known in FORMATS.items() if known == fields]
    more = " ..." if len(fields) > 6 else ""
    return names[0] if names else f"`{' '.join(fields[:6])}{more}`"


def read_body(read: LogsRead) -> dict[str, Any]:
    """The same for the summary line."""
    return {
        "events": read.events,
        "bad_lines": read.bad_lines,
        "bad_samples": list(read.bad_samples),
        "rows_by_log_status": dict(read.by_status),
        "sources": read.sources,
        "formats": [
            {"format": format_text(one.fields), "rows": one.rows, "first": one.first}
            for one in read.formats
        ],
    }
