"""`lakeferry monitor tags`, typed: an emulated account, a workspace and a bill beside it."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.connect.databricks import workspace_client
from lakeferry.monitor.run import MonitorRequest
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.tags import run as mending
from lakeferry.monitor.tags.run import TagRequest
from lakeferry.network.discover import Scope
from tests.aws.data_plane import DataPlane, made
from tests.cli.program import Ended, called, json_lines
from tests.cost.bills import BillLine, cur2
from tests.flows.provisioning import READS, watched
from tests.servers import databricks_workspace, refusing
from tests.servers.databricks_workspace import Workspace
from tests.servers.moto import ACCOUNT

pytestmark = pytest.mark.server

VALUE = "migABCDE12345"
PUT = ("--put-tag", f"map-migrated={VALUE}")
TAGGED = {"user_map_migrated": VALUE}


@pytest.fixture
def plane(moto_access: AwsAccess) -> DataPlane:
    return made(moto_access)


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with databricks_workspace.running() as found:
        yield found
    workspace_client.cache_clear()


@pytest.fixture
def tags(moto_access: AwsAccess, plane: DataPlane, tmp_path: Path) -> Any:
    """`lakeferry monitor tags` with these words, in the emulator's account."""
    assert moto_access.endpoint is not None
    environment = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    network = ("--vpc", plane.vpc, "--region", "us-east-1", "--endpoint-url", moto_access.endpoint)

    def typed(*words: str, put: tuple[str, ...] = PUT, **more: str) -> Ended:
        return called(
            "monitor", "tags", *words, *network, *put, folder=tmp_path, **(environment | more)
        )

    return typed


def tag(access: AwsAccess, id: str, key: str, value: str) -> None:
    client(access, "ec2").create_tags(Resources=[id], Tags=[{"Key": key, "Value": value}])


def value_of(access: AwsAccess, id: str, key: str = "map-migrated") -> str | None:
    wanted = [{"Name": "resource-id", "Values": [id]}, {"Name": "key", "Values": [key]}]
    found = client(access, "ec2").describe_tags(Filters=wanted)["Tags"]
    return found[0]["Value"] if found else None


def states(ended: Ended) -> dict[str, list[str]]:
    """Ids by state."""
    found: dict[str, list[str]] = {}
    for line in json_lines(ended):
        if line["type"] == "tag":
            found.setdefault(line["state"], []).append(line["id"])
    return found


def test_without_fix_it_is_said_what_lacks_and_nothing_is_changed(
    moto_access: AwsAccess, plane: DataPlane, tags: Any
) -> None:
    tag(moto_access, plane.nat_gateway, "map-migrated", VALUE)
    writes: list[str] = []

    with watched(moto_access, lambda _, operation: writes.append(operation)):
        ended = tags("--json")

    found = states(ended)
    assert ended.returncode == 3
    assert plane.nat_instance in found["lacks"]
    assert plane.kinesis in found["lacks"]
    assert plane.nat_gateway not in found["lacks"]
    assert [one for one in writes if not READS.match(one)] == []


def test_fix_puts_what_lacks_and_a_second_one_finds_nothing_to_do(
    moto_access: AwsAccess, plane: DataPlane, tags: Any
) -> None:
    first = tags("--fix", "--yes", "--json")
    second = tags("--fix", "--yes", "--json")
    third = tags()

    assert (first.returncode, second.returncode, third.returncode) == (0, 0, 0)
    put = states(first)["put"]
    kinds = {line["kind"] for line in json_lines(first) if line.get("state") == "put"}
    assert kinds == {
        "elastic_ip", "instance", "nat_gateway", "network_interface", "volume", "vpc_endpoint",
    }  # fmt: skip
    assert all(value_of(moto_access, id) == VALUE for id in put)
    assert "put" not in states(second)
    assert value_of(moto_access, plane.nat_instance, "Name") == "nat"


def test_another_value_and_another_spelling_are_told_and_only_the_word_writes_over(
    moto_access: AwsAccess, plane: DataPlane, tags: Any
) -> None:
    tag(moto_access, plane.nat_gateway, "map-migrated", "mig99999")
    tag(moto_access, plane.s3, "Map-Migrated", VALUE)

    kept = tags("--fix", "--yes")
    between = value_of(moto_access, plane.nat_gateway)
    written = tags("--fix", "--yes", "--allow", "overwrite")

    assert (kept.returncode, written.returncode) == (3, 0)
    assert f"nat gateway {plane.nat_gateway}: map-migrated is `mig99999`" in kept.stdout
    assert f"{plane.s3}: map-migrated is spelt `Map-Migrated`, which is another key" in kept.stdout
    assert "--allow overwrite" in kept.stdout
    assert between == "mig99999"
    assert value_of(moto_access, plane.nat_gateway) == VALUE
    assert value_of(moto_access, plane.s3) == VALUE


def test_an_auto_scaling_group_passes_the_tag_on_and_its_template_takes_the_word(
    moto_access: AwsAccess, plane: DataPlane, tags: Any
) -> None:
    launch = client(moto_access, "ec2").create_launch_template(
        LaunchTemplateName="nodes",
        LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "c6gn.medium"},
    )["LaunchTemplate"]["LaunchTemplateId"]
    groups = client(moto_access, "autoscaling")
    groups.create_auto_scaling_group(
        AutoScalingGroupName="nodes", MinSize=0, MaxSize=2, VPCZoneIdentifier=plane.private[0],
        LaunchTemplate={"LaunchTemplateId": launch, "Version": "$Default"},
        Tags=[{"Key": "map-migrated", "Value": VALUE, "PropagateAtLaunch": False}],
    )  # fmt: skip

    without, with_word = tags("--fix", "--yes"), tags("--fix", "--yes", "--allow", "template")
    groups.set_desired_capacity(AutoScalingGroupName="nodes", DesiredCapacity=1)
    after = tags("--json")

    assert (without.returncode, with_word.returncode) == (3, 0)
    assert "nodes: map-migrated does not reach what is launched" in without.stdout
    assert f"launch template {launch}/$Default (nodes): map-migrated is missing" in without.stdout
    (one,) = groups.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert [each["PropagateAtLaunch"] for each in one["Tags"]] == [True]
    new = one["Instances"][0]["InstanceId"]
    assert new not in states(after).get("lacks", [])


def test_each_template_of_a_group_of_mixed_types_is_looked_at(
    moto_access: AwsAccess, plane: DataPlane, tags: Any
) -> None:
    ec2 = client(moto_access, "ec2")
    first, second = (
        ec2.create_launch_template(
            LaunchTemplateName=name, LaunchTemplateData={"ImageId": "ami-12c6146b"}
        )["LaunchTemplate"]["LaunchTemplateId"]
        for name in ("usual", "arm")
    )
    own = {"LaunchTemplateId": second, "Version": "$Latest"}
    client(moto_access, "autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="mixed", MinSize=0, MaxSize=0, VPCZoneIdentifier=plane.private[0],
        MixedInstancesPolicy={
            "LaunchTemplate": {
                "LaunchTemplateSpecification": {"LaunchTemplateId": first, "Version": "$Default"},
                "Overrides": [
                    {"InstanceType": "m6i.large"},
                    {"InstanceType": "m7g.large", "LaunchTemplateSpecification": own},
                ],
            }
        },
    )  # fmt: skip

    lacking = states(tags("--json"))["lacks"]

    assert {f"{first}/$Default", f"{second}/$Latest"} <= {*lacking}


def test_a_group_whose_template_is_gone_does_not_stop_the_look(
    moto_access: AwsAccess, plane: DataPlane, tags: Any
) -> None:
    ec2 = client(moto_access, "ec2")
    launch = ec2.create_launch_template(
        LaunchTemplateName="old", LaunchTemplateData={"ImageId": "ami-12c6146b"}
    )["LaunchTemplate"]["LaunchTemplateId"]
    client(moto_access, "autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="left-over", MinSize=0, MaxSize=0, VPCZoneIdentifier=plane.private[0],
        LaunchTemplate={"LaunchTemplateId": launch, "Version": "$Default"},
    )  # fmt: skip
    ec2.delete_launch_template(LaunchTemplateId=launch)

    ended = tags("--fix", "--yes", "--json", "--allow", "template")

    apart = [one for one in json_lines(ended) if one.get("state") == "elsewhere"]
    (gone,) = (one for one in apart if one["kind"] == "launch_template")
    assert ended.returncode == 0
    assert gone["id"] == f"{launch}/$Default"
    assert "left-over asks for it and it is gone" in str(gone)


def test_the_network_of_a_deployment_bears_the_tags_of_its_manifest(
    moto_access: AwsAccess, plane: DataPlane, tags: Any, tmp_path: Path
) -> None:
    manifest = tmp_path / "lakeferry.yaml"
    manifest.write_text(f"version: 1\nname: m1\ntags: {{map-migrated: {VALUE}, owner: data}}\n")

    ended = tags("--fix", "--yes", put=())

    assert ended.returncode == 0
    assert value_of(moto_access, plane.nat_gateway) == VALUE
    assert value_of(moto_access, plane.nat_gateway, "owner") == "data"


def test_what_aws_refuses_is_named_and_the_exit_code_is_one(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    assert moto_access.endpoint is not None
    said = "You are not authorized to perform: ec2:CreateTags on resource: *"
    with refusing.before(moto_access.endpoint) as proxy:
        proxy.answers["CreateTags"] = refusing.ec2_error("UnauthorizedOperation", said)
        ended = called(
            "monitor", "tags", "--fix", "--yes", "--json", "--vpc", plane.vpc, "--region",
            "us-east-1", "--endpoint-url", proxy.endpoint, *PUT, folder=tmp_path,
            AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test",
        )  # fmt: skip

    lines = json_lines(ended)
    refused = [one for one in lines if one.get("state") == "refused"]
    (error,) = (one for one in lines if one["type"] == "error")
    assert ended.returncode == 1
    assert error["code"] == "LF-6422"
    assert "ec2:CreateTags" in error["where"]
    assert len(refused) == lines[-1]["refused"] > 10
    assert lines[-1]["put"] == 0


def test_mending_that_is_stopped_goes_on_when_it_is_run_again(
    moto_access: AwsAccess, plane: DataPlane
) -> None:
    settings = MonitorSettings("m1", ACCOUNT, "us-east-1", tags={"map-migrated": VALUE})
    request = TagRequest(MonitorRequest(moto_access, Scope(vpc=plane.vpc), settings))
    stop = Event()
    stop.set()

    first = mending.mend(request, mending.look(request), stop=stop)
    report = mending.look(request)
    second = mending.mend(request, report)

    assert first.stopped
    assert first.left
    assert (second.left, second.failed) == ((), ())
    assert mending.look(request).audit.wrong == ()


# ---- dollars


def test_the_gap_of_what_runs_is_told_to_the_cent(tags: Any) -> None:
    """Five c6gn.medium at 0.0432, a NAT gateway at 0.045, its address at 0.005, endpoints in three
    zones at 0.01.
    """
    text = tags("--rate", "25%", "--days", "30").stdout
    body = json_lines(tags("--rate", "25%", "--days", "30", "--json"))[-1]["estimate"]

    assert body["usd_an_hour"] == "0.296"
    assert body["usd_to_come"] == "213.12"
    assert body["lost_to_come"] == "53.28"
    assert "$213.12 in 30 days" in text
    assert "at 25 %: $53.28 of credit not earned" in text
    assert "what was lost stays lost" in text
    assert body["unpriced"] == ["aws.ebs.gp2.us-east-1"]


def test_prices_of_a_file_come_before_those_that_come_along(tags: Any, tmp_path: Path) -> None:
    price = {
        "id": "aws.ebs.gp2.us-east-1", "provider": "aws", "region": "us-east-1",
        "service": "AmazonEC2", "sku": "EBS:VolumeUsage.gp2", "unit": "GB-month",
        "tiers": [{"from": "0", "to": None, "price": "0.10"}], "source": "ours",
        "as_of": "2026-11-01", "confidence": "price_list",
    }  # fmt: skip
    book = {"schema_version": 1, "currency": "USD", "written": "2026-11-01", "prices": [price]}
    (tmp_path / "ours.json").write_text(json.dumps(book))

    body = json_lines(tags("--prices", "ours.json", "--days", "1", "--json"))[-1]["estimate"]

    assert body["unpriced"] == []
    disks = [one["usd_an_hour"] for one in body["untagged"] if one["kind"] == "volume"]
    assert len(disks) == 5
    five = Decimal(body["usd_an_hour"]) - Decimal("0.296")  # of 8 GB each, for a month of 730 hours
    assert round(five * 730, 9) == Decimal("4.00")


def test_the_gap_of_a_bill_is_told_to_the_cent_with_what_was_mended_since(
    moto_access: AwsAccess, plane: DataPlane, tags: Any, tmp_path: Path
) -> None:
    nat = f"arn:aws:ec2:us-east-1:123456789012:natgateway/{plane.nat_gateway}"
    lines = [
        BillLine("a", cost="12000", resource="i-1", usage_type="BoxUsage", tags=TAGGED),
        BillLine("b", cost="2000", resource="i-2", usage_type="BoxUsage"),
        BillLine("c", cost="1000", resource=nat),
        BillLine("d", cost="77.77", resource="i-2", usage_type="USE1-AWS-Out-Bytes"),
        BillLine("e", cost="5.55", resource=""),
    ]
    (tmp_path / "bill.csv.gz").write_bytes(cur2(lines))
    words = ("--bill", "bill.csv.gz", "--rate", "25%", "--days", "10")
    tag(moto_access, plane.nat_gateway, "map-migrated", VALUE)

    text = tags(*words).stdout
    body = json_lines(tags(*words, "--json"))[-1]["bill"]

    assert (body["untagged_usd"], body["lost"], body["earned"]) == ("3000", "750", "3000")
    assert body["lost_by"] == {"i-2": "500", plane.nat_gateway: "250"}
    assert body["by_now_tagged"] == [plane.nat_gateway]
    assert (body["lost_a_day"], body["lost_to_come"]) == ("500", "5000")
    assert (body["never_usd"], body["without_resource_usd"]) == ("77.77", "5.55")
    assert "at 25 %: $750.00 of credit lost, $3,000.00 earned on $12,000.00" in text
    assert "a tag does not count for the past" in text
    assert "$77.77 never qualifies, whatever its tags: USE1-AWS-Out-Bytes $77.77" in text
    assert "$5.55 cannot be tagged: its lines name no resource" in text


# ---- Databricks beside it


def test_a_workspace_is_looked_at_and_mended_with_the_network(
    workspace: Workspace, tags: Any
) -> None:
    workspace.clusters["c-1"] = {
        "cluster_id": "c-1", "cluster_name": "etl", "state": "TERMINATED", "cluster_source": "UI",
    }  # fmt: skip
    workspace.pools["p-1"] = {
        "instance_pool_id": "p-1", "instance_pool_name": "nodes", "node_type_id": "i3.xlarge",
    }  # fmt: skip
    workspace.policies["y-1"] = {"policy_id": "y-1", "name": "etl", "definition": "{}"}
    words = ("--workspace", workspace.host)
    token = {"DATABRICKS_TOKEN": databricks_workspace.TOKEN}

    before = tags(*words, **token)
    fixed = tags(*words, "--fix", "--yes", "--json", **token)
    after = tags(*words, **token)

    assert (before.returncode, fixed.returncode, after.returncode) == (3, 0, 0)
    assert "databricks pool p-1 (nodes): map-migrated is missing" in before.stdout
    theirs = [one for one in json_lines(fixed) if one.get("workspace") == workspace.host]
    assert {one["id"] for one in theirs if one["state"] == "put"} == {"c-1", "p-1", "y-1"}
    assert workspace.pools["p-1"]["custom_tags"] == {"map-migrated": VALUE}
    assert databricks_workspace.TOKEN not in before.stdout + before.stderr + fixed.stdout


# ---- what cannot be


@pytest.mark.parametrize(
    ("words", "put", "said"),
    [
        ((), (), "no tag is wanted"),
        ((), ("--put-tag", "map-migrated=MIG-abcde12345"), "nearest: `migABCDE12345`"),
        ((), ("--put-tag", "Map-Migrated=mig12345"), "the key is spelt `map-migrated`"),
        (("--rate", "25"), PUT, "write it as the agreement says: 25%, or 0.25"),
        (("--allow", "everything"), PUT, "restart clusters and SQL warehouses that run"),
        (("--days", "0"), PUT, "--days 0 is no number of days"),
        (("--bill", "nothing.csv"), PUT, "there is no bill here"),
        ((), ("--put-tag", "map-migrated=d-server-0abc"), "only older agreements"),
        (("--fix",), PUT, "nobody can be asked"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_changed(
    moto_access: AwsAccess,
    plane: DataPlane,
    tags: Any,
    words: tuple[str, ...],
    put: tuple[str, ...],
    said: str,
) -> None:
    ended = tags(*words, put=put)

    assert ended.returncode == 2
    assert said in ended.stderr
    assert value_of(moto_access, plane.nat_gateway) is None
