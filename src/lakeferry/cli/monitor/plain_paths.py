"""Watched paths where no table can be painted over: a line each time, or all of them once."""

import sys
import time
from collections.abc import Callable

from lakeferry.cli.columns import screen_width
from lakeferry.cli.monitor import flow_answers as answers
from lakeferry.cli.render import Screen, marks
from lakeferry.events import Warned
from lakeferry.monitor.logs.watch import Fault, WatchView


class PlainPaths:
    """A line each time, or all paths once; `flow` lines with --json. Each fault is told once."""

    def __init__(self, screen: Screen, start_s: int | None, *, once: bool) -> None:
        self._screen, self._start_s, self._once = screen, start_s, once
        self._told: tuple[Fault, ...] = ()

    def __enter__(self) -> Callable[[WatchView], None]:
        return self._paint

    def __exit__(self, *ended: object) -> None:
        """Nothing was taken."""

    def _paint(self, view: WatchView) -> None:
        for fault in view.faults:
            if fault not in self._told:
                self._screen.event(Warned("", None, fault.what, fault.next_step))
        self._told = view.faults
        if self._once:
            lines = answers.watch_lines(view, marks(sys.stdout), screen_width())
        else:
            lines = [answers.plain_line(view, time.strftime("%H:%M:%S"))]
        totals = {"bytes": view.bytes, "rows": view.rows, "skipped_rows": view.skipped}
        self._screen.result(lines, {**totals, "faults": [str(one) for one in view.faults]})
        for flow in view.paths:
            self._screen.result([], answers.watch_body(flow, view, self._start_s))
