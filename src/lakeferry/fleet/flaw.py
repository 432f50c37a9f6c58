"""A flaw of the program as an error of one table: the others go on, and it can be reported."""

from lakeferry.errors import FerryError


def flaw_of(flaw: Exception, where: str, next_step: str) -> FerryError:
    """LF-8021, with the line of code at which it showed."""
    place = flaw.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    at = "" if place is None else f", line {place.tb_lineno} of {place.tb_frame.f_code.co_filename}"
    what = f"a flaw of the program: {type(flaw).__name__}: {flaw}"
    return FerryError("LF-8021", what, f"{where}{at}", next_step)
