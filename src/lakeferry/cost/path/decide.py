"""Which path the bytes take: by how much it wins, and what would change the choice.

An option comes with its money and with what the replay found: when it ends, and how long bytes
wait. What cannot be there or done in time, or has no full price, is set aside with the reason.
Bytes for S3 and DynamoDB of the same region take the gateway endpoint, always: it is free.
Otherwise the cheapest wins, and within 1 % the one that AWS keeps alive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from lakeferry.cost.path.migration import Path
from lakeferry.cost.path.money import dollars, exact
from lakeferry.cost.path.replay import Replay
from lakeferry.cost.prices.values import Price, ladder
from lakeferry.errors import FerryError

TIE = Decimal("1.01")

Destination = Literal["s3", "dynamodb", "aws_service", "partner", "internet"]
# Where bytes go -> the paths that lead there. A private circuit leads to the source's side.
LEADS_TO: dict[Destination, tuple[Path, ...]] = {
    "s3": ("s3_gateway", "interface_endpoint", "nat_gateway", "nat_instance", "internet_gateway"),
    "dynamodb": (
        "s3_gateway", "interface_endpoint", "nat_gateway", "nat_instance", "internet_gateway",
    ),
    "aws_service": ("interface_endpoint", "nat_gateway", "nat_instance", "internet_gateway"),
    "partner": ("privatelink", "nat_gateway", "nat_instance", "internet_gateway"),
    "internet": (
        "nat_gateway", "nat_instance", "internet_gateway", "direct_connect", "expressroute",
        "interconnect",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Option:
    """One path, with what it costs and what it did to the load."""

    path: Path
    label: str  # for people: `3 x c7gn.large with standby`
    replay: Replay  # of all its devices together
    capacity: int  # bytes a minute of all its devices together, sustained
    usd_per_hour: Decimal = Decimal(0)  # of all devices, billed to the second (EC2, disks)
    usd_per_started_hour: Decimal = Decimal(0)  # billed by the whole hour (gateways, endpoints)
    data: Price | None = None  # of bytes processed; None: they are free
    used: Decimal = Decimal(0)  # units of the month that climbed `data`'s ladder before
    usd_once: Decimal = Decimal(0)
    leaving_usd: Decimal = Decimal(0)  # what the source's cloud takes more than usual; may be less
    risk_usd_per_hour: Decimal = Decimal(0)  # expected cost of failures, see `recovery`
    lead_days: int = 0  # until it can carry the first byte
    unpriced: tuple[str, ...] = ()  # what has no price: the total is then a lower bound

    @property
    def managed(self) -> bool:
        """Whether AWS keeps it alive."""
        return self.path != "nat_instance"

    @property
    @exact()
    def usd_of_an_hour(self) -> Decimal:
        return self.usd_per_hour + self.usd_per_started_hour + self.risk_usd_per_hour

    @exact()
    def data_usd(self, size: int) -> Decimal:
        """What so many bytes cost; 0 as far as there is no price, see `complete`."""
        if self.data is None:
            return Decimal(0)
        return ladder(self.data, self.data.units(size), used=self.used) or Decimal(0)

    @property
    def complete(self) -> bool:
        """Whether everything has a price."""
        return not self.unpriced and (self.data is None or self.data.tiers is not None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the choice is for."""

    destination: Destination
    planned_minutes: int  # in which the load ends if nothing holds it up
    latest_minutes: int | None = None  # an end after this is too late; None: never
    waiting_usd_hour: Decimal = Decimal(0)  # of all that waits when the end is late
    days_to_start: int | None = None  # until the first byte is to move; None: whenever
    refused: tuple[Path, ...] = ()  # paths that a policy forbids: shown, never chosen


@dataclass(frozen=True, slots=True)
class Outcome:
    """An option's row in the table: exact dollars."""

    option: Option
    fixed: Decimal  # hours and what is paid once
    data: Decimal
    leaving: Decimal  # the source's cloud, more or less than usual
    delay: Decimal  # what waits past the planned end
    risk: Decimal
    set_aside: str  # why it is no choice; empty: it is one

    @property
    @exact()
    def total(self) -> Decimal:
        return self.fixed + self.data + self.leaving + self.delay + self.risk


@dataclass(frozen=True, slots=True)
class Flip:
    """Where the choice and another option cost the same, all else kept."""

    what: str  # `bytes`, `hours`, `dollars an hour`, `dollars a waiting hour`, `capacity`
    against: str  # the other option's label
    now: Decimal
    at: Decimal


@dataclass(frozen=True, slots=True)
class Bounded:
    """A break-even with what the cheaper way can carry in the same time: one without is a trap."""

    gb: Decimal  # 2^30 bytes from which it is cheaper; 0 or below: from the first
    capacity_gb: Decimal  # 2^30 bytes that it carries in that time

    @property
    def pays(self) -> bool:
        """Whether there is any volume at which it is cheaper and can be carried."""
        return self.gb < self.capacity_gb

    def __str__(self) -> str:
        bound = f"it carries at most {self.capacity_gb:,.2f} GB"
        if not self.pays:
            return f"never cheaper: {bound}, and pays from {self.gb:,.2f} GB"
        start = "the first byte" if self.gb <= 0 else f"{self.gb:,.2f} GB"
        return f"cheaper from {start}; {bound}"


@dataclass(frozen=True, slots=True)
class Decision:
    """All options, those that may be chosen before the others, each cheapest first."""

    outcomes: tuple[Outcome, ...]
    chosen: Outcome
    runner_up: Outcome | None
    reason: str
    flips: tuple[Flip, ...]  # the nearest first

    @property
    @exact()
    def wins_by(self) -> Decimal | None:
        """Dollars below the runner-up; negative where a tie went to the managed one."""
        return self.runner_up.total - self.chosen.total if self.runner_up else None


@exact()
def decide(options: Sequence[Option], wanted: Wanted) -> Decision:
    """Choose among the options that lead to the destination.

    Raises:
        FerryError: LF-6521, none of them carries the load in time at a price that is known.
    """
    leading = [one for one in options if one.path in LEADS_TO[wanted.destination]]
    outcomes = sorted(
        (outcome(one, wanted) for one in leading),
        key=lambda one: (bool(one.set_aside), one.total, one.option.label),
    )
    able = [one for one in outcomes if not one.set_aside]
    if not able:
        raise _nobody(outcomes, wanted)
    chosen, reason = _choice(able, wanted)
    runner_up = next((one for one in able if one is not chosen), None)
    found = [flip for one in able if one is not chosen for flip in flips(chosen, one, wanted)]
    return Decision(
        tuple(outcomes),
        chosen,
        runner_up,
        reason,
        tuple(sorted([*found, *_capacity(chosen, wanted)], key=_distance)),
    )


@exact()
def outcome(option: Option, wanted: Wanted) -> Outcome:
    """What an option costs until its replay ends, and whether it is a choice."""
    replay = option.replay
    hours, started = Decimal(replay.minutes) / 60, -(-replay.minutes // 60)
    late = max(0, replay.minutes - wanted.planned_minutes)
    return Outcome(
        option,
        fixed=option.usd_once + option.usd_per_hour * hours + option.usd_per_started_hour * started,
        data=option.data_usd(replay.carried),
        leaving=option.leaving_usd,
        delay=Decimal(late) / 60 * wanted.waiting_usd_hour,
        risk=option.risk_usd_per_hour * hours,
        set_aside=_set_aside(option, wanted),
    )


def _set_aside(option: Option, wanted: Wanted) -> str:
    if option.path in wanted.refused:
        return "a policy refuses this path"
    if wanted.days_to_start is not None and option.lead_days > wanted.days_to_start:
        return f"it takes {option.lead_days} days to get, and there are {wanted.days_to_start}"
    if wanted.latest_minutes is not None and option.replay.minutes > wanted.latest_minutes:
        over = option.replay.minutes - wanted.latest_minutes
        return f"it ends {_time(over)} too late"
    if not option.complete:
        named = option.unpriced or (option.data.id if option.data else "",)
        return f"no price is known for {', '.join(named)}: its total is a lower bound"
    return ""


def _choice(able: Sequence[Outcome], wanted: Wanted) -> tuple[Outcome, str]:
    """The chosen of outcomes, cheapest first, and why."""
    if wanted.destination in ("s3", "dynamodb"):
        for one in able:
            if one.option.path == "s3_gateway":
                return one, "a gateway endpoint takes these bytes for nothing: always"
    cheapest = able[0]
    if not cheapest.option.managed:
        for one in able[1:]:
            if one.option.managed and one.total <= cheapest.total + abs(cheapest.total) * (TIE - 1):
                more = dollars(one.total - cheapest.total)
                return one, f"{more} above {cheapest.option.label}, a tie: AWS keeps it alive"
    if len(able) == 1:
        return cheapest, "the only one in time at prices that are all known"
    by = dollars(able[1].total - cheapest.total)
    return cheapest, f"{by} below {able[1].option.label}"


@exact()
def flips(chosen: Outcome, other: Outcome, wanted: Wanted) -> tuple[Flip, ...]:
    """Where one quantity makes two options cost the same while all else stays as it is.

    Hours are those that both last, without what waits: twice as many hours are twice the hours
    of everything. Bytes leave the hours as they are; a tier's cut is heeded.
    """
    one, two = chosen.option, other.option
    gap = other.total - chosen.total
    hours = Decimal(one.replay.minutes) / 60
    found = []
    volume = flip_bytes(one, two, gap=gap)
    if volume is not None:
        found.append(Flip("bytes", two.label, Decimal(one.replay.carried), volume))
    faster = one.usd_of_an_hour - two.usd_of_an_hour
    without_time = [
        row.data + row.leaving + option.usd_once for row, option in ((chosen, one), (other, two))
    ]
    bytes_apart = without_time[1] - without_time[0]
    if faster and bytes_apart / faster > 0:
        found.append(Flip("hours", two.label, hours, bytes_apart / faster))
    paid = one.usd_per_hour + one.usd_per_started_hour
    if hours and paid and paid + gap / hours > 0:
        found.append(Flip("dollars an hour", two.label, paid, paid + gap / hours))
    later = _late(one, wanted) - _late(two, wanted)
    if later:
        per_dollar = Decimal(later) / 60
        at = wanted.waiting_usd_hour + gap / per_dollar
        if at >= 0:
            found.append(Flip("dollars a waiting hour", two.label, wanted.waiting_usd_hour, at))
    return tuple(found)


@exact()
def flip_bytes(one: Option, two: Option, *, gap: Decimal) -> Decimal | None:
    """The volume nearest to the present one at which two options cost the same.

    Args:
        gap: what `two` costs more at the volume that `one` carried.

    Returns:
        Bytes; None where the two never meet.
    """
    now = Decimal(one.replay.carried)
    cuts = sorted({Decimal(0), now, *_cuts(one), *_cuts(two)})

    def apart(size: Decimal) -> Decimal:
        # A ladder takes whole bytes; between its cuts it is straight, and cuts are whole.
        least = gap - two.data_usd(int(now)) + one.data_usd(int(now))
        return least + two.data_usd(int(size)) - one.data_usd(int(size))

    found = []
    for start, end in zip(cuts, [*cuts[1:], None], strict=True):
        until = end if end is not None else start + 2**40
        slope = (apart(until) - apart(start)) / (until - start)
        if slope:
            at = start - apart(start) / slope
            if at >= start and (end is None or at <= end):
                found.append(at)
    return min(found, key=lambda at: (abs(at - now), at), default=None)


def _cuts(option: Option) -> list[Decimal]:
    if option.data is None or option.data.tiers is None:
        return []
    unit = option.data.bytes_per_unit or 1
    starts = (tier.start - option.used for tier in option.data.tiers)
    return [(start * unit).to_integral_value() for start in starts if start > 0]


def _capacity(chosen: Outcome, wanted: Wanted) -> list[Flip]:
    """The bytes from which on even an even load ends late by the chosen option."""
    minutes = wanted.latest_minutes or wanted.planned_minutes
    most = Decimal(chosen.option.capacity * minutes)
    return [Flip("capacity", "", Decimal(chosen.option.replay.carried), most)]


def _distance(flip: Flip) -> tuple[Decimal, str, str]:
    """How far a quantity must move, as a factor; never from 0."""
    if not (flip.now and flip.at):
        return Decimal("Infinity"), flip.what, flip.against
    return max(flip.at / flip.now, flip.now / flip.at), flip.what, flip.against


def _late(option: Option, wanted: Wanted) -> int:
    return max(0, option.replay.minutes - wanted.planned_minutes)


def _time(minutes: int) -> str:
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes / 60:.1f} hours" if minutes < 2880 else f"{minutes / 1440:.1f} days"


def _nobody(outcomes: Sequence[Outcome], wanted: Wanted) -> FerryError:
    reasons = "; ".join(f"{one.option.label}: {one.set_aside}" for one in outcomes)
    ends = [one.option.replay.minutes for one in outcomes]
    return FerryError(
        "LF-6521",
        "no path that is known here carries the bytes in time",
        f"to {wanted.destination}: {reasons or 'no path leads there'}",
        f"allow {_time(min(ends))}, or give more or larger instances"
        if ends
        else "name a path that leads there",
    )
