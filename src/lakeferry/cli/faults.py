"""Several errors at once, as a manifest has them: each is told, the greatest exit code counts."""

from collections.abc import Callable, Iterator
from threading import Event as Flag

from lakeferry.cli.render import Screen
from lakeferry.errors import FerryError

Run = Callable[[Screen, Flag], int]


def all_told(run: Run) -> Run:
    """The same command; a group of `FerryError` becomes lines and an exit code."""

    def told(screen: Screen, stop: Flag) -> int:
        try:
            return run(screen, stop)
        except ExceptionGroup as faults:
            _, others = faults.split(FerryError)
            if others is not None:
                raise
            return tell(faults, screen)

    return told


def tell(faults: ExceptionGroup[Exception], screen: Screen) -> int:
    """Tell each error; the greatest exit code."""
    codes = []
    for error in _leaves(faults):
        screen.error(error)
        codes.append(error.exit_code)
    return max(codes)


def _leaves(faults: ExceptionGroup[Exception]) -> Iterator[FerryError]:
    for one in faults.exceptions:
        if isinstance(one, ExceptionGroup):
            yield from _leaves(one)
        elif isinstance(one, FerryError):
            yield one
