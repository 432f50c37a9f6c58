"""EC2 and STS over HTTP, answering with literals of AWS's shape that botocore's own model judges.

For what the emulator lacks or answers wrongly: kinds of interfaces, regional NAT gateways, transit
gateways between accounts, pages, throttling. Each literal is an item as boto3 gives it; before it
is sent botocore's validator compares it with the shape of the real answer.

Source: botocore's service model `ec2` (names on the wire, filters), "EC2 query protocol".
"""

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import botocore.session
from botocore.validate import ParamValidator

from tests.servers.http_server import served

Item = Mapping[str, Any]
Account = Mapping[str, Sequence[Item]]  # operation -> items of its answer

_LISTS = {  # operation -> key of its items
    "DescribeFlowLogs": "FlowLogs",
    "DescribeInstances": "Reservations",
    "DescribeManagedPrefixLists": "PrefixLists",
    "DescribeNatGateways": "NatGateways",
    "DescribeNetworkInterfaces": "NetworkInterfaces",
    "DescribeRouteTables": "RouteTables",
    "DescribeSecurityGroups": "SecurityGroups",
    "DescribeSubnets": "Subnets",
    "DescribeTransitGatewayAttachments": "TransitGatewayAttachments",
    "DescribeTransitGatewayVpcAttachments": "TransitGatewayVpcAttachments",
    "DescribeVpcEndpoints": "VpcEndpoints",
    "DescribeVpcs": "Vpcs",
    "GetManagedPrefixListEntries": "Entries",
    "SearchTransitGatewayRoutes": "Routes",
}
_FILTERS = {  # name of a filter -> member of an item
    "instance-state-name": None,  # of instances, which no literal here has in another state
    "network-interface-id": "NetworkInterfaceId",
    "route-search.exact-match": "DestinationCidrBlock",
    "state": "State",
    "subnet-id": "SubnetId",
    "transit-gateway-attachment-id": "TransitGatewayAttachmentId",
    "vpc-id": "VpcId",
}


class NotOfAws(Exception):
    """A literal is no answer that AWS could have given."""


@dataclass
class RecordedEc2:
    """What the server answers, and what it was asked."""

    accounts: Mapping[str, Account]
    own: str  # the account of keys that no role gave
    roles: Mapping[str, str | None] = field(default_factory=dict)  # ARN -> external id
    page: int = 1000  # items of one answer
    throttled: int = 0  # so many requests are refused first
    denied: tuple[tuple[str, str], ...] = ()  # (account, operation) that are not allowed
    asked: list[tuple[str, str]] = field(default_factory=list)  # (account, operation)
    endpoint: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, key: str, request: Mapping[str, str]) -> tuple[int, str]:
        operation = request["Action"]
        account = key.removeprefix("ASIA") if key.startswith("ASIA") else self.own
        with self._lock:
            self.asked.append((account, operation))
            if self.throttled:
                self.throttled -= 1
                return 503, _refusal("RequestLimitExceeded", "Request limit exceeded.")
        if operation in ("AssumeRole", "GetCallerIdentity"):
            return self._sts(operation, account, request)
        if (account, operation) in self.denied:
            said = (
                "You are not authorized to perform this operation. User: arn:aws:iam::"
                f"{account}:user/eve is not authorized to perform: ec2:{operation} because no "
                f"identity-based policy allows the ec2:{operation} action"
            )
            return 403, _refusal("UnauthorizedOperation", said)
        try:
            return 200, self._listed(operation, account, request)
        except NotOfAws as error:
            return 400, _refusal("NotOfAws", f"{operation}: {error}")

    def _listed(self, operation: str, account: str, request: Mapping[str, str]) -> str:
        items = list(self.accounts[account].get(operation, ()))
        for name, values in _filters(request):
            items = [one for one in items if _passes(one, name, values)]
        for owner in ("PrefixListId", "TransitGatewayRouteTableId"):  # the literal says whose it is
            if owner in request:
                items = [one for one in items if one.get("_of") == request[owner]]
        items = [{key: one for key, one in item.items() if key != "_of"} for item in items]
        start = int(request.get("NextToken", "0"))
        size = min(self.page, int(request.get("MaxResults", "1000")))
        answer: dict[str, Any] = {_LISTS[operation]: items[start : start + size]}
        if start + size < len(items):
            answer["NextToken"] = str(start + size)
        return ec2_xml(operation, answer)

    def _sts(self, operation: str, account: str, request: Mapping[str, str]) -> tuple[int, str]:
        if operation == "GetCallerIdentity":
            return 200, _sts_xml(
                operation, f"<Arn>arn:aws:iam::{account}:user/eve</Arn><UserId>A</UserId>"
                f"<Account>{account}</Account>"
            )  # fmt: skip
        arn = request["RoleArn"]
        if arn not in self.roles or self.roles[arn] != request.get("ExternalId"):
            said = f"User: arn:aws:iam::{account}:user/eve is not authorized to perform: "
            said += f"sts:AssumeRole on resource: {arn}"
            return 403, _refusal("AccessDenied", said, sts=True)
        key = f"ASIA{arn.split(':')[4]}"
        return 200, _sts_xml(
            operation, f"<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s"
            "</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z"
            "</Expiration></Credentials>"
        )  # fmt: skip


@contextmanager
def serving(recorded: RecordedEc2) -> Iterator[RecordedEc2]:
    """Answer on a port of this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            key = re.search(r"Credential=([^/]+)/", self.headers["Authorization"])
            assert key is not None
            status, text = recorded.answer(key[1], dict(parse_qsl(body, keep_blank_values=True)))
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with served(Handler) as port:
        recorded.endpoint = f"http://127.0.0.1:{port}"
        yield recorded


def _filters(request: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    for name, value in request.items():
        if found := re.fullmatch(r"Filter\.(\d+)\.Name", name):
            start = f"Filter.{found[1]}.Value."
            yield value, [each for key, each in request.items() if key.startswith(start)]


def _passes(item: Item, name: str, values: Sequence[str]) -> bool:
    if name.startswith("tag:"):
        tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", ())}
        return tags.get(name.removeprefix("tag:")) in values
    member = _FILTERS[name]
    if member == "VpcId" and "Instances" in item:
        item = item["Instances"][0]
    return member is None or item.get(member) in values


# ---- the wire


@cache
def _model() -> Any:
    return botocore.session.Session().get_service_model("ec2")


def ec2_xml(operation: str, answer: Mapping[str, Any]) -> str:
    """An answer as EC2 sends it; NotOfAws where EC2 could not have sent it."""
    shape = _model().operation_model(operation).output_shape
    report = ParamValidator().validate(answer, shape)
    if report.has_errors():
        raise NotOfAws(report.generate_report())
    body = "".join(_members(shape, answer))
    space = "http://ec2.amazonaws.com/doc/2016-11-15/"
    return f'<{operation}Response xmlns="{space}">{body}</{operation}Response>'


def _members(shape: Any, value: Mapping[str, Any]) -> Iterator[str]:
    for name, each in value.items():
        member = shape.members[name]
        tag = member.serialization.get("name", name)
        yield f"<{tag}>{_text(member, each)}</{tag}>"


def _text(shape: Any, value: Any) -> str:
    if shape.type_name == "structure":
        return "".join(_members(shape, value))
    if shape.type_name == "list":
        tag = shape.member.serialization.get("name", "member")
        return "".join(f"<{tag}>{_text(shape.member, each)}</{tag}>" for each in value)
    if shape.type_name == "boolean":
        return "true" if value else "false"
    # botocore's validator looks at types alone. EC2 writes some listed words in small letters.
    words = [word.lower() for word in getattr(shape, "enum", ())]
    if words and str(value).lower() not in words:
        raise NotOfAws(f"{shape.name} is never {value}")
    return escape(str(value))


def _refusal(code: str, message: str, *, sts: bool = False) -> str:
    error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    if sts:
        return f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"
    return f"<Response><Errors>{error}</Errors><RequestID>r</RequestID></Response>"


def _sts_xml(operation: str, result: str) -> str:
    space = "https://sts.amazonaws.com/doc/2011-06-15/"
    return (
        f'<{operation}Response xmlns="{space}"><{operation}Result>{result}</{operation}Result>'
        f"<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{operation}Response>"
    )
