"""Clients of AWS's control plane: EC2, CloudWatch, Logs, IAM, SNS, STS.

As whom and where is a value, `AwsAccess`. What no field of it says comes from botocore's own
chain: environment, profiles, the machine's role; `AWS_ENDPOINT_URL` and its forms too.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from threading import RLock
from typing import Any

from lakeferry.connect.aws_refusals import explained
from lakeferry.connect.importing import ONE_AT_A_TIME
from lakeferry.connect.references import resolved
from lakeferry.errors import FerryError
from lakeferry.version import VERSION

MOST_ATTEMPTS = 8  # of one request, with pauses up to 20 s; AWS_MAX_ATTEMPTS overrides it
SESSION_NAME = "lakeferry"
_MAKING = RLock()  # clients may be shared among threads, the sessions that make them may not


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """As whom and where AWS is met. Names only, never a secret."""

    region: str
    profile: str | None = None  # of the AWS configuration files
    role: str | None = None  # ARN to assume
    external_id: str | None = None  # of that role; may be a reference (`${env:NAME}`)
    endpoint: str | None = None  # URL in place of AWS's own, for all services
    through: "AwsAccess | None" = None  # who takes the role; None: the profile, or the environment
    session_name: str = SESSION_NAME  # of the role, as CloudTrail shows it

    @property
    def partition(self) -> str:
        """The first part of ARNs after `arn:`: 'aws', 'aws-cn', 'aws-us-gov'."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"

    @property
    def shown(self) -> str:
        """Who this is, in a message: 'profile dev, role arn:..., eu-west-1'."""
        names = (("profile", self.profile), ("role", self.role), ("endpoint", self.endpoint))
        said = [f"{name} {value}" for name, value in names if value]
        return ", ".join([*said, self.region])


@cache
def client(access: AwsAccess, service: str) -> Any:
    """A boto3 client, one for each access and service: clients may be shared among threads.

    Its calls raise botocore's errors; `explained` turns them into ours, `call` and `pages` do.

    Raises:
        FerryError: LF-1201 where the profile does not exist.
    """
    with explained(access.shown), _MAKING:
        return session_of(access).client(
            service, region_name=access.region, endpoint_url=access.endpoint, config=_config()
        )


def call(
    access: AwsAccess,
    service: str,
    operation: str,
    *,
    on: str = "",
    expected: tuple[str, ...] = (),
    **parameters: Any,
) -> Mapping[str, Any]:
    """The answer to one request.

    Args:
        operation: as boto3 writes it: 'describe_vpcs'.
        on: ARN or id that the request is about; names the place in an error.
        expected: AWS's error codes that the caller handles: their `ClientError` is let through.
        parameters: of the request, as AWS names them.

    Raises:
        FerryError: LF-1201 to LF-1206, see `aws_refusals`.
    """
    with explained(access.shown, service, on=on, expected=expected):
        answer: Mapping[str, Any] = getattr(client(access, service), operation)(**parameters)
        return answer


def pages(
    access: AwsAccess, service: str, operation: str, key: str, *, on: str = "", **parameters: Any
) -> Iterator[Any]:
    """Each item under `key` of all pages of an answer, in AWS's order. Raises as `call` does."""
    with explained(access.shown, service, on=on):
        paginator = client(access, service).get_paginator(operation)
        for page in paginator.paginate(**parameters):
            yield from page.get(key, ())


def usual_region(profile: str | None = None) -> str | None:
    """The Region of the environment or of a profile; None where neither names one.

    Raises:
        FerryError: LF-1201 where the profile does not exist.
    """
    with ONE_AT_A_TIME:
        from botocore.session import Session

    # botocore itself knows only the second of these; the SDKs for other languages the first.
    named = os.environ.get("AWS_REGION")
    if named:
        return named
    with explained(profile or "environment"):
        region: str | None = Session(profile=profile).get_config_variable("region")
        return region


def usual_access() -> AwsAccess:
    """As whom AWS is met where nothing says another: the environment's own."""
    return AwsAccess(usual_region() or "us-east-1")


@cache
def account_of(access: AwsAccess) -> str:
    """The 12 digits of the account that requests are made in."""
    account: str = call(access, "sts", "get_caller_identity")["Account"]
    return account


def _config() -> Any:
    with ONE_AT_A_TIME:
        from botocore.config import Config

    attempts = os.environ.get("AWS_MAX_ATTEMPTS", "")
    return Config(
        connect_timeout=5,
        read_timeout=60,
        retries={
            "mode": "standard",
            "total_max_attempts": int(attempts) if attempts.isdecimal() else MOST_ATTEMPTS,
        },
        max_pool_connections=32,
        user_agent_extra=f"lakeferry/{VERSION}",
    )


@cache
def session_of(access: AwsAccess) -> Any:
    """A boto3 session, as whom the access says; a role's credentials are renewed by it."""
    with ONE_AT_A_TIME:
        from botocore.session import Session

    if access.role is None:
        return _shared(Session(profile=access.profile))
    return role_session(
        access, session_of(access.through or replace(access, role=None, external_id=None))
    )


def role_session(access: AwsAccess, own: Any) -> Any:
    """A boto3 session that is the role of an access, taken by whoever `own`, another one, is.

    Raises:
        FerryError: LF-1201 where that has no credentials; LF-1202, when they are used, for a role
            that cannot be named so.
    """
    return _shared(_assumed(access, own))


def _shared(core: Any) -> Any:
    """A boto3 session of one of botocore's. What any has read of AWS's services all know: to read
    of EC2 takes 0.15 s, which of a hundred accounts would be a quarter of a minute."""
    with ONE_AT_A_TIME:
        from boto3 import Session

    core.register_component("data_loader", _descriptions(core.get_config_variable("data_path")))
    return Session(botocore_session=core)


@cache
def _descriptions(places: str | None) -> Any:
    """botocore's reader of the descriptions of services, which keeps what it has read."""
    with ONE_AT_A_TIME:
        from botocore.loaders import create_loader

    return create_loader(places)


def _assumed(access: AwsAccess, own: Any) -> Any:
    """A botocore session that is the role, and renews it before it expires."""
    with ONE_AT_A_TIME:
        from botocore.credentials import CredentialResolver, DeferredRefreshableCredentials
        from botocore.exceptions import ParamValidationError
        from botocore.session import Session

    fetcher = _fetcher(access, own)

    def fetched() -> Any:
        try:
            return fetcher.fetch_credentials()
        except ParamValidationError as error:
            raise FerryError(
                "LF-1202",
                "the role cannot be taken",
                f"{' '.join(str(error).split())}; {access.shown}",
                "give the role's ARN and the external id as the role's account has them",
            ) from error

    session = Session()
    role = DeferredRefreshableCredentials(fetched, "assume-role")
    session.register_component("credential_provider", CredentialResolver([_Given(role)]))
    return session


def _fetcher(access: AwsAccess, own: Any) -> Any:
    """What asks STS for the role, as whoever takes it."""
    with ONE_AT_A_TIME:
        from botocore.credentials import AssumeRoleCredentialFetcher

    credentials = own.get_credentials()
    if credentials is None:
        raise FerryError(
            "LF-1201",
            "no AWS credentials were found",
            f"they are needed to take the role {access.role}; {access.shown}",
            "set AWS_PROFILE or the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
            "run on a machine that has a role",
        )
    extra = {"RoleSessionName": access.session_name}
    if access.external_id:
        extra["ExternalId"] = resolved(access.external_id)

    def creator(service: str, **settings: Any) -> Any:
        settings |= {"region_name": access.region, "endpoint_url": access.endpoint}
        with _MAKING:
            return own.client(service, config=_config(), **settings)

    return AssumeRoleCredentialFetcher(
        client_creator=creator, source_credentials=credentials, role_arn=access.role,
        extra_args=extra,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Given:
    """What botocore asks for credentials: it has them already."""

    credentials: Any
    METHOD: str = "assume-role"
    CANONICAL_NAME: str = "assume-role"

    def load(self) -> Any:
        return self.credentials
