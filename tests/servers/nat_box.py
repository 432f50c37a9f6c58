"""A real NAT box: network namespaces client | NAT | server, and flow records of what crossed it.

    client 10.61.0.2 -- 10.61.0.1 NAT 203.0.113.1 -- 203.0.113.2 server

The kernel masquerades (nftables) and counts each connection's packets and bytes, each way, as IP
sees them (conntrack). Offloads are off, so a packet is what a wire would carry. The counters become
the records that AWS would write: one a direction at the worker's interface, at the NAT's inner one
and at its outer one. Only addresses inside these namespaces are used. Needs root, or sudo without a
password.
"""

import gzip
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from lakeferry.network.fields import RECOMMENDED_FORMAT
from tests.servers import Server, require, started
from tests.servers.versitygw import ACCESS_KEY, SECRET_KEY

CLIENT, INNER, OUTER, SERVER = "10.61.0.2", "10.61.0.1", "203.0.113.1", "203.0.113.2"
PORT = 9000
WORKER_ENI, INNER_ENI, OUTER_ENI = (f"eni-0000000000000000{end}" for end in "abc")
WORKER, NAT = "i-0000000000000000a", "i-0000000000000000b"
WORKERS_SUBNET, NAT_SUBNET = "subnet-0000000000000000a", "subnet-0000000000000000b"
VPC, ACCOUNT = "vpc-0000000000000000a", "123456789012"
IP_AND_TCP = 52  # bytes of headers: IPv4 20, TCP 20, its time stamp option 12
ETHERNET = 14
_AS_ROOT = () if os.geteuid() == 0 else ("sudo", "-n")
_TOOLS = {"ip": "iproute2", "nft": "nftables", "conntrack": "conntrack", "ethtool": "ethtool"}
_PREFIX = "lakeferry-"
# Chains and statements on lines of their own: nft of Debian 12 refuses them on one.
_MASQUERADE = """
table ip nat {
  chain post {
    type nat hook postrouting priority 100;
    oifname "outer" masquerade fully-random
  }
}
"""
_COUNT = re.compile(r"(src|dst|sport|dport|packets|bytes)=(\S+)")


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection and what has crossed so far; up is from the client."""

    client_port: int
    nat_port: int  # by which the server knows it
    up_packets: int
    up_bytes: int  # from the IP header on
    down_packets: int
    down_bytes: int


Counters = Mapping[int, Connection]  # by the client's port


@dataclass(frozen=True, slots=True)
class Link:
    """What an interface has counted on its own."""

    sent_packets: int
    sent_bytes: int  # from the Ethernet header on
    received_packets: int
    received_bytes: int


@dataclass(frozen=True, slots=True)
class NatBox:
    """Three namespaces that are wired up."""

    name: str
    server: Server

    def command(self, place: str, *words: str) -> list[str]:
        """A command that runs in the namespace `client`, `nat` or `server`."""
        return [*_AS_ROOT, "ip", "netns", "exec", f"{self.name}-{place}", *words]

    def counters(self) -> Counters:
        """Each connection to the server, also those that have ended."""
        listed = _run(*self.command("nat", "conntrack", "-L", "-p", "tcp", "--dport", str(PORT)))
        found = (_connection(line) for line in listed.splitlines())
        return {one.client_port: one for one in found}

    def link(self) -> Link:
        """The client's own interface, counted by its driver."""
        names = [f"{way}_{what}" for way in ("tx", "rx") for what in ("packets", "bytes")]
        files = [f"/sys/class/net/client0/statistics/{name}" for name in names]
        return Link(*map(int, _run(*self.command("client", "cat", *files)).split()))

    def retransmitted(self) -> int:
        """TCP segments that client and server sent again."""
        total = 0
        for place in ("client", "server"):
            lines = _run(*self.command(place, "cat", "/proc/net/snmp")).splitlines()
            names, values = (line.split() for line in lines if line.startswith("Tcp:"))
            total += int(values[names.index("RetransSegs")])
        return total


@contextmanager
def running(folder: Path) -> Iterator[NatBox]:
    """The namespaces with an S3 server in one; all gone afterwards, whatever happens.

    Skips the test where tools or rights are missing (which fails it where all must run).
    """
    program = require("versitygw")
    for tool, package in _TOOLS.items():
        if not shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
            pytest.skip(f"`{tool}` is missing: apt-get install {package}")
    buckets = folder / "buckets"
    (buckets / "lake").mkdir(parents=True)
    options = {"endpoint": f"http://{SERVER}:{PORT}", "region": "us-east-1",
               "access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY}  # fmt: skip
    box = NatBox(f"{_PREFIX}{os.getpid()}", Server("s3://lake", options, options["endpoint"], PORT))
    command = [str(program), "--access", ACCESS_KEY, "--secret", SECRET_KEY, "--keep-alive",
               "--quiet", "--port", f"{SERVER}:{PORT}", "--region", "us-east-1",
               "posix", str(buckets)]  # fmt: skip
    try:
        try:
            _remove_stale()
            _wire(box)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network can be made here (it needs root, nftables): {error.stderr}")
        log = folder / "versitygw.log"
        with started(box.command("server", *command), log, ready=lambda: _listens(box)):
            yield box
    finally:
        _remove(box.name)


def records(
    before: Counters, after: Counters, start_s: int, end_s: int, s3_prefixes: Sequence[str] = ()
) -> list[dict[str, str]]:
    """The flow records of what crossed between two looks: at most a minute, as AWS aggregates.

    Args:
        s3_prefixes: networks that AWS would name S3 (`pkt-dst-aws-service`).
    """
    found: list[dict[str, str]] = []
    window = {"start": str(start_s), "end": str(end_s)}
    s3 = any(ip_address(SERVER) in ip_network(one) for one in s3_prefixes)
    for port, connection in after.items():
        for up in (True, False):
            way = "up" if up else "down"
            packets, octets = (
                getattr(connection, f"{way}_{what}")
                - (getattr(before[port], f"{way}_{what}") if port in before else 0)
                for what in ("packets", "bytes")
            )
            if packets:
                counted = {"packets": str(packets), "bytes": str(octets), **window}
                found += [row | counted for row in _rows(connection, up, s3)]
    return found


def write_log(rows: Sequence[Mapping[str, str]], file: Path) -> None:
    """Flow records as S3 gets them: text with a header, gzip."""
    lines = [" ".join(row[name] for name in RECOMMENDED_FORMAT) for row in rows]
    text = "\n".join([" ".join(RECOMMENDED_FORMAT), *lines]) + "\n"
    file.write_bytes(gzip.compress(text.encode()))


def _rows(connection: Connection, up: bool, s3: bool) -> Iterator[dict[str, str]]:
    """The rows of one direction: at the worker, and at the NAT's two interfaces."""
    ours, theirs = str(connection.client_port), str(connection.nat_port)
    # Interface, its own address, and its peer's: the row's addresses. Then the packet's, and who
    # has which port. An interface of a NAT shows its own address for traffic that only passes.
    places = (
        (WORKER_ENI, (CLIENT, SERVER), (CLIENT, SERVER), ours, up),
        (INNER_ENI, (CLIENT, INNER), (CLIENT, SERVER), ours, not up),
        (OUTER_ENI, (OUTER, SERVER), (OUTER, SERVER), theirs, up),
    )
    for eni, row_pair, packet_pair, port, egress in places:
        turn = 1 if up else -1
        (source, target), (packet_from, packet_to) = row_pair[::turn], packet_pair[::turn]
        source_port, target_port = (port, str(PORT))[::turn]
        at_worker = eni == WORKER_ENI
        yield {
            "version": "8", "account-id": ACCOUNT, "interface-id": eni, "srcaddr": source,
            "dstaddr": target, "pkt-srcaddr": packet_from, "pkt-dstaddr": packet_to,
            "srcport": source_port, "dstport": target_port, "protocol": "6", "action": "ACCEPT",
            "log-status": "OK", "vpc-id": VPC, "type": "IPv4", "az-id": "use1-az1",
            "subnet-id": WORKERS_SUBNET if at_worker else NAT_SUBNET,
            "instance-id": WORKER if at_worker else NAT, "reject-reason": "-",
            "pkt-src-aws-service": "S3" if s3 and not up else "-",
            "pkt-dst-aws-service": "S3" if s3 and up else "-",
            "flow-direction": "egress" if egress else "ingress",
            "traffic-path": "1" if egress else "-",
        }  # fmt: skip


def _connection(line: str) -> Connection:
    """One line of `conntrack -L`: the way out as the client sees it, then the way back."""
    found = _COUNT.findall(line)
    (up, down) = (dict(found[:6]), dict(found[6:]))
    assert (up["src"], up["dst"]) == (CLIENT, SERVER)
    assert (down["src"], down["dst"]) == (SERVER, OUTER), "the server knows only the NAT"
    return Connection(
        int(up["sport"]), int(down["dport"]), int(up["packets"]), int(up["bytes"]),
        int(down["packets"]), int(down["bytes"]),
    )  # fmt: skip


def _wire(box: NatBox) -> None:
    client, nat, server = (f"{box.name}-{place}" for place in ("client", "nat", "server"))
    for name in (client, nat, server):
        _run(*_AS_ROOT, "ip", "netns", "add", name)
        _set(name, "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        _run(*_AS_ROOT, "ip", "-n", name, "link", "set", "lo", "up")
    # A connection that has ended stays listed as long as the test may run.
    _set(nat, "net.ipv4.ip_forward=1", "net.netfilter.nf_conntrack_acct=1",
         "net.netfilter.nf_conntrack_tcp_timeout_time_wait=600",
         "net.netfilter.nf_conntrack_tcp_timeout_close=600")  # fmt: skip
    for place, device, address, other, gate in (
        (client, "client0", CLIENT, "inner", INNER), (server, "server0", SERVER, "outer", OUTER)
    ):  # fmt: skip
        ip = (*_AS_ROOT, "ip", "-n", place)
        _run(*ip, "link", "add", device, "type", "veth", "peer", "name", other, "netns", nat)
        for name, one, ends in ((place, device, address), (nat, other, gate)):
            _run(*_AS_ROOT, "ip", "netns", "exec", name, "ethtool", "-K", one,
                 "tso", "off", "gso", "off", "gro", "off", "tx", "off")  # fmt: skip
            _run(*_AS_ROOT, "ip", "-n", name, "addr", "add", f"{ends}/24", "dev", one)
            _run(*_AS_ROOT, "ip", "-n", name, "link", "set", one, "up")
    _run(*_AS_ROOT, "ip", "-n", client, "route", "add", "default", "via", INNER)
    _run(*box.command("nat", "nft", "-f", "-"), said=_MASQUERADE)


def _listens(box: NatBox) -> bool:
    """Asked where the server is, so that nothing of it crosses the NAT."""
    listed = _run(*box.command("server", "ss", "-Hltn", f"sport = :{PORT}"))
    return bool(listed.strip())


def _set(namespace: str, *settings: str) -> None:
    _run(*_AS_ROOT, "ip", "netns", "exec", namespace, "sysctl", "-q", "-w", *settings)


def _remove_stale() -> None:
    """What a run left that was killed: named after a process that is no more."""
    listed = _run(*_AS_ROOT, "ip", "netns", "list")
    for pid in set(re.findall(rf"^{_PREFIX}(\d+)-", listed, re.MULTILINE)):
        if not Path(f"/proc/{pid}").exists():
            _remove(f"{_PREFIX}{pid}")


def _remove(name: str) -> None:
    """Namespaces take their interfaces with them."""
    for place in ("client", "nat", "server"):
        with suppress(subprocess.CalledProcessError):
            _run(*_AS_ROOT, "ip", "netns", "del", f"{name}-{place}")


def _run(*command: str, said: str | None = None) -> str:
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    ended = subprocess.run(
        command,
        input=said,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=environment,
    )
    return ended.stdout
