"""How the events of a log fared with one rule, and why none of them matched. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lakeferry.network.rule_value import NUMBER_OPERATORS, TEXT_OPERATORS, Filter, Rule

MOST_SEEN = 12  # values that are remembered of a field in which a filter finds nothing


@dataclass(slots=True)
class Tally:
    """Counts of events; `alone` and `after` have one number a filter."""

    events: int = 0  # read, in range or not
    other_format: int = 0  # JSON for a CLF rule, or the other way round
    no_time: int = 0  # neither a CloudWatch timestamp nor `start`
    out_of_range: int = 0
    in_range: int = 0
    alone: list[int] = field(default_factory=list)  # passed this filter
    after: list[int] = field(default_factory=list)  # passed this filter and all before it
    no_key: int = 0  # passed all filters, but lacks a key field
    no_value: int = 0  # or its value is no number
    kept: int = 0
    lacking: dict[str, int] = field(default_factory=dict)  # events whose format lacks the field
    seen: dict[str, dict[str, None]] = field(default_factory=dict)  # values by field, in order


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a rule matched nothing."""

    code: str  # one word, stable: 'no_events', 'not_in_format', 'never_seen', ...
    text: str
    filter: int | None = None  # the filter that removed the last events, from 0


def reason(rule: Rule, tally: Tally, fields: Sequence[str] = ()) -> Reason | None:
    """The likely reason, the first that explains it; None where the rule matched something.

    Args:
        fields: the format of the log, to say where a field would stand.
    """
    if tally.kept:
        return None
    early = _before_filters(rule, tally, fields)
    if early is not None:
        return early
    for index, (one, left) in enumerate(zip(rule.filters, tally.after, strict=True)):
        if not left:
            return _removed(rule, tally, index, one)
    if tally.no_value and tally.no_value >= tally.no_key:
        said = f"{tally.no_value} events pass all filters, but their `{rule.value_of}` is no number"
        return Reason("no_value", said)
    said = f"{tally.no_key} events pass all filters, but lack a key of {', '.join(rule.keys)}"
    return Reason("no_key", said)


def _before_filters(rule: Rule, tally: Tally, fields: Sequence[str]) -> Reason | None:
    if not tally.events:
        return Reason("no_events", "the log holds no event")
    if tally.other_format == tally.events:
        other = "JSON" if rule.log_format == "CLF" else "text (CLF)"
        said = f"the rule reads {rule.log_format} events, and all {tally.events} are {other}"
        return Reason("other_log_format", said)
    lacking = [name for name in rule.used if tally.lacking.get(name) == tally.in_range]
    if tally.in_range and lacking and _needs(rule, lacking):
        return Reason("not_in_format", _not_in_format(rule, lacking[0], fields))
    if not tally.in_range:
        if tally.no_time:
            said = f"{tally.no_time} events have no time: neither a timestamp nor the field `start`"
            return Reason("no_time", said)
        return Reason("out_of_range", f"all {tally.out_of_range} events lie outside the range")
    return None


def _needs(rule: Rule, lacking: Sequence[str]) -> bool:
    """Whether events without these fields cannot count."""
    filters = (one.match for one in rule.filters if one.operator != "IsPresent" or one.present)
    return any(name in lacking for name in (*rule.keys, rule.value_of, *filters))


def _not_in_format(rule: Rule, name: str, fields: Sequence[str]) -> str:
    if rule.log_format == "JSON":
        return f"no event has the field {name}"
    position = rule.position(name)
    said = f"position {position} (`{name}`) is not in the log format of {len(fields)} fields"
    meant = name.lower().replace("_", "-")
    if meant in fields:
        return f"{said}; `{meant}` stands at {fields.index(meant) + 1}"
    return said


def _removed(rule: Rule, tally: Tally, index: int, one: Filter) -> Reason:
    """What the filter that left nothing is about."""
    before = tally.after[index - 1] if index else tally.in_range
    if tally.alone[index]:
        said = (
            f"filter {index + 1} ({filter_text(one)}) removed the last {before} events; alone it "
            f"passes {tally.alone[index]}, but never one that passes "
            f"{', '.join(filter_text(other) for other in rule.filters[:index])}"
        )
        return Reason("never_together", said, index)
    seen = list(tally.seen.get(one.match, ()))
    if one.operator in NUMBER_OPERATORS:
        return Reason("no_number", _no_number(one, seen, tally.in_range), index)
    if not seen:
        said = f"filter {index + 1} ({filter_text(one)}) removed all {before} events"
        return Reason("never_seen", f"{said}: none has the field", index)
    return Reason("never_seen", _never_seen(one, seen, tally.in_range), index)


def _no_number(one: Filter, seen: list[str], before: int) -> str:
    said = f"no value of `{one.match}` is {filter_text(one).split(' ', 1)[1]}"
    return f"{said}; {before} events had {_listed(seen)}" if seen else said


def _never_seen(one: Filter, seen: list[str], before: int) -> str:
    what = "interface" if one.match.replace("_", "-") == "interface-id" else f"`{one.match}`"
    wanted = ", ".join(one.texts)
    if one.operator != "In":
        return f"{filter_text(one)} passes none of {before} events; they had {_listed(seen)}"
    said = f"no such {what} in the log: {wanted} was never seen in {before} events"
    folded = {text.casefold(): text for text in seen}
    for text in one.texts:
        other = folded.get(text.casefold())
        if other is not None:
            return f"{said}; case matters, and it is written {other}"
        if text.strip() in seen:
            return f"{said}; {text!r} has blanks around it"
    return f"{said}; seen: {_listed(seen)}"


def _listed(seen: list[str]) -> str:
    more = ", ..." if len(seen) >= MOST_SEEN else ""
    return ", ".join(seen) + more


def filter_text(one: Filter) -> str:
    """A filter in one line: `action In [REJECT]`."""
    if one.operator in TEXT_OPERATORS:
        return f"{one.match} {one.operator} [{', '.join(one.texts)}]"
    if one.operator in NUMBER_OPERATORS:
        return f"{one.match} {one.operator} {one.number}"
    return f"{one.match} IsPresent {str(one.present).lower()}"
