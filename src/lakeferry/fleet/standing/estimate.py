"""How long a migration will still take: a range with its basis, or nothing. Pure.

Of each route `T = bytes_left / B + requests_left / Q`. Routes work side by side, so the slowest
counts; each is stretched by the windows and caps ahead of it, which are known. B and Q come from
what was moved in the last 48 hours, span by span of a minute: files overlap in time, so only the
bytes and requests of a span add up to what a route can do.

The range is the same formula with the 10th and 90th percentile of means of six hours; of shorter
ones while less was seen, or less is left: the last hour varies as single hours do.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lakeferry.fleet.standing.time_left import Left
from lakeferry.ledger.rows import Pace

HORIZON_S = 48 * 3600
BLOCKS = 8  # at least, of the time that was seen: 6 hours each, when all of the horizon was
CELLS = 288  # of the time that was seen: ten minutes each, likewise; no block is finer
# A day has a rhythm that is not known before a day was seen: until then the range is wider by up to
# this share, the more the longer it will still take.
UNSEEN = 0.25
# A few minutes do not show how far a route's pace wanders either: in the first hour no range is
# narrower than this share to either side, ever less. Recorded syncs of some minutes needed it.
HASTY = 0.2
_HOUR_S = 3600
_DAY_S = 86_400
_CELL_S = 60  # as long as a span, so that a short run has cells too
TRIM = 0.02  # of the spans, at either end
# A route has slow hours and fast ones, so what lies in six counts as one witness.
_WITNESS_S = 6 * 3600
_Z90 = 1.2816  # standard deviations from the middle to the 90th percentile
_SLOWEST = 100.0  # times as slow as the mean; a block in which nothing moved counts as this
_FURTHEST_S = 400 * 86_400


class Load(NamedTuple):
    """What is left to move on one route."""

    bytes: float
    requests: float


class Cost(NamedTuple):
    """Seconds that one byte and one request take, with everything beside them: 1/B, 1/Q."""

    s_per_byte: float
    s_per_request: float

    def seconds(self, load: Load) -> float:
        return load.bytes * self.s_per_byte + load.requests * self.s_per_request


@dataclass(frozen=True, slots=True)
class Rates:
    """What a route was seen to do."""

    # All explain the seconds that were seen; they differ in how much of them went into requests.
    # The first leaves least to them, the last most, the second is likeliest.
    costs: tuple[Cost, Cost, Cost]
    cells: tuple[tuple[float, float], ...]  # seconds that each took, and what the costs say of it
    cell_s: float

    @property
    def seen_s(self) -> float:
        """From the first to the last that was seen."""
        return len(self.cells) * self.cell_s

    def block_s(self, left_s: float) -> float:
        """How long the means are over which the range is taken when `left_s` are left."""
        return self.cell_s * max(1, round(min(left_s, self.seen_s / BLOCKS) / self.cell_s))

    def slowness(self, left_s: float) -> list[float]:
        """Of each block against the mean, ascending: 1.25 is slower."""
        step = round(self.block_s(left_s) / self.cell_s)
        parts = [self.cells[at : at + step] for at in range(0, len(self.cells), step)]
        sums = [(math.fsum(one[0] for one in part), math.fsum(one[1] for one in part))
                for part in parts]  # fmt: skip
        enough = max(took for took, _ in sums) / 4  # a minute is no witness beside six hours
        return sorted(min(_SLOWEST, a / b) if b else _SLOWEST for a, b in sums if a >= enough)

    def basis(self, left_s: float) -> str:
        """`48h,6h-means`."""
        return f"{_brief(self.seen_s)},{_brief(self.block_s(left_s))}-means"


class Span(NamedTuple):
    """From the end of the one before, or from now, a route may do this."""

    until_s: float  # since the epoch; inf: for ever
    bytes_per_s: float | None  # None: as fast as it goes
    is_paused: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One route with its work."""

    load: Load
    rates: Rates | None  # None: nothing was seen of it yet
    ahead: tuple[Span, ...] = ()


def rates(paces: Iterable[Pace], *, now_s: float) -> Rates | None:
    """What one route was seen to do in the last 48 hours; None: nothing.

    Spans that a window held back say nothing of the route, unless there are no others.
    """
    seen = [one for one in paces if one.seconds > 0 and one.at_ms / 1000 > now_s - HORIZON_S]
    free = [one for one in seen if not one.capped]
    spans = free if any(_moved(one) for one in free) else seen
    if not any(_moved(one) for one in spans):
        return None
    kept = _trimmed(spans, _fit(spans)[1])
    costs = _fit(kept if any(_moved(one) for one in kept) else spans)
    return Rates(costs, *_cells(spans, costs[1]))


def time_left(routes: Mapping[str, Route], *, now_s: float) -> Left | None:
    """Until the last route is done; None while one that has work was not seen at work."""
    lefts: list[Left] = []
    for route in routes.values():
        if not (route.load.bytes or route.load.requests):
            continue
        if route.rates is None:
            return None
        lefts.append(route_left(route.load, route.rates, route.ahead, now_s=now_s))
    if not lefts:
        return Left(0, 0, 0)
    return Left(*(max(times) for times in zip(*lefts, strict=True)))


def route_left(load: Load, found: Rates, ahead: Sequence[Span], *, now_s: float) -> Left:
    """Of one route: the mean, and the 10th and 90th percentile of the blocks' means."""
    each = [cost.seconds(load) for cost in found.costs]
    slowness = found.slowness(each[1])
    hasty = HASTY * max(0.0, 1 - found.seen_s / _HOUR_S)
    early = min(each) * min(1 - hasty, percentile(slowness, 0.1))
    late = max(each) * max(1 + hasty, percentile(slowness, 0.9))
    unseen = UNSEEN * max(0.0, 1 - found.seen_s / _DAY_S)
    work = (
        early * (1 - unseen * early / (early + found.seen_s)),
        each[1],
        late * (1 + unseen * late / (late + found.seen_s)),
    )
    return Left(*(stretched(seconds, load.bytes, ahead, now_s=now_s) for seconds in work))


def stretched(work_s: float, size: float, ahead: Iterable[Span], *, now_s: float) -> float:
    """How long `work_s` seconds of work on `size` bytes take, with the spans ahead in their way.

    Inf where they end in no year that matters.
    """
    left_s, at_s = work_s, now_s
    for span in ahead:
        if left_s <= 0 or at_s - now_s > _FURTHEST_S:
            break
        speed = 0.0 if span.is_paused else 1.0
        if span.bytes_per_s is not None and size > 0:
            speed = min(speed, span.bytes_per_s * work_s / size)
        room_s = span.until_s - at_s
        if speed > 0 and left_s <= speed * room_s:
            return at_s - now_s + left_s / speed
        if math.isinf(room_s):
            return math.inf
        left_s -= speed * max(0.0, room_s)
        at_s = max(at_s, span.until_s)
    return math.inf if at_s - now_s > _FURTHEST_S else at_s - now_s + max(0.0, left_s)


def percentile(ascending: Sequence[float], share: float) -> float:
    """Between the two nearest values, by their distance."""
    at = (len(ascending) - 1) * share
    low = math.floor(at)
    high = min(low + 1, len(ascending) - 1)
    return ascending[low] + (ascending[high] - ascending[low]) * (at - low)


def _moved(pace: Pace) -> bool:
    return bool(pace.bytes or pace.requests)


def _fit(spans: Sequence[Pace]) -> tuple[Cost, Cost, Cost]:
    """What a byte and a request cost, by how long the spans took.

    Three answers: as little for requests as the spans allow, the likeliest, and as much.

    Of all seconds together a share goes into requests, the rest into bytes; no cost is below zero.
    Least squares find the share, as well as the spans differ in their mixture and agree in their
    pace.
    """
    seconds = math.fsum(one.seconds for one in spans)
    size = math.fsum(one.bytes for one in spans)
    requests = math.fsum(one.requests for one in spans)
    only_bytes = Cost(seconds / size if size else 0.0, 0.0)
    only_requests = Cost(0.0, seconds / requests if requests else 0.0)
    if not requests or not size:
        return (only_bytes,) * 3 if size else (only_requests,) * 3
    by_bytes = [one.bytes * only_bytes.s_per_byte for one in spans]
    apart = [
        one.requests * only_requests.s_per_request - told
        for one, told in zip(spans, by_bytes, strict=True)
    ]
    square = math.fsum(one * one for one in apart)
    missing = [one.seconds - told for one, told in zip(spans, by_bytes, strict=True)]
    share, doubt = 0.5, 0.5
    if square > 1e-18 * seconds * seconds:
        share = math.fsum(a * b for a, b in zip(apart, missing, strict=True)) / square
        errors = math.fsum((m - share * a) ** 2 for m, a in zip(missing, apart, strict=True))
        witnesses = max(1.0, seconds / _WITNESS_S)
        doubt = _Z90 * math.sqrt(errors / witnesses / square)
    low, middle, high = (
        Cost(only_bytes.s_per_byte * (1 - one), only_requests.s_per_request * one)
        for one in (min(1.0, max(0.0, share + sign * doubt)) for sign in (-1, 0, 1))
    )
    return low, middle, high


def _trimmed(spans: Sequence[Pace], cost: Cost) -> Sequence[Pace]:
    """Without the share `TRIM` that was fastest, by these costs, and as many of the slowest."""
    ranked = sorted(
        spans, key=lambda one: cost.seconds(Load(one.bytes, one.requests)) / one.seconds
    )
    cut = math.floor(len(ranked) * TRIM)
    return ranked[cut : len(ranked) - cut]


def _cells(spans: Sequence[Pace], cost: Cost) -> tuple[tuple[tuple[float, float], ...], float]:
    """Equal cells of the time that was seen, and how many seconds one has."""
    first_s = min(one.at_ms / 1000 - one.seconds for one in spans)
    last_s = max(one.at_ms / 1000 for one in spans)
    count = max(1, min(CELLS, round((last_s - first_s) / _CELL_S)))
    cell_s = (last_s - first_s) / count
    taken, told = [0.0] * count, [0.0] * count
    for one in spans:
        middle_s = one.at_ms / 1000 - one.seconds / 2
        cell = min(count - 1, max(0, int((middle_s - first_s) / cell_s)))
        taken[cell] += one.seconds
        told[cell] += cost.seconds(Load(one.bytes, one.requests))
    return tuple(zip(taken, told, strict=True)), cell_s


def _brief(seconds: float) -> str:
    if seconds >= 2 * 3600:
        return f"{round(seconds / 3600)}h"
    return f"{round(seconds / 60)}min" if seconds >= 120 else f"{round(seconds)}s"
