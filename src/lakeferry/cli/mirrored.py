"""Flags that the environment may set: `LAKEFERRY_JSON=1` is `--json` where nobody types it."""

import os
import shlex
from typing import Any

from cyclopts import Parameter

NO = ("", "0", "false", "no", "n", "f")


def mirrored(*names: str, **more: Any) -> Parameter:
    """A flag with its mirror in the environment, which is named after the first of its names.

    An empty variable says nothing. Of a list each word counts, quoted as in a shell.
    """
    return Parameter(
        name=list(names), env_var=variable_of(names[0]), env_var_split=_words,
        show_env_var=False, **more,
    )  # fmt: skip


def variable_of(flag: str) -> str:
    """`--log-file` -> `LAKEFERRY_LOG_FILE`."""
    return "LAKEFERRY_" + flag.strip("-").upper().replace("-", "_")


def is_set(flag: str) -> bool:
    """Whether the environment sets a flag that is on or off; for when no flag could be read."""
    return os.environ.get(variable_of(flag), "").lower() not in NO


def _words(type_: Any, value: str, *, delimiter: str | None = None) -> list[str]:  # noqa: ARG001
    if not value.strip():
        return []
    return shlex.split(value) if type_ == list[str] | None else [value]
