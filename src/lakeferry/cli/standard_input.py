"""`-` in the place of a file means standard input; a word that begins so is else an option."""

from typing import Any

from cyclopts import Parameter


def _no_option(kind: Any, value: Any) -> None:  # noqa: ARG001
    if isinstance(value, str) and value.startswith("-") and value != "-":
        raise ValueError(f"Unknown option: {value}")


OR_STDIN = Parameter(allow_leading_hyphen=True, validator=_no_option)
