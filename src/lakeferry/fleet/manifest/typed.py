"""The name of a table as a person can type it behind `-s`: signs of globs and of shells escaped.

Names come from folders and catalogs that others made; a command that an error proposes is pasted.
"""

import re
import shlex

_SIGNS = re.compile(r"[\\*?,]")  # that a selection would read otherwise


def typed(name: str) -> str:
    """`a.sales.orders` as it is, another in quotes."""
    return shlex.quote(_SIGNS.sub(r"\\\g<0>", name))
