"""How fast a sync is, route by route: spans for the ledger, rates for people. One thread's."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lakeferry.fleet.planning.plan import requests_of
from lakeferry.fleet.standing.estimate import HORIZON_S, Span, rates
from lakeferry.fleet.standing.read_status import Routes
from lakeferry.fleet.standing.status import Group
from lakeferry.fleet.standing.time_left import Left, is_measured
from lakeferry.fleet.sync.messages import Arrived
from lakeferry.ledger.rows import Pace

SPAN_S = 60
_LATE_S = 30  # what "now" is of a rate


@dataclass
class _Span:
    began_s: float
    bytes: int = 0
    requests: int = 0
    capped: bool = False


class Meter:
    """Counts what each route moves. Times are seconds since the epoch."""

    def __init__(self, paces: Iterable[Pace] = ()) -> None:
        """`paces`: of the runs before, for the estimate."""
        self.paces: list[Pace] = list(paces)
        self._spans: dict[str, _Span] = {}
        self._late: deque[tuple[float, int, int]] = deque()

    def work(self, routes: Iterable[str], *, now_s: float) -> None:
        """On these routes something is under way."""
        for route in routes:
            self._spans.setdefault(route, _Span(now_s))

    def take(self, route: str, said: Arrived, *, now_s: float) -> None:
        """Files arrived; those that were there already have not moved."""
        sizes = [size for _, size, how in said.files if how != "already_there"]
        span = self._spans.setdefault(route, _Span(now_s))
        requests = sum(requests_of(size, 1) for size in sizes)
        span.bytes += sum(sizes)
        span.requests += requests
        self._late.append((now_s, sum(sizes), requests))

    def hold_back(self, route: str) -> None:
        """A limit did, so the span says nothing of what the route can do."""
        if route in self._spans:
            self._spans[route].capped = True

    def ended(self, *, now_s: float, all_of_them: bool = False) -> list[Pace]:
        """The spans that are over, to be written down."""
        found = []
        for route, span in list(self._spans.items()):
            seconds = now_s - span.began_s
            if seconds >= SPAN_S or (all_of_them and seconds > 0):
                found.append(
                    Pace(route, round(now_s * 1000), seconds, span.bytes, span.requests,
                         span.capped)
                )  # fmt: skip
                del self._spans[route]
        self.paces += found
        since_ms = (now_s - HORIZON_S) * 1000
        self.paces = [one for one in self.paces if one.at_ms > since_ms]
        return found

    def rates(self, *, now_s: float, began_s: float) -> tuple[float, float]:
        """Bytes and requests a second, of late."""
        while self._late and self._late[0][0] < now_s - _LATE_S:
            self._late.popleft()
        seconds = max(1e-3, min(_LATE_S, now_s - began_s))
        return (
            sum(size for _, size, _ in self._late) / seconds,
            sum(requests for _, _, requests in self._late) / seconds,
        )


def left_of(
    total: Group, paces: Sequence[Pace], ahead: Mapping[str, tuple[Span, ...]], *, now_s: float
) -> Left | None:
    """How long these tables still take, as `status` tells it; None: not measured."""
    seen = {
        route: found
        for route in total.loads
        if (found := rates((pace for pace in paces if pace.route == route), now_s=now_s))
    }
    seen_s = sum(pace.seconds for pace in paces)
    done = total.files - total.left_files, total.bytes - total.left_bytes
    is_known = is_measured(seen_s, *done, total.bytes)
    return Routes(seen, ahead, is_known=is_known, now_s=now_s).left(total.loads)
