"""How long a migration will still take: a range with its basis, or nothing. Pure.

Of each route `T = bytes_left / B + requests_left / Q`. Routes work side by side, so the slowest
counts; each is stretched by the windows and caps ahead of it, which are known. B and Q come from
what was moved in the last 48 hours, span by span of a minute: files overlap in time, so only the
bytes and requests of a span add up to what a route can do.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple

from lakeferry.fleet.time_left import Left
from lakeferry.fleet.wanted import Window
from lakeferry.fleet.window import allowed_at, next_change
from lakeferry.ledger.rows import Pace

HORIZON_S = 48 * 3600
BLOCKS = 8  # of the time that was seen: 6 hours each, when all of the horizon was
TRIM = 0.02  # of the spans, at either end
# Below this share two measures of the spans say the same: 1 - cos² of the angle between them.
_ALIKE = 1e-3
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

    # One, or, where all that was seen had the same mixture, the two ends of what explains it:
    # all time went into bytes, or all into requests.
    costs: tuple[Cost, ...]
    slowness: tuple[float, ...]  # of each block against the mean, ascending: 1.25 is slower
    seen_s: float  # how long something was under way
    block_s: float
    spans: int

    @property
    def basis(self) -> str:
        """`48h,6h-means`."""
        return f"{_brief(self.block_s * BLOCKS)},{_brief(self.block_s)}-means"


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
    costs = _fit(spans)
    middle = _middle(costs)
    kept = _trimmed(spans, middle)
    if any(_moved(one) for one in kept):
        costs = _fit(kept)
    block_s, slowness = _blocks(spans, _middle(costs))
    seen_s = math.fsum(one.seconds for one in spans)
    return Rates(costs, tuple(sorted(slowness)), seen_s, block_s, len(spans))


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
    """Of one route: the mean, and its 10th and 90th percentile of the blocks' means."""
    each = [cost.seconds(load) for cost in found.costs]
    early = min(each) * min(1.0, percentile(found.slowness, 0.1))
    late = max(each) * max(1.0, percentile(found.slowness, 0.9))
    work = (early, math.fsum(each) / len(each), late)
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


def spans_ahead(windows: Sequence[Window], *, now_s: float, route: str) -> Iterator[Span]:
    """What the manifest's windows leave a route, from now on; none: as fast as it goes."""
    at = datetime.fromtimestamp(now_s, UTC)
    while (change := next_change(windows, at, path=route)) is not None:
        allowed = allowed_at(windows, at, path=route)
        yield Span(change.timestamp(), allowed.bytes_per_s, allowed.is_paused)
        at = change


def known_ahead(windows: Sequence[Window], *, now_s: float, route: str) -> tuple[Span, ...]:
    """`spans_ahead` as a value: the next five hundred, which is a quarter of a year or more."""
    return tuple(islice(spans_ahead(windows, now_s=now_s, route=route), 500))


def percentile(ascending: Sequence[float], share: float) -> float:
    """Between the two nearest values, by their distance."""
    at = (len(ascending) - 1) * share
    low = math.floor(at)
    high = min(low + 1, len(ascending) - 1)
    return ascending[low] + (ascending[high] - ascending[low]) * (at - low)


def _moved(pace: Pace) -> bool:
    return bool(pace.bytes or pace.requests)


def _middle(costs: Sequence[Cost]) -> Cost:
    return Cost(*(math.fsum(parts) / len(costs) for parts in zip(*costs, strict=True)))


def _fit(spans: Sequence[Pace]) -> tuple[Cost, ...]:
    """The costs that explain the spans' seconds best, neither below zero."""
    bb = math.fsum(one.bytes * one.bytes for one in spans)
    qq = math.fsum(one.requests * one.requests for one in spans)
    bq = math.fsum(one.bytes * one.requests for one in spans)
    sb = math.fsum(one.seconds * one.bytes for one in spans)
    sq = math.fsum(one.seconds * one.requests for one in spans)
    if not qq:
        return (_scaled(Cost(sb / bb, 0), spans),)
    if not bb:
        return (_scaled(Cost(0, sq / qq), spans),)
    apart = bb * qq - bq * bq
    only_bytes, only_requests = Cost(sb / bb, 0.0), Cost(0.0, sq / qq)
    if apart <= _ALIKE * bb * qq:
        return (_scaled(only_bytes, spans), _scaled(only_requests, spans))
    both = Cost((sb * qq - sq * bq) / apart, (sq * bb - sb * bq) / apart)
    if both.s_per_byte < 0:
        both = only_requests
    elif both.s_per_request < 0:
        both = only_bytes
    return (_scaled(both, spans),)


def _scaled(cost: Cost, spans: Sequence[Pace]) -> Cost:
    """So that it explains the seconds of all spans together.

    Least squares weigh fast spans more: by them a route whose rate varies would seem faster than
    it is, by a quarter where it varies by half.
    """
    told = math.fsum(cost.seconds(Load(one.bytes, one.requests)) for one in spans)
    factor = math.fsum(one.seconds for one in spans) / told
    return Cost(cost.s_per_byte * factor, cost.s_per_request * factor)


def _trimmed(spans: Sequence[Pace], cost: Cost) -> Sequence[Pace]:
    """Without those that were least and most of what the costs say."""
    ranked = sorted(
        spans, key=lambda one: cost.seconds(Load(one.bytes, one.requests)) / one.seconds
    )
    cut = math.floor(len(ranked) * TRIM)
    return ranked[cut : len(ranked) - cut]


def _blocks(spans: Sequence[Pace], cost: Cost) -> tuple[float, list[float]]:
    """Seconds of a block, and how slow each was against the mean."""
    first_s = min(one.at_ms / 1000 - one.seconds for one in spans)
    last_s = max(one.at_ms / 1000 for one in spans)
    block_s = max(1.0, (last_s - first_s) / BLOCKS)
    taken, told = [0.0] * BLOCKS, [0.0] * BLOCKS
    for one in spans:
        middle_s = one.at_ms / 1000 - one.seconds / 2
        block = min(BLOCKS - 1, max(0, int((middle_s - first_s) / block_s)))
        taken[block] += one.seconds
        told[block] += cost.seconds(Load(one.bytes, one.requests))
    return block_s, [
        min(_SLOWEST, took / said) if said else _SLOWEST
        for took, said in zip(taken, told, strict=True)
        if took
    ]


def _brief(seconds: float) -> str:
    if seconds >= 2 * 3600:
        return f"{round(seconds / 3600)}h"
    return f"{round(seconds / 60)}min" if seconds >= 120 else f"{round(seconds)}s"
