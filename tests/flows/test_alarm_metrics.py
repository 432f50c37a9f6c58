"""The alarms of a migration hear of it: `monitor apply` makes them, `sync` puts what they read.

moto evaluates no alarm; that the points are those that an alarm asks for is judged here.
"""

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lakeferry.cli.fleet.flags import known_tables
from lakeferry.cli.manifest_flags import ManifestFlags, read
from lakeferry.connect.aws import AwsAccess, client
from lakeferry.fleet.standing.alarm_values import AlarmMetrics
from lakeferry.fleet.sync.alarm_points import AlarmPoints
from lakeferry.monitor import run
from lakeferry.monitor.choices import monitor_request
from lakeferry.monitor.wanted.alarms import ALARMS
from lakeferry.monitor.wanted.migration_alarms import METRICS
from tests.cli.program import called
from tests.flows.fleets import Fleet, append
from tests.servers import free_port

LAG = {"Namespace": "Lakeferry", "MetricName": "LagRatio",
       "Dimensions": [{"Name": "Migration", "Value": "fleet"}]}  # fmt: skip
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def fleet(folder: Path, endpoint: str, vpc: str = "vpc-1") -> Fleet:
    """Two tables on this disk, and alarms of them in a network of AWS."""
    off = ", ".join(f"{name}: {{enabled: false}}" for name in ALARMS if name not in METRICS)
    found = Fleet(folder, str(folder / "out"), environment=KEYS)
    found.write(
        f"connections: {{aws: {{kind: aws, region: us-east-1, endpoint: '{endpoint}'}}}}\n"
        "network: {connection: aws, region: us-east-1, insights: {rules: [rejected]}, "
        f"vpc: {vpc}}}\n"
        f"alarms: {{rules: {{lag: {{limit: 2x}}, cost-forecast: {{limit_usd: 20000}}, {off}}}}}\n"
        "cost: {assume: {from: 'azure:westeurope'}}\n",
        source=", path: internet",
    )
    append(found.lake / "sales/orders")
    append(found.lake / "hr/people")
    found.see()
    return found


def alarms(access: AwsAccess) -> dict[str, dict[str, Any]]:
    """The metric that each alarm reads, by the alarm's name."""
    listed = client(access, "cloudwatch").describe_alarms(
        AlarmNames=["lakeferry-fleet.lag", "lakeferry-fleet.cost-forecast"]
    )["MetricAlarms"]
    metrics = (one["Metrics"][0]["MetricStat"] if one.get("Metrics") else
               {"Metric": {key: one[key] for key in ("Namespace", "MetricName", "Dimensions")},
                "Stat": one["Statistic"]} for one in listed)  # fmt: skip
    return dict(zip((one["AlarmName"] for one in listed), metrics, strict=True))


def read_points(access: AwsAccess, stat: dict[str, Any]) -> list[float]:
    """What an alarm would read of the last hour."""
    now = datetime.now(UTC)
    found = client(access, "cloudwatch").get_metric_statistics(
        **stat["Metric"], Statistics=[stat["Stat"]], Period=300,
        StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1),
    )["Datapoints"]  # fmt: skip
    return [one[stat["Stat"]] for one in found]


@pytest.mark.server
def test_a_sync_puts_what_the_alarms_of_its_manifest_read(
    tmp_path: Path, moto_access: AwsAccess
) -> None:
    assert moto_access.endpoint is not None
    vpc = client(moto_access, "ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    lake = fleet(tmp_path, moto_access.endpoint, vpc)
    run.apply(monitor_request(read(ManifestFlags(file=str(tmp_path / "lakeferry.yaml"))).manifest))
    made = alarms(moto_access)
    assert [read_points(moto_access, made[name]) for name in sorted(made)] == [[], []]

    code, lines = lake.sync()

    assert (code, [one for one in lines if one["type"] == "warning"]) == (0, [])
    assert read_points(moto_access, made["lakeferry-fleet.lag"]) == [0.0]
    (usd,) = read_points(moto_access, made["lakeferry-fleet.cost-forecast"])
    assert 0.01 < usd < 1  # an hour of a NAT gateway, begun for few bytes that are all moved

    assert called("status", "--live", folder=tmp_path, **KEYS).returncode == 0
    now = read_points(moto_access, made["lakeferry-fleet.cost-forecast"])
    assert now == [pytest.approx(usd)]

    append(lake.lake / "sales/orders")
    half_a_day_ago = time.time() - 12 * 3600
    os.utime(lake.lake / f"sales/orders/_delta_log/{1:020}.json", (half_a_day_ago,) * 2)
    called("status", "--live", "-s", "a.sales.orders", folder=tmp_path, **KEYS)  # not of all
    assert read_points(moto_access, made["lakeferry-fleet.lag"]) == [0.0]
    called("status", "--live", folder=tmp_path, **KEYS)
    # The usual lag_target is six hours.
    assert read_points(moto_access, made["lakeferry-fleet.lag"]) == [pytest.approx(2, abs=0.01)]


@pytest.mark.server
def test_the_values_are_put_once_a_minute_and_at_the_end(
    tmp_path: Path, moto_access: AwsAccess
) -> None:
    wanted = fleet(tmp_path, "https://example.com").wanted
    moved = [one._replace(held_version=0) for one in known_tables(wanted)]
    points = AlarmPoints(wanted, AlarmMetrics(moto_access, has_lag=True), first_s=100)

    for now_s in (99, 100, 159, 160):
        points.turn(moved, now_s=now_s)
        while points.is_busy:
            time.sleep(0.01)
    points.last(moved, now_s=161)

    assert read_points(moto_access, {"Metric": LAG, "Stat": "SampleCount"}) == [3]
    assert [*points.heard()] == []


def test_alarms_that_cannot_be_told_are_a_warning_and_all_tables_come_over(
    tmp_path: Path,
) -> None:
    lake = fleet(tmp_path, f"http://127.0.0.1:{free_port()}")

    ended = called("sync", "--yes", folder=tmp_path, AWS_MAX_ATTEMPTS="1", **KEYS)

    assert (ended.returncode, lake.unequal()) == (0, [])
    assert ended.stderr.count("LF-1205 an alarm was told nothing") == 1


def test_who_syncs_may_put_metrics_of_ours_where_the_manifest_has_such_an_alarm(
    tmp_path: Path,
) -> None:
    fleet(tmp_path, "https://example.com")
    manifest = (tmp_path / "lakeferry.yaml").read_text()

    ended = called("config", "iam", "--for", "sync", folder=tmp_path, **KEYS)
    words = ("config", "iam", "--for", "sync", "-f", "-")

    assert called(*words, folder=tmp_path, input=manifest, **KEYS).stdout == ended.stdout
    assert json.loads(ended.stdout)["Statement"] == [
        {
            "Sid": "PutMetrics", "Effect": "Allow", "Action": ["cloudwatch:PutMetricData"],
            "Resource": ["*"],
            "Condition": {"StringEquals": {"cloudwatch:namespace": "Lakeferry"}},
        }
    ]  # fmt: skip
