"""Watched paths as a table that is painted over on a terminal."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping

from rich.console import Console
from rich.live import Live
from rich.text import Text

from lakeferry.cli.columns import paragraph, table
from lakeferry.cli.monitor.flow_answers import PATHS, path_cells, standing
from lakeferry.cli.render import marks
from lakeferry.monitor.logs.watch import WatchView

_LAST = 3  # faults that are shown


class LivePaths:
    """Paints each view over the one before, and leaves the last one standing."""

    def __init__(self, *, color: bool = True) -> None:
        console = Console(no_color=not color)
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def __enter__(self) -> Callable[[WatchView], None]:
        self._live.__enter__()
        return self._paint

    def __exit__(self, *ended: object) -> None:
        self._live.__exit__(None, None, None)

    def _paint(self, view: WatchView) -> None:
        shown = Text(no_wrap=True, overflow="ellipsis")
        width, signs = self._live.console.width, marks(sys.stdout)
        for line, style in live_lines(view, width, time.strftime("%H:%M:%S"), signs):
            shown.append(f"{line}\n", style)
        shown.rstrip()
        self._live.update(shown, refresh=True)


def live_lines(
    view: WatchView, width: int, clock: str, signs: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Lines of at most `width` with their styles: paths, findings, how far the rows reach."""
    head, *rows = table(PATHS, [path_cells(one) for one in view.paths], width)
    yield head, "bold"
    for flow, row in zip(view.paths, rows, strict=True):
        yield row, "yellow" if flow.finding else ""
    for flow in view.paths:
        if flow.finding:
            who = f"{flow.path} {flow.device}".rstrip()
            said = f"  {signs['warning']} {who}: {flow.finding}"
            for line in paragraph(said, width):
                yield line, "yellow"
    for fault in view.faults[-_LAST:]:
        yield f"  {signs['error']} {fault}"[:width], "red"
    yield f"  {clock}  {standing(view)}"[:width], "dim"
    yield "  Ctrl-C ends the watch"[:width], "dim"
