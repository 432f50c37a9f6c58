"""What is wrong with a document: where, quoted with a caret, and no secret in the quotation."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lakeferry.config.tree import Place
from lakeferry.errors import FerryError

MOST_PROBLEMS = 20  # shown at once
_WIDTH = 100  # of a quoted line; a longer one is cut around the caret

# What may hold a secret, by the name of its key. A reference (`${env:NAME}`) is no secret.
SECRET_NAMES = re.compile(
    r"secret|token|sas|keytab|credentials?|password|passphrase|api_?key|access_?key|account_?key",
    re.IGNORECASE,
)
_SECRET_IN_LINE = re.compile(
    rf"""["']?\b[\w.-]*(?:{SECRET_NAMES.pattern})[\w.-]*["']?\s*[:=]\s*"""
    r"""(?P<value>(?!["']?\$\{)(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,}\]][^,}\]]*))""",
    re.IGNORECASE,
)
_PASSWORD_IN_URL = re.compile(r"://[^\s/@:]*:(?P<value>(?!\$\{)[^\s/@]+)@")
_SIGNATURE_IN_URL = re.compile(r"://\S*[?&]sig=(?P<value>(?!\$\{)[^\s&\"']+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a person must change."""

    code: str
    place: Place
    what: str  # no full stop; never a secret
    next_step: str
    is_secret: bool = False  # the value at the place must not be shown


def errors_of(problems: Iterable[Problem], texts: Mapping[str, str]) -> list[FerryError]:
    """Problems as errors in the order of the document, at most 20, each with its line quoted.

    Args:
        texts: the document's text by the name that places use.
    """
    ordered = sorted(
        dict.fromkeys(problems), key=lambda one: (one.place.line, one.place.column, one.what)
    )
    errors = [_error(one, texts) for one in ordered[:MOST_PROBLEMS]]
    left = len(ordered) - len(errors)
    if left > 0:
        last = errors[-1]
        more = f"{last.next_step}; then {left} more errors will be shown"
        errors[-1] = FerryError(last.code, last.what, last.where, more)
    return errors


def refuse(
    problems: Sequence[Problem], texts: Mapping[str, str], *, what: str = "the manifest"
) -> None:
    """Do nothing where there is no problem of `what` people wrote.

    Raises:
        ExceptionGroup: of `FerryError`, one a problem.
    """
    if problems:
        raise ExceptionGroup(f"{what} is wrong", errors_of(problems, texts))


def _error(problem: Problem, texts: Mapping[str, str]) -> FerryError:
    where = "on the command line"
    if problem.is_secret:
        where = "the value is not shown"
    elif problem.place.line:
        where = "\n  ".join(quote(problem.place, texts))
    return FerryError(problem.code, f"{problem.place}  {problem.what}", where, problem.next_step)


def quote(place: Place, texts: Mapping[str, str]) -> list[str]:
    """The line of a place and a caret below it; [] where the text is not at hand."""
    lines = texts.get(place.file, "").splitlines()
    if not 0 < place.line <= len(lines):
        return []
    line = masked(lines[place.line - 1]).replace("\t", " ")
    start = place.column - 1
    length = max(1, min(place.length, len(line) - start))
    cut = max(0, start - _WIDTH // 2) if len(line) > _WIDTH else 0
    shown = line[cut : cut + _WIDTH]
    carets = "^" * max(1, min(length, _WIDTH - (start - cut)))
    number = str(place.line)
    return [
        f"{number:>6} | {shown}".rstrip(),
        f"{'':>6} | {' ' * (start - cut)}{carets}",
    ]


def holds_secret(text: str) -> bool:
    """Whether an address holds a password or a signature, and no reference in its place."""
    return any(one.search(text) for one in (_PASSWORD_IN_URL, _SIGNATURE_IN_URL))


def masked(line: str) -> str:
    """The line with asterisks, as many as there were characters, for what may be a secret."""
    for pattern in (_SECRET_IN_LINE, _PASSWORD_IN_URL, _SIGNATURE_IN_URL):
        for found in list(pattern.finditer(line)):
            start, end = found.span("value")
            line = line[:start] + "*" * (end - start) + line[end:]
    return line
