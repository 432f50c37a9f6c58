"""What AWS says when it refuses, in the words of `FerryError`: the permission that is missing.

Source: EC2 API Reference and CloudWatch, Logs, IAM, SNS, STS API references, "Common errors";
IAM User Guide, "Troubleshoot access denied error messages" (the forms of the sentence).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from lakeferry.connect.importing import ONE_AT_A_TIME
from lakeferry.errors import FerryError

CREDENTIALS = frozenset(
    [
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ]
)
RIGHTS = frozenset(
    [
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "Client.UnauthorizedOperation",
        "UnauthorizedOperation",
    ]
)
THROTTLES = frozenset(
    [
        "EC2ThrottledException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    ]
)
_SENTENCE = re.compile(
    r"(?:User: (?P<who>\S+) is not authorized|not authorized) to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on resource: (?P<resource>\S+))?"
)
_DENIED_BY = re.compile(
    r"explicit deny in an? (?P<deny>permissions boundary|[\w-]+(?: [\w-]+)? policy)|"
    r"no (?P<none>permissions boundary|(?:service control|resource control|session|VPC endpoint) "
    r"policy)"
)
# In a policy a new deployment needs no new statement; names of ours begin so.
_OURS = re.compile(r"lakeferry-.*$")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One permission that is missing."""

    action: str  # 'cloudwatch:PutInsightRule'
    resource: str  # ARN; '*' where the service names none
    identity: str  # ARN of who asked; '' where the service does not say
    denied_by: str = ""  # 'service control policy', ...: a further statement would not lift it

    @property
    def statement(self) -> str:
        """A policy statement that grants it, one line of JSON."""
        return policy_statement([self.action], _OURS.sub("lakeferry-*", self.resource))


def policy_statement(actions: list[str], resource: str) -> str:
    """One `Allow` statement as a line of JSON."""
    action = actions[0] if len(actions) == 1 else sorted(actions)
    return orjson.dumps({"Effect": "Allow", "Action": action, "Resource": resource}).decode()


def refusal_of(error: Any, service: str = "", on: str = "") -> Refusal | None:
    """The missing permission that a `ClientError` tells of; None where it tells of none.

    Args:
        service: the client's, for services whose message does not name the action.
        on: ARN of what the request was about, for messages that do not name it.
    """
    if _code(error) not in RIGHTS:
        return None
    message: str = error.response["Error"].get("Message", "")
    found = _SENTENCE.search(message)
    action = found["action"] if found else f"{service or '*'}:{error.operation_name}"
    named = (found["resource"] or "") if found else ""
    denied = _DENIED_BY.search(message)
    return Refusal(
        action=action,
        resource=named.rstrip(".,") or (on if on.startswith("arn:") else "*"),
        identity=(found["who"] or "") if found else "",
        denied_by=(denied["deny"] or denied["none"]) if denied else "",
    )


@contextmanager
def explained(
    shown: str, service: str = "", *, on: str = "", expected: tuple[str, ...] = ()
) -> Iterator[None]:
    """Turn botocore's errors into ours.

    Args:
        shown: who asks and where, see `AwsAccess.shown`.
        service: the client's name, 'ec2'.
        on: ARN or id that the request is about.
        expected: error codes whose `ClientError` the caller handles itself.

    Raises:
        FerryError: LF-1201 (no usable credentials), LF-1202 (the role is refused), LF-1203 (a
            permission is missing), LF-1204 (throttled beyond all retries), LF-1205 (no
            connection), LF-1206 (anything else that AWS refuses).
    """
    with ONE_AT_A_TIME:
        from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        if _code(error) in expected:
            raise
        raise _of_answer(error, shown, service, on) from error
    except BotoCoreError as error:
        raise _of_client(error, shown) from error


def _code(error: Any) -> str:
    code: str = error.response.get("Error", {}).get("Code", "")
    return code


def _of_answer(error: Any, shown: str, service: str, on: str) -> FerryError:
    code, operation = _code(error), error.operation_name
    message = " ".join(error.response.get("Error", {}).get("Message", "").split())
    said = f"{code}: {message}" if message else code
    where = f"{service + ' ' if service else ''}{operation}{f' on {on}' if on else ''}; {shown}"
    if operation in ("AssumeRole", "AssumeRoleWithWebIdentity") and (
        code in RIGHTS or code in CREDENTIALS
    ):
        return FerryError(
            "LF-1202",
            "the role cannot be taken",
            f"{said}; {shown}",
            "let the role's trust policy name this identity (and the external id, where it asks "
            "for one), and allow `sts:AssumeRole` on the role",
        )
    if refusal := refusal_of(error, service, on):
        return _missing(refusal, where)
    if code in CREDENTIALS:
        return _no_credentials(said, shown)
    if code in THROTTLES:
        return FerryError(
            "LF-1204",
            f"AWS throttles `{operation}`, and went on through all retries",
            f"{said}; {where}",
            "run the same command again when others ask less, or raise AWS_MAX_ATTEMPTS",
        )
    return FerryError(
        "LF-1206",
        f"AWS refused `{operation}`: {said}",
        where,
        "mend what the message names, then run the same command again",
    )


def _missing(refusal: Refusal, where: str) -> FerryError:
    who = refusal.identity or "the identity"
    what = f"{who} may not {refusal.action}"
    if refusal.denied_by:
        return FerryError(
            "LF-1203",
            what,
            f"on {refusal.resource}; {where}",
            f"a {refusal.denied_by} stands against it, which no further statement lifts: ask "
            "those who run the account",
        )
    return FerryError(
        "LF-1203",
        what,
        f"on {refusal.resource}; {where}",
        "add this statement (full policy: `lakeferry config iam --for monitor`), then run the "
        f"same command again\n    {refusal.statement}",
    )


def _no_credentials(said: str, shown: str) -> FerryError:
    return FerryError(
        "LF-1201",
        "AWS has no identity to work with",
        f"{said}; {shown}",
        "set AWS_PROFILE or the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign "
        "in again (`aws sso login`)",
    )


def _of_client(error: Any, shown: str) -> Any:
    """An error that botocore makes itself; one that is our own mistake is given back as it is."""
    with ONE_AT_A_TIME:
        from botocore import exceptions as aws

    said = " ".join(str(error).split())
    if isinstance(error, aws.ProfileNotFound):
        return FerryError(
            "LF-1201",
            "the AWS profile does not exist",
            said,
            "give a profile of the AWS configuration files; `aws configure list-profiles`",
        )
    if isinstance(
        error,
        aws.NoCredentialsError | aws.PartialCredentialsError | aws.CredentialRetrievalError
        | aws.TokenRetrievalError | aws.NoAuthTokenError | aws.SSOError | aws.LoginError
        | aws.MetadataRetrievalError,
    ):  # fmt: skip
        return _no_credentials(said, shown)
    if isinstance(error, aws.HTTPClientError | aws.ConnectionError):
        return FerryError(
            "LF-1205",
            "AWS cannot be reached",
            f"{said}; {shown}",
            "check the region, the endpoint and the network; from a subnet without a way out, the "
            "service needs an interface endpoint there",
        )
    if isinstance(error, aws.InvalidRegionError | aws.NoRegionError | aws.ConfigParseError):
        return FerryError(
            "LF-1201",
            "the AWS configuration cannot be used",
            f"{said}; {shown}",
            "give a region such as `eu-west-1`, and mend the file that the message names",
        )
    return error
