"""`cost --observe` and `--reconcile` in an AWS account: read, priced, nothing changed. Emulated."""

import json
import time
from decimal import Decimal
from pathlib import Path

import pytest

from lakeferry.connect.aws import AwsAccess, client
from tests.aws.data_plane import DataPlane, made
from tests.cli.program import Ended, called, json_lines
from tests.cost.bills import NAT_A, BillLine, csv_text
from tests.flows.provisioning import request
from tests.flows.test_look_at_aws import NOW, logged, row, s3_rows
from tests.flows.test_provision_rights import granted, recorded

pytestmark = pytest.mark.server

GROUP = "/network/flow"
HOST = "203.0.113.5"  # TEST-NET-3: nobody's
PULLED, ASKED = 50_000_000, 1_000_000  # bytes from the internet, and for them


@pytest.fixture
def plane(moto_access: AwsAccess) -> DataPlane:
    return made(moto_access)


def nat_rows(plane: DataPlane, access: AwsAccess) -> list[str]:
    """What the NAT gateway's interface logs of a worker that pulls: four rows of a connection."""
    ec2 = client(access, "ec2")
    (gateway,) = ec2.describe_nat_gateways(NatGatewayIds=[plane.nat_gateway])["NatGateways"]
    (address,) = gateway["NatGatewayAddresses"]
    enis = ec2.describe_network_interfaces(NetworkInterfaceIds=plane.workers)["NetworkInterfaces"]
    worker = next(one for one in enis if one["SubnetId"] == plane.private[0])["PrivateIpAddress"]
    own, eni = address["PrivateIp"], address["NetworkInterfaceId"]

    def at(src: str, dst: str, of: str, to: str, size: int, direction: str) -> str:
        return row(
            interface_id=eni, srcaddr=src, dstaddr=dst, pkt_srcaddr=of, pkt_dstaddr=to, bytes=size,
            flow_direction=direction,
        )  # fmt: skip

    return [
        at(worker, own, worker, HOST, ASKED, "ingress"),
        at(own, HOST, own, HOST, ASKED, "egress"),
        at(HOST, own, HOST, own, PULLED, "ingress"),
        at(own, worker, HOST, worker, PULLED, "egress"),
    ]


def cost(access: AwsAccess, folder: Path, *words: str) -> Ended:
    there = ("--region", access.region, "--endpoint-url", access.endpoint or "")
    return called(
        "cost", *words, *there, "--json", folder=folder,
        AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test",
    )  # fmt: skip


def test_what_flows_is_observed_with_rights_to_read_alone(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    rows = [*nat_rows(plane, moto_access), *s3_rows(plane, moto_access)]
    logged(moto_access, GROUP, rows)

    with recorded(moto_access) as actions:
        ended = cost(moto_access, tmp_path, "--observe", plane.vpc, "--last", "1h")
    lines = json_lines(ended)

    crossing = {one["path"]: one for one in lines if one["type"] == "crossing"}
    assert crossing["nat_gateway"]["bytes"] == str(PULLED + ASKED)
    assert crossing["nat_gateway"]["device"] == plane.nat_gateway
    assert crossing["s3_gateway"]["bytes"] == "1300"
    (choice,) = (one for one in lines if one["type"] == "choice" and one["path"] == "nat_gateway")
    assert (choice["destination"], choice["subnets"]) == ("internet", [plane.private[0]])
    assert actions
    assert actions <= granted(request(moto_access, plane.vpc), "watch")


def test_a_bill_is_set_beside_the_flow_log_of_a_network(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    logged(moto_access, GROUP, nat_rows(plane, moto_access))
    begins = (NOW - 120) // 3600 * 3600
    start, end = (time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime(begins + n)) for n in (0, 3600))
    arn = f"arn:aws:ec2:us-east-1:123456789012:natgateway/{plane.nat_gateway}"
    billed = BillLine("a", amount=f"{Decimal(PULLED + ASKED) / 2**30:.10f}", resource=arn)
    times = {
        "identity_time_interval": f"{start}/{end}", "line_item_usage_start_date": start,
        "line_item_usage_end_date": end,
    }  # fmt: skip
    (tmp_path / "bill.csv").write_text(csv_text([billed.columns() | times]))

    ended = cost(moto_access, tmp_path, "--reconcile", "bill.csv", "--vpc", plane.vpc, "--hourly")

    (cell,) = (one for one in json_lines(ended) if one["type"] == "reconciled")
    assert (cell["path"], cell["start"]) == (plane.nat_gateway, start)
    assert cell["seen_bytes"] == cell["billed_bytes"] == str(PULLED + ASKED)
    assert (cell["verdict"], ended.returncode) == ("ok", 0)


def test_a_bill_here_and_a_report_in_a_bucket_are_each_read_where_they_lie(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    buckets = client(moto_access, "s3")
    buckets.create_bucket(Bucket="reports")
    line = {"ts": "2026-10-01T00:10:00Z", "run": "a", "type": "file", "how": "streamed"}
    body = json.dumps({**line, "bytes": 2**29}).encode()
    buckets.put_object(Bucket="reports", Key="runs/clone.log", Body=body)
    (tmp_path / "bill.csv").write_text(csv_text([BillLine("a").columns()]))

    ended = cost(
        moto_access, tmp_path, "--reconcile", "bill.csv", "--copied", "s3://reports/runs/clone.log"
    )

    assert json_lines(ended)[-1]["copied_bytes"] == {NAT_A: str(2**29)}
