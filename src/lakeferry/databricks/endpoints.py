"""VPC endpoints in a Databricks account: registered there, or no workspace may use them.

Source: Databricks REST API reference, Account API, "VPC endpoint configurations".
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from lakeferry.connect.databricks import DatabricksAccess, account_client, unreachable
from lakeferry.errors import FerryError
from lakeferry.network.resources import EndpointRegistration

Answer = TypeVar("Answer")


def registrations(
    access: DatabricksAccess, names: Mapping[str, str]
) -> tuple[EndpointRegistration, ...]:
    """Every endpoint that the account knows, sorted by name.

    Args:
        names: names of endpoints by their ids in AWS, for those that are ours.

    Raises:
        FerryError: LF-1301, LF-1302 or LF-1303.
    """
    listed = _asked(access, lambda: list(account_client(access).vpc_endpoints.list()))
    found = [
        EndpointRegistration(
            name=one.vpc_endpoint_name or "",
            endpoint=names.get(one.aws_vpc_endpoint_id or "", one.aws_vpc_endpoint_id or ""),
            region=one.region or "",
            id=one.vpc_endpoint_id or "",
            state=one.state or "",
        )
        for one in listed
    ]
    return tuple(sorted(found, key=lambda one: (one.name, one.id)))


def ensure_registration(
    access: DatabricksAccess, wanted: EndpointRegistration, endpoint_id: str
) -> None:
    """Register an endpoint, or find that it is registered under this name already.

    Args:
        endpoint_id: AWS's id of the endpoint that `wanted` names.
    """
    from databricks.sdk.errors import ResourceAlreadyExists, ResourceConflict

    api = account_client(access).vpc_endpoints

    def register() -> None:
        try:
            api.create(
                aws_vpc_endpoint_id=endpoint_id, region=wanted.region, vpc_endpoint_name=wanted.name
            )
        except (ResourceAlreadyExists, ResourceConflict):
            there = (one for one in api.list() if one.vpc_endpoint_name == wanted.name)
            if not any(one.aws_vpc_endpoint_id == endpoint_id for one in there):
                raise

    _asked(access, register)


def remove_registration(access: DatabricksAccess, found: EndpointRegistration) -> None:
    """Forget an endpoint; one that is gone already is no error."""
    from databricks.sdk.errors import NotFound, ResourceDoesNotExist

    def forget() -> None:
        try:
            account_client(access).vpc_endpoints.delete(found.id)
        except (NotFound, ResourceDoesNotExist):
            return

    _asked(access, forget)


def _asked(access: DatabricksAccess, request: Callable[[], Answer]) -> Answer:
    """The answer of a request, or the SDK's errors in our words."""
    from databricks.sdk.errors import PermissionDenied, Unauthenticated
    from databricks.sdk.errors.base import DatabricksError

    where = f"account {access.account_id} at {access.host}"
    try:
        return request()
    except (PermissionDenied, Unauthenticated) as error:
        raise FerryError(
            "LF-1301",
            "Databricks refused the identity",
            f"{error}; {where}",
            "use a service principal or user that is an admin of the Databricks account",
        ) from error
    except DatabricksError as error:
        raise FerryError(
            "LF-1302",
            "Databricks refused to change its registered VPC endpoints",
            f"{error.error_code or type(error).__name__}: {error}; {where}",
            "mend what the message names, then run the same command again; what was made before "
            "is kept",
        ) from error
    except OSError as error:  # nobody answered in time; the SDK's own errors are such, too
        raise unreachable(access, error) from error
