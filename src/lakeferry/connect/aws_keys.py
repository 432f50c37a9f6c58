"""The keys of an access, for requests that are signed without boto3; botocore renews them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from lakeferry.connect.aws import AwsAccess, session_of
from lakeferry.connect.aws_refusals import explained
from lakeferry.errors import FerryError


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """As whom a request is signed. The secrets are not shown."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)  # of a role


def keys_of(access: AwsAccess) -> Callable[[], AwsKeys]:
    """What gives the keys as they are now; those of a role it renews in time.

    Raises, when it is asked:
        FerryError: LF-1201 where there are no keys, LF-1202 where a role cannot be taken.
    """

    def now() -> AwsKeys:
        with explained(access.shown):
            found = session_of(access).get_credentials()
            if found is None:
                raise FerryError(
                    "LF-1201",
                    "no AWS credentials were found",
                    access.shown,
                    "set AWS_PROFILE or the variables AWS_ACCESS_KEY_ID and "
                    "AWS_SECRET_ACCESS_KEY, or run on a machine that has a role",
                )
            frozen = found.get_frozen_credentials()
        return AwsKeys(frozen.access_key, frozen.secret_key, frozen.token)

    return now
