"""Tables that fit their screen: columns fall away, names are cut in the middle. Pure."""

import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

UNLIMITED = 100_000  # of a pipe: whoever searches in it must find whole names
_GAP = "  "
_LEAST = 8  # characters that a name keeps


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    title: str
    priority: int = 0  # the greatest falls away first; 0 never
    right: bool = False  # numbers
    elastic: bool = False  # cut in the middle where nothing else helps


def screen_width() -> int:
    """Columns of the terminal that stdout is, or that COLUMNS names; else no limit."""
    if os.environ.get("COLUMNS", "").isdecimal() or sys.stdout.isatty():
        return shutil.get_terminal_size((80, 24)).columns
    return UNLIMITED


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, *, indent: str = "  "
) -> list[str]:
    """Lines of at most `width` characters, the titles first. Nothing wraps."""
    kept = list(range(len(columns)))
    body = [[column.title for column in columns], *(list(row) for row in rows)]
    widths = [max(len(row[index]) for row in body) for index in range(len(columns))]

    def needed() -> int:
        return len(indent) + sum(widths[index] for index in kept) + len(_GAP) * (len(kept) - 1)

    while needed() > width:
        loose = max(kept, key=lambda index: (columns[index].priority, index))
        if columns[loose].priority == 0:
            break
        kept.remove(loose)
    for index in sorted(kept, key=lambda one: -widths[one]):
        if columns[index].elastic and needed() > width:
            widths[index] = max(_LEAST, widths[index] - (needed() - width))
    lines = []
    for row in body:
        cells = [_cell(row[index], widths[index], right=columns[index].right) for index in kept]
        lines.append((indent + _GAP.join(cells)).rstrip())
    return lines


def elided(text: str, width: int) -> str:
    """The text, its middle left out where it is longer than `width`."""
    if len(text) <= width:
        return text
    head = (width - 2) // 2
    return f"{text[:head]}..{text[len(text) - (width - 2 - head) :]}"


def paragraph(text: str, width: int) -> list[str]:
    """Lines of at most `width`; those after the first stand deeper. A long word stays whole.

    Spaces that set words apart stay as many, but for those where a line ends.
    """
    if len(text) <= width:
        return [text]
    start = len(text) - len(text.lstrip())
    lines = [text[:start]]
    for apart, word in re.findall(r"(\s*)(\S+)", text[start:]):
        if lines[-1].strip() and len(lines[-1]) + len(apart) + len(word) > width:
            lines.append(" " * (start + 2) + word)
        else:
            lines[-1] += apart + word
    return lines


def _cell(text: str, width: int, *, right: bool) -> str:
    text = elided(text, width)
    return text.rjust(width) if right else text.ljust(width)
