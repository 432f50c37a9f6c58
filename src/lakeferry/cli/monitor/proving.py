"""`monitor prove`: check rules, run them over logs, replay alarms; show and give an exit code."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Event as Flag

from lakeferry.aws.read_logs import log_lines
from lakeferry.aws.read_monitoring import formats_into
from lakeferry.cli.columns import screen_width
from lakeferry.cli.monitor import rule_answers as answers
from lakeferry.cli.monitor.saved_network import saved_topology
from lakeferry.cli.render import Screen, marks
from lakeferry.cli.units import parse_time
from lakeferry.connect.aws import AwsAccess
from lakeferry.errors import FerryError
from lakeferry.monitor.logs.generated_logs import generated, usual_fields
from lakeferry.monitor.logs.opening import LOG_GROUP, LogEvents
from lakeferry.monitor.proof.prove import problems_of, proofs_of
from lakeferry.monitor.proof.prove_logs import LogsRead, evaluate_logs
from lakeferry.monitor.proof.rule_files import read_alarms, read_rules
from lakeferry.network.fields import parse_format
from lakeferry.network.rule_report import (
    METRICS,
    MOST_CONTRIBUTORS,
    ORDERS,
    report_body,
    unknown_metric,
)
from lakeferry.network.rules import check_rules, parse_rule, rejected

OK, REQUEST, LOOK = 0, 2, 3
DAY = 86_400  # s; a report of CloudWatch spans no more


@dataclass(frozen=True, slots=True)
class Request:
    """What was typed."""

    rules: str
    logs: str | None
    period_s: int
    max_contributors: int
    metrics: list[str] | None
    order_by: str
    alarms: str | None
    format: str | None
    start: str | None
    end: str | None
    access: Callable[[], AwsAccess] | None = None  # asked where the logs are a log group
    topology: str | None = None  # a saved one, of which a log is generated
    options: Mapping[str, str] = field(default_factory=dict)  # of the logs' store


def prove(request: Request, *, screen: Screen, stop: Flag) -> int:
    """Check the rules; evaluate them where logs are given.

    Exit 2 for a rule that CloudWatch would refuse, 3 for one that matches nothing or is odd.
    """
    metrics = _metrics(request)
    bodies = read_rules(request.rules)
    problems = check_rules(bodies)
    refused = {
        name: wrong
        for name, found in problems.items()
        if (wrong := [problem for problem in found if problem.rejected])
    }
    for name, wrong in refused.items():
        screen.error(rejected(name, wrong))
    if refused:
        return REQUEST
    over = problems.get("", ())
    if over:
        screen.result(answers.quota_lines(over, marks(sys.stdout)), answers.check_body("", over))
    if request.logs is None:
        code = _only_check(bodies, request, screen)
    else:
        code = _evaluate(bodies, metrics, request, screen=screen, stop=stop)
    return LOOK if over else code


def _metrics(request: Request) -> list[str]:
    """The metrics asked for, once the other numbers are found right. Raises LF-2001, LF-6303."""
    fine = 1 <= request.period_s <= DAY and 1 <= request.max_contributors <= MOST_CONTRIBUTORS
    if not fine:
        raise FerryError(
            "LF-2001",
            "a number is out of range",
            f"--period is 1 to {DAY}, --max-contributors 1 to {MOST_CONTRIBUTORS}",
            "give a number in the range",
        )
    if request.order_by not in ORDERS:
        raise FerryError(
            "LF-6303",
            f"contributors cannot be ordered by `{request.order_by}`",
            f"known: {', '.join(ORDERS)}",
            "name one of them; case matters",
        )
    named = [word for words in request.metrics or () for word in words.split(",") if word]
    for metric in named:
        if metric not in METRICS:
            raise unknown_metric(metric)
    return named or list(METRICS)


def _only_check(bodies: dict[str, str], request: Request, screen: Screen) -> int:
    signs = marks(sys.stdout)
    formats = [parse_format(request.format)] if request.format else []
    odd = 0
    for name, body in bodies.items():
        problems = problems_of(name, body, formats)
        odd += bool(problems)
        screen.result(
            answers.problem_lines(name, problems, signs),
            answers.check_body(name, problems),
        )
    screen.result([f"  {len(bodies)} rules"], {"rules": len(bodies), "with_problems": odd})
    return LOOK if odd else OK


def _evaluate(
    bodies: dict[str, str], metrics: list[str], request: Request, *, screen: Screen, stop: Flag
) -> int:
    start_s, end_s = _bounds(request)
    rules = [parse_rule(name, body) for name, body in bodies.items()]
    alarms = read_alarms(request.alarms) if request.alarms else ()
    evaluation, read = evaluate_logs(
        request.logs or "-",
        rules,
        alarms,
        period_s=request.period_s,
        fields=_fields(request),
        start_s=start_s,
        end_s=end_s,
        log_events=_log_events(request),
        generated=_generated(request),
        stop=stop,
        options=request.options,
    )
    proofs = proofs_of(evaluation, rules, alarms, period_s=request.period_s, bodies=bodies)
    signs = marks(sys.stdout)
    for proof in proofs.rules:
        report = report_body(
            proof.report,
            max_contributors=request.max_contributors,
            metrics=metrics,
            order_by=request.order_by,
        )
        lines = answers.rule_lines(
            proof, signs, most=request.max_contributors, order_by=request.order_by
        )
        if request.metrics:
            lines += answers.period_lines(proof.report, metrics, screen_width())
        screen.result(lines, answers.rule_body_line(proof, report, request.order_by))
    for alarm in proofs.alarms:
        screen.result(answers.alarm_lines(alarm, signs), answers.alarm_body_line(alarm))
    fine = [proof.is_fine for proof in proofs.rules]
    _summary(read, fine + [alarm.is_fine for alarm in proofs.alarms], screen)
    return OK if proofs.is_fine else LOOK


def _bounds(request: Request) -> tuple[int | None, int | None]:
    """Begin and end, s since the epoch. Raises LF-2001."""
    start = parse_time(request.start, "--start") // 1000 if request.start else None
    end = -(-parse_time(request.end, "--end") // 1000) if request.end else None
    if start is not None and end is not None and start >= end:
        raise FerryError(
            "LF-2001", "--start is not before --end", "on the command line", "swap them"
        )
    return start, end


def _fields(request: Request) -> tuple[str, ...] | None:
    """The format of a log that does not state it: as given, else that of the group's flow log."""
    if request.format:
        return parse_format(request.format)
    place, access = request.logs or "", request.access
    if access is None or not place.startswith(LOG_GROUP):
        return None
    try:
        formats = formats_into(access(), place.removeprefix(LOG_GROUP))
    except FerryError:
        return None  # who may read the group need not see what writes to it
    return formats[0] if len(formats) == 1 else None


def _log_events(request: Request) -> LogEvents | None:
    """What reads a log group, of the times that are asked for."""
    access = request.access
    if access is None:
        return None

    def read(group: str) -> Iterator[bytes]:
        start, end = request.start, request.end
        return log_lines(
            access(),
            group,
            start_ms=parse_time(start) if start else None,
            end_ms=parse_time(end) if end else None,
        )

    return read


def _generated(request: Request) -> LogEvents:
    """What makes a log up from a saved network. It raises LF-2001 where none was named."""

    def made_up(place: str) -> Iterator[bytes]:
        if request.topology is None:
            raise FerryError(
                "LF-2001",
                "a log is generated from a network, and none is named",
                place,
                "save one with `lakeferry monitor discover --save FILE`, and give --topology FILE; "
                "or prove the rules of a plan: lakeferry monitor plan --prove generated:",
            )
        network = saved_topology(request.topology)
        fields = parse_format(request.format) if request.format else usual_fields(network)
        return generated(place, network, fields, now_s=int(time.time()))

    return made_up


def _summary(read: LogsRead, fine: list[bool], screen: Screen) -> None:
    body = {
        "rules_and_alarms": len(fine),
        "needs_look": fine.count(False),
        **answers.read_body(read),
    }
    screen.result(answers.read_lines(read, marks(sys.stdout)), body)
