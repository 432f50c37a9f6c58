"""Notes of work that is done at once need not be shown: they wait two seconds."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lakeferry.cli.render import QUIET_S, Screen
from lakeferry.events import Emit, Event, Noted


@contextmanager
def patient(screen: Screen) -> Iterator[Emit]:
    """An `Emit` that shows notes only while the work takes longer; all else at once."""
    waiting: list[Event] = []
    lock = threading.Lock()  # also while an event is shown: what is older must not come later
    started = time.monotonic()

    def late() -> None:
        with lock:
            for event in waiting[-1:]:
                screen.event(event)
            waiting.clear()

    def emit(event: Event) -> None:
        with lock:
            if isinstance(event, Noted):
                waiting.clear()
                if time.monotonic() - started < QUIET_S:
                    waiting.append(event)
                    return
            screen.event(event)

    timer = threading.Timer(QUIET_S, late)
    timer.daemon = True
    timer.start()
    try:
        yield emit
    finally:
        timer.cancel()
        with lock:  # a note that is being shown comes before the result
            waiting.clear()
