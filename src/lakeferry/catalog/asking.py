"""A request to Unity Catalog or a workspace, patient where it is throttled; errors in our words.

The SDK repeats what is throttled for some seconds. A listing of thousands of tables meets limits
that take minutes to pass, so we go on.
"""

from collections.abc import Callable
from typing import TypeVar

from lakeferry.connect.databricks import WorkspaceAccess, unreachable
from lakeferry.connect.importing import ONE_AT_A_TIME
from lakeferry.errors import FerryError

ROUNDS = 12  # of the SDK's own patience, 15 s each: three minutes
Answer = TypeVar("Answer")


class Missing(Exception):
    """What the request names is not there."""


class Taken(Exception):
    """What the request would make is there already."""


def asked(
    access: WorkspaceAccess, request: Callable[[], Answer], *, on: str, rights: str
) -> Answer:
    """The answer to a request.

    Args:
        on: what it is about, for an error.
        rights: the statement or the words that give the rights it needs.

    Raises:
        Missing, Taken: for the caller, who knows what they mean.
        FerryError: LF-8104 for a missing right, LF-8106 for another refusal, LF-1301 for an
            identity that is refused, LF-1303 for silence.
    """
    with ONE_AT_A_TIME:
        from databricks.sdk.errors import NotFound, PermissionDenied, Unauthenticated
        from databricks.sdk.errors.base import DatabricksError

    where = f"{on + '; ' if on else ''}{access.shown}"
    try:
        return _patiently(request)
    except NotFound as error:
        raise Missing(str(error)) from error
    except PermissionDenied as error:
        raise FerryError("LF-8104", f"the catalog refuses: {error}", where, rights) from error
    except Unauthenticated as error:
        raise FerryError(
            "LF-1301",
            "Databricks refused the identity",
            f"{error}; {where}",
            "give the connection a token that is valid, or a client and its secret",
        ) from error
    except DatabricksError as error:
        code = error.error_code or type(error).__name__
        if "ALREADY_EXISTS" in code:
            raise Taken(str(error)) from error
        raise FerryError(
            "LF-8106",
            f"the catalog refused a request: {code}",
            f"{' '.join(str(error).split())[:300]}; {where}",
            "mend what the message names, then run the same command again",
        ) from error
    except OSError as error:
        raise unreachable(access, error) from error


def _patiently(request: Callable[[], Answer]) -> Answer:
    with ONE_AT_A_TIME:
        from databricks.sdk.errors import TemporarilyUnavailable, TooManyRequests

    for _ in range(ROUNDS - 1):
        try:
            return request()
        except TimeoutError as error:
            if not isinstance(error.__cause__, TooManyRequests | TemporarilyUnavailable):
                raise
    return request()
