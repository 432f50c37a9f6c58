"""The user data of a NAT instance: our script with one deployment's settings inside. Pure.

`nat_instance.sh` makes an Amazon Linux 2023 machine a NAT and stays on it as `lakeferry-nat`;
`nat_peer.py` watches the path and moves routes. Neither is ever imported by what runs here.

Source: EC2 User Guide, "Run commands at launch" (16 KB of user data before base64); Service
Authorization Reference, EC2 (`ec2:ReplaceRoute` is limited by route table, `Describe*` by nothing).
"""

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from ipaddress import ip_network
from typing import Any

from lakeferry.errors import FerryError
from lakeferry.monitor.iam import Statement

MOST_USER_DATA = 16_384  # bytes
HEALTH_PORT = 8472  # TCP; peers ask each other, the security group lets in itself alone
# Values go into a quoted here-document; `$` and braces are what a template puts in later.
_PLAIN = re.compile(r"[A-Za-z0-9_.:/=+@${}-]+")
_REMARK = re.compile(r"\s*#( (?!PLAN comes here$|PEER comes here$)|$)")
# A Region whose S3 no gateway endpoint of `region` takes over: reached through the internet only.
_ELSEWHERE = {"us-west-2": "us-east-2", "cn-north-1": "cn-northwest-1", "cn-": "cn-north-1",
              "us-gov-west-1": "us-gov-east-1", "us-gov-": "us-gov-west-1"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class NatRoute:
    """The default route of a private route table, and who carries it when its instance is dead."""

    route_table_id: str
    standby: str = ""  # a NAT gateway; "": a healthy peer takes it over


@dataclass(frozen=True, slots=True)
class NatInstanceScript:
    """What one NAT instance has to know. Ids may be a template's own words (`${Standby}`)."""

    region: str
    vpc_cidrs: tuple[str, ...]  # masqueraded: every block of the VPC
    peer_tag: tuple[str, str]  # key, value: all NAT instances of the deployment bear it, no other
    routes: tuple[NatRoute, ...]  # of the whole deployment, so that peers may move them
    home: tuple[str, ...]  # route tables that this instance carries in normal times
    probe_targets: tuple[str, ...] = ()  # host:port, TCP; one that answers is enough
    health_port: int = HEALTH_PORT
    check_seconds: int = 2  # between looks; half of it after a failure
    failures: int = 3  # in a row
    most_moves: int = 3  # of one route table by one instance in an hour; then a person is needed

    def __post_init__(self) -> None:
        if not self.vpc_cidrs:
            raise ValueError("a NAT instance needs the blocks of its VPC")
        for cidr in self.vpc_cidrs:
            if ip_network(cidr).version != 4:
                raise ValueError(f"{cidr} is not IPv4: NAT is for IPv4 alone")
        if self.check_seconds < 1 or self.failures < 2:
            raise ValueError("at least 1 s between looks, and 2 failures in a row")
        tables = {route.route_table_id for route in self.routes}
        if len(tables) != len(self.routes) or not tables >= set(self.home):
            raise ValueError("each route table once, and those of `home` among `routes`")
        words = (self.region, *self.peer_tag, *self.targets, *self.home, *tables,
                 *(route.standby for route in self.routes if route.standby))  # fmt: skip
        for word in words:
            if not _PLAIN.fullmatch(word):
                raise ValueError(f"{word!r} cannot stand in user data")

    @property
    def targets(self) -> tuple[str, ...]:
        """What the canary asks: those that were chosen, or two that no VPC endpoint takes over."""
        return self.probe_targets or default_targets(self.region)

    @property
    def user_data(self) -> str:
        """The script as EC2 takes it, before base64; the same for equal settings.

        Raises:
            FerryError: LF-6438 where it is too long for EC2: some dozens of route tables fit.
        """
        text = _script()
        for mark, body in (
            ("# PEER comes here", _peer()),
            ("# PLAN comes here", json.dumps(self._plan, sort_keys=True, separators=(",", ":"))),
            ("readonly VPC_CIDRS=''", f"readonly VPC_CIDRS='{', '.join(self.vpc_cidrs)}'"),
            ("readonly PORT='8472'", f"readonly PORT='{self.health_port}'"),
        ):
            before, found, after = text.partition(f"{mark}\n")
            assert found, f"the line that {mark!r} takes the place of"
            text = f"{before}{body.rstrip()}\n{after}"
        size = len(text.encode())
        if size > MOST_USER_DATA:
            raise FerryError(
                "LF-6438",
                f"user data of {size:,} bytes for a NAT instance, and EC2 takes {MOST_USER_DATA:,}",
                f"{len(self.routes)} route tables are watched, {len(self.home)} of them by one",
                "give fewer subnets, or let several of them share a route table",
            )
        return text

    @property
    def most_seconds_to_move(self) -> int:
        """From the death of path or machine to the moved route, at worst and with a calm EC2 API.

        A period until the first look that fails, a period for each further failure, 1 s between
        looks or for an answer that does not come, 2 s for two calls of EC2.
        """
        return self.check_seconds * self.failures + 1 + 2

    def statements(self, account: str, partition: str = "aws") -> tuple[Statement, ...]:
        """What the instance's role must allow beside SSM (`AmazonSSMManagedInstanceCore`).

        Args:
            account: 12 digits, or a template's own word.
        """
        start = f"arn:{partition}:ec2:{self.region}:{account}:route-table/"
        tables = tuple(start + route.route_table_id for route in self.routes)
        return (
            Statement("FindPeersAndRoutes", LOOK, ("*",)),
            *((Statement("MoveRoutes", MOVE, tables),) if tables else ()),
        )

    @property
    def _plan(self) -> Mapping[str, Any]:
        """What `nat_peer.py` reads."""
        return {
            "tag": list(self.peer_tag),
            "routes": {
                standby: [one.route_table_id for one in self.routes if one.standby == standby]
                for standby in {route.standby for route in self.routes}
            },
            "home": list(self.home),
            "targets": list(self.targets),
            "vpc": list(self.vpc_cidrs),
            "port": self.health_port,
            "seconds": self.check_seconds,
            "failures": self.failures,
            "most_moves": self.most_moves,
        }


LOOK = ("ec2:DescribeInstances", "ec2:DescribeRouteTables")
MOVE = ("ec2:ReplaceRoute",)


def default_targets(region: str) -> tuple[str, ...]:
    """Two hosts that are reached through the internet only, whatever endpoints the VPC has."""
    kinds = (region, next((start for start in ("cn-", "us-gov-") if region.startswith(start)), ""))
    other = next((_ELSEWHERE[kind] for kind in kinds if kind in _ELSEWHERE), "us-west-2")
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return (f"s3.{other}.{domain}:443", "checkip.amazonaws.com:443")


# ---- packing: user data is small


def _script() -> str:
    """The shell script without comments and blank lines, tabs for its indentation."""
    first, *rest = _read("nat_instance.sh").splitlines()
    kept = (line for line in rest if line.strip() and not _REMARK.match(line))
    return "\n".join((first, *(_tabbed(line, 2) for line in kept))) + "\n"


def _peer() -> str:
    """The Python program without comments, docstrings and annotations."""
    text = _read("nat_peer.py")
    said: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() if ast.get_docstring(node):
                first = node.body[0]
                said.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    kept = (
        line
        for number, line in enumerate(text.splitlines(), 1)
        if number not in said and line.strip() and not _REMARK.match(line)
    )
    return "\n".join(_tabbed(_unannotated(line), 4) for line in kept)


def _unannotated(line: str) -> str:
    line = re.sub(r"  # .*$", "", line)
    if line.lstrip().startswith("def "):
        return re.sub(r": [\w\[\], ]+?(?=, \w+:|, \*|\))| -> .+(?=:$)", "", line)
    return re.sub(r"^(\s*[\w.]+): [\w\[\], ]+ = ", r"\1 = ", line)


def _tabbed(line: str, width: int) -> str:
    body = line.lstrip(" ")
    tabs, spaces = divmod(len(line) - len(body), width)
    return "\t" * tabs + " " * spaces + body


def _read(name: str) -> str:
    return files("lakeferry.monitor.nat").joinpath(name).read_text(encoding="utf-8")
