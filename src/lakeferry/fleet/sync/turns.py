"""Whose turn it is: tables in their order, then each again when it is due. Pure but for chance."""

import heapq
import random
from collections.abc import Callable, Iterable, Mapping

from lakeferry.fleet.manifest.wanted import Wave
from lakeferry.fleet.sync.order import in_order, look_again_s, not_before
from lakeferry.ledger.rows import LakeTable


class Turns:
    """The tables that wait. Times are seconds since the epoch."""

    def __init__(
        self, waves: Mapping[int, Wave], *, follow: bool,
        draw: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        """`draw`: a number from 0 to 1, by chance."""
        self._waves, self._follow, self._draw = waves, follow, draw
        self._queue: list[str] = []  # those whose time has come, in their order
        self._later: list[tuple[float, int, str]] = []
        self._count = 0
        self._had: set[str] = set()  # a turn
        self.are_held_back = False  # somebody's turn has come, and a window is closed

    def put(
        self, tables: Iterable[LakeTable], *, every: Iterable[LakeTable],
        at_risk: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        """At the beginning: all that are meant."""
        for one in in_order(tables, waves=self._waves, every=every, at_risk=at_risk):
            start = not_before(one, self._waves)
            self._put(one.target_url, 0.0 if start is None else start.timestamp())

    def next(self, now_s: float, *, may_begin: Callable[[str], bool]) -> str | None:
        """The target of the table that begins now; None: none does."""
        while self._later and self._later[0][0] <= now_s:
            self._queue.append(heapq.heappop(self._later)[2])
        for place, url in enumerate(self._queue):
            if may_begin(url):
                self.are_held_back = False
                return self._queue.pop(place)
        self.are_held_back = bool(self._queue)
        return None

    def ended(self, table: LakeTable, now_s: float) -> None:
        """A table's turn is over; who follows comes again."""
        self._had.add(table.target_url)
        if self._follow:
            self._put(table.target_url, now_s + look_again_s(table.lag_target_s, self._draw()))

    def are_over(self, now_s: float) -> bool:
        """Whether nobody will have a turn any more; without `follow` later waves do not count."""
        if self._queue:
            return False
        return not self._later if self._follow else not any(at <= now_s for at, *_ in self._later)

    def waiting(self, now_s: float) -> int:
        """How many have not begun because their wave begins later."""
        return sum(at > now_s and url not in self._had for at, _, url in self._later)

    def _put(self, url: str, at_s: float) -> None:
        self._count += 1
        heapq.heappush(self._later, (at_s, self._count, url))
