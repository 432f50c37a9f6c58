"""When a NAT instance moves a route, and when it must not: three of them, their daemons and EC2.

They look once a second and act after two failures, so that a test takes seconds. That nothing is
moved is asked once the daemon has decided so, and has had the time to do otherwise. EC2 is a stub;
kernel, rules and daemons are real.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from lakeferry.monitor.nat.user_data import NatRoute
from tests.servers import nat_machines
from tests.servers.nat_machines import GATEWAY, SCRIPT, SERVER, TABLE, WHOAMI, Machine, Vpc

# One after another, see test_nat_fail_over.py.
pytestmark = [pytest.mark.server, pytest.mark.xdist_group("nat")]

HASTY = replace(SCRIPT, check_seconds=1, failures=2, most_moves=2)
SOON = 1.5  # s: whoever decides to move a route has done so, which takes two calls of EC2
NAMES = ("nat-a", "nat-b", "nat-c")
ASK = f"import socket; s = socket.create_connection(('{SERVER}', {WHOAMI}), 30); "


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vpc]:
    with nat_machines.running(tmp_path_factory.mktemp("nat"), HASTY, NAMES) as vpc:
        vpc.each(Machine.boot_at_once)
        yield vpc


@pytest.fixture
def vpc(wired: Vpc) -> Iterator[Vpc]:
    wired.calm()
    yield wired
    wired.denied.clear()
    wired("router", "ip", "link", "set", "server", "up")
    wired.each(Machine.replug)


def test_of_several_peers_the_first_acts_and_the_others_find_it_done(vpc: Vpc) -> None:
    vpc.machines["nat-a"].unplug()
    until(lambda: looked(vpc, "nat-c"))
    time.sleep(SOON)

    assert [(who, to) for _, who, to in vpc.moves()] == [("nat-b", GATEWAY)]
    assert carrier(vpc) == "10.61.3.10"


def test_a_peer_takes_its_turn_when_those_before_it_cannot_act(vpc: Vpc) -> None:
    vpc.denied.add("nat-b")

    vpc.machines["nat-a"].unplug()
    until(lambda: vpc.carriers[TABLE] == GATEWAY)

    assert [(who, to) for _, who, to in vpc.moves()] == [("nat-c", GATEWAY)]
    assert "not moved, tried again: replace-route: An error occurred (UnauthorizedOperation)" in (
        vpc.machines["nat-b"].journal()
    )


def test_an_instance_that_is_itself_cut_off_moves_nothing_until_its_own_path_is_proven(
    vpc: Vpc,
) -> None:
    second = vpc.machines["nat-b"]
    vpc.machines["nat-c"].unplug()
    break_path(second)
    vpc.machines["nat-a"].unplug()
    until_told(second, "our own path is not proven: nothing is moved")
    time.sleep(SOON)

    assert vpc.moves() == []

    mend_path(second)
    until(vpc.moves, second.journal)
    assert vpc.moves()[0][1:] == ("nat-b", GATEWAY)


def test_when_nobody_reaches_the_world_nothing_is_moved(vpc: Vpc) -> None:
    vpc("router", "ip", "link", "set", "server", "down")
    for one in vpc.machines.values():
        until_told(one, "nothing is reached without the canary either: nothing is moved")
    time.sleep(SOON)

    assert vpc.moves() == []


def test_one_target_that_is_silent_is_no_dead_path(vpc: Vpc) -> None:
    vpc("server", "ip", "address", "del", f"{nat_machines.OTHER_SERVER}/24", "dev", "eth0")
    time.sleep(3)

    assert all("canary" not in one.journal() for one in vpc.machines.values())
    vpc("server", "ip", "address", "add", f"{nat_machines.OTHER_SERVER}/24", "dev", "eth0")


@pytest.mark.parametrize("foreign", ["igw-0123456789abcdef0", "eni-0fffffffffffffff0"])
def test_a_route_to_somebody_else_is_never_touched(vpc: Vpc, foreign: str) -> None:
    first = vpc.machines["nat-a"]
    vpc.point(foreign)

    with pytest.raises(subprocess.CalledProcessError) as refused:
        first("lakeferry-nat", "fail-back")
    first("lakeferry-nat", "fail-over")
    break_path(first)
    until(lambda: looked(vpc, "nat-b"))
    time.sleep(SOON)

    assert f"{TABLE} is with {foreign}: nothing is moved" in refused.value.stderr
    assert vpc.moves() == []
    assert vpc.carriers == {TABLE: foreign}
    assert f"{first.eni}: its path is dead" in vpc.machines["nat-b"].journal()


def test_a_table_of_another_deployment_is_not_taken(vpc: Vpc) -> None:
    vpc.point(GATEWAY, "rtb-0eeeeeeeeeeeeeee0")

    with pytest.raises(subprocess.CalledProcessError, match="1"):
        vpc.machines["nat-a"]("lakeferry-nat", "fail-back", "rtb-0eeeeeeeeeeeeeee0")

    assert vpc.moves() == []
    del vpc.carriers["rtb-0eeeeeeeeeeeeeee0"]


def test_routes_come_back_neither_to_a_path_that_is_dead_nor_by_themselves(vpc: Vpc) -> None:
    first = vpc.machines["nat-a"]
    break_path(first)
    until(vpc.moves)

    with pytest.raises(subprocess.CalledProcessError) as refused:
        first("lakeferry-nat", "fail-back")

    assert "our own path is not proven: nothing is moved" in refused.value.stderr
    assert vpc.carriers[TABLE] == GATEWAY
    mend_path(first)
    until_told(vpc.machines["nat-b"], "well again")
    time.sleep(SOON * 2)
    assert len(vpc.moves()) == 1


def test_a_route_that_goes_to_and_fro_is_left_for_a_person(vpc: Vpc) -> None:
    first = vpc.machines["nat-a"]
    for _ in range(2):
        break_path(first)
        until(lambda: vpc.carriers[TABLE] == GATEWAY)
        mend_path(first)
        first.settle()
        first("lakeferry-nat", "fail-back")

    break_path(first)
    until_told(vpc.machines["nat-b"], f"{TABLE} was moved 2 times within an hour: left where it is")
    time.sleep(SOON)

    assert [to for _, _, to in vpc.moves()] == [GATEWAY, first.eni] * 2
    mend_path(first)


def test_a_peer_that_was_never_well_is_not_judged(vpc: Vpc) -> None:
    first, second = vpc.machines["nat-a"], vpc.machines["nat-b"]
    vpc.machines["nat-c"].unplug()
    first("systemctl", "stop", "lakeferry-nat")
    second("systemctl", "restart", "lakeferry-nat")
    until_told(second, f"{first.eni} was never well while we watch: nothing is moved")
    time.sleep(SOON)

    assert vpc.moves() == []


def test_an_instance_without_peers_moves_its_own_routes(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("lone")
    with nat_machines.running(folder, HASTY, ("nat-a",), "lone") as vpc:
        vpc.machines["nat-a"].boot_at_once()
        vpc.machines["nat-a"].settle()

        break_path(vpc.machines["nat-a"])
        until(vpc.moves)

        assert [(who, to) for _, who, to in vpc.moves()] == [("nat-a", GATEWAY)]
        assert carrier(vpc) == "10.61.3.10"


def test_without_a_standby_a_peer_carries_the_route_until_it_is_taken_back(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("pair")
    pair = replace(HASTY, routes=(NatRoute(TABLE),))
    with nat_machines.running(folder, pair, ("nat-a", "nat-b"), "pair") as vpc:
        vpc.each(Machine.boot_at_once)
        first, second = vpc.machines["nat-a"], vpc.machines["nat-b"]
        first.settle()

        break_path(first)
        until(vpc.moves)
        carried = carrier(vpc)
        mend_path(first)
        first.settle()
        first("lakeferry-nat", "fail-back")

        assert carried == second.ip
        assert carrier(vpc) == first.ip


def break_path(nat: Machine) -> None:
    """The machine lives, and forwards nothing."""
    nat("sysctl", "-q", "-w", "net.ipv4.ip_forward=0")


def mend_path(nat: Machine) -> None:
    nat("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")


def carrier(vpc: Vpc) -> str:
    """As whom the server sees the client now."""
    program = ASK + "print(s.makefile().readline())"
    return vpc("client", "/usr/bin/python3", "-c", program).split()[0]


def looked(vpc: Vpc, name: str) -> bool:
    """Whether an instance asked EC2 where the routes lead, which it does to move them."""
    return any(who == name and words[0] == "describe-route-tables" for _, who, words in vpc.calls)


def until_told(nat: Machine, what: str) -> None:
    until(lambda: what in nat.journal(), nat.journal)


def until(true: Callable[[], object], what: Callable[[], str] = str) -> None:
    give_up = time.monotonic() + 120
    while not true():
        assert time.monotonic() < give_up, what()
        time.sleep(0.05)
