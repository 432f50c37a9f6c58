"""How commands talk and end: flags that all share, errors and signals as exit codes."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from threading import Event as Flag
from types import FrameType
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from lakeferry.cli.logged import LoggedScreen
from lakeferry.cli.mirrored import mirrored
from lakeferry.cli.render import JsonScreen, OutputLost, Screen, TextScreen
from lakeferry.errors import FerryError

GRACE_S = 30  # for what is in flight when a signal comes
STOPPING = "stopping: files in flight end first; again to stop at once"


@Parameter(name="*")
@dataclass(frozen=True)
class Talk:
    """How a command talks; the same for all of them."""

    json: Annotated[
        bool, mirrored("--json", negative="", help="One JSON object a line on stdout.")
    ] = False
    quiet: Annotated[
        bool, mirrored("--quiet", "-q", negative="", help="Only errors and warnings.")
    ] = False
    verbose: Annotated[
        bool, mirrored("--verbose", "-v", negative="", help="A line for each file, or table.")
    ] = False
    progress: Annotated[
        Literal["auto", "bar", "plain", "none"], mirrored("--progress", help="How to show it.")
    ] = "auto"
    color: Annotated[
        Literal["auto", "always", "never"], mirrored("--color", help="Of signs; on terminals.")
    ] = "auto"
    log_file: Annotated[
        str | None, mirrored("--log-file", help="Append JSON lines to this file, too.")
    ] = None

    def screen(self, command: str, start: Mapping[str, Any] | None = None) -> Screen:
        """`start`: more for the first line of JSON.

        Raises:
            FerryError: LF-2004 where the log file cannot be opened.
        """
        shown: Screen
        if self.json:
            shown = JsonScreen(command, verbose=self.verbose, start=start)
        else:
            shown = TextScreen(
                quiet=self.quiet, verbose=self.verbose, progress=self.progress,
                color=self.color,
            )  # fmt: skip
        if self.log_file is None:
            return shown
        try:
            return LoggedScreen(shown, command, open(self.log_file, "ab", buffering=0), start)
        except OSError as error:
            raise FerryError(
                "LF-2004", "the log file cannot be written", f"{self.log_file}: {error.strerror}",
                "name another with --log-file",
            ) from error  # fmt: skip

    def without_log(self) -> "Talk":
        return replace(self, log_file=None)


QUIET_TALK = Talk()


def guarded(
    command: str,
    talk: Talk,
    run: Callable[[Screen, Flag], int],
    *,
    hears_stop: bool | Callable[[], bool] = False,
    on_stop: str = "stopped",
    stopping: str = STOPPING,
    ends_well: frozenset[int] = frozenset(),
    start: Callable[[], Mapping[str, Any]] = dict,
) -> int:
    """Run a command; errors and signals become exit codes, always with a last line.

    Args:
        hears_stop: the command looks at its flag and ends by itself, from now on or as soon as
            this says so; False: a signal interrupts it wherever it is.
        on_stop: what to say when a signal has ended it.
        stopping: what to say at once to Ctrl-C where the command hears it; '' for nothing.
        ends_well: signals whose clean stop is what was asked for: exit 0.
        start: gives more for the first line of JSON, where there is one.
    """
    try:
        try:
            more = start() if talk.json or talk.log_file is not None else None
            screen = talk.screen(command, more)
        except FerryError as error:
            screen = talk.without_log().screen(command)
            screen.error(error)
            screen.end(error.exit_code)
            return error.exit_code
        hears = hears_stop if callable(hears_stop) else lambda: hears_stop
        signals = _Signals(screen, hears_stop=hears, stopping=stopping)
        code = _outcome(run, screen, signals, on_stop)
        if code > 128 and code - 128 in ends_well and signals.seen[:1] == [code - 128]:
            code = 0
        screen.end(code)
    except OutputLost as lost:
        return _unheard(lost)
    return code


def _outcome(
    run: Callable[[Screen, Flag], int], screen: Screen, signals: "_Signals", on_stop: str
) -> int:
    """The exit code of a command; what ended it is told."""
    try:
        with signals.heard():
            return run(screen, signals.stop)
    except FerryError as error:
        screen.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        screen.say(on_stop)
        return 128 + (signals.seen[0] if signals.seen else signal.SIGINT)
    except OutputLost:
        raise
    except Exception:
        screen.end(1)  # a bug: its traceback follows
        raise


class _Signals:
    """The first signal ends a command cleanly, within `GRACE_S`; the second at once."""

    def __init__(self, screen: Screen, *, hears_stop: Callable[[], bool], stopping: str) -> None:
        self.stop = Flag()
        self.seen: list[int] = []
        self._screen = screen
        self._hears_stop = hears_stop
        self._stopping = stopping
        self._running = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Raises KeyboardInterrupt for a signal, unless what runs here hears `stop` and ends.

        Only here: one that comes before is raised as this begins, and one that comes when all is
        done finds nothing to interrupt. One that got lost on its way (Python drops what is raised
        in a finalizer, and so do some libraries while they are imported) is raised at the end.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)
        signal.signal(signal.SIGALRM, self._leave)
        try:
            self._running = True
            self._interrupt_if_seen()
            yield
            self._interrupt_if_seen()
        finally:
            self._running = False

    def _interrupt_if_seen(self) -> None:
        if self.seen and not self._hears_stop():
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.seen.append(number)
        if len(self.seen) > 1:
            os._exit(128 + number)
        signal.alarm(GRACE_S)
        self.stop.set()
        if not self._running:
            return
        self._interrupt_if_seen()
        if number == signal.SIGINT and self._stopping:
            self._screen.stopping(self._stopping)

    def _leave(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        # What is in flight takes too long. Leaving it half done is as safe as a crash.
        with suppress(OutputLost, RuntimeError):  # the handler may have interrupted a print
            self._screen.end(128 + self.seen[0])
        os._exit(128 + self.seen[0])


def _unheard(lost: OutputLost) -> int:
    """Nobody takes the answer. A closed pipe is no news to those who closed it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else Python fails again when it ends
    if isinstance(lost.__cause__, BrokenPipeError):
        return 128 + signal.SIGPIPE
    sys.stderr.write(f"x the answer could not be written: {lost.__cause__}\n")
    return 1
