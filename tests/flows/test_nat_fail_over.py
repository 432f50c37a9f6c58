"""A NAT instance dies while a clone runs: its peer moves the route, and the clone ends complete.

Times are printed (`pytest -rP`), and only held to be finite: machines of tests are slow at times.
EC2 is a stub whose every call takes half a second; kernel, rules, daemons and bytes are real.
"""

import filecmp
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from tests.servers import Server, nat_machines, require, started
from tests.servers.nat_machines import GATEWAY, HOSTS, SCRIPT, SERVER, Machine, Vpc
from tests.servers.versitygw import ACCESS_KEY, SECRET_KEY

# All tests of NATs go one after another: they wait more than they work, and their daemons count
# seconds.
pytestmark = [pytest.mark.server, pytest.mark.xdist_group("nat")]

FILES, SIZE, MEGABITS = 6, 4_000_000, 20  # 24 MB in 10 s and more
PORT = 9000


@dataclass(frozen=True, order=True)
class Probe:
    """One connection that the client tried."""

    at: float  # s of the monotonic clock
    seen: str  # as whom the server saw it; '-': it got no answer


@pytest.fixture(scope="module")
def vpc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vpc]:
    folder = tmp_path_factory.mktemp("nat")
    with nat_machines.running(folder, SCRIPT) as vpc:
        vpc.each(Machine.boot_at_once)
        vpc.slow_down(MEGABITS)
        yield vpc


@pytest.fixture(scope="module")
def bucket(vpc: Vpc) -> Iterator[Server]:
    """An S3 server in the world outside."""
    program, folder = require("versitygw"), vpc.folder / "buckets"
    (folder / "lake").mkdir(parents=True)
    command = [str(program), "--access", ACCESS_KEY, "--secret", SECRET_KEY, "--quiet", "--port",
               f"{SERVER}:{PORT}", "--region", "us-east-1", "posix", str(folder)]  # fmt: skip
    options = {"endpoint": f"http://{SERVER}:{PORT}", "region": "us-east-1",
               "access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY}  # fmt: skip
    log = vpc.folder / "versitygw.log"
    ready = partial(vpc.listens, "server", PORT)
    with started(vpc.command("server", *command), log, ready=ready) as server:
        yield Server("s3://lake", options, options["endpoint"], PORT)
        server.kill()  # it would wait for connections that died with a NAT


@pytest.fixture
def calm(vpc: Vpc) -> Vpc:
    vpc.calm()
    return vpc


def silence(nat: Machine) -> None:
    nat.unplug()


def lose_rules(nat: Machine) -> None:
    nat("nft", "flush", "ruleset")


def stop_forwarding(nat: Machine) -> None:
    nat("sysctl", "-q", "-w", "net.ipv4.ip_forward=0")


@pytest.mark.parametrize(
    ("fails", "way"), [(silence, "up"), (lose_rules, "down"), (stop_forwarding, "up")]
)
def test_a_clone_ends_complete_though_its_nat_dies_and_comes_back(
    calm: Vpc, bucket: Server, tmp_path: Path, fails: Callable[[Machine], None], way: str
) -> None:
    vpc, first, second = calm, calm.machines["nat-a"], calm.machines["nat-b"]
    here, there = tmp_path / "table", vpc.folder / "buckets/lake" / tmp_path.name
    make_table(here)
    ends = (str(here), f"{bucket.place}/{tmp_path.name}")
    if way == "down":
        clone(vpc, bucket, *ends, place="server").communicate()
        ends = (ends[1], str(here := tmp_path / "back"))

    with probing(vpc) as probes:
        began = time.monotonic()
        copying, before = clone(vpc, bucket, *ends), vpc.carried()
        until(lambda: vpc.carried() - before > SIZE)
        died = time.monotonic()
        fails(first)
        until(vpc.moves)
        vpc.slow_down(MEGABITS // 4)  # so that something is left to copy when its NAT comes back
        until(lambda: probes()[-1].seen == HOSTS["gateway"])
        back = repair(first)
        assert copying.poll() is None, "nothing was left to copy when its NAT came back"
        vpc.slow_down(MEGABITS)
        said, errors = copying.communicate(timeout=240)
        ended, seen = time.monotonic(), probes()

    assert copying.returncode == 0, said[-2000:] + errors
    assert json.loads(said.splitlines()[-1])["bytes_copied"] >= FILES * SIZE
    same = [f"part-{number}.parquet" for number in range(FILES)]
    assert filecmp.cmpfiles(here, there, same, shallow=False) == (same, [], [])
    # Once, by the peer; then once by the command.
    assert [(who, to) for _, who, to in vpc.moves()] == [
        (second.name, GATEWAY), (first.name, first.eni)
    ]  # fmt: skip
    assert {probe.seen for probe in seen} == {first.ip, HOSTS["gateway"], "-"}
    moved, gap, back_gap = vpc.moves()[0][0] - died, *gaps(seen, died, back)
    sys.stdout.write(
        f"\n{fails.__name__}, {way}: route moved after {moved:.1f} s, "
        f"new connections fail for {gap:.1f} s; fail-back: {back_gap:.2f} s; "
        f"the clone ended after {ended - began:.0f} s"
    )
    assert moved < 30
    assert gap < 40
    assert back_gap < 5


def test_a_planned_fail_over_is_one_call_and_loses_next_to_nothing(calm: Vpc) -> None:
    vpc, first = calm, calm.machines["nat-a"]

    with probing(vpc) as probes:
        until(lambda: len(probes()) > 20)
        over = time.monotonic()
        first("lakeferry-nat", "fail-over")
        until(lambda: probes()[-1].seen == HOSTS["gateway"])
        back = time.monotonic()
        first("lakeferry-nat", "fail-back")
        until(lambda: probes()[-1].seen == first.ip)
        seen = probes()

    assert [(who, to) for _, who, to in vpc.moves()] == [("nat-a", GATEWAY), ("nat-a", first.eni)]
    over_gap, back_gap = gaps(seen, over, back)
    sys.stdout.write(f"\nplanned: fail-over {over_gap:.2f} s, fail-back {back_gap:.2f} s")
    assert over_gap < 5
    assert back_gap < 5


def test_a_daemon_that_is_started_anew_is_missed_by_nobody(calm: Vpc) -> None:
    first = calm.machines["nat-a"]

    first("kill", "-9", first("pgrep", "-f", "nat_peer.py .* watch").split()[0])
    time.sleep(10)  # in which a peer that missed it would have moved its route
    first.revive()

    assert calm.moves() == []


def test_a_path_that_comes_and_goes_is_not_moved(calm: Vpc) -> None:
    first = calm.machines["nat-a"]

    for _ in range(4):
        for forwards, what in ((0, "canary does not get through"), (1, "well again")):
            before = first.journal()
            first("sysctl", "-qw", f"net.ipv4.ip_forward={forwards}")
            until(partial(says_again, first, what, before))

    assert calm.moves() == []


def says_again(nat: Machine, what: str, before: str) -> bool:
    return nat.journal().count(what) > before.count(what)


def repair(nat: Machine) -> float:
    """The instance is itself again, and takes its routes back; when it began to."""
    nat.replug()
    nat.restart()
    began = time.monotonic()
    nat("lakeferry-nat", "fail-back")
    return began


def clone(
    vpc: Vpc, bucket: Server, source: str, target: str, place: str = "client"
) -> "subprocess.Popen[str]":
    store = "target" if target.startswith("s3:") else "source"
    options = [f"--{store}-option={name}={value}" for name, value in bucket.options.items()]
    program = [sys.executable, "-m", "lakeferry.cli.main", "clone", "--json"]
    return subprocess.Popen(
        vpc.command(place, *program, source, target, *options),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@contextmanager
def probing(vpc: Vpc) -> Iterator[Callable[[], list[Probe]]]:
    """New connections of the client to the world, twenty a second; read so far when called."""
    log = vpc.folder / "prober.log"

    def probes() -> list[Probe]:
        lines = log.read_text().rpartition("\n")[0].splitlines()
        return sorted((Probe(float(at), seen) for at, seen in map(str.split, lines)))

    words = ("prober", SERVER, str(nat_machines.WHOAMI))
    command = vpc.command("client", "/usr/bin/python3", str(nat_machines.STUBS), *words)
    with started(command, log, ready=lambda: log.exists() and bool(probes())):
        yield probes


def gaps(probes: list[Probe], *moments: float) -> list[float]:
    """The longest time from each moment on, up to the next, in which no connection got through."""
    ends = [*moments[1:], float("inf")]
    found = []
    for start, end in zip(moments, ends, strict=True):
        times = [one.at for one in probes if start - 1 < one.at < end and one.seen != "-"]
        found.append(max(b - a for a, b in pairwise(times)))
    return found


def until(true: Callable[[], object]) -> None:
    give_up = time.monotonic() + 120
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def make_table(root: Path) -> None:
    """A Delta table of random files: a clone copies them, it does not open them."""
    schema = '{"type":"struct","fields":[]}'
    lines: list[dict[str, object]] = [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {"metaData": {"id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9", "partitionColumns": [],
                      "format": {"provider": "parquet", "options": {}}, "schemaString": schema,
                      "configuration": {}}},
    ]  # fmt: skip
    (root / "_delta_log").mkdir(parents=True)
    for number in range(FILES):
        name = f"part-{number}.parquet"
        (root / name).write_bytes(os.urandom(SIZE))
        body = {"path": name, "partitionValues": {}, "size": SIZE, "modificationTime": 1}
        lines.append({"add": {**body, "dataChange": True}})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (root / "_delta_log" / f"{0:020}.json").write_text(text)
