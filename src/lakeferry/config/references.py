"""References such as `${env:NAME}` and `${aws-secret:ID#KEY}`: their grammar, and no more."""

import re
from dataclasses import dataclass

KINDS = ("env", "file", "aws-secret", "aws-param", "azure-keyvault", "databricks-secret")
# One reference and nothing beside it, without a default: what a secret must be.
SECRET = rf"^\$\{{({'|'.join(KINDS)}):[^}}]+\}}$"
# At least one reference, as JSON Schema takes it.
HOLDS_ONE = rf"\$\{{({'|'.join(KINDS)}):[^}}]+\}}"

_REFERENCE = re.compile(r"\$\{([a-z-]+):([^}]*)\}")
_DOLLAR = re.compile(r"\$\{([^}]*)(\})?")


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a value is to be had."""

    kind: str  # one of KINDS
    name: str  # of the variable, the file, the secret
    default: str | None = None  # after `:-`
    text: str = ""  # as written


def references(text: str) -> tuple[Reference, ...]:
    """All references in a text, in their order."""
    found = []
    for one in _REFERENCE.finditer(text):
        if one[1] in KINDS:
            name, given, default = one[2].partition(":-")
            found.append(Reference(one[1], name, default if given else None, one[0]))
    return tuple(found)


def is_secret_reference(text: str) -> bool:
    """Whether this may stand where a secret is asked for."""
    found = references(text)
    return len(found) == 1 and found[0].text == text and found[0].default is None


def fault_of(text: str, *, fields: bool = False) -> str | None:
    """Why a text that looks like a reference is none; None where all is well.

    Args:
        fields: `${name}` without a kind is a field of flow logs.
    """
    for one in _DOLLAR.finditer(text):
        kind, colon, name = one[1].partition(":")
        if not one[2]:
            return "`${` is never closed"
        if not colon:
            if not fields:
                return f"`{one[0]}` names no kind"
        elif kind not in KINDS:
            return f"`{kind}` is no kind of reference"
        elif not name.partition(":-")[0]:
            return f"`{one[0]}` names nothing"
    return None
