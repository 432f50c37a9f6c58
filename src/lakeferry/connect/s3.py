"""Clients of S3 and of services that speak its protocol, by obstore and by boto3."""

import os
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from lakeferry.connect.aws import AwsAccess, session_of, usual_region
from lakeferry.connect.aws_refusals import explained
from lakeferry.connect.connection import Connection, http_settings, is_private, wrong_option
from lakeferry.connect.importing import ONE_AT_A_TIME
from lakeferry.connect.s3_encryption import encryption_of
from lakeferry.errors import FerryError

if TYPE_CHECKING:
    from obstore.store import RetryConfig, S3Store


def endpoint_of(link: Connection) -> str | None:
    """The endpoint in use; None is AWS's own."""
    environment = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return link.get("endpoint") or environment


def backend(
    link: Connection, bucket: str, *, retry: "RetryConfig", sends: bool = False
) -> "S3Store":
    with ONE_AT_A_TIME:
        from obstore.store import S3Store

    endpoint = endpoint_of(link)
    options: dict[str, Any] = {"region": region_of(link, bucket)}
    if endpoint:
        options["endpoint"] = endpoint
    if link.is_true("virtual_hosted"):
        options["virtual_hosted_style_request"] = True
    if sends_checksum(link):
        options["checksum_algorithm"] = "crc64nvme"
        # The CRC is checked by the server; SHA-256 of the body is then needed only where a
        # stranger could change it on the way.
        options["unsigned_payload"] = is_private(endpoint)
    if encryption := encryption_of(link):
        options |= encryption.for_obstore()
    if link.is_true("anonymous"):
        options["skip_signature"] = True
    elif link.get("access_key_id"):
        # Not as plain options: to those the environment's session token would be added. Asked for
        # now: a reference to nothing would come back as the store's refusal of a key.
        key = _static_key(link)
        options["credential_provider"] = lambda: key
    elif _is_named(link) or not os.environ.get("AWS_ACCESS_KEY_ID"):
        options["credential_provider"] = _chain(link)
    return S3Store(
        bucket,
        client_options=http_settings(link, endpoint, sends=sends),
        retry_config=retry,
        **options,
    )


def client(link: Connection, bucket: str, *, answer_s: int = 60) -> Any:
    """boto3, for what obstore has not: conditional multipart, stored checksums, copies.

    `answer_s`: seconds without a byte of an answer, after which a request is made again.
    """
    with ONE_AT_A_TIME:
        from botocore import UNSIGNED
        from botocore.config import Config

    endpoint = endpoint_of(link)
    when = "when_supported" if sends_checksum(link) else "when_required"
    config = Config(
        connect_timeout=5,
        read_timeout=answer_s,
        retries={"mode": "standard", "max_attempts": 5},
        max_pool_connections=64,
        request_checksum_calculation=when,
        s3={"addressing_style": "virtual" if link.is_true("virtual_hosted") or not endpoint
            else "path"},
        user_agent_extra="lakeferry",
        **({"signature_version": UNSIGNED} if link.is_true("anonymous") else {}),
    )  # fmt: skip
    return _session(link).client(
        "s3", region_name=region_of(link, bucket), endpoint_url=endpoint, config=config,
        verify=link.get("ca_file"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Access:
    """What a client that is not ours needs to reach the same place; keys are None for nobody."""

    endpoint: str | None  # URL; None: AWS's own
    region: str
    virtual_hosted: bool
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)


def access(link: Connection, bucket: str) -> Access:
    """The keys as they are now: they may expire, so ask again for each use.

    Raises:
        FerryError: LF-1001 there are none.
    """
    endpoint = endpoint_of(link)
    virtual = link.is_true("virtual_hosted") or not endpoint
    place = Access(endpoint, region_of(link, bucket), virtual)
    if link.is_true("anonymous"):
        return place
    found = _session(link).get_credentials()
    if found is None:
        raise _no_credentials()
    keys = found.get_frozen_credentials()
    return replace(
        place,
        access_key_id=keys.access_key,
        secret_access_key=keys.secret_key,
        session_token=keys.token,
    )


def sends_checksum(link: Connection) -> bool:
    return link.get("checksum") != "none"


def region_of(link: Connection, bucket: str) -> str:
    """The option, or what the service says of the bucket, or the environment's default.

    AWS refuses requests that are signed for another region than the bucket's, and the two sides
    of a copy often lie in two; so the environment is asked last.
    """
    default = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    given = link.get("region")
    if given or endpoint_of(link):
        return given or default
    return ask_region(bucket) or default


@cache
def ask_region(bucket: str, endpoint: str = "https://s3.amazonaws.com") -> str | None:
    """What S3 tells anybody about a bucket: the region header comes with refusals too."""
    import urllib.error
    import urllib.request

    request = urllib.request.Request(f"{endpoint}/{bucket}", method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            headers = answer.headers
    except urllib.error.HTTPError as error:
        headers = error.headers
    except OSError:
        return None
    region: str | None = headers.get("x-amz-bucket-region")
    return region


def _is_named(link: Connection) -> bool:
    """Whether the options say as whom, and the environment's own key does not count."""
    return bool(link.get("profile") or link.get("role"))


def _static_key(link: Connection) -> dict[str, str | None]:
    secret = link.get("secret_access_key")
    if not secret:
        raise wrong_option("`access_key_id` needs `secret_access_key`", "s3")
    return {
        "access_key_id": link.get("access_key_id"),
        "secret_access_key": secret,
        "token": link.get("session_token"),
        "expires_at": None,
    }


def _session(link: Connection) -> Any:
    with ONE_AT_A_TIME:
        from boto3 import Session
        from botocore.exceptions import ProfileNotFound

    if link.get("access_key_id"):
        key = _static_key(link)
        return Session(
            aws_access_key_id=key["access_key_id"],
            aws_secret_access_key=key["secret_access_key"],
            aws_session_token=key["token"],
        )
    if role := link.get("role"):
        return session_of(
            AwsAccess(
                link.get("region") or usual_region(link.get("profile")) or "us-east-1",
                profile=link.get("profile"), role=role, external_id=link.get("external_id"),
                endpoint=link.get("sts_endpoint"),
            )
        )  # fmt: skip
    try:
        return Session(profile_name=link.get("profile"))
    except ProfileNotFound as error:
        raise FerryError(
            "LF-1001",
            "the AWS profile does not exist",
            str(error),
            "give a profile of the AWS configuration files; `aws configure list-profiles`",
        ) from error


def _chain(link: Connection) -> Any:
    with ONE_AT_A_TIME:
        from obstore.auth.boto3 import Boto3CredentialProvider

    session = _session(link)
    found = session.get_credentials()
    if found is None:
        raise _no_credentials()
    if link.get("role"):  # asked for now: what is refused later comes as an error of the store's
        with explained(f"role {link.get('role')}"):
            found.get_frozen_credentials()
    # The provider is asked again every 15 minutes; botocore renews what expires earlier.
    return Boto3CredentialProvider(session, ttl=timedelta(minutes=15))


def _no_credentials() -> FerryError:
    return FerryError(
        "LF-1001",
        "no AWS credentials were found",
        "neither in options, environment, profiles nor from this machine's role",
        "set AWS_PROFILE, give `access_key_id`, or `anonymous=true` for a public bucket",
    )
