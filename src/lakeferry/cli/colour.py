"""Whether a stream gets colours, and what is coloured: signs alone, which say the same without."""

import os
from collections.abc import Mapping
from typing import Literal, TextIO

Choice = Literal["auto", "always", "never"]

_CODES: Mapping[str, str] = {"✓": "32", "▲": "33", "✗": "31"}


def is_wanted(choice: Choice, stream: TextIO) -> bool:
    """By what was asked for, then by NO_COLOR, CLICOLOR_FORCE and TERM, then by the stream.

    Source: no-color.org (any value that is not empty), bixense.com/clicolors.
    """
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return os.environ.get("TERM") != "dumb" and stream.isatty()


def painted(line: str) -> str:
    """A line whose first sign is coloured. Its width on a screen stays what it was."""
    sign = line.lstrip()[:1]
    code = _CODES.get(sign)
    return line if code is None else line.replace(sign, f"\x1b[{code}m{sign}\x1b[0m", 1)
