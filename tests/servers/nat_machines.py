"""A VPC of namespaces in which the real script of the NAT instance runs on machines of its own.

    client 10.61.0.2 --- router --- server 203.0.113.2, 203.0.113.3
                           |
          nat-a 10.61.1.10, nat-b 10.61.2.10, nat-c 10.61.4.10, standby gateway 10.61.3.10

The router is the VPC's: the client's packets take what the route table says, everybody else's the
way to whom they are for. The server knows no address of the client, so only what is masqueraded
comes back. A machine has its own network, processes, /etc, /opt, /run and /usr/local/sbin; what it
takes from Amazon Linux and EC2 is in `nat_stubs.py`, where EC2 is this module: `replace-route` is
a route that is replaced. Needs root, or sudo without a password.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lakeferry.monitor.nat.user_data import HEALTH_PORT, NatInstanceScript, NatRoute
from tests.servers import started

STUBS = Path(__file__).with_name("nat_stubs.py")
TOOLS = {
    "ip": "iproute2", "tc": "iproute2", "nft": "nftables", "conntrack": "conntrack",
    "ethtool": "ethtool", "curl": "curl", "unshare": "util-linux", "nsenter": "util-linux",
}  # fmt: skip
AS_ROOT = () if os.geteuid() == 0 else ("sudo", "-n")
CLIENT, SERVER, OTHER_SERVER, WHOAMI = "10.61.0.2", "203.0.113.2", "203.0.113.3", 9001
GATEWAY, TABLE = "nat-0123456789abcdef0", "rtb-0123456789abcdef0"
REGION, TAG = "eu-west-1", ("lakeferry:nat", "namespaces")
JUMBO, PREFIX = "9001", "lakeferry-vpc-"
HOSTS = {"client": CLIENT, "server": SERVER, "gateway": "10.61.3.10",
         "nat-a": "10.61.1.10", "nat-b": "10.61.2.10", "nat-c": "10.61.4.10"}  # fmt: skip
MACS = {f"nat-{end}": f"06:00:00:00:00:0{end}" for end in "abc"}
ENIS = {f"nat-{end}": f"eni-0000000000000000{end}" for end in "abc"}
SCRIPT = NatInstanceScript(
    region=REGION,
    vpc_cidrs=("10.61.0.0/16", "10.62.0.0/16"),
    peer_tag=TAG,
    routes=(NatRoute(TABLE, GATEWAY),),
    home=(TABLE,),
    probe_targets=(f"{SERVER}:{WHOAMI}", f"{OTHER_SERVER}:{WHOAMI}"),
)
MASQUERADE = """
table ip nat {
  chain post {
    type nat hook postrouting priority 100;
    oifname "eth0" masquerade
  }
}
"""
# A private copy of what the script writes to; PID 1 of the machine, which only waits.
INIT = """
set -e
mount --make-rprivate /
for one in etc opt usr/local/sbin; do mount --bind "$1/disk/$one" "/$one"; done
mount -t tmpfs tmpfs /run
mkdir -p /run/netns
: >"$1/up"
exec sleep infinity
"""


@dataclass
class Machine:
    """One NAT instance: off, or on with its processes in a namespace of theirs."""

    vpc: "Vpc"
    name: str  # nat-a, nat-b
    folder: Path
    script: NatInstanceScript
    init: int = 0  # its first process, as it is called outside
    power: ExitStack = field(default_factory=ExitStack)

    @property
    def eni(self) -> str:
        return ENIS[self.name]

    @property
    def ip(self) -> str:
        return HOSTS[self.name]

    def create(self) -> None:
        """Its disk, as the image has it."""
        disk = self.folder / "disk"
        run("mkdir", "-p", str(disk / "opt"), str(disk / "usr/local/sbin"))
        run("cp", "-a", "/etc", str(disk / "etc"))
        run("mkdir", "-p", str(disk / "etc/stubs"), str(disk / "etc/systemd/system"))
        for name in ("dnf", "systemctl", "sysctl"):
            run("ln", "-s", str(STUBS), str(disk / "etc/stubs" / name))
        for name, text in (("name", self.name), ("ec2", str(self.vpc.socket))):
            run("tee", str(disk / "etc/stubs" / name), said=text)
        run("tee", str(disk / "user-data"), said=self.script.user_data)
        run("chmod", "700", str(disk / "user-data"))

    def switch_on(self) -> None:
        """Power and network, no program yet."""
        self.vpc.plug(self.name, MACS[self.name])
        command = [*AS_ROOT, "ip", "netns", "exec", self.vpc.namespace(self.name), "unshare",
                   "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
                   "bash", "-c", INIT, "bash", str(self.folder)]  # fmt: skip
        (self.folder / "up").unlink(missing_ok=True)
        up = self.folder / "up"
        self.power.callback(self.vpc.pull, self.name)
        holder = self.power.enter_context(
            started(command, self.folder / "init.log", ready=up.exists)
        )
        self.init = _first_process(holder.pid)
        self.power.callback(run, "kill", "-9", str(self.init), check=False)
        facts = {
            "mac": MACS[self.name],
            f"network/interfaces/macs/{MACS[self.name]}/interface-id": self.eni,
            "placement/region": REGION,
        }
        self("ip", "address", "add", "169.254.169.254/32", "dev", "lo")
        self.power.enter_context(
            self.vpc.serving(self.name, "metadata", json.dumps(facts), port=80)
        )

    def switch_off(self) -> None:
        """The power fails: processes, rules and connections are gone."""
        self.power.close()

    def unplug(self) -> None:
        """The network fails at once, in both directions; EC2 is not reached either."""
        self("ip", "link", "set", "eth0", "down")

    def replug(self) -> None:
        self("ip", "link", "set", "eth0", "up")
        gate = self.ip.rpartition(".")[0] + ".1"
        self("ip", "route", "replace", "default", "via", gate)

    def restart(self) -> None:
        self("systemctl", "restart", "lakeferry-nat")
        self.settle()

    def settle(self) -> None:
        """Until its path is alive, and its peers have seen it."""
        self.revive()
        self.is_seen()

    def is_seen(self) -> None:
        """Until each peer has looked at it once more; they are on, and their daemons run."""
        peers = {one.ip for one in self.vpc.machines.values()} - {self.ip}
        before, give_up = self.looks(), time.monotonic() + 120
        while not peers <= {ip for ip, _ in self.looks() - before}:
            assert time.monotonic() < give_up, self.journal()
            time.sleep(0.1)
        time.sleep(0.2)  # who was answered keeps what it has heard

    def looks(self) -> set[tuple[str, str]]:
        """Address and port of each connection that was told how this path is, and ended."""
        tracked = self("conntrack", "-L", "-p", "tcp", "--dport", str(HEALTH_PORT), check=False)
        ended = (line for line in tracked.splitlines() if "TIME_WAIT" in line)
        return {re.findall(r"src=(\S+) .*?sport=(\d+)", line)[0] for line in ended}

    def revive(self) -> None:
        """Until its path is alive."""
        give_up = time.monotonic() + 120
        while "true" not in self("lakeferry-nat", "status", check=False):
            assert time.monotonic() < give_up, self.journal()
            time.sleep(0.2)

    def command(self, *words: str) -> list[str]:
        path = "/etc/stubs:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        return [*AS_ROOT, "nsenter", "-t", str(self.init), "-m", "-n", "-p", "--",
                "env", "-i", f"PATH={path}", *words]  # fmt: skip

    def __call__(self, *words: str, check: bool = True) -> str:
        """What a command says on the machine, as root."""
        return run(*self.command(*words), check=check)

    def first_boot(self) -> str:
        """What cloud-init does, and what its log then holds."""
        return self("bash", "-c", f"exec {self.folder}/disk/user-data 2>&1")

    def boot_at_once(self) -> None:
        """As above, where the repositories of packages are reached from the first second on."""
        self("touch", "/etc/stubs/dnf-failed")
        self.first_boot()

    def journal(self) -> str:
        return self("cat", "/etc/stubs/journal", check=False)


@dataclass
class Vpc:
    """The networks, and EC2: which carrier a route table has, who asked what."""

    prefix: str
    folder: Path
    holds: ExitStack
    carriers: dict[str, str] = field(default_factory=dict)  # by route table
    calls: list[tuple[float, str, tuple[str, ...]]] = field(default_factory=list)  # not the denied
    machines: dict[str, Machine] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)  # machines whose role does not allow a move

    @property
    def socket(self) -> Path:
        return self.folder / "ec2.socket"

    def namespace(self, place: str) -> str:
        return f"{self.prefix}-{place}"

    def command(self, place: str, *words: str) -> list[str]:
        return [*AS_ROOT, "ip", "netns", "exec", self.namespace(place), *words]

    def __call__(self, place: str, *words: str, said: str | None = None) -> str:
        return run(*self.command(place, *words), said=said)

    def plug(self, place: str, mac: str = "") -> None:
        """A namespace with one interface, whose other end is the router's."""
        name, host = self.namespace(place), HOSTS[place]
        gate, router = host.rpartition(".")[0] + ".1", self.namespace("router")
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "add", "eth0", *(("address", mac) if mac else ()),
            "mtu", JUMBO, "type", "veth", "peer", "name", place, "mtu", JUMBO,
            "netns", router)  # fmt: skip
        for where, device, address in ((name, "eth0", host), (router, place, gate)):
            run("ip", "netns", "exec", where, "ethtool", "-K", device,
                "tso", "off", "gso", "off", "gro", "off", "tx", "off")  # fmt: skip
            run("ip", "-n", where, "address", "add", f"{address}/24", "dev", device)
            run("ip", "-n", where, "link", "set", device, "up")
        run("ip", "-n", name, "link", "set", "lo", "up")
        if place != "server":
            run("ip", "-n", name, "route", "add", "default", "via", gate)
        self.obey()

    def pull(self, place: str) -> None:
        """All that `plug` has made, at once: a namespace alone may go later than it is deleted."""
        run("ip", "-n", self.namespace("router"), "link", "del", place, check=False)
        run("ip", "netns", "del", self.namespace(place), check=False)

    def wire(self) -> None:
        run("ip", "netns", "add", self.namespace("router"))
        each = (f"net.ipv4.conf.{one}" for one in ("all", "default"))
        quiet = [f"{one}.{what}=0" for one in each for what in ("rp_filter", "send_redirects")]
        self("router", "sysctl", "-q", "-w", "net.ipv4.ip_forward=1", *quiet)
        for place in ("client", "server", "gateway"):
            self.plug(place)
        self("server", "ip", "address", "add", f"{OTHER_SERVER}/24", "dev", "eth0")
        for number in range(1, 5):
            block = f"10.61.{number}.0/24"
            self("server", "ip", "route", "add", block, "via", "203.0.113.1")
        for number, rule in enumerate(("to 10.61.0.0/16 lookup main", "iif client lookup 100"), 10):
            self("router", "ip", "rule", "add", "priority", f"{number}", *rule.split())
        nowhere = ("blackhole", "default", "metric", "9999", "table", "100")
        self("router", "ip", "route", "add", *nowhere)
        self("gateway", "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
        self("gateway", "nft", "-f", "-", said=MASQUERADE)
        self.holds.enter_context(self.serving("server", "whoami", str(WHOAMI), port=WHOAMI))

    @contextmanager
    def serving(self, place: str, *words: str, port: int) -> Iterator[None]:
        """One of the servers of `nat_stubs.py`, there."""
        command = self.command(place, "/usr/bin/python3", str(STUBS), *words)
        log = self.folder / f"{place}-{words[0]}.log"
        with started(command, log, ready=lambda: self.listens(place, port)):
            yield

    def listens(self, place: str, port: int) -> bool:
        return bool(self(place, "ss", "-Hltn", f"sport = :{port}").strip())

    def slow_down(self, megabits: int) -> None:
        """Both ways between the client and the world."""
        for device in ("client", "server"):
            self("router", "tc", "qdisc", "replace", "dev", device, "root", "tbf", "rate",
                 f"{megabits}mbit", "burst", "128kb", "latency", "100ms")  # fmt: skip

    def carried(self) -> int:
        """Bytes between the client and the world so far, both ways."""
        counts = (f"/sys/class/net/client/statistics/{way}_bytes" for way in ("rx", "tx"))
        return sum(map(int, self("router", "cat", *counts).split()))

    def each(self, work: Callable[[Machine], object]) -> None:
        """The same on all machines at once."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(work, self.machines.values()))

    def calm(self) -> None:
        """All are well and know it of each other; the client goes through the first."""
        # Stopped first: a daemon may be about to act on what was.
        self.each(lambda machine: machine("systemctl", "stop", "lakeferry-nat"))
        self.point(ENIS["nat-a"])
        self.each(lambda machine: machine("truncate", "-s", "0", "/etc/stubs/journal"))
        self.each(lambda machine: machine("systemctl", "restart", "lakeferry-nat"))
        self.each(Machine.revive)
        self.each(Machine.is_seen)  # who looked too early at a peer has looked again
        self.calls.clear()

    # ---- EC2

    def point(self, carrier: str, table: str = TABLE) -> None:
        self.carriers[table] = carrier
        self.obey()

    def obey(self) -> None:
        """The client's packets go to the carrier of its route table, or nowhere."""
        places = {**{eni: name for name, eni in ENIS.items()}, GATEWAY: "gateway"}
        place = places.get(self.carriers.get(TABLE, ""), "")
        with suppress(subprocess.CalledProcessError):
            way = ("via", HOSTS[place], "dev", place) if place else ()
            kind = () if place else ("blackhole",)
            self("router", "ip", "route", "replace", *kind, "default", *way, "table", "100")

    def moves(self) -> list[tuple[float, str, str]]:
        """When, who, to where."""
        return [
            (at, who, words[-1]) for at, who, words in self.calls if words[0] == "replace-route"
        ]

    def answer_calls(self) -> None:
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(str(self.socket))
            door.listen(16)
            while True:
                # Who asks may be killed before the answer comes; the next one asks anew.
                with door.accept()[0] as link, suppress(ConnectionError):
                    if asked := link.makefile().readline():
                        who, service, *words = json.loads(asked)
                        assert service == "ec2"
                        call = tuple(words[: words.index("--region")])
                        link.sendall(json.dumps(self.answered(who, call)).encode() + b"\n")

    def answered(self, who: str, words: tuple[str, ...]) -> tuple[int, str]:
        """The exit code and what is printed, of one `aws ec2`."""
        if "state UP" not in run("ip", "-n", self.namespace(who), "link", "show", "eth0"):
            return 255, 'Could not connect to the endpoint URL: "https://ec2.eu-west-1..."'
        if who in self.denied and words[0] == "replace-route":
            return 254, "An error occurred (UnauthorizedOperation) when calling ReplaceRoute"
        self.calls.append((time.monotonic(), who, words))
        match words:
            case ("describe-instances", "--filters", tag, _state):
                assert tag == f"Name=tag:{TAG[0]},Values={TAG[1]}"
                here = [{"Instances": [_instance(one)]} for one in self.machines.values()]
                return 0, json.dumps({"Reservations": here})
            case ("describe-route-tables", "--filters", asked):
                tables = asked.removeprefix("Name=route-table-id,Values=").split(",")
                found = [_table(id, self.carriers[id]) for id in tables if id in self.carriers]
                return 0, json.dumps({"RouteTables": found})
            case ("replace-route", "--route-table-id", table, _, "0.0.0.0/0", kind, carrier):
                assert kind == (
                    "--nat-gateway-id" if carrier == GATEWAY else "--network-interface-id"
                )
                self.point(carrier, table)
                return 0, '{"Return": true}'
        raise AssertionError(f"the role does not allow {words}")


def _first_process(pid: int) -> int:
    """The one that waits, behind `sudo`, where there is one, and `unshare`; once it is there."""
    while Path(f"/proc/{pid}/comm").read_text() != "sleep\n":
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        pid = int(listed[0]) if listed else pid
        time.sleep(0.01)
    return pid


def _instance(machine: Machine) -> Mapping[str, object]:
    eni = {"NetworkInterfaceId": machine.eni, "PrivateIpAddress": machine.ip,
           "Attachment": {"DeviceIndex": 0}}  # fmt: skip
    return {"State": {"Name": "running"}, "NetworkInterfaces": [eni]}


def _table(id: str, carrier: str) -> Mapping[str, object]:
    key = {"eni": "NetworkInterfaceId", "nat": "NatGatewayId"}.get(carrier[:3], "GatewayId")
    local = {"DestinationCidrBlock": "10.61.0.0/16", "GatewayId": "local"}
    s3 = {"DestinationPrefixListId": "pl-6da54004", "GatewayId": "vpce-0123456789abcdef0"}
    return {"RouteTableId": id,
            "Routes": [local, s3, {"DestinationCidrBlock": "0.0.0.0/0", key: carrier}]}  # fmt: skip


@contextmanager
def running(
    folder: Path,
    script: NatInstanceScript,
    names: Sequence[str] = ("nat-a", "nat-b"),
    called: str = "vpc",
) -> Iterator[Vpc]:
    """The VPC with machines that are on and empty; all is gone afterwards, whatever happens.

    Skips the test where tools or rights are missing (which fails it where all must run).
    """
    for tool, package in TOOLS.items():
        if not shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
            pytest.skip(f"`{tool}` is missing: apt-get install {package}")
    with ExitStack() as holds:
        vpc = Vpc(f"{PREFIX}{os.getpid()}-{called}", folder, holds)
        holds.callback(_remove, vpc.prefix)
        try:
            _remove_stale()
            vpc.wire()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network can be made here (it needs root, nftables): {error.stderr}")
        threading.Thread(target=vpc.answer_calls, daemon=True).start()
        for name in names:
            machine = vpc.machines[name] = Machine(vpc, name, folder / name, script)
            machine.create()
            machine.switch_on()
            holds.callback(machine.switch_off)
        vpc.point(ENIS["nat-a"])
        yield vpc


def run(*command: str, said: str | None = None, check: bool = True) -> str:
    words = command if command[: len(AS_ROOT)] == AS_ROOT else (*AS_ROOT, *command)
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    ended = subprocess.run(
        words, input=said, capture_output=True, text=True, check=False, timeout=120, env=environment
    )
    if check and ended.returncode:
        raise subprocess.CalledProcessError(ended.returncode, words, ended.stdout, ended.stderr)
    return ended.stdout


def _remove_stale() -> None:
    """What a run left that was killed: named after a process that is no more."""
    listed = run("ip", "netns", "list")
    for prefix, pid in set(re.findall(rf"^({PREFIX}(\d+))-", listed, re.MULTILINE)):
        if not Path(f"/proc/{pid}").exists():
            _remove(prefix)


def _remove(prefix: str) -> None:
    """Namespaces take their interfaces with them."""
    for name in re.findall(rf"^({prefix}-[\w-]+)", run("ip", "netns", "list"), re.MULTILINE):
        run("ip", "netns", "del", name, check=False)
