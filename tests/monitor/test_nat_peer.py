"""How the daemon of a NAT instance looks; what it decides is in tests/flows/test_nat_guards.py."""

import socket
from importlib.resources import files
from itertools import chain, repeat
from types import ModuleType

from tests.servers import free_port


def daemon() -> ModuleType:
    made = ModuleType("nat_peer")
    exec(files("lakeferry.monitor.nat").joinpath("nat_peer.py").read_text(), made.__dict__)
    return made


def test_one_of_two_that_answers_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        assert daemon().reaches([("127.0.0.1", free_port()), door.getsockname()])


def test_two_that_refuse_are_not_reached() -> None:
    assert not daemon().reaches([("127.0.0.1", free_port()) for _ in range(2)])


def test_what_came_while_this_machine_stood_still_has_come() -> None:
    made = daemon()
    times = chain([0.0], repeat(100.0))
    made.__dict__["monotonic"] = lambda: next(times)

    with socket.create_server(("127.0.0.1", 0)) as door:
        assert made.reaches([door.getsockname()])
