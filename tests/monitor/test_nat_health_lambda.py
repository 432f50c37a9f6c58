"""The Lambda that moves routes off a dead NAT instance: real sockets, and an emulator of EC2."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.connect.aws import AwsAccess, client
from tests.aws import data_plane
from tests.aws.data_plane import DataPlane
from tests.servers import free_port
from tests.servers.http_server import served
from tests.servers.moto import REGION

SOURCE = files("lakeferry.monitor.nat").joinpath("health_lambda.py").read_text()
NO_NAME = "http://no-such-host.invalid/"
SOON_S = 0.5  # for what never comes
DOORS = 8  # that are silent


def module(timeout_s: float = 60) -> ModuleType:
    made = ModuleType("index")
    exec(compile(SOURCE, "index.py", "exec"), made.__dict__)
    made.__dict__["TIMEOUT_S"] = timeout_s
    return made


# ---- the far side


class Answering(BaseHTTPRequestHandler):
    status = 200

    def do_HEAD(self) -> None:
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(status: int = 200) -> Iterator[str]:
    handler = type("Answers", (Answering,), {"status": status})
    with served(handler) as port:
        yield f"http://127.0.0.1:{port}/"


@contextmanager
def silent() -> Iterator[str]:
    """Takes connections and never says a word, as where answers get lost on their way back."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield f"http://127.0.0.1:{door.getsockname()[1]}/"


def closed() -> str:
    return f"http://127.0.0.1:{free_port()}/"


@pytest.mark.parametrize("status", [200, 301, 403, 500])
def test_any_answer_proves_the_path(status: int) -> None:
    with answering(status) as url:
        assert module().look([url]) == {url: "alive"}


def test_no_answer_within_the_time_is_a_dead_path_and_all_are_asked_at_once() -> None:
    with ExitStack() as doors:
        urls = [doors.enter_context(silent()) for _ in range(DOORS)]
        began = time.monotonic()
        seen = module(1).look(urls)

        assert seen == dict.fromkeys(urls, "dead")
        assert time.monotonic() - began < DOORS


def test_a_refused_connection_is_a_dead_path() -> None:
    url = closed()

    assert module().look([url]) == {url: "dead"}


def test_a_name_that_nobody_knows_says_nothing_about_the_path() -> None:
    assert module(SOON_S).look([NO_NAME]) == {NO_NAME: "unnamed"}


def test_a_resolver_that_hangs_says_nothing_about_the_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hang(*_: object) -> None:
        time.sleep(2 * SOON_S)
        raise socket.gaierror

    made = module(SOON_S)
    monkeypatch.setattr(made.socket, "getaddrinfo", hang)

    assert made.look(["https://slow.example/"]) == {"https://slow.example/": "unnamed"}


def test_a_server_of_tls_whose_certificate_is_bad_proves_the_path(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
               "/CN=nobody", "-keyout", str(key), "-out", str(certificate)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        url = f"https://127.0.0.1:{server.server_port}/"
        assert module().look([url]) == {url: "alive"}
    finally:
        server.shutdown()
        server.server_close()


def test_tls_to_somebody_who_hangs_up_is_a_dead_path() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:

        def hang_up() -> None:
            door.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        url = f"https://127.0.0.1:{door.getsockname()[1]}/"
        assert module().look([url]) == {url: "dead"}


# ---- the decision

STATES = st.sampled_from(["alive", "dead", "unnamed"])
TARGETS = st.sampled_from(["eni-ours", "nat-standby", "eni-other", ""])


def test_both_must_be_dead_before_a_route_is_moved() -> None:
    decide = module().decide
    targets = {"rtb-1": "eni-ours"}

    assert decide({"a": "dead", "b": "alive"}, targets, "eni-ours") == ("alive", [])
    assert decide({"a": "dead", "b": "dead"}, targets, "eni-ours") == ("dead", ["rtb-1"])


def test_without_a_name_there_must_be_another_look_that_is_dead() -> None:
    decide = module().decide
    targets = {"rtb-1": "eni-ours"}

    assert decide({"a": "unnamed", "b": "unnamed"}, targets, "eni-ours") == ("unnamed", [])
    assert decide({"a": "unnamed", "b": "dead"}, targets, "eni-ours") == ("dead", ["rtb-1"])


@given(
    st.dictionaries(st.sampled_from(["a", "b"]), STATES, min_size=1),
    st.dictionaries(st.sampled_from(["rtb-1", "rtb-2", "rtb-3"]), TARGETS),
)
def test_only_routes_to_our_interface_are_moved_and_only_off_a_dead_path(
    seen: Mapping[str, str], targets: Mapping[str, str]
) -> None:
    state, moved = MODULE.decide(seen, targets, "eni-ours")

    assert all(targets[one] == "eni-ours" for one in moved)
    if "alive" in seen.values() or "dead" not in seen.values():
        assert not moved
    else:
        assert moved == sorted(one for one in targets if targets[one] == "eni-ours")
        assert state == "dead"


MODULE = module()


# ---- with EC2


@dataclass(frozen=True)
class Deployed:
    access: AwsAccess
    plane: DataPlane
    eni: str
    tables: tuple[str, ...]
    standby: str | None = None  # None: the gateway

    def run(self, *urls: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """What one run did, and what it printed."""
        made, printed = module(), StringIO()
        with patch.dict(os.environ, self.environment(*urls)), redirect_stdout(printed):
            boto3.setup_default_session()
            try:
                done: dict[str, Any] = made.handler({}, None)
            except RuntimeError as error:
                done = {"failed": str(error)}
        return done, json.loads(printed.getvalue())

    def environment(self, *urls: str) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": str(self.access.endpoint),
            "AWS_DEFAULT_REGION": REGION,
            "DEPLOYMENT": "m1",
            "NAT_PATH": "us-east-1b",
            "NAT_INTERFACE": self.eni,
            "STANDBY": self.plane.nat_gateway if self.standby is None else self.standby,
            "ROUTE_TABLES": ",".join(self.tables),
            "URLS": ",".join(urls),
        }

    @property
    def ec2(self) -> Any:
        return client(self.access, "ec2")

    def target(self, table: str) -> str:
        (found,) = self.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
        (route,) = [
            one for one in found["Routes"] if one.get("DestinationCidrBlock") == "0.0.0.0/0"
        ]
        return str(route.get("NatGatewayId") or route["NetworkInterfaceId"])


@pytest.fixture
def here(moto_access: AwsAccess) -> Deployed:
    """Two tables lead to the NAT instance; the gateway stands by."""
    plane = data_plane.made(moto_access)
    ec2 = client(moto_access, "ec2")
    listed = ec2.describe_instances(InstanceIds=[plane.nat_instance])["Reservations"]
    eni = listed[0]["Instances"][0]["NetworkInterfaces"][0]["NetworkInterfaceId"]
    ec2.replace_route(
        RouteTableId=plane.tables[0], DestinationCidrBlock="0.0.0.0/0", NetworkInterfaceId=eni
    )
    return Deployed(moto_access, plane, eni, plane.tables)


@pytest.mark.server
def test_a_path_that_is_alive_keeps_its_routes(here: Deployed) -> None:
    with answering() as url:
        done, told = here.run(closed(), url)

    assert (done["state"], done["moved"]) == ("alive", [])
    assert (told["PathAlive"], told["OnStandby"], told["RoutesMoved"]) == (1, 0, 0)
    assert {here.target(one) for one in here.tables} == {here.eni}


@pytest.mark.server
def test_a_dead_path_loses_every_route_to_the_standby_gateway(here: Deployed) -> None:
    done, told = here.run(closed(), closed())

    assert done["moved"] == sorted(here.tables)
    assert {here.target(one) for one in here.tables} == {here.plane.nat_gateway}
    assert (told["PathAlive"], told["OnStandby"], told["RoutesMoved"]) == (0, 1, 2)
    assert set(done["seen_after"].values()) == {"dead"}  # the log tells whether it helped


@pytest.mark.server
def test_a_path_that_lives_again_is_not_moved_back(here: Deployed) -> None:
    here.run(closed(), closed())
    with answering() as url:
        done, told = here.run(url, url)

    assert done["moved"] == []
    assert (told["PathAlive"], told["OnStandby"]) == (1, 1)
    assert {here.target(one) for one in here.tables} == {here.plane.nat_gateway}


@pytest.mark.server
def test_a_route_that_somebody_led_elsewhere_is_left_alone(here: Deployed) -> None:
    (worker, *_) = here.plane.workers
    here.ec2.replace_route(
        RouteTableId=here.tables[0], DestinationCidrBlock="0.0.0.0/0", NetworkInterfaceId=worker
    )

    done, _ = here.run(closed(), closed())

    assert done["moved"] == [here.tables[1]]
    assert here.target(here.tables[0]) == worker


@pytest.mark.server
def test_nothing_is_moved_to_a_gateway_that_is_gone_and_the_run_fails_loudly(
    here: Deployed,
) -> None:
    here.ec2.delete_nat_gateway(NatGatewayId=here.plane.nat_gateway)

    done, told = here.run(closed(), closed())

    assert f"{here.plane.nat_gateway} is not available" in done["failed"]
    assert (told["PathAlive"], told["OnStandby"]) == (0, 0)
    assert {here.target(one) for one in here.tables} == {here.eni}


@pytest.mark.server
def test_another_instance_takes_over_where_that_is_what_stands_by(here: Deployed) -> None:
    (peer, *_) = here.plane.workers  # any interface that is in use
    done, _ = replace(here, standby=peer).run(closed(), closed())

    assert done["moved"] == sorted(here.tables)
    assert {here.target(one) for one in here.tables} == {peer}


@pytest.mark.server
def test_nothing_is_moved_to_another_instance_that_is_down_itself(here: Deployed) -> None:
    peer = here.plane.workers[0]
    found = here.ec2.describe_network_interfaces(NetworkInterfaceIds=[peer])["NetworkInterfaces"]
    here.ec2.stop_instances(InstanceIds=[found[0]["Attachment"]["InstanceId"]])

    done, _ = replace(here, standby=peer).run(closed(), closed())

    assert f"the path is dead and {peer} is not available" in done["failed"]
    assert {here.target(one) for one in here.tables} == {here.eni}


@pytest.mark.server
def test_where_nothing_stands_by_a_dead_path_is_told_and_nothing_moved(here: Deployed) -> None:
    done, told = replace(here, standby="").run(closed(), closed())

    assert (done["moved"], done["faults"]) == ([], [])
    assert (told["PathAlive"], told["OnStandby"]) == (0, 0)
    assert {here.target(one) for one in here.tables} == {here.eni}


@pytest.mark.server
def test_the_metric_is_told_where_ec2_cannot_be_asked(here: Deployed) -> None:
    nowhere = Deployed(AwsAccess(REGION, endpoint=closed()), here.plane, here.eni, here.tables)

    with answering() as url:
        done, told = nowhere.run(url)

    assert "EndpointConnectionError" in done["failed"]
    assert told["PathAlive"] == 1
    assert "OnStandby" not in told  # nobody knows


@pytest.mark.server
def test_the_printed_line_is_an_embedded_metric(here: Deployed) -> None:
    with answering() as url:
        _, told = here.run(url)

    (listed,) = told["_aws"]["CloudWatchMetrics"]
    assert listed["Namespace"] == "Lakeferry"
    assert listed["Dimensions"] == [["Deployment", "NatPath"]]
    assert (told["Deployment"], told["NatPath"]) == ("m1", "us-east-1b")
    assert all(isinstance(told[one["Name"]], int) for one in listed["Metrics"])
    assert abs(told["_aws"]["Timestamp"] / 1000 - time.time()) < 60


@pytest.mark.server
def test_a_python_that_knows_nothing_of_this_project_runs_it(
    here: Deployed, tmp_path: Path
) -> None:
    (tmp_path / "index.py").write_text(SOURCE)
    own = {**os.environ, **here.environment(closed(), closed()), "PYTHONPATH": str(tmp_path)}
    run = "import index; index.handler({}, None)"
    ran = subprocess.run([sys.executable, "-c", run], env=own, capture_output=True, check=True)

    assert json.loads(ran.stdout)["RoutesMoved"] == 2
    assert {here.target(one) for one in here.tables} == {here.plane.nat_gateway}


def test_no_text_of_it_would_be_taken_for_a_template() -> None:
    assert "${" not in SOURCE
    assert "%{" not in SOURCE
