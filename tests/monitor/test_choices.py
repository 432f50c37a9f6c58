"""What a person wrote and typed becomes one request; nothing that was not chosen changes."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lakeferry.cli.monitor.network_flags import NetworkFlags, WatchFlags, extras_of
from lakeferry.config.overlay import Flag
from lakeferry.config.read import read_manifest
from lakeferry.connect.aws import AwsAccess
from lakeferry.connect.databricks import ACCOUNTS
from lakeferry.errors import FerryError
from lakeferry.monitor.choice_problems import problems
from lakeferry.monitor.choices import Extras, monitor_request
from lakeferry.monitor.run import MonitorRequest, Transfer
from lakeferry.monitor.settings import (
    AlarmLimit,
    EndpointWish,
    FlowLogWish,
    MonitorSettings,
    NatWish,
    TaggedWish,
)
from lakeferry.network.discover import Beyond, Scope
from lakeferry.network.fields import CONNECTION_FORMAT, RECOMMENDED_FORMAT

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
HEAD = "version: 1\nname: m1\n"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))


NOTHING_MORE = Extras()


def request(folder: Path, text: str, extras: Extras = NOTHING_MORE, **how: Any) -> MonitorRequest:
    path = folder / "lakeferry.yaml"
    path.write_text(HEAD + text)
    return monitor_request(read_manifest(path, **how).manifest, extras)


REGION = "network: {region: eu-west-1}\n"


def test_what_is_not_chosen_has_the_default_of_its_room(tmp_path: Path) -> None:
    made = request(tmp_path, REGION)

    assert made.settings == MonitorSettings("m1", "", "eu-west-1")
    assert made.scope == Scope()
    assert made.access == AwsAccess("eu-west-1")
    assert (made.registry, made.transfer) == (None, None)


def test_the_defaults_that_the_manifest_names_are_those_of_the_room(tmp_path: Path) -> None:
    written = """
network:
  region: eu-west-1
  flow_logs: {destination: cloudwatch, group: /lakeferry/m1/flow, interval: 60 s, retention: 30 d,
              file_format: parquet}
  insights: {per: vpc}
"""
    made = request(tmp_path, written)

    usual = MonitorSettings("m1", "", "eu-west-1")
    named = replace(usual, flow_logs=replace(usual.flow_logs, group=usual.group))
    assert made.settings == named


def test_tags_that_stand_in_every_row_are_named_by_whose_they_are(tmp_path: Path) -> None:
    written = """
network:
  region: eu-west-1
  flow_logs: {tag_keys: {network-interface: [owner], instance: [ClusterId, map-migrated]}}
"""
    made = request(tmp_path, written)

    keys = (("instance", ("ClusterId", "map-migrated")), ("network-interface", ("owner",)))
    assert made.settings.flow_logs == FlowLogWish(tag_keys=keys)


def test_everything_that_the_example_says_is_in_the_request() -> None:
    made = monitor_request(read_manifest(EXAMPLES / "monitor.yaml").manifest)

    assert made.access == AwsAccess(
        "us-east-1", role="arn:aws:iam::111122223333:role/lakeferry-monitor"
    )
    assert made.scope == Scope(
        vpc="vpc-0a1b2c3d",
        worker_tags={"Vendor": "Databricks"},
        beyond=(Beyond("444455556666", "arn:aws:iam::444455556666:role/lakeferry-look"),),
    )
    chosen = made.settings
    assert chosen.flow_logs == FlowLogWish(
        destinations=("cloudwatch", "s3"), bucket="arn:aws:s3:::atlas-logs/flow"
    )
    assert chosen.endpoints == (
        EndpointWish("s3", "gateway"),
        EndpointWish("kinesis-streams", "interface"),
        EndpointWish("sts", "interface"),
        EndpointWish("logs", "interface"),
    )
    assert chosen.buckets == ("atlas-lake-prod", "atlas-workspace-root")
    assert chosen.alarms == {
        "s3-through-nat": AlarmLimit(100e9 / 3600, "bytes_per_s"),
        "rejected": AlarmLimit(20, "count"),
        "one-worker": AlarmLimit(0.25, "share"),
        "skipped": AlarmLimit(None),
    }
    assert (chosen.workers, chosen.streams) == (64, ("clicks",))
    assert chosen.tags["map-migrated"] == "mig1A2B3C4D5E"


def test_the_command_line_comes_first(tmp_path: Path) -> None:
    flags = [*NetworkFlags(vpc="vpc-2", name="m2", region="us-west-2").flags()]
    flags += WatchFlags(per="eni", notify=["a@example.com"], endpoint=["s3", "sts"]).flags()
    made = request(
        tmp_path,
        "network: {vpc: vpc-1, region: eu-west-1, insights: {per: vpc}, endpoints: {s3: none}}\n"
        "alarms: {notify: [b@example.com]}\n",
        flags=flags,
    )

    assert (made.settings.deployment, made.settings.region) == ("m2", "us-west-2")
    assert made.scope.vpc == "vpc-2"
    assert made.settings.per == "eni"
    assert made.settings.notify == ("a@example.com",)
    assert made.settings.endpoints == (
        EndpointWish("s3", "gateway"),
        EndpointWish("sts", "interface"),
    )


def test_what_no_manifest_says_comes_from_flags_alone(tmp_path: Path) -> None:
    extras = extras_of(
        NetworkFlags(aws_profile="dev", role="arn:aws:iam::1:role/r", endpoint_url="http://h"),
        WatchFlags(
            planned_bytes="2 PB", decimal_units=True, planned_days=30,
            planned_start="2026-12-01", tolerance_usd="5", usd_per_day="12.50", suppressor="pause",
        ),
    )  # fmt: skip
    made = request(tmp_path, REGION, extras)

    assert made.access == AwsAccess("eu-west-1", "dev", "arn:aws:iam::1:role/r", None, "http://h")
    assert made.transfer == Transfer(2 * 10**15, 30)
    assert made.settings.window == (1_796_083_200, 1_796_083_200 + 30 * 86_400)
    assert made.settings.tolerance_usd == Decimal(5)
    assert made.settings.usd_per_day == Decimal("12.50")
    assert made.settings.suppressor == "pause"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("target: {connection: a, region: us-west-2, root: s3://l}", "us-west-2"),
        ("network: {connection: a}\ntarget: {region: us-west-2, root: s3://l}", "sa-east-1"),
        ("network: {connection: a, region: eu-west-1}", "eu-west-1"),
    ],
    ids=["target", "connection", "network"],
)
def test_the_region_is_what_is_said_nearest_to_the_network(
    tmp_path: Path, written: str, expected: str
) -> None:
    region = "" if "connection: a, region: us-west-2" in written else ", region: sa-east-1"
    link = f"connections: {{a: {{kind: aws{region}}}}}\n"

    assert request(tmp_path, link + written).access.region == expected


def test_else_the_region_is_the_environments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "ap-southeast-2")

    assert request(tmp_path, "").access.region == "ap-southeast-2"


def test_references_are_resolved_but_for_what_a_client_resolves_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VPC", "vpc-9")
    monkeypatch.setenv("HOOK", "https://hooks.example.com/x")
    made = request(
        tmp_path,
        """
connections:
  aws: {kind: aws, role: "arn:aws:iam::111122223333:role/r", external_id: "${env:EXTERNAL}"}
  dbx: {kind: databricks, host: "https://dbc-1.cloud.databricks.com", client: "${env:CLIENT}",
        secret: "${aws-secret:dbx#secret}"}
network: {connection: aws, region: eu-west-1, vpc: "${env:VPC}",
          databricks: {account_id: "1234", connection: dbx}}
alarms: {notify: ["${env:HOOK}", "${env:NOBODY:-ops@example.com}"]}
""",
    )

    assert made.scope.vpc == "vpc-9"
    assert made.settings.notify == ("https://hooks.example.com/x", "ops@example.com")
    assert made.access.external_id == "${env:EXTERNAL}"
    assert made.registry is not None
    assert made.registry.client_secret == "${aws-secret:dbx#secret}"
    assert (made.registry.account_id, made.registry.host) == ("1234", ACCOUNTS)


@pytest.mark.parametrize(
    ("written", "fields"),
    [
        ("v5-nat", RECOMMENDED_FORMAT),
        ("connections", CONNECTION_FORMAT),
        ("'${bytes} ${interface-id}'", ("bytes", "interface-id")),
        ("[bytes, interface-id]", ("bytes", "interface-id")),
    ],
)
def test_a_format_has_a_name_or_its_fields(
    tmp_path: Path, written: str, fields: tuple[str, ...]
) -> None:
    made = request(tmp_path, f"network: {{region: eu-west-1, flow_logs: {{format: {written}}}}}\n")

    assert made.settings.flow_logs.fields == fields


def test_the_bucket_of_another_partition_has_its_arn(tmp_path: Path) -> None:
    made = request(
        tmp_path,
        "network: {region: cn-north-1, flow_logs: {destination: s3, bucket: s3://logs/flow/}}\n",
    )

    assert made.settings.flow_logs.bucket == "arn:aws-cn:s3:::logs/flow"


def test_a_stream_may_be_named_by_its_arn(tmp_path: Path) -> None:
    arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/clicks"
    made = request(tmp_path, f'network: {{region: eu-west-1, streams: ["{arn}", other]}}\n')

    assert made.settings.streams == ("clicks", "other")


# ---- buckets that policies let through

SOURCES = """
target: {root: "s3://lake/prod", region: eu-west-1}
families: {s3: {kind: s3, root: "s3://{name}-lake"}, az: {kind: adls, root: "abfss://x@y.z/"},
           dc: {kind: s3, root: "s3a://{site}-{name}/a"}}
sources:
  northstar: {use: s3}
  vireo: {use: s3, root: "s3://vireo-own/x"}
  sales: {use: az}
  logs: {use: dc, with: {site: dc1}}
  odd: {use: dc}
"""


def test_a_manifest_that_names_a_bucket_gets_those_of_target_and_sources_too(
    tmp_path: Path,
) -> None:
    made = request(tmp_path, SOURCES + "network: {buckets: [root, s3://more/x]}\n")

    assert made.settings.buckets == (
        "dc1-logs", "lake", "more", "northstar-lake", "root", "vireo-own",
    )  # fmt: skip


def test_a_manifest_that_names_none_lets_all_buckets_through(tmp_path: Path) -> None:
    assert request(tmp_path, SOURCES).settings.buckets == ()


# ---- what is missing


def test_without_a_name_nothing_that_bears_it_can_be_asked_for() -> None:
    manifest = read_manifest(None, flags=[Flag("--region", ("network", "region"), "eu-west-1")])

    assert monitor_request(manifest.manifest, needs_name=False).settings.deployment == ""
    with pytest.raises(FerryError, match="no name") as refused:
        monitor_request(manifest.manifest)
    assert refused.value.code == "LF-2001"


def test_without_a_region_it_says_where_one_may_stand(tmp_path: Path) -> None:
    with pytest.raises(FerryError, match="which Region") as refused:
        request(tmp_path, "")

    assert "--region" in refused.value.next_step


def test_tagged_instances_are_watched_as_the_manifest_or_a_flag_says(tmp_path: Path) -> None:
    said = "network: {region: eu-west-1, tagged_instances: {watch: query, tag: owner}}\n"
    typed = WatchFlags(tagged_instances="each", allowances=True)

    written = request(tmp_path, said).settings.tagged
    flagged = request(tmp_path, REGION, flags=list(typed.flags())).settings.tagged

    assert written == TaggedWish("query", key="owner")
    assert flagged == TaggedWish("each", allowances=True)


def test_nat_instances_are_wished_for_as_the_manifest_says(tmp_path: Path) -> None:
    said = (
        "network: {region: eu-west-1, nat: {kind: instance, type: auto, count: 2, image: ami-0a1b, "
        "recovery: {standby: instance, check: lambda, max_outage: 5 min, auto_scaling: true}}}\n"
    )

    assert request(tmp_path, said).settings.nat == NatWish(
        "instance", "", 2, "instance", "lambda", 300, "ami-0a1b", auto_scaling=True
    )
    assert request(tmp_path, REGION).settings.nat == NatWish("none")


def test_flags_for_nat_instances_come_before_the_manifest(tmp_path: Path) -> None:
    typed = WatchFlags(
        nat="auto", nat_type="c7gn.large", nat_count=3, nat_standby="gateway", nat_check="peer",
        max_outage="30 s",
    )  # fmt: skip
    said = "network: {region: eu-west-1, nat: {kind: instance, recovery: {check: none}}}\n"

    made = request(tmp_path, said, flags=list(typed.flags())).settings.nat

    assert made == NatWish("auto", "c7gn.large", 3, "gateway", "peer", 30)


@pytest.mark.parametrize(
    ("nat", "policy"),
    [("kind: instance", "no-instance"), ("kind: auto", "no-gateway")],
)
def test_what_a_policy_forbids_is_not_wished_for(tmp_path: Path, nat: str, policy: str) -> None:
    said = f"network: {{region: eu-west-1, policy: [{policy}], nat: {{{nat}}}}}\n"
    path = tmp_path / "lakeferry.yaml"
    path.write_text(HEAD + said)

    (found,) = problems(read_manifest(path).manifest)

    assert found.what == f"network.nat: `network.policy` says {policy}"


def test_where_a_policy_forbids_instances_gateways_are_what_costs_least(tmp_path: Path) -> None:
    said = "network: {region: eu-west-1, policy: [no-instance], nat: {kind: auto}}\n"

    assert request(tmp_path, said).settings.nat.kind == "gateway"
