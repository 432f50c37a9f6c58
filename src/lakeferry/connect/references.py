"""References resolved: `${env:NAME}`, `${file:PATH}`, and secrets and parameters that AWS keeps.

Only what a client needs is resolved, when it needs it; what comes out is shown nowhere.
"""

import json
import os
from pathlib import Path

from lakeferry.config.references import Reference, references
from lakeferry.errors import FerryError


def resolved(text: str) -> str:
    """The text with each reference in it replaced by what it names.

    Raises:
        FerryError: LF-2001 for one that names nothing, or that only other programs resolve; LF-1201
            to LF-1206 where AWS refuses.
    """
    for one in references(text):
        text = text.replace(one.text, _value(one))
    return text


def _value(one: Reference) -> str:
    match one.kind:
        case "env":
            found = os.environ.get(one.name, one.default)
            if found is None:
                raise _nothing(one, f"the environment variable `{one.name}` is not set")
        case "file":
            found = _file(one)
        case "aws-secret":
            found = _aws_secret(one)
        case "aws-param":
            found = _aws_parameter(one)
        case _:
            raise _nothing(one, f"references to {one.kind} are not resolved by this version")
    return found


def _file(one: Reference) -> str:
    try:
        return Path(one.name).expanduser().read_text().strip()
    except OSError as error:
        if one.default is not None:
            return one.default
        raise _nothing(one, f"the file cannot be read: {error.strerror}") from error


def _aws_secret(one: Reference) -> str:
    """`ID#KEY`: of a secret that is a JSON object one member; without `#` the whole of it."""
    from lakeferry.connect.aws import call, usual_access

    id, _, key = one.name.partition("#")
    answer = call(usual_access(), "secretsmanager", "get_secret_value", on=id, SecretId=id)
    whole: str = answer.get("SecretString", "")
    if not key:
        return whole
    try:
        found = json.loads(whole)[key]
    except (ValueError, KeyError, TypeError):
        raise _nothing(one, f"the secret `{id}` has no member `{key}`") from None
    return str(found)


def _aws_parameter(one: Reference) -> str:
    from lakeferry.connect.aws import call, usual_access

    answer = call(
        usual_access(), "ssm", "get_parameter", on=one.name, Name=one.name, WithDecryption=True
    )
    value: str = answer["Parameter"]["Value"]
    return value


def _nothing(one: Reference, what: str) -> FerryError:
    step = "set it, or name another: ${env:NAME}, ${file:PATH}, ${aws-secret:ID#KEY}"
    return FerryError("LF-2001", what, one.text, step)
