"""`cost`: ask the door of the room, show its answer, give an exit code."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from lakeferry.cli.columns import screen_width
from lakeferry.cli.cost.answers import doubt_texts, line_lines, report_lines
from lakeferry.cli.cost.rows import bodies, csv_text, summary
from lakeferry.cli.named_file import write_file
from lakeferry.cli.render import Screen, marks
from lakeferry.config.check import nearest
from lakeferry.cost.path.migration import Path
from lakeferry.cost.plan.cost_report import CostReport, Route, days_text
from lakeferry.cost.run import CostRequest, cost_of
from lakeferry.errors import FerryError
from lakeferry.events import Warned

OK = 0
_PATHS: tuple[str, ...] = get_args(Path)


@dataclass(frozen=True, slots=True)
class Shown:
    """What of an answer is wanted."""

    routes: Sequence[str] = ()  # paths of the table; none: all
    route: Sequence[str] = ()  # paths whose lines are shown
    csv: str | None = None  # a file, or `-`
    picture: str | None = None  # a file

    def __post_init__(self) -> None:
        """Raises LF-2001 for a path that does not exist."""
        for flag, names in (("--routes", self.routes), ("--route", self.route)):
            for name in names:
                if name != "all":
                    _path(name, flag)


def price(request: CostRequest, shown: Shown, *, screen: Screen, is_json: bool = False) -> int:
    """Price a plan by every path. Exit 2 (LF-6521) where nothing carries the bytes in time.

    Nothing was changed and the request cannot be met as it stands: that is what 2 means. The
    table is shown all the same, as it says how far each path is from it.
    """
    if shown.csv == "-" and is_json:
        raise FerryError(
            "LF-2001", "--csv - and --json both want stdout", "on the command line",
            "write the CSV to a file",
        )  # fmt: skip
    report = cost_of(request)
    drawn = report.picture() if shown.picture else ""
    table, lines = _chosen(report, shown.routes), _chosen(report, shown.route, usual=())
    if shown.csv not in (None, "-"):
        write_file(str(shown.csv), csv_text(report, table).encode())
    for text in doubt_texts(report.doubts):
        screen.event(Warned("", None, text, "take newer prices: --prices FILE, --price ID=USD"))
    for body in bodies(report, table):
        screen.result([], body)
    screen.result(_lines(report, table, lines, shown), summary(report))
    if shown.picture:
        write_file(shown.picture, drawn.encode())
        screen.say(f"drawn: {shown.picture}")
    if report.fault is not None:
        screen.error(report.fault)
        return report.fault.exit_code
    return OK


def _lines(
    report: CostReport, table: Sequence[Route], lines: Sequence[Route], shown: Shown
) -> list[str]:
    if shown.csv == "-":
        return csv_text(report, table).rstrip("\n").split("\n")
    width = screen_width()
    if lines:
        return [
            text
            for one in lines
            for text in line_lines(f"{one.name}, {days_text(one.days)} days", one.quote, width)
        ]
    return report_lines(report, table, marks(sys.stdout), width)


def _chosen(
    report: CostReport, names: Sequence[str], usual: Sequence[Route] | None = None
) -> Sequence[Route]:
    """The routes of some names. Raises LF-6506 for a path that does not lead from the source."""
    if not names or "all" in names:
        return report.routes if names or usual is None else usual
    wanted = [_path(name, "--route") for name in names]
    for placement, path in wanted:
        if not any(one.path == path and placement in ("", one.placement) for one in report.routes):
            there = ", ".join(
                f"{one.placement}:{one.path.replace('_', '-')}" for one in report.routes
            )
            raise FerryError(
                "LF-6506",
                f"no such path leads from this source: {placement or 'pull'}:{path}",
                f"there are: {there or 'none'}",
                "name one of these",
            )
    return [
        one
        for one in report.routes
        if any(one.path == path and place in ("", one.placement) for place, path in wanted)
    ]


def _path(name: str, flag: str) -> tuple[str, str]:
    """(placement or empty, path) of `push:nat-gateway`. Raises LF-2001."""
    placement, colon, path = name.rpartition(":")
    path = path.replace("-", "_")
    if path not in _PATHS or (colon and placement not in ("pull", "push")):
        step = nearest(path, _PATHS).replace("_", "-")
        raise FerryError("LF-2001", f"{flag} `{name}` is no path", "on the command line", step)
    return placement, path
