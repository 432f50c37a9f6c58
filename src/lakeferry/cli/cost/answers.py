"""What a plan costs, as lines for people. Pure; JSON bodies and CSV are in `rows`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from lakeferry.cli.columns import Column, paragraph, table
from lakeferry.cli.units import counted
from lakeferry.cost.path.decide import Decision, Flip
from lakeferry.cost.path.front import Point
from lakeferry.cost.path.migration import Migration
from lakeferry.cost.path.money import cents, dollars, exact, exact_text
from lakeferry.cost.path.names import point_name, why_of
from lakeferry.cost.path.quote import Line, Quote
from lakeferry.cost.path.sizing import Kernel
from lakeferry.cost.path.span import TYPICAL_HOURS
from lakeferry.cost.plan.cost_report import CostReport, Route, days_text

Signs = Mapping[str, str]

_ROUTES = (
    Column("route", elastic=True),
    Column("total USD", right=True),
    Column("days", right=True),
    Column("Gbit/s max", priority=3, right=True),
    Column("worst price", priority=5),
    Column("oldest", priority=4),
    Column("remark", priority=6, elastic=True),  # told below the table where it falls away
)
_FRONT = (
    Column("as fast as each goes", elastic=True),
    Column("total USD", right=True),
    Column("days", right=True),
    Column("Gbit/s", priority=3, right=True),
)
_LINES = (
    Column("item", elastic=True),
    Column("quantity", priority=2, right=True),
    Column("unit", priority=3),
    Column("USD", right=True),
    Column("as of", priority=5),
    Column("confidence", priority=4),
    Column("price", priority=6),
    Column("source", priority=7, elastic=True),
)


def report_lines(report: CostReport, shown: Sequence[Route], signs: Signs, width: int) -> list[str]:
    """The whole answer: what was taken, every path, the choice, and what would change it."""
    parts = [
        _head(report, width),
        _route_table(shown, signs, width),
        _front_lines(report, signs, width),
        _chosen_lines(report, signs, width),
        *(paragraph(f"  {signs['warning']} {hint}", width) for hint in report.hints),
        _change_lines(report, width),
        _size_lines(report, width),
        stream_lines(report, signs, width),
        _standing(report, width),
    ]
    return [line for part in parts for line in part]


def _head(report: CostReport, width: int) -> list[str]:
    plan, migration = report.plan, report.migration
    lines = [f"  {_what(migration)}"] if migration is not None else []
    hours = plan.span.hours
    is_typical = hours == TYPICAL_HOURS and plan.span.parts[0].month_hours == TYPICAL_HOURS
    time = (
        "a typical month of 730 hours"
        if is_typical
        else f"{_number(hours, 24)} days ({hours:,} hours)"
    )
    if plan.span.start is not None:
        months = ", ".join(f"{one.hours} h of {one.month}" for one in plan.span.parts)
        time = f"{time} from {plan.span.start:%Y-%m-%d}: {months}"
    rate = f", {migration.gbps:.3g} Gbit/s on the wire" if migration is not None else ""
    free = "on" if plan.free_tier else "off"
    book = f"prices of {report.book.written} in {report.book.currency}"
    lines += [
        f"  {time}{rate}",
        f"  {book}; a GB is 2^30 bytes; free tiers {free}",
    ]
    if report.assumed:
        lines.append(f"  assumed: {'; '.join(report.assumed)}")
    return [cut for line in lines for cut in paragraph(line, width)]


def _what(migration: Migration) -> str:
    source = migration.source
    place = f"{source.cloud.replace('_', ' ')} {source.region}".strip()
    size = binary_text(migration.bytes)
    files = counted(migration.objects, "file")
    return f"{size} in {files} from {place} to {migration.target_region}"


def _route_table(shown: Sequence[Route], signs: Signs, width: int) -> list[str]:
    rows = [
        [
            one.name,
            total_text(one.quote, signs),
            days_text(one.days),
            "-" if one.gbps is None else f"{one.gbps:.4g}",
            one.quote.confidence,
            one.quote.as_of or "-",
            one.remark,
        ]
        for one in shown
    ]
    if not rows:
        return []
    lines = table(_ROUTES, rows, width)
    if lines[0].endswith("remark"):
        return lines
    told = (f"    {one.name}: {one.remark}" for one in shown if one.remark)
    return [*lines, *(cut for line in told for cut in paragraph(line, width))]


def _front_lines(report: CostReport, signs: Signs, width: int) -> list[str]:
    """The front: options that no other beats in both dollars and days."""
    if report.front is None:
        return []
    rows = [
        [
            f"{point_name(one)}{'  <- take' if one is report.front.chosen else ''}",
            total_text(one.quote, signs),
            days_text(one.days),
            "-" if one.gbps is None else f"{one.gbps:.4g}",
        ]
        for one in _with_chosen(report.front.best, report.front.chosen)
    ]
    return table(_FRONT, rows, width)


def _with_chosen(best: Sequence[Point], chosen: Point | None) -> list[Point]:
    if chosen is None or chosen in best:
        return list(best)
    return sorted([*best, chosen], key=lambda one: (one.quote.total, one.hours))


def _chosen_lines(report: CostReport, signs: Signs, width: int) -> list[str]:
    lines = []
    if report.front is not None and report.front.chosen is not None:
        one = report.front.chosen
        lines.append(
            f"  {signs['ok']} take {point_name(one)}: {dollars(one.quote.total)} in "
            f"{days_text(one.days)} days, {why_of(report.front)}"
        )
    elif report.front is not None:
        lines.append(f"  {signs['warning']} no option is chosen: {why_of(report.front)}")
    if report.decision is not None:
        lines += _decision_lines(report.decision, signs)
    if report.lost is not None:
        lines.append(f"    {_lost(report)}")
    if report.kernel is not None:
        lines.append(f"    {_kernel(report.kernel)}")
    if report.bounded is not None:
        lines.append(f"    NAT instances against NAT gateways: {report.bounded}")
    if report.pays_until is not None:
        hours = f"{report.pays_until:,.0f}"
        lines.append(f"    their hours come to what the gateways take for these bytes at {hours} h")
    return [cut for line in lines for cut in paragraph(line, width)]


def _lost(report: CostReport) -> str:
    """What the loss of one NAT instance does."""
    assert report.lost is not None
    loss, replay = report.lost.loss, report.lost.replay
    longest = float(replay.longest_delay)
    return (
        f"one NAT instance lost for {loss.minutes} minutes, its route moved after {loss.dark}: "
        f"bytes wait at most {longest:,.1f} minutes, and all have come after "
        f"{replay.minutes / 1440:,.1f} days"
    )


def _kernel(found: Kernel) -> str:
    return (
        f"each NAT instance: nf_conntrack_max {found.conntrack_max:,}, {found.hashsize:,} buckets, "
        f"public addresses: {found.addresses}"
    )


def _decision_lines(decision: Decision, signs: Signs) -> Iterator[str]:
    label, reason = decision.chosen.option.label, decision.reason
    yield f"  {signs['ok']} at the pace of the plan, replayed by minute, {label}: {reason}"
    flips = [_flip(one, label) for one in _nearest(decision)]
    if flips:
        yield f"    it would no longer be at {'; at '.join(flips)}"


def _nearest(decision: Decision) -> list[Flip]:
    """The volume and the duration at which the choice flips, then what it carries at most."""
    other = decision.runner_up.option.label if decision.runner_up is not None else ""
    found = {(one.what, one.against): one for one in decision.flips}
    wanted = [("bytes", other), ("hours", other), ("capacity", "")]
    return [found[one] for one in wanted if one in found]


def _flip(flip: Flip, label: str) -> str:
    match flip.what:
        case "bytes":
            return f"{binary_text(int(flip.at))} on the wire, against {flip.against}"
        case "hours":
            return f"{flip.at:,.0f} hours, against {flip.against}"
        case _:
            return (
                f"{binary_text(int(flip.at))} on the wire, the most that {label} can carry in time"
            )


def _change_lines(report: CostReport, width: int) -> list[str]:
    found = [one for one in report.changes if cents(one.usd)]
    if not found or report.taken is None:
        return []
    columns = (Column(f"what moves {report.taken.name}", elastic=True), Column("USD", right=True))
    return table(columns, [[one.what, f"{cents(one.usd):+,}"] for one in found], width)


def _size_lines(report: CostReport, width: int) -> list[str]:
    if not report.sizes:
        return []
    columns = (
        Column("NAT instances that carry it with one lost", elastic=True),
        Column("USD", right=True),
        Column("Gbit/s each", priority=2, right=True),
        Column("bound by", priority=3, elastic=True),
    )
    rows = [
        [f"{one.count} x {one.type}", dollars(one.usd), f"{one.each_gbps:g}", one.bound_by]
        for one in report.sizes[:3]
    ]
    return table(columns, rows, width)


def stream_lines(report: CostReport, signs: Signs, width: int) -> list[str]:
    """A Kinesis stream by each way of paying for it."""
    if not report.streams:
        return []
    columns = (Column("Kinesis", elastic=True), Column("total USD", right=True))
    rows = [[label, total_text(quote, signs)] for label, quote in report.streams.items()]
    lines = table(columns, rows, width)
    if report.migration is None:
        for label, quote in report.streams.items():
            lines += line_lines(f"Kinesis, {label}", quote, width)
    return lines


def line_lines(name: str, quote: Quote, width: int) -> list[str]:
    """Every line of a quote, with where its price is from, and its total."""
    rows = [_line_row(one) for one in quote.lines]
    total = f"{'at least ' if quote.at_least else ''}{dollars(quote.total)}"
    head = paragraph(f"  {name}: {total} {quote.currency}", width)
    lines = [*head, *table(_LINES, rows, width)]
    if quote.rounding:
        said = f"    the total is rounded once: {quote.rounding:+} beside the sum of these lines"
        lines += paragraph(said, width)
    notes = dict.fromkeys(f"    {one.item}: {one.note}" for one in quote.lines if one.note)
    return [*lines, *(cut for note in notes for cut in paragraph(note, width))]


def _line_row(line: Line) -> list[str]:
    return [
        line.item,
        f"{_short(line.quantity):,}",
        line.unit,
        "unpriced" if line.usd is None else dollars(line.usd),
        line.as_of or "-",
        line.confidence,
        line.price_id,
        line.source,
    ]


@exact()
def _short(quantity: Decimal) -> Decimal:
    text = exact_text(quantity)
    return Decimal(text) if len(text) < 16 else Decimal(exact_text(quantity.quantize(_MICRO)))


_MICRO = Decimal("0.000001")


def _standing(report: CostReport, width: int) -> list[str]:
    quote = report.taken.quote if report.taken is not None else None
    if quote is None:
        return []
    lacking = ", ".join(dict.fromkeys(f"{one.item} ({one.price_id})" for one in quote.unpriced))
    lines = [f"  at least, as there is no price of {lacking}"] if lacking else []
    lines.append(f"  worst confidence {quote.confidence}, oldest price of {quote.as_of or '-'}")
    return [cut for line in lines for cut in paragraph(line, width)]


def total_text(quote: Quote, signs: Signs) -> str:
    """A total; a lower bound says so."""
    sign = "≥" if signs["ok"] == "✓" else ">="
    return f"{sign} {dollars(quote.total)}" if quote.at_least else dollars(quote.total)


def doubt_texts(doubts: Iterable[str]) -> list[str]:
    """Doubts of many prices in two sentences."""
    unseen, old = [], []
    for one in doubts:
        id, _, why = one.partition(": ")
        if why.startswith("as of"):
            old.append(f"{id} ({why.rpartition(', ')[2].removesuffix(' old')})")
        else:
            unseen.append(id)
    found = []
    if unseen:
        found.append(f"{counted(len(unseen), 'price')} not seen in a source: {', '.join(unseen)}")
    if old:
        found.append(f"{counted(len(old), 'price')} older than 180 days: {', '.join(old)}")
    return found


@exact()
def binary_text(size: int) -> str:
    """`2 PiB`, `1.86 PiB`: up to three digits, as AWS counts."""
    for power, unit in ((50, "PiB"), (40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 2**power:
            return f"{_number(size, 2**power)} {unit}"
    return f"{size} bytes"


@exact()
def _number(value: int, each: int) -> str:
    found = Decimal(value) / each
    digits = 0 if found == found.to_integral_value() else 2
    return f"{found:,.{digits}f}"
