"""Which tables are meant: names, globs, `wave:3`, `state:blocked`, `tag:pii`, and what is left out.

A selection is a list of terms. A table is chosen where any of them means it and no term with a `!`
does; where only such terms are given, all others are chosen. Terms joined by a comma mean what all
of them mean: `wave:3,state:blocked`. `@file` stands for the terms of a file, one a line. Pure.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lakeferry.config.check import nearest
from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.pattern import UNHEARD_OF, Pattern, fits_word
from lakeferry.fleet.standing.states import STATES

WORDS = ("wave", "state", "tag")
_JOINT = re.compile(r"(?<!\\),")
_FIRST_DOT = re.compile(r"(?<!\\)\.")


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What a selection can ask of a table."""

    key: str  # by which whoever asks knows it again, such as its target's address
    source: str
    schema: str
    table: str
    wave: int = 1
    state: str = "discovered"
    tags: Mapping[str, str] = field(default_factory=dict)
    path: str = ""  # relative to the root of its source

    @property
    def name(self) -> str:
        return f"{self.source}.{self.schema}.{self.table}"


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a selection."""

    text: str  # as written, without its `!`
    is_excluded: bool = False

    def means(self, one: TableFacts) -> bool:
        return all(_means(part, one) for part in _JOINT.split(self.text))


@dataclass(frozen=True, slots=True)
class Selection:
    """The terms of `--select`. None at all: every table."""

    terms: tuple[Term, ...] = ()

    def means(self, one: TableFacts) -> bool:
        """Whether a table is chosen."""
        if any(term.means(one) for term in self.terms if term.is_excluded):
            return False
        wanted = [term for term in self.terms if not term.is_excluded]
        return not wanted or any(term.means(one) for term in wanted)


def selection(given: Sequence[str], read: Callable[[str], str]) -> Selection:
    """The selection that the texts of `--select` make.

    Args:
        read: gives the text of a file by its name, `-` for stdin; may raise FerryError.

    Raises:
        FerryError: LF-2001 for a term that says nothing.
    """
    terms = []
    for text in given:
        if text.startswith("@"):
            lines = (line.partition("#")[0].strip() for line in read(text[1:]).splitlines())
            terms += [_term(line) for line in lines if line]
        else:
            terms.append(_term(text.strip()))
    return Selection(tuple(terms))


def select(chosen: Selection, tables: Iterable[TableFacts]) -> tuple[TableFacts, ...]:
    """The tables that are chosen, in the order in which they came.

    Raises:
        FerryError: LF-2107 for a name that is no table's, or that may be one of several schemas.
            `state:` and `tag:` may mean none: that nothing is blocked is an answer.
    """
    known = tuple(tables)
    for term in chosen.terms:
        for part in _JOINT.split(term.text):
            if _word(part) is None:
                _check_name(part, known)
    return tuple(one for one in known if chosen.means(one))


def named_waves(chosen: Selection) -> tuple[int, ...]:
    """The waves that the terms of a selection name, whether to choose or to leave out."""
    words = (_word(part) for term in chosen.terms for part in _JOINT.split(term.text))
    return tuple(int(word[1]) for word in words if word is not None and word[0] == "wave")


def could_mean(chosen: Selection, source: str, schema: str | None = None) -> bool:
    """Whether a table of this source may be chosen, before its tables are known.

    Args:
        schema: in which it lies; None: any.
    """

    def may(part: str) -> bool:
        if _word(part) is not None:
            return True
        of, below = _split(part)
        is_any = schema is None or not below
        return fits_word(of, source) and (is_any or Pattern(below).may_fit(schema or ""))

    wanted = [term for term in chosen.terms if not term.is_excluded]
    if wanted and not any(all(map(may, _JOINT.split(term.text))) for term in wanted):
        return False
    some = UNHEARD_OF if schema is None else schema
    return not any(_leaves_out(term, source, some) for term in chosen.terms if term.is_excluded)


def _leaves_out(term: Term, source: str, schema: str) -> bool:
    """Whether all tables of a schema are left out by their names, whatever they are."""
    parts = _JOINT.split(term.text)
    if any(_word(part) is not None or Pattern(_split(part)[1]).is_of_path for part in parts):
        return False
    return term.means(TableFacts("", source, schema, UNHEARD_OF))


# ---- terms


def _term(text: str) -> Term:
    is_excluded = text.startswith("!")
    term = Term(text.removeprefix("!").strip(), is_excluded)
    for part in _JOINT.split(term.text):
        _check_term(part, text)
    return term


def _check_term(part: str, text: str) -> None:
    if not part or part.startswith(("!", "@", ".")) or part.endswith("."):
        step = "write `source`, `source.schema.table`, a glob, `wave:3`, `state:blocked`, `tag:pii`"
        raise _wrong(f"`{text}` names no table", step)
    word = _word(part)
    if word is None:
        kind, colon, _ = part.partition(":")
        if colon and "/" not in part and "." not in kind and not kind.startswith("*"):
            step = f"write one of {', '.join(f'`{one}:`' for one in WORDS)}; {nearest(kind, WORDS)}"
            raise _wrong(f"`{part}` names no table", step)
        return
    kind, said = word
    if kind == "wave" and not said.isdecimal():
        raise _wrong(f"`{part}` is no wave", "write its number: `wave:3`")
    if kind == "state" and said.replace("-", "_") not in STATES:
        raise _wrong(f"`{said}` is no state of a table", nearest(said, STATES))
    if not said:
        raise _wrong(f"`{part}` names no tag", "write `tag:NAME` or `tag:NAME=VALUE`")


def _word(part: str) -> tuple[str, str] | None:
    """`wave:3` -> ('wave', '3'); None for a name."""
    kind, colon, said = part.partition(":")
    return (kind, said.strip()) if colon and kind in WORDS else None


def _means(part: str, one: TableFacts) -> bool:
    word = _word(part)
    if word is None:
        return _names(part, one)
    kind, said = word
    if kind == "wave":
        return one.wave == int(said)
    if kind == "state":
        return one.state == said.replace("-", "_")
    name, equals, value = said.partition("=")
    return any(
        fits_word(name, tag) and (not equals or fits_word(value, is_value))
        for tag, is_value in one.tags.items()
    )


def _split(part: str) -> tuple[str, str]:
    """The glob of the source, and that of the tables below it; '': all of them."""
    found = _FIRST_DOT.search(part)
    return (part, "") if found is None else (part[: found.start()], part[found.end() :])


def _names(part: str, one: TableFacts) -> bool:
    source, below = _split(part)
    if not fits_word(source, one.source):
        return False
    return not below or Pattern(below).fits(one.schema, one.table, one.path)


# ---- names that mean nothing, or too much


def _check_name(part: str, known: Sequence[TableFacts]) -> None:
    found = [one for one in known if _names(part, one)]
    source, below = _split(part)
    if not found:
        raise FerryError(
            "LF-2107", f"`{part}` is no table that is known", _counted(known), _next(part, known)
        )
    pattern = Pattern(below)
    is_short = bool(below) and "." not in below and pattern.is_literal and not pattern.is_of_path
    if is_short and Pattern(source).is_literal and len(found) > 1:
        listed = ", ".join(f"`{one.name}`" for one in found[:3])
        step = f"write one of them whole, or `{source}.*.{below}` for all"
        raise FerryError("LF-2107", f"`{part}` can mean {len(found)} tables", listed, step)


def _counted(known: Sequence[TableFacts]) -> str:
    sources = len({one.source for one in known})
    tables = "1 table" if len(known) == 1 else f"{len(known):,} tables"
    of = "1 source" if sources == 1 else f"{sources:,} sources"
    return f"{tables} of {of} {'is' if len(known) == 1 else 'are'} known"


def _next(part: str, known: Sequence[TableFacts]) -> str:
    if not known:
        return "look for tables first: `lakeferry discover`"
    source, below = _split(part)
    sources = sorted({one.source for one in known})
    if not any(fits_word(source, one) for one in sources):
        return nearest(source, sources) if len(sources) <= 20 else _close(source, sources)
    names = sorted(one.name for one in known if fits_word(source, one.source))
    return _close(f"{source}.{below}", names)


def _close(name: str, names: Sequence[str]) -> str:
    said = nearest(name, names)
    return said if said.startswith("did") else "`lakeferry status` lists all that are known"


def _wrong(what: str, step: str) -> FerryError:
    return FerryError("LF-2001", what, "in --select", step)
