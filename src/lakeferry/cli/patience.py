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
    lock = threading.Lock()
    started = time.monotonic()

    def late() -> None:
        with lock:
            held, waiting[:] = waiting[-1:], []
        for event in held:
            screen.event(event)

    def emit(event: Event) -> None:
        if isinstance(event, Noted) and time.monotonic() - started < QUIET_S:
            with lock:
                waiting.append(event)
        else:
            screen.event(event)

    timer = threading.Timer(QUIET_S, late)
    timer.daemon = True
    timer.start()
    try:
        yield emit
    finally:
        timer.cancel()
