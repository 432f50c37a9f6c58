"""What rules and alarms would have shown on past logs, and what is wrong with them. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lakeferry.network.alarm_state import StateChange, replay_alarm, seconds_in_alarm
from lakeferry.network.contributions import PutAway
from lakeferry.network.evaluate import Evaluation
from lakeferry.network.metric_math import Past, metric_series
from lakeferry.network.metric_syntax import BadExpression, NotFromLogs
from lakeferry.network.resources import Alarm
from lakeferry.network.rule_report import RuleReport, rolled_up
from lakeferry.network.rule_tally import Reason, reason
from lakeferry.network.rules import Problem, Rule, check_rule, rule_body


@dataclass(frozen=True, slots=True)
class RuleProof:
    """One rule on the logs."""

    report: RuleReport
    problems: tuple[Problem, ...]  # of the body, and of its fit to the formats that were met
    reason: Reason | None  # why it matched nothing; None where it did

    @property
    def is_fine(self) -> bool:
        return self.reason is None and not self.problems


@dataclass(frozen=True, slots=True)
class AlarmProof:
    """One alarm on the logs."""

    alarm: Alarm
    changes: tuple[StateChange, ...]
    seconds_in_alarm: int
    fault: str = ""  # why it could not be replayed
    is_fine: bool = True  # an alarm on a service metric is fine, though logs do not tell it


@dataclass(frozen=True, slots=True)
class Proofs:
    """All rules and alarms on the logs, in the order in which they were given."""

    rules: tuple[RuleProof, ...]
    alarms: tuple[AlarmProof, ...]
    formats: tuple[tuple[str, ...], ...]  # every flow log format that was met
    span_s: tuple[int, int] | None  # start and end of the periods with events

    @property
    def is_fine(self) -> bool:
        rules = all(proof.is_fine for proof in self.rules)
        return rules and all(proof.is_fine for proof in self.alarms)


def evaluation_of(
    rules: Sequence[Rule],
    alarms: Sequence[Alarm] = (),
    *,
    period_s: int = 60,
    start_s: int | None = None,
    end_s: int | None = None,
    put_away: PutAway | None = None,
) -> Evaluation:
    """An evaluation fine enough for the report's period and for each alarm's."""
    periods = [query.period_s for alarm in alarms for query in alarm.metrics]
    fine_s = math.gcd(period_s, *periods)
    return Evaluation(rules, fine_s, start_s=start_s, end_s=end_s, put_away=put_away)


def proofs_of(
    evaluation: Evaluation,
    rules: Sequence[Rule],
    alarms: Iterable[Alarm] = (),
    *,
    period_s: int = 60,
    bodies: Mapping[str, str] | None = None,
) -> Proofs:
    """What the evaluation found, once it has eaten all events.

    Args:
        bodies: the rules as they were written, which may be odder than what they mean.
    """
    written = bodies or {}
    span, reports = evaluation.span_s, evaluation.finish()
    formats = tuple(evaluation.formats)
    return Proofs(
        rules=tuple(
            RuleProof(
                report=rolled_up(reports[rule.name], period_s),
                problems=problems_of(rule.name, written.get(rule.name, rule_body(rule)), formats),
                reason=reason(rule, reports[rule.name].tally, formats[0] if formats else ()),
            )
            for rule in rules
        ),
        alarms=tuple(_alarm_proof(alarm, reports, span) for alarm in alarms),
        formats=formats,
        span_s=span,
    )


def problems_of(
    name: str, body: str, formats: Sequence[tuple[str, ...]] = ()
) -> tuple[Problem, ...]:
    """What is wrong with a body, alone and for each format; each problem once."""
    found = dict.fromkeys(check_rule(body, name=name))
    for fields in formats:
        found |= dict.fromkeys(check_rule(body, name=name, fields=fields))
    return tuple(found)


def _alarm_proof(
    alarm: Alarm, reports: Mapping[str, RuleReport], span: tuple[int, int] | None
) -> AlarmProof:
    start_s, end_s = span or (0, 0)
    try:
        series = metric_series(alarm.metrics, Past(reports, start_s, end_s))
    except NotFromLogs as error:
        return AlarmProof(alarm, (), 0, str(error))
    except BadExpression as error:
        return AlarmProof(alarm, (), 0, str(error), is_fine=False)
    if span is None:
        return AlarmProof(alarm, (), 0)
    changes = replay_alarm(alarm, series, start_s=start_s, end_s=end_s)
    return AlarmProof(alarm, changes, seconds_in_alarm(changes, end_s))


def assumptions(rule: Rule, order_by: str = "Sum", period_s: int = 60) -> tuple[str, ...]:
    """Where the documentation of CloudWatch is silent, what the report of this rule assumes."""
    operators = {one.operator for one in rule.filters}
    silent = {
        "Sum without ValueOf counts events": rule.aggregate_on == "Sum" and not rule.value_of,
        "an absent field passes neither NotIn nor NotEqualTo": bool(
            operators & {"NotIn", "NotEqualTo"}
        ),
        "StartsWith with an empty text passes every event": any(
            one.operator == "StartsWith" and "" in one.texts for one in rule.filters
        ),
        "OrderBy Maximum orders by a contributor's greatest period": order_by == "Maximum",
        "a period may be any number of seconds, and begins where it divides the epoch": period_s
        % 60
        != 0,
        "Average is by event": True,
        "equal contributors are ordered by the bytes of their keys": True,
    }
    return tuple(text for text, applies in silent.items() if applies)
