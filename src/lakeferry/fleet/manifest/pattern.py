"""Globs over the names of tables: `*` stays within a part, `**` crosses parts. Pure.

A pattern with a `/` is about the path of a table below its source's root; any other is about
`schema.table`, or about the table alone where it has no dot. A part is the schema or the table, so
`sales.*` fits `sales.orders.delta`, a table whose own name has a dot. A backslash takes the sign
behind it as it is. Case matters, and names are matched as people read them, decoded.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

_BETWEEN = "\0"  # between the parts of a name; no name holds it
_GLOB = re.compile(r"(?<!\\)[*?]")
_DOT = re.compile(r"\\.|(\.)")
UNHEARD_OF = "\1" * 64  # a table that only a pattern for all tables fits


@dataclass(frozen=True, slots=True)
class Pattern:
    """One glob, as written."""

    text: str

    @property
    def is_of_path(self) -> bool:
        return "/" in self.text

    @property
    def is_literal(self) -> bool:
        """Whether it can mean one name only."""
        return _GLOB.search(self.text) is None

    def may_fit(self, schema: str) -> bool:
        """Whether a table of a schema may be meant, whatever its name and its path are."""
        if self.is_of_path or "**" in self.text:
            return True
        dots = [found.start() for found in _DOT.finditer(self.text) if found[1]]
        return not dots or any(fits_word(self.text[:dot], schema) for dot in dots)

    def fits(self, schema: str, table: str, path: str = "") -> bool:
        """Whether a table is meant; `path` is relative to the root of its source."""
        if self.is_of_path:
            return _of_path(self.text).fullmatch(path.strip("/")) is not None
        return _of_name(self.text).fullmatch(f"{schema}{_BETWEEN}{table}") is not None


def fits_word(glob: str, word: str) -> bool:
    """Whether a glob without parts fits one word, such as the name of a source."""
    return _of_word(glob).fullmatch(word) is not None


def is_chosen(
    include: tuple[Pattern, ...],
    exclude: tuple[Pattern, ...],
    schema: str,
    table: str,
    path: str = "",
) -> bool:
    """Whether a table is in scope: exclude wins over include; no include is all."""
    if any(one.fits(schema, table, path) for one in exclude):
        return False
    return not include or any(one.fits(schema, table, path) for one in include)


def may_be_chosen(include: tuple[Pattern, ...], exclude: tuple[Pattern, ...], schema: str) -> bool:
    """Whether tables of a schema may be in scope, whatever their names and their paths are."""
    if any(one.fits(schema, UNHEARD_OF) for one in exclude if not one.is_of_path):
        return False
    return not include or any(one.may_fit(schema) for one in include)


@lru_cache(maxsize=4096)
def _of_name(text: str) -> re.Pattern[str]:
    # A dot may be the one between schema and table, or one of a name.
    expression = _translated(text, dot=f"[.{_BETWEEN}]", part=f"[^{_BETWEEN}]")
    whole = re.sub(r"\\.", "", text)
    if "." not in whole and "**" not in whole:
        expression = f".*{_BETWEEN}{expression}"
    return re.compile(expression, re.DOTALL)


@lru_cache(maxsize=4096)
def _of_path(text: str) -> re.Pattern[str]:
    text = text.strip("/") if text != "/" else text
    inner = _translated(text, dot=re.escape("."), part="[^/]")
    # A `**` that is a whole part is any folders or none.
    return re.compile(re.sub(r"(^|/)\.\*/", r"\1(?:.*/)?", inner), re.DOTALL)


@lru_cache(maxsize=4096)
def _of_word(text: str) -> re.Pattern[str]:
    return re.compile(_translated(text, dot=re.escape("."), part="."), re.DOTALL)


_SIGN = re.compile(r"\\(.)|(\*\*)|(\*)|(\?)|(\.)|(.)", re.DOTALL)


def _translated(text: str, *, dot: str, part: str) -> str:
    """A regular expression; `dot` stands for a dot, `part` for one sign within a part."""
    made = []
    for found in _SIGN.finditer(text):
        escaped, across, within, one, is_dot, plain = found.groups()
        if across:
            made.append(".*")
        elif within:
            made.append(f"{part}*")
        elif one:
            made.append(part)
        elif is_dot:
            made.append(dot)
        else:
            made.append(re.escape(escaped or plain))
    return "".join(made)
