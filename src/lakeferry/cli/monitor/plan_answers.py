"""Plans of what shall watch a network, and what became of them, as lines for people. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from lakeferry.cli.columns import Column, elided, paragraph, table
from lakeferry.cli.monitor.discover_answers import finding_lines
from lakeferry.monitor.changes import Change, Difference
from lakeferry.monitor.choice_problems import FORMATS
from lakeferry.monitor.plan import ProvisionPlan, counted
from lakeferry.monitor.run import ApplyReport, ProvisionReport
from lakeferry.monitor.wanted.own_cost import MonthlyCost, total
from lakeferry.network.fields import format_text
from lakeferry.network.rule_set import Unanswerable

SIGNS = {"create": "+", "update": "~", "replace": "±", "delete": "-", "keep": "="}
_ASCII = {"±": "-/+"}
_COLUMNS = (
    Column(""),
    Column("kind", priority=2),
    Column("name", elastic=True),
    Column("$/month", right=True),
    Column("why", priority=3),
)
_STANDINGS = {  # of a price, see `cost.path.quote`
    "price_list": "AWS's price list",
    "golden": "AWS's own examples",
    "secondary": "secondary sources",
    "unverified": "unverified",
    "price of": "another Region's, where this one's are not known",
}
_MOST_DIFFERENCES = 3  # of one resource, unless all are asked for


def plan_lines(
    report: ProvisionReport, signs: Mapping[str, str], width: int, *, verbose: bool = False
) -> list[str]:
    """What would be changed, with dollars a month beside each, and what is worth knowing."""
    plan, shall = report.plan, report.desired
    lines = [f"{plan.deployment}  account {plan.account}  {plan.region}"]
    lines += change_lines(plan, shall.costs, signs, width, verbose=verbose)
    lines += ["", *_sum_lines(report, width)]
    lines += finding_lines(report.topology.findings, signs, width)
    lines += unanswerable_lines(shall.unanswerable, shall.fields, signs, width)
    for note in shall.notes:
        lines += paragraph(f"  - {note}", width)
    if report.brakes:
        lines.append(f"  {signs['warning']} apply would ask for a word:")
        for brake in report.brakes:
            lines += paragraph(f"    {brake.what}: --allow {brake.kind}", width)
    return lines


def change_lines(
    plan: ProvisionPlan,
    costs: Iterable[MonthlyCost],
    signs: Mapping[str, str],
    width: int,
    *,
    verbose: bool = False,
) -> list[str]:
    """One line a resource that is not as it shall be; with `verbose` those that are, too."""
    asked = plan.of("create", "update", "replace", "delete", *(("keep",) if verbose else ()))
    if not asked:
        return [f"  {signs['ok']} all {plan.found} resources are as they shall be"]
    usd = {(one.kind, one.name): one for one in costs}
    rows = [_row(one, usd.get(one.key), signs) for one in asked]
    first, *rest = table(_COLUMNS, rows, width)
    lines = [first]
    for one, line in zip(asked, rest, strict=True):
        lines.append(line)
        lines += _differences(one, width, verbose=verbose)
    return lines


def change_sums(plan: ProvisionPlan) -> dict[str, int]:
    """How many of each action."""
    return {action: len(plan.of(action)) for action in SIGNS}  # type: ignore[arg-type]


def applied_lines(report: ApplyReport, signs: Mapping[str, str], width: int) -> list[str]:
    """What an apply or a destroy did."""
    plan, done, left = report.plan, report.done, report.left
    if not done and not left:
        return [f"  {signs['ok']} {plan.deployment}: nothing to do"]
    rows = [_row(one, None, signs)[:3] for one in done]
    lines = table(_COLUMNS[:3], rows, width) if rows else []
    said = f"{len(done)} of {len(done) + len(left)} changes made"
    if left:
        lines.append(f"  {signs['warning']} {said}; the same command goes on from here")
    else:
        lines.append(f"  {signs['ok']} {said}")
    for note in report.notes:
        lines += paragraph(f"  - {note}", width)
    return lines


def cost_body(one: MonthlyCost, deployment: str) -> dict[str, Any]:
    """One `cost` line."""
    return {
        "type": "cost",
        "deployment": deployment,
        "kind": one.kind,
        "name": one.name,
        "usd_a_month": float(round(one.usd, 4)),
        "basis": one.basis,
    }


def plan_body(report: ProvisionReport) -> dict[str, Any]:
    """What a plan adds to the summary."""
    shall = report.desired
    return {
        "deployment": report.plan.deployment,
        "fingerprint": report.plan.fingerprint,
        "changes": change_sums(report.plan),
        "drift": bool(report.drift),
        "usd_a_month": float(round(shall.usd_a_month, 2)),
        "later": {
            "resources": len(report.later),
            "usd_a_month": float(round(total(report.later), 2)),
        },
        "brakes": [one.kind for one in report.brakes],
        "unanswerable": [
            {"question": one.question, "what": one.what, "needs": list(one.needs)}
            for one in shall.unanswerable
        ],
        "notes": list(shall.notes),
    }


def applied_body(report: ApplyReport) -> dict[str, Any]:
    """What an apply or a destroy adds to the summary."""
    return {
        "deployment": report.plan.deployment,
        "fingerprint": report.plan.fingerprint,
        "done": len(report.done),
        "left": len(report.left),
        "notes": list(report.notes),
    }


def dollars(usd: Decimal) -> str:
    return f"${usd:,.2f}"


# ---- parts


def _row(one: Change, cost: MonthlyCost | None, signs: Mapping[str, str]) -> tuple[str, ...]:
    sign = SIGNS[one.action]
    if signs["ok"].isascii():
        sign = _ASCII.get(sign, sign)
    price = "" if cost is None else dollars(cost.usd) if cost.usd else "free"
    why = one.why
    if one.action in ("create", "keep"):
        why = cost.basis.partition(" (")[0] if cost is not None and cost.usd else ""
    return sign, one.kind.replace("_", " "), one.name, price, why


def _differences(one: Change, width: int, *, verbose: bool) -> list[str]:
    most = len(one.differences) if verbose else _MOST_DIFFERENCES
    lines = [elided(f"      {_difference(each)}", width) for each in one.differences[:most]]
    more = len(one.differences) - most
    return [*lines, f"      and {more} more (-v)"] if more > 0 else lines


def _difference(one: Difference) -> str:
    def shown(value: Any) -> str:
        return "nothing" if value is None else str(value)

    # A URL may be a secret, a script is long.
    if one.field.startswith(("subscriptions", "user_data")):
        return f"{one.field}: differs (values not shown)"
    return f"{one.field}: {shown(one.before)} -> {shown(one.after)}"


def _sum_lines(report: ProvisionReport, width: int) -> list[str]:
    plan = report.plan
    total = f"{dollars(report.desired.usd_a_month)} a month for all that there shall be"
    kept = len(plan.of("keep"))
    said = [counted(plan), f"{kept} as they shall be" if kept else ""]
    line = f"  {', '.join(one for one in said if one)}; {total}"
    bases = " ".join(one.basis.partition(" (")[2] for one in report.desired.costs)
    known = [said for word, said in _STANDINGS.items() if word in bases]
    prices = paragraph(f"  prices: {', '.join(known)}", width) if known else []
    return [*paragraph(line, width), *_later(report, width), *prices,
            f"  plan {plan.fingerprint[:12]}"]  # fmt: skip


def _later(report: ProvisionReport, width: int) -> list[str]:
    """What the plan does not list, for it watches interfaces that nobody knows yet."""
    later = report.later
    if not later:
        return []
    said = f"{len(later)} more once new interfaces are known, {dollars(total(later))} a month"
    return paragraph(f"  {said}: rules and alarms that apply makes in the same run", width)


def unanswerable_lines(
    asked: Sequence[Unanswerable], fields: Sequence[str], signs: Mapping[str, str], width: int
) -> list[str]:
    """Questions without a rule, each once, and the one format that would answer them all."""
    lines: list[str] = []
    for said in dict.fromkeys((one.question, one.what) for one in asked):
        lines += paragraph(f"  {signs['warning']} {said[0]}: {said[1]}", width)
        instead = [one.instead for one in asked if (one.question, one.what) == said if one.instead]
        if instead:
            lines += paragraph(f"    roughly: {', '.join(instead)}", width)
    lacking = tuple(dict.fromkeys(field for one in asked for field in one.needs))
    if lacking:
        step = f"    next: a flow log with them: --flow-log-format {_format(fields, lacking)}"
        lines += paragraph(step, width)
    return lines


def _format(fields: Sequence[str], lacking: Sequence[str]) -> str:
    """The name of a format that has all of these, or the format itself."""
    wanted = {*fields, *lacking}
    for name, known in FORMATS.items():
        if wanted <= set(known):
            return name
    return f"'{format_text((*fields, *lacking))}'"
