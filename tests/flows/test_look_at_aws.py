"""Where bytes go, asked of an AWS account: log groups, alarms, metrics. The account is emulated."""

import json
import time
from pathlib import Path

import pytest

from lakeferry.aws.read_alarm_states import alarm_standings
from lakeferry.aws.read_logs import log_lines
from lakeferry.aws.read_metrics import WantedMetric, metric_points
from lakeferry.connect.aws import AwsAccess, client
from lakeferry.errors import FerryError
from lakeferry.monitor import run
from lakeferry.monitor.series.keep import Wanted, from_cloudwatch, keep, read_series
from lakeferry.monitor.series.kept import wanted_metrics
from lakeferry.network.fields import RECOMMENDED_FORMAT, format_text
from lakeferry.store.open import open_store
from tests.aws.data_plane import DataPlane, made
from tests.cli.program import Ended, called, json_lines
from tests.cli.test_monitor_refusals import rule
from tests.flows.provisioning import network, request
from tests.flows.test_provision_rights import granted, recorded

pytestmark = pytest.mark.server

GROUP = "/theirs/flow"
NOW = int(time.time()) // 60 * 60
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def monitor(access: AwsAccess, folder: Path, *words: str) -> Ended:
    return called(
        "monitor", *words, "--region", access.region, "--endpoint-url", access.endpoint or "",
        folder=folder, **KEYS,
    )  # fmt: skip


def row(**values: object) -> str:
    """A row of the recommended format; what is not given is `-`."""
    usual: dict[str, object] = {
        "version": 5, "srcport": 40000, "dstport": 443, "protocol": 6, "packets": 1,
        "action": "ACCEPT", "log-status": "OK", "start": NOW - 120, "end": NOW - 60,
    }  # fmt: skip
    given = usual | {name.replace("_", "-"): value for name, value in values.items()}
    return " ".join(str(given.get(name, "-")) for name in RECOMMENDED_FORMAT)


def logged(access: AwsAccess, group: str, rows: list[str]) -> None:
    logs = client(access, "logs")
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=f"eni-1-all-{time.time_ns()}")
    stream = logs.describe_log_streams(logGroupName=group)["logStreams"][-1]["logStreamName"]
    logs.put_log_events(
        logGroupName=group, logStreamName=stream,
        logEvents=[{"timestamp": (NOW - 120) * 1000, "message": one} for one in rows],
    )  # fmt: skip


@pytest.fixture
def plane(moto_access: AwsAccess) -> DataPlane:
    return made(moto_access)


def s3_rows(plane: DataPlane, access: AwsAccess) -> list[str]:
    """A worker sends 1,000 bytes to S3 by the gateway endpoint, and 300 come back."""
    enis = client(access, "ec2").describe_network_interfaces(NetworkInterfaceIds=plane.workers)
    subnet, far = plane.private[0], "52.216.1.1"  # whose route table has the S3 endpoint
    worker = next(one for one in enis["NetworkInterfaces"] if one["SubnetId"] == subnet)
    own = worker["PrivateIpAddress"]
    common = {"interface_id": worker["NetworkInterfaceId"], "subnet_id": subnet}
    return [
        row(**common, srcaddr=own, dstaddr=far, pkt_srcaddr=own, pkt_dstaddr=far, bytes=1000,
            pkt_dst_aws_service="S3", flow_direction="egress", traffic_path=7),
        row(**common, srcaddr=far, dstaddr=own, pkt_srcaddr=far, pkt_dstaddr=own, bytes=300,
            srcport=443, dstport=40000, pkt_src_aws_service="S3", flow_direction="ingress"),
    ]  # fmt: skip


def test_top_reads_the_log_group_of_the_network(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    logs = client(moto_access, "ec2").describe_flow_logs()["FlowLogs"]
    group = logs[0].get("LogGroupName") or GROUP
    logged(moto_access, group, s3_rows(plane, moto_access))

    ended = monitor(moto_access, tmp_path, "top", "--vpc", plane.vpc, "--json")

    found = json_lines(ended)
    assert found[-1]["place"] == f"log-group:{group}"
    flows = {line["path"]: line for line in found if line["type"] == "flow"}
    assert flows["s3_gateway"]["bytes"] == 1300
    assert flows["s3_gateway"]["device"] == plane.s3


@pytest.mark.parametrize("look", [("top",), ("watch", "--once", "--late", "1 h")])
def test_rows_that_two_flow_logs_write_to_one_group_are_warned_of(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path, look: tuple[str, ...]
) -> None:
    group = "/network/flow"
    logged(moto_access, group, s3_rows(plane, moto_access))
    role = client(moto_access, "iam").get_role(RoleName="flow")["Role"]["Arn"]
    client(moto_access, "ec2").create_flow_logs(
        ResourceIds=[plane.private[0]], ResourceType="Subnet", TrafficType="ALL",
        LogGroupName=group, LogDestinationType="cloud-watch-logs", DeliverLogsPermissionArn=role,
        LogFormat=format_text(RECOMMENDED_FORMAT), MaxAggregationInterval=60,
    )  # fmt: skip

    ended = monitor(moto_access, tmp_path, *look, "--vpc", plane.vpc, "--json")

    (warning,) = [line for line in json_lines(ended) if line["type"] == "warning"]
    assert f"flow-log-twice log-group:{group}" in warning["message"]


def test_rules_are_proven_on_a_log_group_whose_flow_log_says_its_format(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    logged(moto_access, "/network/flow", s3_rows(plane, moto_access))
    logged(moto_access, GROUP, s3_rows(plane, moto_access))
    exported = ("export", "--vpc", plane.vpc, "--name", "m1")
    monitor(moto_access, tmp_path, *exported, "-o", "rules.json")

    known = monitor(moto_access, tmp_path, "prove", "rules.json", "log-group:/network/flow")
    unknown = monitor(moto_access, tmp_path, "prove", "rules.json", f"log-group:{GROUP}")

    assert known.returncode == 3  # rules matched nothing, for one on gateways
    assert "2 events" in known.stdout
    assert unknown.returncode == 2
    assert "LF-6201" in unknown.stderr


def test_a_watch_reads_a_log_group_again_and_again(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    rows = s3_rows(plane, moto_access)
    logged(moto_access, GROUP, rows)
    ended = monitor(
        moto_access, tmp_path, "watch", f"log-group:{GROUP}", "--vpc", plane.vpc, "--once",
        "--format", " ".join(RECOMMENDED_FORMAT),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "s3_gateway" in ended.stdout
    assert "1.3 kB, rows until" in ended.stdout


def test_a_group_that_is_not_there_is_named(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    ended = monitor(moto_access, tmp_path, "top", "log-group:/no/such", "--vpc", plane.vpc)
    assert ended.returncode == 2
    assert "LF-6205 there is no such log group\n  /no/such; " in ended.stderr


def test_alarms_show_which_one_rings_and_why(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    cloudwatch = client(moto_access, "cloudwatch")
    for name in ("lakeferry-m1.s3-leak", "lakeferry-m1.rejected", "lakeferry-m10.other", "theirs"):
        cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace="AWS/NATGateway", MetricName="BytesOutToSource",
            Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
    cloudwatch.set_alarm_state(
        AlarmName="lakeferry-m1.s3-leak", StateValue="ALARM", StateReason="2 of 3 points crossed"
    )

    ended = monitor(moto_access, tmp_path, "alarms", "--name", "m1", "--vpc", plane.vpc)
    lines = ended.stdout.splitlines()
    assert ended.returncode == 3
    assert lines[1].split()[1:3] == ["lakeferry-m1.s3-leak", "ALARM"]
    assert lines[2].strip() == "2 of 3 points crossed"
    assert lines[-1] == "  2 alarms, 1 in ALARM"

    found = json_lines(monitor(moto_access, tmp_path, "alarms", "--name", "m1", "--json"))
    assert [one["alarm"] for one in found if one["type"] == "alarm"] == [
        "lakeferry-m1.rejected", "lakeferry-m1.s3-leak",
    ]  # fmt: skip


def test_alarms_stand_beside_when_they_would_have_fired(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    name, cloudwatch = "lakeferry-m1.much", client(moto_access, "cloudwatch")
    cloudwatch.put_insight_rule(
        RuleName="lakeferry-m1.r", RuleState="ENABLED", RuleDefinition=json.dumps(rule())
    )
    bytes_sent = 'INSIGHT_RULE_METRIC("lakeferry-m1.r","Sum")'
    cloudwatch.put_metric_alarm(
        AlarmName=name, EvaluationPeriods=1, Threshold=800,
        ComparisonOperator="GreaterThanThreshold",
        Metrics=[{"Id": "e", "Expression": bytes_sent, "Period": 60, "ReturnData": True}],
    )  # fmt: skip
    (tmp_path / "one.log").write_text(
        "2 1 eni-1 10.0.0.1 10.0.0.2 443 49152 6 10 840 1439387263 1439387264 ACCEPT OK\n"
    )

    words = ("--name", "m1", "--vpc", plane.vpc, "--logs", "one.log", "--json")
    found = json_lines(monitor(moto_access, tmp_path, "alarms", *words))

    stands, replayed = (one for one in found if one["type"] == "alarm")
    assert (stands["alarm"], stands["kind"], "changes" in stands) == (name, "metric", False)
    assert (replayed["alarm"], [one["to"] for one in replayed["changes"]]) == (name, ["ALARM"])


def test_a_watch_tells_prometheus_how_alarms_stand(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    client(moto_access, "cloudwatch").put_metric_alarm(
        AlarmName="lakeferry-m1.s3-leak", Namespace="AWS/NATGateway", MetricName="x",
        Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    client(moto_access, "cloudwatch").set_alarm_state(
        AlarmName="lakeferry-m1.s3-leak", StateValue="ALARM", StateReason="x"
    )
    storage = client(moto_access, "s3")
    storage.create_bucket(Bucket="flow")
    body = "\n".join([" ".join(RECOMMENDED_FORMAT), *s3_rows(plane, moto_access), ""]).encode()
    storage.put_object(Bucket="flow", Key="AWSLogs/1/a.log", Body=body)

    ended = monitor(
        moto_access, tmp_path, "watch", "s3://flow/AWSLogs", "--vpc", plane.vpc, "--name", "m1",
        "--once", "--metrics-file", "m.prom", "--log-option", f"endpoint={moto_access.endpoint}",
    )  # fmt: skip

    text = (tmp_path / "m.prom").read_text()
    assert ended.returncode == 0, ended.stderr
    assert 'lakeferry_alarm_state{alarm="lakeferry-m1.s3-leak",state="ALARM"} 1.0' in text
    assert (
        'lakeferry_bytes_total{direction="up",interface="workers",path="s3_gateway"} 1000.0' in text
    )


def metric(name: str, at_s: int, value: float) -> dict[str, object]:
    return {"MetricName": name, "Timestamp": at_s, "Value": value,
            "Dimensions": [{"Name": "NatGatewayId", "Value": "nat-1"}]}  # fmt: skip


def test_past_metrics_are_kept_in_files(moto_access: AwsAccess, tmp_path: Path) -> None:
    client(moto_access, "cloudwatch").put_metric_data(
        Namespace="AWS/NATGateway",
        MetricData=[metric("BytesOutToSource", NOW - 600 + at * 60, at + 1) for at in range(5)],
    )
    wanted = WantedMetric("AWS/NATGateway", "BytesOutToSource", (("NatGatewayId", "nat-1"),), "Sum")
    points = metric_points(moto_access, [wanted], start_s=NOW - 3600, end_s=NOW)
    assert [one.value for one in points] == [1, 2, 3, 4, 5]

    store = open_store(str(tmp_path))
    read = from_cloudwatch(moto_access)
    done = keep(store, Wanted("m1", (wanted,), ()), read, now_s=NOW)
    again = keep(store, Wanted("m1", (wanted,), ()), read, now_s=NOW)
    assert (done.points, again.written) == (5, ())
    assert read_series(store, "m1")["value"].to_pylist() == [1, 2, 3, 4, 5]


def test_series_are_kept_and_shown_by_command(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    client(moto_access, "cloudwatch").put_metric_data(
        Namespace="AWS/NATGateway",
        MetricData=[
            {"MetricName": "BytesOutToSource", "Timestamp": NOW - 600, "Value": 7.0,
             "Dimensions": [{"Name": "NatGatewayId", "Value": plane.nat_gateway}]}
        ],
    )  # fmt: skip
    words = ("series", "kept", "--name", "m1", "--vpc", plane.vpc)
    ended = monitor(moto_access, tmp_path, *words, "--out", "series.csv")
    assert ended.returncode == 0, ended.stderr
    assert "AWS/NATGateway BytesOutToSource  Sum" in ended.stdout
    assert "kept of this span: 1; read now: 1; files written: 1" in ended.stdout
    assert "BytesOutToSource" in (tmp_path / "series.csv").read_text()

    found = json_lines(monitor(moto_access, tmp_path, *words, "--offline", "--json"))
    assert (found[-1]["points"], found[-1]["read"]) == (1, None)


def test_a_report_that_the_account_does_not_give_ends_the_run(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    """The emulator has no GetInsightRuleReport: what was read before is kept."""
    read = from_cloudwatch(moto_access)
    with pytest.raises(FerryError):
        keep(open_store(str(tmp_path)), Wanted("m1", (), ("r",)), read, now_s=NOW,
             start_s=NOW - 600)  # fmt: skip


def test_watching_asks_for_what_its_policy_allows(moto_access: AwsAccess, tmp_path: Path) -> None:
    asked = request(moto_access, network(moto_access))
    run.apply(asked)
    logged(moto_access, "/lakeferry/m1/flow", [row(bytes=1)])
    with recorded(moto_access) as actions:
        found = run.discover(asked)
        list(log_lines(moto_access, "/lakeferry/m1/flow"))
        alarm_standings(moto_access, "lakeferry-m1.")
        read = from_cloudwatch(moto_access)
        with pytest.raises(FerryError):  # the emulator has no GetInsightRuleReport
            keep(open_store(str(tmp_path)), Wanted("m1", wanted_metrics(found), ("r",)), read,
                 now_s=NOW, start_s=NOW - 600)  # fmt: skip

    more = granted(asked, "watch") - granted(asked, "plan")
    assert actions <= granted(asked, "watch")
    assert more <= actions
