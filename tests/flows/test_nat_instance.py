"""The NAT instance's script for real: packages, kernel, rules, reboots, on a machine of its own.

Network and kernel are real; packages, services, metadata and EC2 are stubs (`nat_stubs.py`).
"""

import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.servers import nat_machines
from tests.servers.nat_machines import CLIENT, SCRIPT, SERVER, WHOAMI, Machine, Vpc

# One worker of several wires the network up, once.
pytestmark = [pytest.mark.server, pytest.mark.xdist_group("nat")]

ASK = "import socket; s = socket.create_connection(('%s', %d), %d); print(%s)"
KERNEL = (
    "net.ipv4.ip_forward", "net.ipv4.conf.eth0.send_redirects", "net.ipv4.conf.eth0.rp_filter",
    "net.ipv4.ip_local_port_range", "net.netfilter.nf_conntrack_tcp_timeout_established",
    "net.netfilter.nf_conntrack_tcp_timeout_time_wait",
)  # fmt: skip


@pytest.fixture(scope="module")
def vpc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vpc]:
    folder = tmp_path_factory.mktemp("nat")
    with nat_machines.running(folder, replace(SCRIPT, check_seconds=1), ("nat-a",)) as vpc:
        yield vpc


@pytest.fixture(scope="module")
def first_log(vpc: Vpc) -> str:
    """What cloud-init's log holds after the first boot."""
    return vpc.machines["nat-a"].first_boot()


@pytest.fixture
def nat(vpc: Vpc, first_log: str) -> Machine:
    assert first_log
    return vpc.machines["nat-a"]


def test_the_first_boot_installs_and_ends_with_a_path_that_is_alive(
    nat: Machine, first_log: str
) -> None:
    called = nat("cat", "/etc/stubs/called").splitlines()

    assert called[:2] == ["dnf install --assumeyes --quiet nftables awscli-2"] * 2  # one failed
    assert called[2:5] == ["systemctl daemon-reload", "systemctl enable lakeferry-nat",
                           "systemctl restart lakeferry-nat"]  # fmt: skip
    assert "dnf: try 1 of 10 failed" in first_log
    assert first_log.rstrip().endswith('"path": true, "failing_s": 0.0}')


def test_a_client_reaches_the_world_under_the_address_of_the_instance(
    vpc: Vpc, nat: Machine
) -> None:
    seen, _ = _whoami(vpc)

    assert seen == nat.ip


def test_each_connection_is_tracked_with_both_of_its_addresses(vpc: Vpc, nat: Machine) -> None:
    nat("conntrack", "-F")
    _whoami(vpc)

    listed = nat("conntrack", "-L", "-p", "tcp", "-s", CLIENT).splitlines()

    assert len(listed) == 1
    assert re.findall(r"(src|dst)=(\S+)", listed[0]) == [
        ("src", CLIENT), ("dst", SERVER), ("src", SERVER), ("dst", nat.ip)
    ]  # fmt: skip
    assert int(listed[0].split()[2]) <= 30  # seconds that one which has ended is kept


def test_both_ends_agree_on_segments_that_fit_the_internet(vpc: Vpc, nat: Machine) -> None:
    assert nat("cat", "/sys/class/net/eth0/mtu") == "9001\n"  # as everywhere in this VPC

    _, syn = _whoami(vpc)
    answered = _ask(vpc, "client", SERVER, WHOAMI, "s.getsockopt(6, 2)")

    assert _segment(syn) == 1460
    assert int(answered) == 1460 - 12  # by the time stamps of each segment
    direct = _ask(vpc, "gateway", SERVER, WHOAMI, "s.getsockopt(6, 2)")
    assert int(direct) == 9001 - 40 - 12, "without the rule it would not fit"


def test_the_kernel_is_set_and_tracks_as_many_connections_as_fit_the_memory(nat: Machine) -> None:
    found = dict(zip(KERNEL, nat("sysctl", "-n", *KERNEL).splitlines(), strict=True))

    assert found == {
        "net.ipv4.ip_forward": "1",
        "net.ipv4.conf.eth0.send_redirects": "0",
        "net.ipv4.conf.eth0.rp_filter": "2",
        "net.ipv4.ip_local_port_range": "1024\t65535",
        "net.netfilter.nf_conntrack_tcp_timeout_established": "3600",
        "net.netfilter.nf_conntrack_tcp_timeout_time_wait": "30",
    }
    kib = int(re.findall(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[0])
    most = min(kib // 2, 4_194_304)
    assert nat("cat", "/etc/stubs/global-settings").splitlines() == [
        f"net.netfilter.nf_conntrack_max = {most}",
        f"net.netfilter.nf_conntrack_buckets = {most // 4}",
    ]


def test_nobody_gets_in_and_only_the_vpc_may_ask_for_its_health(vpc: Vpc, nat: Machine) -> None:
    with vpc.serving("nat-a", "whoami", "22", port=22):
        assert "path" in _ask(vpc, "gateway", nat.ip, 8472, "s.makefile().readline()")
        doors = [("server", 8472), ("server", 22), ("gateway", 22), ("client", 22)]
        with ThreadPoolExecutor() as pool:  # each waits for an answer that does not come
            got_in = pool.map(lambda door: _gets_in(vpc, door[0], nat.ip, door[1]), doors)
        assert list(zip(doors, got_in, strict=True)) == [(door, False) for door in doors]


def test_nothing_is_forwarded_to_the_inside_that_did_not_begin_there(
    vpc: Vpc, nat: Machine
) -> None:
    rule = ("priority", "0", "iif", "server", "to", CLIENT, "lookup", "7")
    vpc("router", "ip", "rule", "add", *rule)
    vpc("router", "ip", "route", "add", "default", "via", nat.ip, "table", "7")
    vpc("server", "ip", "route", "add", f"{CLIENT}/32", "via", "203.0.113.1")

    with vpc.serving("client", "whoami", "22", port=22):
        assert not _gets_in(vpc, "server", CLIENT, 22)
        nat("nft", "add", "rule", "inet", "lakeferry_nat", "forward", "accept")
        assert _gets_in(vpc, "server", CLIENT, 22, wait_s=30)

    vpc("server", "ip", "route", "del", f"{CLIENT}/32")
    vpc("router", "ip", "rule", "del", *rule)
    nat.restart()


def test_what_is_there_stays_when_the_script_runs_again(vpc: Vpc, nat: Machine) -> None:
    before = _state(nat)
    open_link = subprocess.Popen(
        vpc.command("client", "/usr/bin/python3", "-c", ASK % (SERVER, WHOAMI, 30, "input()")),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    give_up = time.monotonic() + 60
    while not is_tracked(nat):
        assert time.monotonic() < give_up
        time.sleep(0.1)

    log = nat.first_boot()

    assert _state(nat) == before
    assert "dnf" not in log
    assert is_tracked(nat)
    open_link.communicate(b"\n")
    assert len(nat("pgrep", "-f", "nat_peer.py .* watch").splitlines()) == 1


def is_tracked(nat: Machine) -> bool:
    """Whether the client has a connection that did not end."""
    listed = nat("conntrack", "-L", "-p", "tcp", "-s", CLIENT)
    return "CLOSE_WAIT" in listed or "ESTABLISHED" in listed


def test_a_reboot_brings_everything_back_without_packages_and_user_data(
    vpc: Vpc, nat: Machine
) -> None:
    before, called = _state(nat), nat("cat", "/etc/stubs/called").splitlines()

    nat.switch_off()
    nat.switch_on()
    with pytest.raises(subprocess.CalledProcessError):
        _whoami(vpc, wait_s=2)
    nat("systemctl", "boot")
    nat.settle()

    assert _state(nat) == before
    assert _whoami(vpc)[0] == nat.ip
    assert nat("cat", "/etc/stubs/called").splitlines()[len(called) :] == ["systemctl boot"]


@pytest.mark.parametrize("gone", ["api/token", "sysctl"])
def test_what_is_missing_is_told_and_fails_the_first_boot(nat: Machine, gone: str) -> None:
    if gone == "api/token":
        nat("ip", "address", "del", "169.254.169.254/32", "dev", "lo")
        nat("ip", "route", "add", "prohibit", "169.254.169.254/32")
    else:
        nat("mv", "/etc/stubs/sysctl", "/etc/stubs/kept")
        nat("ln", "-s", "/bin/false", "/etc/stubs/sysctl")

    with pytest.raises(subprocess.CalledProcessError) as failed:
        nat.first_boot()

    told = [line for line in nat.journal().splitlines() if "FAILED" in line][-1]
    assert re.fullmatch(rf"lakeferry-nat: FAILED in line \d+: .*{gone}.*", told), told
    assert "FAILED in line" in failed.value.stdout  # in cloud-init's log
    if gone == "api/token":
        nat("ip", "route", "del", "prohibit", "169.254.169.254/32")
        nat("ip", "address", "add", "169.254.169.254/32", "dev", "lo")
    else:
        nat("mv", "/etc/stubs/kept", "/etc/stubs/sysctl")
    nat.restart()


def _state(nat: Machine) -> dict[str, str]:
    """All that the script has made."""
    return {
        "rules": nat("nft", "-s", "list", "ruleset"),
        "kernel": nat("sysctl", *KERNEL),
        "canary": nat("ip", "-br", "-n", "lakeferry-canary", "address", "show", "dev", "eth0")[:40],
        "routes": nat("ip", "route"),
        "files": nat("sh", "-c", "sha256sum /opt/lakeferry-nat/* /usr/local/sbin/lakeferry-nat "
                                 "/etc/systemd/system/lakeferry-nat.service /run/lakeferry-nat/*"),
    }  # fmt: skip


def _whoami(vpc: Vpc, wait_s: int = 30) -> tuple[str, bytes]:
    """As whom the server sees the client, and the headers of its SYN."""
    seen, syn = _ask(vpc, "client", SERVER, WHOAMI, "s.makefile().readline()", wait_s).split()
    return seen, bytes.fromhex(syn)


def _ask(vpc: Vpc, place: str, host: str, port: int, what: str, wait_s: int = 30) -> str:
    return vpc(place, "/usr/bin/python3", "-c", ASK % (host, port, wait_s, what))


def _gets_in(vpc: Vpc, place: str, host: str, port: int, wait_s: int = 2) -> bool:
    try:
        return bool(_ask(vpc, place, host, port, "s.makefile().readline()", wait_s))
    except subprocess.CalledProcessError as error:
        if "timed out" in error.stderr:
            return False
        raise


def _segment(syn: bytes) -> int:
    """The largest segment that its sender takes: an option of the SYN (RFC 9293, 3.2)."""
    options = syn[(syn[0] & 15) * 4 + 20 :]
    while options[0] != 2:
        options = options[1:] if options[0] == 1 else options[options[1] :]
    return int.from_bytes(options[2:4], "big")
