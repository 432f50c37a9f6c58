"""The program's first steps: a signal ends it in silence while it still loads its commands."""

import gc
import os
import signal
from types import FrameType


def main() -> None:
    """The entry point. Exits with the command's code, 130 or 143 by a signal."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)
    # Loading takes about half a second, in which Ctrl-C would print a traceback. A command hears
    # signals by itself (`cli.talk`), from its first step on.
    gc.disable()  # classes and functions are made here, and none is garbage
    from lakeferry.cli import main as commands

    gc.freeze()
    gc.enable()
    commands.main()


def _stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    os._exit(128 + number)


if __name__ == "__main__":
    main()
