"""A workspace's answer to a request, or the SDK's errors in our words."""

from collections.abc import Callable
from typing import TypeVar

from lakeferry.connect.databricks import WorkspaceAccess, unreachable
from lakeferry.connect.importing import ONE_AT_A_TIME
from lakeferry.errors import FerryError

Answer = TypeVar("Answer")


def asked(access: WorkspaceAccess, request: Callable[[], Answer]) -> Answer:
    """Raises LF-1301 for an identity that is refused, LF-1302 otherwise, LF-1303 for silence."""
    with ONE_AT_A_TIME:
        from databricks.sdk.errors import PermissionDenied, Unauthenticated
        from databricks.sdk.errors.base import DatabricksError

    try:
        return request()
    except (PermissionDenied, Unauthenticated) as error:
        raise FerryError(
            "LF-1301",
            "Databricks refused the identity",
            f"{error}; {access.shown}",
            "use a service principal or user that is an admin of the workspace",
        ) from error
    except DatabricksError as error:
        raise FerryError(
            "LF-1302",
            "Databricks refused a request",
            f"{error.error_code or type(error).__name__}: {error}; {access.shown}",
            "mend what the message names, then run the same command again",
        ) from error
    except OSError as error:  # nobody answered in time; the SDK's own errors are such, too
        raise unreachable(access, error) from error
