"""Watches the path of this NAT instance and of its peers, and moves the routes of a dead one.

Never imported by lakeferry: `user_data.py` puts this text into user data, without comments and
docstrings. For the Python 3.9 of Amazon Linux 2023, its standard library and the AWS CLI; no text
that a template would take for its own (dollar with brace, percent with brace).

    nat_peer.py watch                          what systemd keeps running
    nat_peer.py status                         what this instance says of itself; 1: path not alive
    nat_peer.py fail-over                      its routes to their standby, before it is stopped
    nat_peer.py fail-back [ROUTE TABLE ...]    its routes, or these, to this instance

The canary is a network namespace of this machine. Its connections are forwarded and masqueraded by
the rules that carry everybody, so it sees a path that is dead while the machine is well.
"""

import ctypes
import json
import os
import select
import socket
import subprocess
import sys
import threading
from ipaddress import ip_address, ip_network
from time import monotonic, sleep
from typing import Any

PLAN = "/opt/lakeferry-nat/plan.json"
CANARY = "/run/netns/lakeferry-canary"
NEW_NETWORK = 0x40000000  # CLONE_NEWNET
ANSWER_S = 1.0  # an answer that takes longer is none
TIDY_S = 60.0  # between looks for peers and for the addresses of targets
TURN_S = 5.0  # between two instances that could act: the first one's calls are through by then
QUIET_S = 30.0  # before a failing instance is looked after again
HOUR_S = 3600.0
MOST_SAID = 5  # failures in a row that are written down
DEFAULT = "0.0.0.0/0"
CARRIERS = ("NetworkInterfaceId", "NatGatewayId", "GatewayId", "TransitGatewayId")
NEVER = float("-inf")


class CallFailed(Exception):
    """Something was not done; the text says what."""

    pass


def say(text: str) -> None:
    print(f"lakeferry-nat: {text}")


def reaches(addresses: list[Any]) -> bool:
    """Whether one of (host, port) takes a connection, all asked at once."""
    links = {socket.socket(): address for address in addresses}
    waiting, until = list(links), monotonic() + ANSWER_S
    try:
        for link, address in links.items():
            link.setblocking(False)
            link.connect_ex(address)
        while waiting:
            # Who stood still himself looks once more: what came meanwhile has come.
            answered = select.select([], waiting, [], max(0.0, until - monotonic()))[1]
            if not answered:
                return False
            for link in answered:
                if not link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    return True
                waiting = [one for one in waiting if one is not link]
        return False
    finally:
        for link in links:
            link.close()


def report_of(ip: str, port: int) -> dict[str, Any]:
    """What the instance there says of itself; {} where nothing sensible comes in time."""
    try:
        with socket.create_connection((ip, port), ANSWER_S) as link:
            said: dict[str, Any] = json.loads(link.makefile().readline(999))
            return {"path": said["path"], "failing_s": float(said["failing_s"])}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


class Watched:
    """How long an instance has been failing. Times are of the monotonic clock."""

    def __init__(self, eni: str, ip: str) -> None:
        self.eni, self.ip = eni, ip
        self.failures = 0  # in a row
        self.since = 0.0  # when the first of them began
        self.proven = NEVER  # when the last look began that found it well
        self.quiet_until = 0.0

    @property
    def is_well(self) -> bool:
        return not self.failures and self.proven > NEVER

    def note(self, well: bool, began: float, what: str) -> None:
        if well:
            self.proven, self.quiet_until = began, 0.0
        else:
            self.since = min(self.since, began) if self.failures else began
        if self.failures if well else self.failures < MOST_SAID:
            say(f"{self.eni}: {'well again' if well else what}")
        self.failures = 0 if well else self.failures + 1


class Instance:
    """This instance: what its canary sees, what it knows of its peers, what it has moved."""

    def __init__(self, plan: dict[str, Any], eni: str, region: str) -> None:
        self.plan, self.region = plan, region
        self.routes = {table: to for to, tables in plan["routes"].items() for table in tables}
        self.path = Watched(eni, "127.0.0.1")
        self.looked = NEVER  # when the canary last came back
        self.peers: dict[str, Watched] = {}
        self.targets: list[Any] = []  # (host, port)
        self.moves: dict[str, list[float]] = {}  # times, by route table
        self.moving = threading.Lock()
        self.seconds = float(plan["seconds"])
        self.failures = int(plan["failures"])
        self.patience = self.seconds * (self.failures - 1)

    # ---- EC2

    def ec2(self, *words: str) -> dict[str, Any]:
        """One of the three calls that the role allows."""
        command = ["aws", "ec2", *words, "--region", self.region, "--output", "json",
                   "--cli-connect-timeout", "2", "--cli-read-timeout", "4"]  # fmt: skip
        try:
            ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=15)
            return dict(json.loads(ended.stdout or "{}"))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise CallFailed(f"{words[0]}: {getattr(error, 'stderr', '') or error}") from error

    def instances(self) -> dict[str, str]:
        """Address by first interface, of every instance that bears the tag."""
        key, value = self.plan["tag"]
        answer = self.ec2("describe-instances", "--filters", f"Name=tag:{key},Values={value}",
                     "Name=instance-state-name,Values=running,stopping,stopped")  # fmt: skip
        return {
            eni["NetworkInterfaceId"]: eni["PrivateIpAddress"]
            for reservation in answer["Reservations"]
            for instance in reservation["Instances"]
            for eni in instance["NetworkInterfaces"]
            if eni["Attachment"]["DeviceIndex"] == 0
        }

    def carriers(self) -> dict[str, str]:
        """The interface or gateway that has the default route, by table of the deployment."""
        if not self.routes:
            return {}
        tables = f"Name=route-table-id,Values={','.join(self.routes)}"
        return {
            table["RouteTableId"]: next((route[id] for id in CARRIERS if route.get(id)), "nobody")
            for table in self.ec2("describe-route-tables", "--filters", tables)["RouteTables"]
            for route in table["Routes"]
            if route.get("DestinationCidrBlock") == DEFAULT
        }

    def carry(self, table: str, was: str, to: str) -> None:
        kind = "--nat-gateway-id" if to.startswith("nat-") else "--network-interface-id"
        self.ec2("replace-route", "--route-table-id", table, "--destination-cidr-block", DEFAULT,
            kind, to)  # fmt: skip
        say(f"MOVED {DEFAULT} of {table} from {was} to {to}")

    # ---- looking

    def probe_forever(self) -> None:
        """In the canary's namespace, which only this thread enters."""
        with open(CANARY) as namespace:
            if ctypes.CDLL(None).setns(namespace.fileno(), NEW_NETWORK):
                raise OSError(f"cannot enter {CANARY}")
        while True:
            began = monotonic()
            self.path.note(reaches(self.targets), began, "our canary does not get through")
            self.looked = monotonic()
            self.rest(self.path, began)

    def mind_self_forever(self) -> None:
        """Outside of that namespace: a world that is reached here, and by the canary not."""
        while True:
            sleep(1)
            if self.is_due(self.path):
                if not reaches(self.targets):
                    say("nothing is reached without the canary either: nothing is moved")
                elif self.is_our_turn(self.path, list(self.peers.values())):
                    self.move(self.path, "")

    def watch_forever(self, peer: Watched) -> None:
        while peer.eni in self.peers:
            began = monotonic()
            said = report_of(peer.ip, self.plan["port"])
            failing_s = said.get("failing_s", 0.0)
            what = f"its path is dead for {failing_s} s" if said else "silent"
            peer.note(said.get("path") is True, began - failing_s, what)
            if self.is_due(peer):
                self.consider(peer)
            self.rest(peer, began)

    def rest(self, watched: Watched, began: float) -> None:
        """Until the next look: sooner after a failure."""
        period = max(1.0, self.seconds / 2) if watched.failures else self.seconds
        sleep(max(0.0, began + period - monotonic()))

    def tidy(self) -> None:
        """New peers are watched; one that is gone is watched until its routes are moved."""
        self.targets = [*self.resolved()] or self.targets
        if not self.routes:
            return  # nothing to move, and the role allows no look
        try:
            listed = self.instances()
        except CallFailed as error:
            say(f"peers are not looked for: {error}")
            return
        for eni in listed.keys() - self.peers.keys() - {self.path.eni}:
            peer = self.peers[eni] = Watched(eni, listed[eni])
            say(f"watches {eni} at {peer.ip}")
            threading.Thread(target=self.watch_forever, args=(peer,), daemon=True).start()
        for eni in self.peers.keys() - listed.keys():
            if self.peers[eni].quiet_until:
                del self.peers[eni]

    def resolved(self) -> Any:
        """Addresses outside of the VPC: one inside is an endpoint, and says nothing of the path."""
        for target in self.plan["targets"]:
            host, _, port = target.rpartition(":")
            try:
                address = socket.getaddrinfo(host, int(port), socket.AF_INET)[0][4]
            except OSError as error:
                say(f"{target}: {error}")
                continue
            if not any(ip_address(address[0]) in ip_network(one) for one in self.plan["vpc"]):
                yield address

    # ---- deciding

    def is_due(self, watched: Watched) -> bool:
        """Failed often enough and for long enough, and not looked after just now."""
        enough = watched.failures >= self.failures
        return enough and monotonic() >= max(watched.since + self.patience, watched.quiet_until)

    def is_our_turn(self, failing: Watched, first: list[Watched]) -> bool:
        """The peers that go first, and are well, have had their time."""
        turns = sum(one.is_well for one in first)
        return monotonic() >= failing.since + self.patience + TURN_S * turns

    def consider(self, peer: Watched) -> None:
        """Move a peer's routes, unless we cannot be sure or another one goes first."""
        if peer.proven == NEVER:
            peer.quiet_until = monotonic() + QUIET_S
            say(f"{peer.eni} was never well while we watch: nothing is moved")
        elif self.path.failures or self.path.proven <= peer.since:
            say("our own path is not proven: nothing is moved")
        elif self.is_our_turn(
            peer, [one for one in list(self.peers.values()) if one.eni < self.path.eni]
        ):
            self.move(peer, self.path.eni)

    # ---- moving

    def move(self, failing: Watched, heir: str) -> None:
        """Every route that still leads to a failing instance goes to its standby, or to `heir`."""
        with self.moving:
            try:
                for table, carrier in self.carriers().items():
                    to = self.routes[table] or heir
                    if carrier == failing.eni and to and self.may_move(table):
                        self.carry(table, carrier, to)
                        self.moves[table].append(monotonic())
                failing.quiet_until = monotonic() + QUIET_S
            except CallFailed as error:
                say(f"not moved, tried again: {error}")

    def may_move(self, table: str) -> bool:
        """A route that goes to and fro needs a person."""
        times = [one for one in self.moves.get(table, []) if monotonic() - one < HOUR_S]
        self.moves[table] = times
        if len(times) < self.plan["most_moves"]:
            return True
        say(f"{table} was moved {len(times)} times within an hour: left where it is")
        return False

    def fail_over(self) -> None:
        for table, carrier in self.carriers().items():
            if carrier == self.path.eni:
                if not self.routes[table]:
                    raise CallFailed(f"{table} has no standby: run fail-back {table} on a peer")
                self.carry(table, carrier, self.routes[table])

    def fail_back(self, tables: list[str]) -> None:
        """Routes come back from their standby or from a peer, and from nowhere else."""
        if not report_of(self.path.ip, self.plan["port"]).get("path"):
            raise CallFailed("our own path is not proven: nothing is moved")
        carriers, known = self.carriers(), {self.path.eni, *self.instances()}
        for table in tables:
            if carriers.get(table) not in {*known, self.routes.get(table) or "no standby"}:
                raise CallFailed(f"{table} is with {carriers.get(table)}: nothing is moved")
        for table in tables:
            if carriers[table] != self.path.eni:
                self.carry(table, carriers[table], self.path.eni)

    # ---- telling

    def report(self) -> dict[str, Any]:
        """A canary that does not come back is a dead one."""
        late = monotonic() - self.looked > 2 * (self.seconds + ANSWER_S)
        failing_s = monotonic() - self.path.since if self.path.failures else 0.0
        return {"path": self.path.is_well and not late, "failing_s": round(failing_s, 1)}

    def tell_forever(self) -> None:
        """Each connection gets one line; the rules let peers ask."""
        while self.looked == NEVER:
            sleep(0.05)
        with socket.create_server(("", self.plan["port"]), backlog=64) as door:
            while True:
                try:
                    with door.accept()[0] as link:
                        link.sendall(json.dumps(self.report()).encode() + b"\n")
                except OSError as error:
                    say(f"a peer was not told: {error}")


def watch(instance: Instance) -> None:
    """Until the machine stops. A thread that fails takes all with it: systemd starts us again."""

    def fall(failure: Any) -> None:
        sys.excepthook(failure.exc_type, failure.exc_value, failure.exc_traceback)
        os._exit(1)

    threading.excepthook = fall
    instance.tidy()
    for work in (instance.probe_forever, instance.mind_self_forever, instance.tell_forever):
        threading.Thread(target=work, daemon=True).start()
    while True:
        sleep(TIDY_S)
        instance.tidy()


def main(eni_and_region: str, word: str, *words: str) -> None:
    with open(PLAN) as plan:
        instance = Instance(json.load(plan), *eni_and_region.split())
    if word == "watch":
        watch(instance)
    elif word == "status":
        report = report_of(instance.path.ip, instance.plan["port"])
        say(json.dumps({"eni": instance.path.eni, **report}))
        sys.exit(not report.get("path"))
    elif word == "fail-over":
        instance.fail_over()
    elif word == "fail-back":
        instance.fail_back(list(words) or instance.plan["home"])
    else:
        raise CallFailed(f"no such word: {word}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except CallFailed as error:
        sys.exit(f"lakeferry-nat: FAILED: {error}")
