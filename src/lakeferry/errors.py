"""The one error that lakeferry raises on purpose; its codes lie in the six modules beside it.

Every message answers three questions: what happened, where, and what to do next.
`FerryError` is raised only where the answers are known; anything else is a bug and keeps its
traceback. The code decides the exit code, so a script can rely on either.
"""

from lakeferry import (
    catalog_error_codes,
    cost_error_codes,
    error_codes,
    fleet_error_codes,
    network_error_codes,
    stream_error_codes,
)
from lakeferry.error_kinds import ErrorKind

__all__ = ["CODES", "ErrorKind", "FerryError"]

CODES: dict[str, ErrorKind] = {
    **error_codes.CODES,
    **network_error_codes.CODES,
    **cost_error_codes.CODES,
    **stream_error_codes.CODES,
    **fleet_error_codes.CODES,
    **catalog_error_codes.CODES,
}


class FerryError(Exception):
    """Something that a person must decide or repair.

    Args:
        code: a key of `CODES`; decides the exit code.
        what: one line, what happened, values in backticks where they are names.
        where: one line, the place and the evidence.
        next_step: one line, the command or the right that mends it.
    """

    def __init__(self, code: str, what: str, where: str, next_step: str) -> None:
        # All four go to `args`, or the exception could not cross a process pool.
        super().__init__(code, what, where, next_step)
        self.code = code
        self.what = what
        self.where = where
        self.next_step = next_step

    @property
    def exit_code(self) -> int:
        return CODES[self.code].exit_code

    def __str__(self) -> str:
        where = f"\n  {self.where}" if self.where.strip() else ""
        return f"{self.code} {self.what}{where}\n  next: {self.next_step}"
