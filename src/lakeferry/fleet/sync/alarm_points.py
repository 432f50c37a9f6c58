"""Puts the values that alarms are held against, while a sync goes on and behind its back.

One request at a time, in a thread of its own: CloudWatch may take long to refuse, and the lease of
the ledger does not wait. What fails is a warning; the next minute tries again.
"""

import queue
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from threading import Thread

from lakeferry.aws.put_metrics import put_metrics
from lakeferry.errors import FerryError
from lakeferry.events import Warned
from lakeferry.fleet.flaw import flaw_of
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.standing.alarm_values import AlarmMetrics, counted, lag_ratio
from lakeferry.ledger.rows import LakeTable
from lakeferry.monitor.wanted.migration_alarms import DIMENSION, FORECAST, LAG, NAMESPACE

EVERY_S = 60.0
LAST_S = 20.0  # that a run waits at its end for the last of them


class AlarmPoints:
    """One thread's. Where the manifest has no such alarm, it does nothing."""

    def __init__(
        self, wanted: Migration, asked: AlarmMetrics | None, *, first_s: float = 0.0
    ) -> None:
        """`first_s`: seconds since the epoch; nothing is put before."""
        self._wanted, self._asked, self._due_s = wanted, asked, first_s
        self._moved = Counter(asked.moved if asked is not None else {})
        self._thread: Thread | None = None
        self._faults: queue.SimpleQueue[FerryError] = queue.SimpleQueue()
        self._told: set[tuple[str, str]] = set()

    @property
    def is_busy(self) -> bool:
        """Whether some are being put."""
        return self._thread is not None and self._thread.is_alive()

    def take(self, route: str, size: int) -> None:
        """So many bytes have moved."""
        self._moved[route] += size

    def know(self, moved: Mapping[str, int]) -> None:
        """So many bytes have moved in all, by route: another process moves them."""
        self._moved = Counter(moved)

    def turn(self, tables: Iterable[LakeTable], *, now_s: float) -> None:
        """Put what the tables tell, once a minute."""
        if self._asked is not None and now_s >= self._due_s and not self.is_busy:
            self._due_s = now_s + EVERY_S
            self._begin(self._asked, tables, now_s)

    def last(self, tables: Iterable[LakeTable], *, now_s: float) -> None:
        """Put what they tell at the end, and wait for it, though not for long."""
        if self._asked is None:
            return
        until = time.monotonic() + LAST_S
        self._wait(until)
        if self._thread is None:
            self._begin(self._asked, tables, now_s)
            self._wait(until)
        if self._thread is not None:
            self._faults.put(
                FerryError(
                    "LF-1205", f"CloudWatch gave no answer in {LAST_S:.0f} s", NAMESPACE,
                    "look at the way to it; the next sync puts the values again",
                )
            )  # fmt: skip

    def heard(self) -> Iterator[Warned]:
        """What went wrong since this was last asked; the same is told once."""
        with suppress(queue.Empty):
            while True:
                one = self._faults.get_nowait()
                if (one.code, one.what) not in self._told:
                    self._told.add((one.code, one.what))
                    what = f"an alarm was told nothing: {one.what}"
                    yield Warned(self._wanted.name, one.code, what, one.next_step)

    def _begin(self, asked: AlarmMetrics, tables: Iterable[LakeTable], now_s: float) -> None:
        meant, moved = counted(tables, self._wanted.sources), self._moved.copy()

        def put() -> None:
            try:
                found = self._values(asked, meant, moved, round(now_s * 1000))
                put_metrics(asked.access, NAMESPACE, (DIMENSION, self._wanted.name), found)
            except FerryError as error:
                self._faults.put(error)
            except Exception as flaw:  # noqa: BLE001 - an alarm's trouble is not the tables'
                self._faults.put(flaw_of(flaw, NAMESPACE, "report it; no table was harmed"))

        # Nobody waits for it when the program ends.
        self._thread = Thread(target=put, daemon=True, name="alarm-points")
        self._thread.start()

    def _values(
        self, asked: AlarmMetrics, tables: tuple[LakeTable, ...], moved: Counter[str], now_ms: int
    ) -> dict[str, float]:
        """Of each metric that has a value; without a price there is a lag all the same."""
        found: dict[str, float] = {}
        lag = lag_ratio(tables, now_ms) if asked.has_lag else None
        if lag is not None:
            found[LAG] = lag
        if asked.prices is not None:
            from lakeferry.fleet.planning.run_price import forecast_usd

            try:
                found[FORECAST] = float(forecast_usd(tables, moved, self._wanted, asked.prices))
            except FerryError as error:
                self._faults.put(error)
        return found

    def _wait(self, until: float) -> None:
        if self._thread is not None:
            self._thread.join(max(0.0, until - time.monotonic()))
            if not self.is_busy:
                self._thread = None
