"""The keys of an access, for requests that are signed without boto3; botocore renews them.

Where the environment has keys that last, botocore's chain ends at its first link. It is not asked
then: to load it takes 0.2 s of CPU and 25 MiB, in each process.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from lakeferry.connect.aws import AwsAccess, role_session, session_of
from lakeferry.connect.aws_refusals import explained
from lakeferry.connect.importing import ONE_AT_A_TIME
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
    chain = _now(access, lambda: session_of(access))
    if access.role is not None or access.profile is not None:
        return chain
    return lambda: _of_environment() or chain()


def _of_environment() -> AwsKeys | None:
    """Keys that last; None where a profile is named, too, or they expire: that is botocore's."""
    told = os.environ.get
    if told("AWS_PROFILE") or told("AWS_DEFAULT_PROFILE") or told("AWS_CREDENTIAL_EXPIRATION"):
        return None
    access_key, secret_key = told("AWS_ACCESS_KEY_ID"), told("AWS_SECRET_ACCESS_KEY")
    if not access_key or not secret_key:
        return None
    token = told("AWS_SECURITY_TOKEN") or told("AWS_SESSION_TOKEN")
    return AwsKeys(access_key, secret_key, token or None)


def keys_of_role(access: AwsAccess, own: AwsKeys) -> Callable[[], AwsKeys]:
    """What gives the keys of the access's role, which these own ones take. Raises as `keys_of`."""
    return _now(access, lambda: _role_taken(access, own))


@cache
def _role_taken(access: AwsAccess, own: AwsKeys) -> Any:
    with ONE_AT_A_TIME:
        from boto3 import Session

    given = Session(own.access_key, own.secret_key, own.token)
    return role_session(access, given)


def _now(access: AwsAccess, session: Callable[[], Any]) -> Callable[[], AwsKeys]:
    def now() -> AwsKeys:
        with explained(access.shown):
            found = session().get_credentials()
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
