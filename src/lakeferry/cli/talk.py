"""How commands talk and end: flags that all share, errors and signals as exit codes."""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event as Flag
from typing import Annotated, Literal

from cyclopts import Parameter

from lakeferry.cli.render import JsonScreen, Screen, TextScreen
from lakeferry.errors import FerryError


@Parameter(name="*")
@dataclass(frozen=True)
class Talk:
    """How a command talks; the same for all of them."""

    json: Annotated[bool, Parameter(negative="", help="One JSON object a line on stdout.")] = False
    quiet: Annotated[
        bool, Parameter(name=["--quiet", "-q"], negative="", help="Only errors and warnings.")
    ] = False
    verbose: Annotated[
        bool, Parameter(name=["--verbose", "-v"], negative="", help="A line for each file.")
    ] = False
    progress: Annotated[
        Literal["auto", "bar", "plain", "none"], Parameter(help="How to show progress.")
    ] = "auto"

    def screen(self, command: str) -> Screen:
        if self.json:
            return JsonScreen(command, verbose=self.verbose)
        return TextScreen(quiet=self.quiet, verbose=self.verbose, progress=self.progress)


QUIET_TALK = Talk()


def guarded(command: str, talk: Talk, run: Callable[[Screen, Flag], int]) -> int:
    """Run a command; errors and signals become exit codes, always with a last line."""
    screen = talk.screen(command)
    stop = Flag()
    signals = _on_signals(stop)
    try:
        code = run(screen, stop)
    except FerryError as error:
        screen.error(error)
        code = error.exit_code
    except KeyboardInterrupt:
        code = 128 + (signals[0] if signals else signal.SIGINT)
    screen.end(code)
    return code


def _on_signals(stop: Flag) -> list[int]:
    """The first signal ends cleanly, the second at once; answers which came."""
    came: list[int] = []

    def handle(number: int, frame: object) -> None:  # noqa: ARG001
        came.append(number)
        if len(came) > 1:
            os._exit(128 + number)
        stop.set()
        if number == signal.SIGINT and not came[1:]:
            sys.stderr.write("\nstopping: files in flight end first; again to stop at once\n")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    return came
