"""The health Lambda behind a real NAT box: the machine lives on, and its path dies.

Network namespaces: the Lambda runs in the client's, which goes out by the box alone. An emulator of
EC2 stands beside it, as the interface endpoint does in the VPC: it is reached without the NAT.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers import nat_box, started
from tests.servers.nat_box import PORT, SERVER, NatBox

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("nat")]

ROOT = Path(__file__).resolve().parents[2]
EC2 = "http://127.0.0.1:5999"
URLS = f"http://{SERVER}:{PORT}/,http://{SERVER}:{PORT}/lake"
PREPARE = """
import json
from lakeferry.connect.aws import AwsAccess, client
from tests.aws import data_plane
access = AwsAccess("us-east-1", endpoint="http://127.0.0.1:5999")
plane, ec2 = data_plane.made(access), client(access, "ec2")
listed = ec2.describe_instances(InstanceIds=[plane.nat_instance])["Reservations"]
eni = listed[0]["Instances"][0]["NetworkInterfaces"][0]["NetworkInterfaceId"]
print(json.dumps({"NAT_INTERFACE": eni, "STANDBY": plane.nat_gateway,
                  "ROUTE_TABLES": plane.tables[1]}))
"""
RUN = """
import os
import index
from lakeferry.connect.aws import AwsAccess, client
index.handler({}, None)
ec2 = client(AwsAccess("us-east-1", endpoint="http://127.0.0.1:5999"), "ec2")
tables = [os.environ["ROUTE_TABLES"]]
for one in ec2.describe_route_tables(RouteTableIds=tables)["RouteTables"][0]["Routes"]:
    if one.get("DestinationCidrBlock") == "0.0.0.0/0":
        print(one.get("NatGatewayId") or one["NetworkInterfaceId"])
"""
AWS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
       "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": EC2}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """The client's namespace, with EC2 beside it."""

    box: NatBox
    folder: Path  # with the Lambda's source
    plan: dict[str, str]

    def run(self) -> tuple[dict[str, Any], str]:
        """What one run of the Lambda printed, and where the route leads then."""
        told, target = in_client(self.box, RUN, self.plan, self.folder).splitlines()
        return json.loads(told), target

    def forwards(self, on: bool) -> None:
        """The box stays up, answers and has its address; it passes nothing on any more."""
        said = f"net.ipv4.ip_forward={int(on)}"
        subprocess.run(self.box.command("nat", "sysctl", "-qw", said), check=True)


def in_client(box: NatBox, program: str, environment: dict[str, str], folder: Path) -> str:
    given = {**AWS, **environment, "PYTHONPATH": f"{folder}:{ROOT}:{ROOT / 'src'}"}
    setting = ["env", *(f"{name}={value}" for name, value in given.items())]
    command = box.command("client", *setting, sys.executable, "-c", program)
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def said_by(box: NatBox, address: str, port: int) -> str:
    """What became of a connection from the client: '' where it came about."""
    program = f"import socket; socket.create_connection(({address!r}, {port}), 2)"
    command = box.command("client", sys.executable, "-c", program)
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("health")
    source = ROOT / "src/lakeferry/monitor/nat/health_lambda.py"
    (folder / "index.py").write_text(source.read_text())
    moto = ROOT / "tests/servers/moto_completed.py"
    with nat_box.running(folder) as box:
        command = box.command(
            "client", sys.executable, "-P", str(moto), "-H", "127.0.0.1", "-p", "5999"
        )
        with started(
            command, folder / "moto.log", ready=lambda: not said_by(box, "127.0.0.1", 5999)
        ):
            found = json.loads(in_client(box, PREPARE, {}, ROOT))
            named = {"DEPLOYMENT": "m1", "NAT_PATH": "us-east-1b", "URLS": URLS}
            yield Place(box, folder, {**found, **named})


def test_a_box_that_is_up_and_forwards_nothing_loses_its_route_and_does_not_get_it_back(
    place: Place,
) -> None:
    alive, target = place.run()

    assert (alive["PathAlive"], alive["OnStandby"]) == (1, 0)
    assert target == place.plan["NAT_INTERFACE"]

    place.forwards(False)
    dead, target = place.run()

    assert "ConnectionRefusedError" in said_by(place.box, nat_box.INNER, 1)  # the machine is there
    assert "TimeoutError" in said_by(place.box, SERVER, PORT)  # and its path is not
    assert set(dead["Done"]["seen"].values()) == {"dead"}
    assert (dead["PathAlive"], dead["RoutesMoved"], dead["OnStandby"]) == (0, 1, 1)
    assert target == place.plan["STANDBY"]

    place.forwards(True)
    again, again_target = place.run()

    assert (again["PathAlive"], again["RoutesMoved"], again["OnStandby"]) == (1, 0, 1)
    assert again_target == place.plan["STANDBY"]
