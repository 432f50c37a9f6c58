"""`examine_ingest`: rights on the stream, the table's store, and the way in a VPC."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.demo.kinesis_feed import Feed
from lakeferry.doctor import Check
from lakeferry.doctor.ingest import examine_ingest, ways
from lakeferry.ingest.kinesis.endpoint_look import own_addresses
from lakeferry.ingest.kinesis.signing import Endpoint, endpoint_of
from lakeferry.ingest.settings import Ingest, SourceSettings, TargetSettings

pytestmark = pytest.mark.server

FAR = "8.8.8.8"  # public


@pytest.fixture
def ingest(kinesis_feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ingest:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    endpoint = endpoint_of(kinesis_feed.region, kinesis_feed.url)
    source = SourceSettings("clicks", endpoint, AwsAccess(kinesis_feed.region))
    return Ingest("clicks", source, TargetSettings(str(tmp_path / "t")))


def by_name(checks: tuple[Check, ...]) -> dict[str, Check]:
    return {one.name: one for one in checks}


def test_all_is_well_with_a_stream_that_answers_and_a_folder(ingest: Ingest) -> None:
    found = by_name(examine_ingest(ingest, writes=False))

    assert [one for one in found.values() if one.outcome != "ok"] == []
    assert list(found)[:6] == ["way kinesis", "stream", "shards", "read", "clock", "target"]
    assert found["table"].what.startswith("there is none yet")


def test_the_first_right_that_lacks_ends_the_trial_of_the_stream_and_of_nothing_else(
    ingest: Ingest, kinesis_feed: Feed
) -> None:
    kinesis_feed.wrong("denied", operation="ListShards")

    found = by_name(examine_ingest(ingest, writes=True))

    assert found["shards"].outcome == "blocker"
    assert "read" not in found
    assert found["put-if-absent"].outcome == "ok"


def test_a_clock_that_is_off_is_a_blocker(ingest: Ingest, kinesis_feed: Feed) -> None:
    kinesis_feed.skew(15 * 60)

    found = by_name(examine_ingest(ingest, writes=False))

    assert found["clock"].outcome == "blocker"


def away(ingest: Ingest, access: AwsAccess) -> Ingest:
    """At a public address, to which nothing is sent."""
    return replace(
        ingest, source=replace(ingest.source, endpoint=Endpoint(FAR, "us-east-1"), access=access)
    )


def test_a_machine_in_a_vpc_without_an_endpoint_is_told_which_one_lacks(
    ingest: Ingest, moto_access: AwsAccess
) -> None:
    (own,) = own_addresses(FAR)
    ec2 = client(moto_access, "ec2")
    block = own.rsplit(".", 1)[0] + ".0/24"
    vpc = ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=block)["Subnet"]["SubnetId"]
    ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=own)

    (way,) = ways(away(ingest, moto_access))

    assert (way.name, way.outcome) == ("way kinesis", "warning")
    assert f"from {subnet} the bytes leave through NAT" in way.what
    assert "--endpoint kinesis-streams" in way.next_step


def test_where_ec2_does_not_answer_the_addresses_alone_are_judged(ingest: Ingest) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        access = AwsAccess("us-east-1", endpoint=f"http://127.0.0.1:{deaf.getsockname()[1]}")

        way, unseen = ways(away(ingest, access), patience_s=0.5)

    assert (way.outcome, "public: from a private subnet" in way.what) == ("warning", True)
    assert unseen.what == "not seen from AWS's side: EC2 did not answer within 0.5 s"


def test_a_service_whose_clock_is_behind_ours_is_asked_by_its_own(
    ingest: Ingest, kinesis_feed: Feed
) -> None:
    kinesis_feed.skew(-100)

    found = by_name(examine_ingest(ingest, writes=False))

    assert found["read"].outcome == "ok"
