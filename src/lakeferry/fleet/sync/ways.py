"""The limits of a manifest at work: which of them a table's files have to pass, turned by the hour.

Each limit is one valve that all its files share: the whole run, one path's windows, one window of
some tables, one storage account. A valve that a window has closed lets no file begin; those in
flight end, for a connection that stands still for hours is lost anyway.
"""

import math
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Event
from typing import Any, TypeVar

from lakeferry.fleet.manifest.select import Selection, TableFacts, selection
from lakeferry.fleet.manifest.wanted import Limits, Window
from lakeferry.fleet.manifest.window import allowed_at, is_open
from lakeferry.store.limits import Tap
from lakeferry.store.pacing import Pace, unpaced
from lakeferry.workers import Hands, Known, Parcel, Travelling

Item = TypeVar("Item")
Result = TypeVar("Result")

BACKLOG_S = 0.25  # of bytes that wait; with more of them no file begins, its hand would only wait
REQUESTS = 2  # of one file that other machines copy: read once, and at times looked for


@dataclass
class Valve:
    """One limit: of bytes, with hours at which it is closed."""

    base: float | None  # bytes a second outside of all windows
    windows: tuple[Window, ...] = ()
    tap: Tap = field(default_factory=Tap)
    is_closed: bool = False

    @property
    def may_limit(self) -> bool:
        """Whether bytes have to be counted at all."""
        return self.base is not None or any(one.bytes_per_s is not None for one in self.windows)

    def turn(self, at: datetime) -> None:
        """Set the valve to what holds at a time."""
        allowed = allowed_at(self.windows, at, path=None)
        rates = [one for one in (self.base, allowed.bytes_per_s) if one is not None]
        self.tap.turn(min(rates, default=None))
        self.is_closed = allowed.is_paused


@dataclass
class ChosenValve(Valve):
    """The limit of a window that speaks of some tables alone."""

    def turn(self, at: datetime) -> None:
        [window] = self.windows
        holds = is_open(window, at)
        self.tap.turn(window.bytes_per_s if holds else None)
        self.is_closed = holds and window.is_pause


@dataclass(frozen=True)
class Taps:
    """A throttle of several limits, as a clone takes it; other machines are told the narrowest."""

    taps: tuple[Tap, ...]

    def __call__(self, size: int) -> None:
        for tap in self.taps:
            tap.take(size)

    @property
    def per_s(self) -> float | None:
        """Bytes a second at the moment; None: no limit now."""
        return min((tap.per_s for tap in self.taps if tap.per_s is not None), default=None)


@dataclass(frozen=True)
class Way:
    """What one table's files have to pass."""

    valves: tuple[Valve, ...]
    requests: Tap | None  # of its source's account

    @property
    def is_closed(self) -> bool:
        return any(valve.is_closed for valve in self.valves)

    @property
    def throttle(self) -> Taps | None:
        """None: bytes need not be counted, so a service may copy by itself."""
        taps = tuple(valve.tap for valve in self.valves if valve.may_limit)
        return Taps(taps) if taps else None

    def wait_s(self) -> float:
        """How long no file shall begin."""
        if self.is_closed:
            return math.inf
        longest = max((valve.tap.wait_s() for valve in self.valves), default=0.0)
        if self.requests is not None:
            longest = max(longest, self.requests.wait_s())
        return longest if longest > BACKLOG_S else 0.0

    def paced(self, hands: Hands) -> Hands:
        """The same hands; what other machines ask is within the requests that are allowed, too.

        What is asked from here keeps to them by itself, see `Ways.pace_of`.
        """
        return hands if self.requests is None else _Paced(hands, self.requests)


class Ways:
    """All limits of a run. `turn` is called by one thread, now and then."""

    def __init__(self, limits: Limits, *, run_bytes_per_s: float | None = None) -> None:
        """`run_bytes_per_s`: of this run alone, beside the manifest's."""
        everywhere = _of_path(limits.windows, None)
        self._all = [Valve(limits.bytes_per_s, everywhere), Valve(run_bytes_per_s)]
        self._limits = limits
        self._routes: dict[str, Valve] = {}
        self._chosen = [
            (_selection(one), ChosenValve(None, (one,)))
            for one in limits.windows
            if one.select is not None
        ]
        self._accounts: dict[str, Valve] = {}
        self._requests: dict[str, Tap] = {}
        self._at: datetime | None = None

    def of(self, table: TableFacts, *, route: str, account: str) -> Way:
        """The way of one table.

        Args:
            route: the path of its bytes, 'internet', 'direct-connect', ...
            account: of its source's store; what is the same is one.
        """
        if route not in self._routes:
            self._routes[route] = Valve(None, _of_path(self._limits.windows, route))
        if account not in self._accounts:
            self._accounts[account] = Valve(self._limits.account_bytes_per_s)
        of_account = self._accounts[account]
        chosen = [
            valve
            for means, valve in self._chosen
            if valve.windows[0].path in (None, route) and means.means(table)
        ]
        valves = (*self._all, self._routes[route], of_account, *chosen)
        way = Way(valves, self._tap_of(account))
        if self._at is not None:
            self._turn(way.valves, self._at)
        return way

    def pace_of(self, account: str) -> Pace:
        """Of all requests to an account that leave this process. Called from many threads."""
        tap = self._tap_of(account)
        return unpaced if tap is None else tap.take

    def _tap_of(self, account: str) -> Tap | None:
        each = self._limits.account_requests_per_s
        return None if each is None else self._requests.setdefault(account, Tap(each))

    def turn(self, at: datetime) -> None:
        """Let hold what holds at a time."""
        self._at = at
        chosen = (valve for _, valve in self._chosen)
        self._turn((*self._all, *self._routes.values(), *self._accounts.values(), *chosen), at)

    def held_back(self, routes: Iterable[str]) -> frozenset[str]:
        """Of these routes those that a limit has held back since this was last asked."""
        shared = [*self._all, *(valve for _, valve in self._chosen)]
        shared += self._accounts.values()
        is_everywhere = sum(_holds(valve) for valve in shared) > 0  # asks each of them
        return frozenset(
            route
            for route in routes
            if (route in self._routes and _holds(self._routes[route])) or is_everywhere
        )

    @staticmethod
    def _turn(valves: Iterable[Valve], at: datetime) -> None:
        for valve in valves:
            valve.turn(at)


def _holds(valve: Valve) -> bool:
    return valve.tap.was_held_back() or valve.is_closed


class _Paced:
    """Hands that take of a tap before an item is sent to another machine."""

    def __init__(self, hands: Hands, tap: Tap) -> None:
        self._hands, self._tap = hands, tap

    def __call__(
        self,
        task: Callable[[Item], Result],
        items: Iterable[Item],
        *,
        count: int,
        stop: Event | None = None,
        on_silence: Callable[[], None] | None = None,
    ) -> Generator[Result, None, None]:
        if isinstance(task, Travelling):
            task = _PacedParcels(task, self._tap)
        return self._hands(task, items, count=count, stop=stop, on_silence=on_silence)


@dataclass(frozen=True)
class _PacedParcels:
    """A task that takes of a tap before it is sent elsewhere."""

    task: Travelling
    tap: Tap

    def __call__(self, item: Any) -> Any:
        return self.task(item)

    def parcel(self, item: Any) -> Parcel | Known:
        found = self.task.parcel(item)
        if isinstance(found, Parcel):
            self.tap.take(REQUESTS)
        return found

    def bytes_per_s(self) -> float | None:
        return self.task.bytes_per_s()

    def travels(self) -> bool:
        return self.task.travels()


def _of_path(windows: Sequence[Window], path: str | None) -> tuple[Window, ...]:
    """Those of one path and of all tables, as if they were of all paths."""
    found = (one for one in windows if one.path == path and one.select is None)
    return tuple(_everywhere(one) for one in found)


def _everywhere(window: Window) -> Window:
    return replace(window, path=None)


def _selection(window: Window) -> Selection:
    assert window.select is not None

    def no_file(name: str) -> str:
        raise ValueError(f"a window's selection names a file: {name}")

    return selection([window.select], no_file)
