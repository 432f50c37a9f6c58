"""What bears tags, what does not, and what that costs, as lines for people and as JSON. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from lakeferry.cli.columns import Column, paragraph, table
from lakeferry.cli.units import counted
from lakeferry.cost.path.money import dollars, exact_text
from lakeferry.monitor.tags.audit import WORDS, Audited, TagAudit
from lakeferry.monitor.tags.gap import NO_BACK_DATING, Billed, Estimate
from lakeferry.monitor.tags.run import MendReport, TagReport
from lakeferry.network.tag_bearers import Bearer, Put

_COUNTS = (
    Column("kind"),
    Column("right", right=True),
    Column("lack", right=True),
    Column("not here", right=True, priority=1),
)
_LOST = (Column("resource", elastic=True), Column("credit lost", right=True))
_MOST = 20  # lines of one list, unless all are asked for
_MOST_LOST = 10


def tag_lines(
    report: TagReport, signs: Mapping[str, str], width: int, *, verbose: bool
) -> list[str]:
    """What an audit found."""
    found = report.audit
    wanted = ", ".join(f"{key}={value}" for key, value in sorted(found.wanted.items()))
    lines = paragraph(f"{wanted}  {report.vpc}  account {report.account}  {report.region}", width)
    lines += table(_COUNTS, [_counts(kind, found) for kind in found.kinds], width)
    lines += _wrong_lines(found, signs, width, verbose=verbose)
    for why, some in _by_reason(found.elsewhere):
        lines += paragraph(f"  - {counted(len(some), _word(some[0].kind))} not here: {why}", width)
    for note in found.notes:
        lines += paragraph(f"  - {note}", width)
    if report.billed is not None:
        lines += _billed_lines(report.billed, width)
    elif report.estimate is not None:
        lines += _estimate_lines(report.estimate, width)
    return lines


def step_lines(found: TagAudit, width: int) -> list[str]:
    """What to do next."""
    lines: list[str] = []
    if found.work:
        lines.append(f"  next: lakeferry monitor tags --fix ({counted(len(found.work), 'thing')})")
    for word in found.asks:
        lines += paragraph(f"  with --allow {word} it would also {WORDS[word]}", width)
    return lines


def mended_lines(report: MendReport, signs: Mapping[str, str], width: int) -> list[str]:
    """What became of mending."""
    lines: list[str] = []
    for one in report.failed:
        lines += paragraph(f"  {signs['error']} {one.bearer.shown}: {one.fault}", width)
    sign = signs["warning" if report.failed or report.left else "ok"]
    said = f"{counted(len(report.done), 'thing')} tagged"
    if report.failed:
        said += f", {len(report.failed)} refused"
    if report.left:
        said += f", {len(report.left)} left"
    lines.append(f"  {sign} {said}")
    for note in report.notes:
        lines += paragraph(f"  - {note}", width)
    asks = Counter(word for one in report.left for word in one.asks)
    for word in asks:
        lines += paragraph(
            f"  - {counted(asks[word], 'thing')} left: --allow {word} would {WORDS[word]}", width
        )
    for left in report.left:
        if left.held:
            lines += paragraph(f"  - {left.bearer.shown}: {left.held}", width)
    return lines


# ---- parts


def _counts(kind: str, found: TagAudit) -> tuple[str, ...]:
    right = sum(1 for one in found.right if one.kind == kind)
    wrong = sum(1 for one in found.wrong if one.bearer.kind == kind)
    other = sum(1 for one in found.elsewhere if one.kind == kind)
    return _word(kind), str(right), str(wrong), str(other)


def _word(kind: str) -> str:
    return kind.replace("_", " ")


def _wrong_lines(
    found: TagAudit, signs: Mapping[str, str], width: int, *, verbose: bool
) -> list[str]:
    lines: list[str] = []
    # First what costs by the hour, and what makes such things.
    dearest = sorted(found.wrong, key=lambda one: not one.bearer.costs)
    shown = dearest if verbose else dearest[:_MOST]
    for one in shown:
        said = "; ".join(fault.said for fault in one.faults)
        held = f" ({one.held})" if one.held else ""
        held = f" (--allow {', '.join(one.asks)})" if one.asks else held
        start = f"  {signs['warning']} {_word(one.bearer.kind)} {one.bearer.shown}"
        lines += paragraph(f"{start}: {said}{held}", width)
    more = len(found.wrong) - len(shown)
    return [*lines, f"    and {more} more (-v)"] if more else lines


def _by_reason(some: Sequence[Bearer]) -> list[tuple[str, list[Bearer]]]:
    found: dict[tuple[str, str], list[Bearer]] = {}
    for one in some:
        found.setdefault((one.kind, one.elsewhere), []).append(one)
    return [(why, some) for (_, why), some in found.items()]


def _billed_lines(found: Billed, width: int) -> list[str]:
    gap = found.gap
    span = f"{_day(found.start)} to {_day(found.end - 1)}"
    said = f"  bill {span}: ${dollars(gap.untagged_usd)} that would earn bore no tag that counts"
    lines = ["", *paragraph(said, width)]
    if found.rate is None:
        lines.append("    give --rate with the agreement's share, such as 25%, for the credit")
    else:
        share = f"{exact_text(found.rate * 100)} %"
        lines += paragraph(
            f"    at {share}: ${dollars(gap.lost)} of credit lost, ${dollars(gap.earned)} earned "
            f"on ${dollars(gap.tagged_usd)}; {NO_BACK_DATING}",
            width,
        )
        lines += paragraph(_ahead(found), width)
        rows = [(name, f"${dollars(usd)}") for name, usd in found.lost_by[:_MOST_LOST]]
        lines += table(_LOST, rows, width, indent="    ") if rows else []
        if len(found.lost_by) > _MOST_LOST:
            lines.append(f"    and {len(found.lost_by) - _MOST_LOST} more")
    if gap.without_resource_usd:
        usd = dollars(gap.without_resource_usd)
        lines += paragraph(
            f"  - ${usd} cannot be tagged: its lines name no resource (not in the gap)", width
        )
    if found.never:
        dearest = ", ".join(f"{name} ${dollars(usd)}" for name, usd in found.never[:3])
        lines += paragraph(
            f"  - ${dollars(gap.not_covered_usd)} never qualifies, whatever its tags: {dearest}"
            + (f" and {len(found.never) - 3} more" if len(found.never) > 3 else ""),
            width,
        )
    return lines


def _ahead(found: Billed) -> str:
    said = (
        f"    to come, as on the days of the bill: ${dollars(found.lost_a_day)} a day, "
        f"${dollars(found.lost_to_come)} in {counted(found.days, 'day')}, until they bear it"
    )
    if found.mended:
        said += f" ({counted(len(found.mended), 'resource')} of the bill bear it by now)"
    return said


def _estimate_lines(found: Estimate, width: int) -> list[str]:
    if not found.untagged:
        return []
    count = counted(len(found.untagged), "thing")
    said = (
        f"  {count} run without a tag that counts: ${dollars(found.usd_an_hour)} an hour at list "
        f"prices, bytes not counted; ${dollars(found.usd_to_come)} in "
        f"{counted(found.days, 'day')}"
    )
    lines = ["", *paragraph(said, width)]
    lost = found.lost_to_come
    if lost is None or found.rate is None:
        lines.append("    give --rate with the agreement's share, such as 25%, for the credit")
    else:
        lines += paragraph(
            f"    at {exact_text(found.rate * 100)} %: ${dollars(lost)} of credit not earned in "
            f"these days; {NO_BACK_DATING}",
            width,
        )
    lines += paragraph("    --bill FILE tells what was lost, with bytes and discounts", width)
    if found.unpriced:
        ids = sorted({id for one in found.unpriced for id in one.lacking})
        lines += paragraph(f"  - unpriced, so more than that: {', '.join(ids)}", width)
    return lines


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


# ---- JSON


def audited_body(one: Audited) -> dict[str, Any]:
    """One `tag` line of what lacks."""
    return {
        **_bearer(one.bearer, "lacks"),
        "faults": [
            {"key": fault.key, "kind": fault.kind, "wanted": fault.wanted, "found": fault.found}
            for fault in one.faults
        ],
        "put": dict(one.put),
        "asks": list(one.asks),
        "why": one.held,
    }


def elsewhere_body(one: Bearer) -> dict[str, Any]:
    """One `tag` line of what bears no tag of its own."""
    return {**_bearer(one, "elsewhere"), "why": one.elsewhere}


def put_body(one: Put) -> dict[str, Any]:
    """One `tag` line of what became of mending."""
    state = "refused" if one.fault else "put"
    return {**_bearer(one.bearer, state), "put": dict(one.tags), "why": one.fault}


def _bearer(one: Bearer, state: str) -> dict[str, Any]:
    return {
        "type": "tag", "state": state, "kind": one.kind, "id": one.id, "name": one.name,
        "workspace": one.where or None,
    }  # fmt: skip


def tag_body(report: TagReport) -> dict[str, Any]:
    """What an audit adds to the summary. Dollars are exact decimal strings."""
    found = report.audit
    return {
        "tags": dict(found.wanted),
        "account": report.account,
        "region": report.region,
        "vpc": report.vpc,
        "right": len(found.right),
        "lack": len(found.wrong),
        "elsewhere": len(found.elsewhere),
        "asks": list(found.asks),
        "notes": list(found.notes),
        "estimate": None if report.estimate is None else _estimate_body(report.estimate),
        "bill": None if report.billed is None else _billed_body(report.billed),
    }


def _estimate_body(found: Estimate) -> dict[str, Any]:
    return {
        "untagged": [
            {"kind": one.bearer.kind, "id": one.bearer.id, "usd_an_hour": _usd(one.usd)}
            for one in found.untagged
        ],
        "usd_an_hour": _usd(found.usd_an_hour),
        "rate": _usd(found.rate),
        "days": found.days,
        "usd_to_come": _usd(found.usd_to_come),
        "lost_to_come": _usd(found.lost_to_come),
        "unpriced": sorted({id for one in found.unpriced for id in one.lacking}),
    }


def _billed_body(found: Billed) -> dict[str, Any]:
    gap, is_told = found.gap, found.rate is not None
    return {
        "from": _day(found.start),
        "to": _day(found.end - 1),
        "rate": _usd(found.rate),
        "tagged_usd": _usd(gap.tagged_usd),
        "untagged_usd": _usd(gap.untagged_usd),
        "earned": _usd(gap.earned) if is_told else None,
        "lost": _usd(gap.lost) if is_told else None,
        "lost_by": {name: _usd(usd) for name, usd in found.lost_by} if is_told else {},
        "lost_a_day": _usd(found.lost_a_day) if is_told else None,
        "days": found.days,
        "lost_to_come": _usd(found.lost_to_come) if is_told else None,
        "without_resource_usd": _usd(gap.without_resource_usd),
        "never_usd": _usd(gap.not_covered_usd),
        "never": {name: _usd(usd) for name, usd in found.never},
        "by_now_tagged": list(found.mended),
    }


def _usd(value: Decimal | None) -> str | None:
    return None if value is None else exact_text(value)


def mended_body(report: MendReport) -> dict[str, Any]:
    """What mending adds to the summary."""
    return {
        "put": len(report.done),
        "refused": len(report.failed),
        "left": len(report.left),
        "stopped": report.stopped,
    }
