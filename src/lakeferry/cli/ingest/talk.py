"""The events of an ingest, told to a screen and to /metrics as they come."""

import sys
import threading

from lakeferry.cli.ingest.answers import body_of, is_detail, progress_parts, text_of
from lakeferry.cli.render import Screen, marks
from lakeferry.events import Warned as WarnedOf
from lakeferry.ingest.events import BatchCommitted, Ended, Event, GapAccepted, Progress, Warned
from lakeferry.ingest.metrics_page import IngestMetrics


class IngestTalk:
    """The `emit` of one run. Events come one at a time, from any thread."""

    def __init__(
        self, screen: Screen, table: str, metrics: IngestMetrics, begun: threading.Event
    ) -> None:
        self._screen = screen
        self._table = table
        self._metrics = metrics
        self._begun = begun  # set by the first event but warnings
        self._last_rows = 0  # of the last version that was committed
        self.gaps = 0  # that were accepted while this ran
        self.commits = 0  # with rows or positions of this run
        self._lock = threading.Lock()

    def emit(self, event: Event) -> None:
        with self._lock:
            if not isinstance(event, Warned):  # while the stream is waited for these may come
                self._begun.set()
            self._metrics.take(event)
            match event:
                case Progress():
                    parts = tuple(map(printable, progress_parts(event, self._last_rows)))
                    self._screen.moving(event.elapsed_s, parts, body_of(event, self._table))
                case Warned():
                    told = WarnedOf(self._table, event.code, event.message, event.next_step)
                    self._screen.event(told)
                case Ended():
                    pass  # its report is the command's result
                case _:
                    if isinstance(event, BatchCommitted):
                        self._last_rows = event.rows
                        self.commits += 1
                    self.gaps += isinstance(event, GapAccepted)
                    text = text_of(event)
                    said = f"  {printable(text)}" if text else ""
                    body = body_of(event, self._table)
                    self._screen.told(said, body, detail=is_detail(event))


def printable(text: str) -> str:
    """Signs beyond ASCII as ASCII, where stderr cannot hold them."""
    if marks(sys.stderr)["ok"] != "ok":
        return text
    return text.replace("→", "->").replace("–", "-")
