"""The size of a plan as it is typed: where 7 % matter, it must say which GB it means. Pure."""

import re

from lakeferry.config.quantities import Unreadable, size_bytes
from lakeferry.errors import FerryError

_DECIMAL = re.compile(r"([0-9.]+) ?([kMGTPE])B")


def planned_bytes(text: str, *, decimal: bool, flag: str = "--planned-bytes") -> int:
    """Bytes of `2 PiB`; of `2 PB` only where decimal units are said to be meant.

    AWS bills a GB of 2^30 bytes, so a size that becomes dollars must not leave it open.

    Raises:
        FerryError: LF-2011 for a unit with two readings, LF-2001 for no size.
    """
    found = _DECIMAL.fullmatch(text)
    if found and not decimal:
        binary = f"{found[1]} {found[2].upper()}iB"
        raise FerryError(
            "LF-2011",
            f"{flag} `{text}` can mean powers of 1000 or of 1024",
            "AWS bills a GB of 2^30 bytes; here the two are "
            f"{abs(size_bytes(binary) / size_bytes(text) - 1):.1%} apart",
            f"write {binary}, or add --decimal-units",
        )
    try:
        size = size_bytes(text)
    except Unreadable as error:
        what = f"{flag} `{text}` {error.what}"
        raise FerryError(error.code, what, "on the command line", error.next_step) from error
    if size == 0:
        raise FerryError("LF-2001", f"{flag} `{text}` is nothing", flag, "leave it out")
    return size
