"""What flowed, priced: paths, the leak, and the path for each group; lines, JSON, CSV. Pure."""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from lakeferry.cli.columns import Column, paragraph, table
from lakeferry.cli.units import counted, duration_text
from lakeferry.cost.observe.flow_choice import GroupChoice, Sized, a_month
from lakeferry.cost.observe.run import Named, Observation, PathSeen
from lakeferry.cost.path.decide import Decision, Flip, Outcome
from lakeferry.cost.path.money import dollars, exact, exact_or_none, exact_text
from lakeferry.cost.path.replay import GBPS, Replay
from lakeferry.cost.prices.values import GIB

_PATHS = (
    Column("path"),
    Column("through", priority=2, elastic=True),
    Column("GB", right=True),
    Column("share", right=True),
    Column("S3", priority=1, right=True),
    Column("USD", right=True),
    Column("most of it", priority=3, elastic=True),
)
_OPTIONS = (
    Column(""),
    Column("path", elastic=True),
    Column("fixed", priority=1, right=True),
    Column("bytes", priority=1, right=True),
    Column("a month", right=True),
    Column("", elastic=True),
)
_CSV = (
    "path", "destination", "subnets", "bytes", "option", "label", "fixed", "data", "delay", "risk",
    "total", "chosen", "now", "set_aside",
)  # fmt: skip
_FLIPS = 2  # of what would change the choice


# ---- for people


def observed_lines(found: Observation, signs: Mapping[str, str], width: int) -> list[str]:
    """Paths, the leak, then each group with its options, a month like what was seen."""
    began = datetime.fromtimestamp(found.first_s, UTC).strftime("%Y-%m-%d %H:%M")
    lines = table(_PATHS, [_path_row(one, found) for one in found.paths], width)
    whole = (
        f"  {_gb(found.bytes)} GB of 2^30 bytes in {duration_text(60 * found.minutes)} from "
        f"{began} UTC, each byte once; {found.region}"
    )
    lines += paragraph(whole, width)
    if found.leak:
        said = (
            f"  {signs['warning']} leak of {_gb(found.leak)} GB to and from S3 through NAT: "
            f"{dollars(found.leak_usd)} {found.currency}, "
            f"{dollars(found.leak_usd_month)} in a month like this"
        )
        lines += [*paragraph(said, width), *paragraph(f"      next: {found.leak_remedy}", width)]
    lines += ["", f"  a month of 720 hours like these, {found.currency}"]
    for choice in found.choices:
        lines += _group_lines(choice, signs, width)
    return [*lines, f"  in all: {_less(found.saves)}"]


def _less(saves: Decimal) -> str:
    if not saves:
        return "as dear as now"
    return f"{dollars(abs(saves))} a month {'less' if saves > 0 else 'more'} than now"


@exact()
def _path_row(one: PathSeen, found: Observation) -> list[str]:
    ends = [names[0] for names in (one.workers, one.remotes) if names]
    return [
        one.path,
        one.device or "-",
        _gb(one.bytes),
        f"{Decimal(100 * one.bytes) / found.bytes:.1f} %",
        _gb(one.leak) if one.leak else "-",
        "-" if one.usd is None else dollars(one.usd),
        ", ".join(f"{end.name or '?'} {_gb(end.bytes)}" for end in ends),
    ]


def _group_lines(choice: GroupChoice, signs: Mapping[str, str], width: int) -> list[str]:
    group, decision = choice.group, choice.decision
    subnets = counted(len(group.loads), "subnet")
    head = (
        f"  {group.path} to {group.destination or 'elsewhere'}: {subnets}, "
        f"{_gb(a_month(group.bytes, group.minutes))} GB, "
        f"{_gbps(group.demand().together)} Gbit/s at the 99.9th percentile"
    )
    lines = paragraph(head, width)
    if decision is None:
        why = choice.fault or "no other path that is known leads there"
        return [*lines, *paragraph(f"    {why}", width)]
    if choice.is_settled and decision.chosen.option.path == "s3_gateway":
        return [*lines, f"    {signs['ok']} as it should: a gateway endpoint is free"]
    lines += table(_OPTIONS, list(_option_rows(choice, decision, signs)), width, indent="    ")
    lines += [part for said in _said(choice, decision) for part in paragraph(said, width)]
    return lines


def _option_rows(
    choice: GroupChoice, decision: Decision, signs: Mapping[str, str]
) -> Iterator[list[str]]:
    rows = [one for one in decision.outcomes if one is not decision.chosen]
    for one in (decision.chosen, *rows):
        chosen = one is decision.chosen
        least = ">= " if one.option.unpriced else ""
        yield [
            signs["ok"] if chosen else "",
            one.option.label,
            dollars(one.fixed),
            dollars(one.data),
            f"{least}{dollars(one.total)}",
            _remark(choice, decision, one),
        ]


def _remark(choice: GroupChoice, decision: Decision, one: Outcome) -> str:
    said = ["now"] if one.option.path == choice.now else []
    # What is in the total and has no column of its own.
    beside = {"failures": one.risk, "waiting": one.delay, "egress": one.leaving}
    said += [f"{name} {dollars(usd)}" for name, usd in beside.items() if usd]
    if one is decision.chosen:
        said.append(decision.reason)
    elif one.set_aside:
        said.append(f"no choice: {one.set_aside}")
    return "; ".join(said)


def _said(choice: GroupChoice, decision: Decision) -> Iterator[str]:
    """What is to be known about the choice."""
    if choice.saves is not None:
        yield f"    {_less(choice.saves)}"
    if choice.sized is not None and decision.chosen.option.path == "nat_instance":
        yield _sized_text(choice.sized)
        if choice.today is not None and choice.is_settled:
            label = choice.today.option.label
            yield f"    now: {label} without standby, {dollars(choice.today.total)}"
    if choice.break_even is not None:
        other = "instances" if choice.group.destination == "internet" else "an endpoint"
        yield f"    against a NAT gateway {other}: {choice.break_even}"
    if decision.chosen.option.path == "s3_gateway":
        return  # nothing bounds it, and nothing changes the choice
    replay = choice.replays.get(decision.chosen.option.label)
    if replay is not None:
        yield f"    {_delay_text(choice, replay)}"
    flips = [text for one in decision.flips if (text := _flip_text(one))][:_FLIPS]
    if flips:
        yield f"    would change it: {'; '.join(flips)}"


def _sized_text(sized: Sized) -> str:
    size, demand = sized.size, sized.demand
    return (
        f"    {size.count} x {size.type}, one may be lost: {size.each_gbps:f} Gbit/s each, bound "
        f"by {size.bound_by}; {demand.packets_a_second:,} packets/s, "
        f"{demand.connections:,} connections open, {demand.conntrack_entries:,} entries of "
        f"conntrack (nf_conntrack_max {sized.kernel.conntrack_max:,}), at most "
        f"{sized.kernel.ports_needed:,} ports to one place"
        + ("" if demand.flows_carry_it else "; one connection carries 5 Gbit/s at most: use more")
    )


def _delay_text(choice: GroupChoice, replay: Replay) -> str:
    late = max(0, replay.minutes - choice.group.minutes)
    said = f"delay: {_minutes(replay.mean_delay)} on average, {_minutes(replay.longest_delay)} at "
    said += f"worst, ends {late} min late"
    if choice.lost is None or choice.decision is None:
        return said
    if choice.decision.chosen.option.path != "nat_instance":
        return said
    worst = choice.lost
    return (
        f"{said}; with one instance lost for {worst.loss.minutes} min "
        f"{_minutes(worst.replay.longest_delay)} at worst"
    )


def _flip_text(flip: Flip) -> str:
    """What would change the choice; "" for a kind that people are not told of."""
    match flip.what:
        case "bytes" if flip.at > 0:
            return f"{_gb(flip.at)} GB a month, then {flip.against}"
        case "dollars an hour":
            return f"{dollars(flip.at)} an hour of it instead of {dollars(flip.now)}"
        case "capacity":
            return f"more than {_gb(flip.at)} GB a month, which it cannot carry"
    return ""


def _minutes(value: Fraction) -> str:
    return f"{float(value):.1f} min"


# ---- for programs


def observed_bodies(found: Observation) -> Iterator[dict[str, Any]]:
    """One `crossing` line a path and device, one `choice` line a group; exact text."""
    for one in found.paths:
        yield {
            "type": "crossing",
            "path": one.path,
            "device": one.device or None,
            "bytes": str(one.bytes),
            "down_bytes": str(one.down),
            "leak_bytes": str(one.leak),
            "usd": exact_or_none(one.usd),
            "leak_usd": exact_or_none(one.leak_usd),
            "workers": _ends(one.workers),
            "remotes": _ends(one.remotes),
        }
    for choice in found.choices:
        yield _choice_body(choice)


def _choice_body(choice: GroupChoice) -> dict[str, Any]:
    group, decision = choice.group, choice.decision
    demand, sized = group.demand(), choice.sized
    return {
        "type": "choice",
        "path": group.path,
        "destination": group.destination,
        "devices": list(group.devices),
        "subnets": [one for one in group.loads if one],
        "bytes": str(group.bytes),
        "month_bytes": str(a_month(group.bytes, group.minutes)),
        "busiest_bytes_a_minute": str(demand.together),
        "packets_a_second": demand.packets_a_second,
        "connections": demand.connections,
        "conntrack_entries": demand.conntrack_entries,
        "now": choice.now,
        "now_usd": None if choice.today is None else exact_text(choice.today.total),
        "chosen": None if decision is None else decision.chosen.option.path,
        "label": None if decision is None else decision.chosen.option.label,
        "reason": choice.fault if decision is None else decision.reason,
        "wins_by_usd": None if decision is None else exact_or_none(decision.wins_by),
        "saves_usd": exact_or_none(choice.saves),
        "options": [] if decision is None else [_option(one) for one in decision.outcomes],
        "instances": None if sized is None else f"{sized.size.count} x {sized.size.type}",
        "break_even_gb": None if choice.break_even is None else exact_or_none(choice.break_even.gb),
        "mean_delay_minutes": _mean_delay(choice),
    }


def _mean_delay(choice: GroupChoice) -> float | None:
    if choice.decision is None:
        return None
    replay = choice.replays.get(choice.decision.chosen.option.label)
    return None if replay is None else float(replay.mean_delay)


def _option(one: Outcome) -> dict[str, Any]:
    return {
        "path": one.option.path,
        "label": one.option.label,
        "usd": exact_text(one.total),
        "fixed_usd": exact_text(one.fixed),
        "data_usd": exact_text(one.data),
        "delay_usd": exact_text(one.delay),
        "risk_usd": exact_text(one.risk),
        "leaving_usd": exact_text(one.leaving),
        "set_aside": one.set_aside or None,
    }


def observed_summary(found: Observation) -> dict[str, Any]:
    return {
        "currency": found.currency,
        "region": found.region,
        "start": datetime.fromtimestamp(found.first_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "minutes": found.minutes,
        "bytes": str(found.bytes),
        "leak_bytes": str(found.leak),
        "leak_usd": exact_text(found.leak_usd),
        "leak_usd_month": exact_text(found.leak_usd_month),
        "leak_remedy": found.leak_remedy if found.leak else None,
        "saves_usd_month": exact_text(found.saves),
    }


def observed_csv(found: Observation) -> list[str]:
    """Every option of every group, exact dollars a month."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV)
    for choice in found.choices:
        group, decision = choice.group, choice.decision
        for one in decision.outcomes if decision is not None else ():
            money = (one.fixed, one.data, one.delay, one.risk, one.total)
            writer.writerow(
                [
                    group.path, group.destination, " ".join(group.loads), group.bytes,
                    one.option.path, one.option.label, *map(exact_text, money),
                    one is decision.chosen if decision else "", one.option.path == choice.now,
                    one.set_aside,
                ]
            )  # fmt: skip
    return text.getvalue().splitlines()


def _ends(names: tuple[Named, ...]) -> list[dict[str, str | None]]:
    return [{"name": one.name or None, "bytes": str(one.bytes)} for one in names]


@exact()
def _gb(octets: int | Decimal) -> str:
    return f"{Decimal(octets) / GIB:,.2f}"


def _gbps(bytes_a_minute: int) -> str:
    return f"{bytes_a_minute / GBPS:.3g}"
