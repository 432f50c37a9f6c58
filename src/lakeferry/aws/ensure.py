"""Make one resource what it shall be, or remove it; done twice it is done once."""

from dataclasses import dataclass

from lakeferry.connect.aws import AwsAccess
from lakeferry.network.resources import Resource


@dataclass(frozen=True, slots=True)
class Place:
    """Where resources are made, and for which deployment."""

    access: AwsAccess
    account: str  # 12 digits
    deployment: str
    partition: str = "aws"  # first part of ARNs

    @property
    def region(self) -> str:
        return self.access.region


def ensure(place: Place, wanted: Resource, before: Resource | None) -> None:
    """Make `wanted`, or change `before` into it.

    Args:
        before: what was found and is ours; None where nothing was.

    Raises:
        FerryError: LF-6401 where something of others turns up under the name, LF-6403, LF-6404,
            LF-1201 to LF-1206.
    """
    raise NotImplementedError


def remove(place: Place, found: Resource) -> None:
    """Remove something of ours; that it is gone already is no error."""
    raise NotImplementedError


def endpoint_id(place: Place, name: str) -> str:
    """AWS's id of an endpoint of ours."""
    raise NotImplementedError
