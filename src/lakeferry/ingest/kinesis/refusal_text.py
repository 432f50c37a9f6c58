"""Kinesis' refusals in the words of `FerryError`: the stream, the right, the way. Pure.

Source: Kinesis Data Streams API Reference, "Common Errors" and the errors of each action.
"""

import re

from lakeferry.connect.aws_refusals import CREDENTIALS, RIGHTS, THROTTLES, policy_statement
from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.wire import Refusal
from lakeferry.ingest.settings import SourceSettings

READS = (
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
)
_SENTENCE = re.compile(
    r"User: (?P<who>\S+) is not authorized to perform: (?P<action>kinesis:\w+)"
    r"(?: on resource: (?P<resource>arn:\S+))?"
)


def refusal_error(refusal: Refusal, source: SourceSettings, operation: str) -> FerryError:
    """The error that a refusal is, where nothing but a person can mend it.

    Args:
        operation: that was refused, as the API names it: 'ListShards'.

    Returns:
        LF-7062 (no such stream), LF-1203 (a right is missing), LF-1201 (no usable keys), LF-1204
        (throttled), LF-1206 (anything else, an answer that is not Kinesis' own among it).
    """
    said = f"{refusal.kind or refusal.status}: {' '.join(refusal.message.split())}".rstrip(": ")
    where = f"kinesis {operation} on {source.stream}, {shown(source)}"
    if refusal.kind == "ResourceNotFoundException":
        return FerryError(
            "LF-7062",
            f"there is no stream `{source.stream}` here",
            f"{said}; {where}",
            "check name, Region and account: `aws kinesis list-streams`; a stream of another "
            "Region is kinesis://REGION/NAME or its ARN",
        )
    if refusal.kind in RIGHTS:
        return _missing(refusal, source, operation, where)
    if refusal.kind in CREDENTIALS or refusal.remedy == "new credentials":
        return _no_keys(refusal, source, f"{said}; {where}")
    if refusal.remedy == "wait" or refusal.kind in THROTTLES:
        return FerryError(
            "LF-1204",
            f"Kinesis throttles `{operation}`, and went on through all tries",
            f"{said}; {where}",
            "run the same command again when others ask less",
        )
    what = f"AWS refused `{operation}`: {said}"
    step = "mend what the message names, then run the same command again"
    if not refusal.kind:  # Kinesis names each of its refusals
        what = f"what answers at {source.endpoint.host} is not Kinesis, or stands before it: {said}"
        step = "check --endpoint-url, AWS_ENDPOINT_URL, and what lies between: a proxy, a policy"
    return FerryError("LF-1206", what, where, step)


def unanswered_error(why: str, source: SourceSettings) -> FerryError:
    """No whole answer came: LF-1205."""
    host = source.endpoint.host
    step = f"see that something serves Kinesis at {host}, or give another --endpoint-url"
    if ".amazonaws.com" in host:
        step = (
            "check the Region, --endpoint-url and the network (`--check` says which way bytes go); "
            "from a subnet without a way out, kinesis-streams needs an interface endpoint there"
        )
    return FerryError("LF-1205", "Kinesis cannot be reached", f"{why}; {shown(source)}", step)


def shown(source: SourceSettings) -> str:
    """Where and as whom, for a message: the host first."""
    return f"{source.endpoint.host}, {source.access.shown}"


def _missing(refusal: Refusal, source: SourceSettings, operation: str, where: str) -> FerryError:
    found = _SENTENCE.search(refusal.message)
    action = found["action"] if found else f"kinesis:{operation}"
    who = found["who"] if found else "the identity"
    resource = (found["resource"] if found else None) or source.stream
    resource = resource.rstrip(".,") if resource.startswith("arn:") else "*"
    return FerryError(
        "LF-1203",
        f"{who} may not {action}",
        f"on {resource}; {where}",
        "add this statement (full policy: `lakeferry config iam --for ingest`), then run the same "
        f"command again\n    {policy_statement(list(READS), resource)}",
    )


def _no_keys(refusal: Refusal, source: SourceSettings, where: str) -> FerryError:
    if "valid region" in refusal.message.lower():
        return FerryError(
            "LF-1201",
            f"{source.endpoint.host} is of another Region than {source.access.region}",
            where,
            "give the Region that the endpoint is in: kinesis://REGION/NAME, or --region",
        )
    expired = "Expired" in refusal.kind
    return FerryError(
        "LF-1201",
        "the keys have expired" if expired else "Kinesis accepts no such keys",
        where,
        "set AWS_PROFILE or the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign "
        "in again (`aws sso login`)",
    )
