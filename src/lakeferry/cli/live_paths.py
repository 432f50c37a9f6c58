"""Watched paths as a table that is painted over on a terminal."""

import time
from collections.abc import Callable, Sequence

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lakeferry.cli.flow_answers import PATHS, path_cells, standing
from lakeferry.monitor.watch import PathFlow, WatchView

_LAST = 3  # faults that are shown


class LivePaths:
    """Paints each view over the one before, and leaves the last one standing."""

    def __init__(self) -> None:
        self._live = Live(auto_refresh=False, transient=False)

    def __enter__(self) -> Callable[[WatchView], None]:
        self._live.__enter__()
        return self._paint

    def __exit__(self, *ended: object) -> None:
        self._live.__exit__(None, None, None)

    def _paint(self, view: WatchView) -> None:
        self._live.update(drawn(view, time.strftime("%H:%M:%S")), refresh=True)


def drawn(view: WatchView, clock: str) -> Group:
    """The table, the findings below it, and how far the rows reach."""
    parts: list[Table | Text] = [_table(view.paths)]
    for flow in view.paths:
        if flow.finding:
            parts.append(Text(f"▲ {flow.path} {flow.device}: {flow.finding}", style="yellow"))
    parts += [Text(f"✗ {fault}", style="red") for fault in view.faults[-_LAST:]]
    parts.append(Text(f"{clock}  {standing(view)}  Ctrl-C ends the watch", style="dim"))
    return Group(*parts)


def _table(paths: Sequence[PathFlow]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for column in PATHS:
        table.add_column(
            column.title, justify="right" if column.right else "left", no_wrap=True,
            overflow="ellipsis", ratio=None,
        )  # fmt: skip
    for flow in paths:
        table.add_row(*path_cells(flow), style="yellow" if flow.finding else "")
    return table
