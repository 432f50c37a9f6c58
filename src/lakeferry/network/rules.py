"""Contributor Insights rules: read, checked and written.

A rule passes three examinations: the grammar that the service enforces (`rule_grammar`), the
format of the flow log that it will read (`rule_fit`), and the quotas of the rules together (here).
"""

import re
from collections.abc import Mapping, Sequence

from lakeferry.errors import FerryError
from lakeferry.network.rule_fit import fit_problems
from lakeferry.network.rule_grammar import Problem, decoded, grammar_problems
from lakeferry.network.rule_value import Filter, Rule, rule_body, rule_of

__all__ = [
    "Filter", "Problem", "Rule", "check_rule", "check_rules", "parse_rule", "rule_body",
]  # fmt: skip

MOST_RULES = 100  # a Region and account, by default; raisable
_NAME = re.compile(r"[\x20-\x7E]{1,128}")
_CONSOLE_NAME = re.compile(r"[A-Za-z0-9._-]+")


def check_rule(
    body: str, *, name: str | None = None, fields: Sequence[str] | None = None
) -> tuple[Problem, ...]:
    """All that is wrong with one rule; empty for a rule that is fine.

    Args:
        body: the text that `PutInsightRule` would get as RuleDefinition.
        name: checked too where given.
        fields: the flow log format that the rule will read, AWS's names in order; None checks
            the grammar alone.
    """
    problems = [*(_name(name) if name is not None else ()), *grammar_problems(body)]
    if fields is not None and not any(problem.rejected for problem in problems):
        found, _ = decoded(body)
        assert found is not None  # grammar_problems would have said so
        problems += fit_problems(rule_of(name or "", found), fields)
    return tuple(problems)


def check_rules(
    rules: Mapping[str, str], *, fields: Sequence[str] | None = None, existing: int = 0
) -> Mapping[str, tuple[Problem, ...]]:
    """Problems by rule name; what concerns all of them together stands under the name ''.

    Args:
        rules: body by name.
        existing: rules that the Region has beside these.
    """
    found = {name: check_rule(body, name=name, fields=fields) for name, body in rules.items()}
    count = len(rules) + existing
    if count > MOST_RULES:
        said = (
            f"{count} rules, and a Region of an account has {MOST_RULES} unless AWS raises the "
            "quota: group interfaces in one rule (10 values a filter) or ask for more"
        )
        found[""] = (Problem("warning", "RulesOverQuota", "", said),)
    return found


def parse_rule(name: str, body: str) -> Rule:
    """The rule of a body. Raises LF-6301 for one that the service would refuse."""
    problems = [problem for problem in check_rule(body, name=name) if problem.rejected]
    if problems:
        raise rejected(name, problems)
    found, _ = decoded(body)
    assert found is not None
    return rule_of(name, found)


def rejected(name: str, problems: Sequence[Problem]) -> FerryError:
    """The error for a rule that the service would refuse."""
    said = "; ".join(problem.message for problem in problems[:5])
    more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
    return FerryError(
        "LF-6301",
        f"the rule `{name}` would be rejected: {problems[0].code}",
        f"{said}{more}",
        "correct the body; docs/reference/rules.md has the grammar",
    )


def _name(name: str) -> tuple[Problem, ...]:
    if not _NAME.fullmatch(name):
        said = (
            "Value at 'ruleName' failed to satisfy constraint: 1 to 128 characters of "
            r"[\x20-\x7E]+"
        )
        return (Problem("error", "InvalidName", "RuleName", said, rejected=True),)
    if not _CONSOLE_NAME.fullmatch(name):
        said = (
            "the console takes letters, digits, `-`, `_` and `.` only, and the name stands "
            "in quotes inside INSIGHT_RULE_METRIC"
        )
        return (Problem("warning", "UnusualName", "RuleName", said),)
    return ()
