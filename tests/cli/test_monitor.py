"""`lakeferry monitor`: discover, plan, apply, export, destroy, as typed, against an AWS of our own.

The server is moto; what it cannot judge is said in README.
"""

import json
import os
import pty
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.network.saved_topology import read_topology
from tests.aws import data_plane
from tests.aws.data_plane import DataPlane
from tests.cli.program import LAKEFERRY, Ended, called, json_lines

pytestmark = pytest.mark.server


@pytest.fixture
def plane(moto_access: AwsAccess) -> DataPlane:
    return data_plane.made(moto_access)


def environment(access: AwsAccess) -> dict[str, str]:
    assert access.endpoint is not None
    return {
        "AWS_ENDPOINT_URL": access.endpoint,
        "AWS_REGION": access.region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


def monitor(access: AwsAccess, folder: Path, *words: str | Path, **more: Any) -> Ended:
    given = environment(access)
    # A flag, not the environment: clients of one process are kept by what the flags say.
    where = ("--endpoint-url", given.pop("AWS_ENDPOINT_URL"))
    return called("monitor", *words, *where, folder=folder, **given, **more)


def rules(access: AwsAccess) -> list[str]:
    answer = client(access, "cloudwatch").describe_insight_rules()
    return sorted(one["Name"] for one in answer["InsightRules"])


def alarms(access: AwsAccess) -> list[str]:
    pages = client(access, "cloudwatch").get_paginator("describe_alarms").paginate()
    return sorted(one["AlarmName"] for page in pages for one in page["MetricAlarms"])


# ---- discover


def test_discover_shows_paths_prices_and_what_is_odd(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    ended = monitor(moto_access, tmp_path, "discover", "--vpc", plane.vpc)

    assert ended.returncode == 0
    rows = [line.split() for line in ended.stdout.splitlines()]
    assert ["NAT", "gateway", plane.nat_gateway, "0.045", "same"] in [row[:5] for row in rows]
    assert ["NAT", "instance", plane.nat_instance, "-", "same"] in [row[:5] for row in rows]
    assert ["S3", "gateway", "endpoint", plane.s3, "0.00"] in [row[:5] for row in rows]
    assert ["endpoint", "kinesis-streams", plane.kinesis, "0.01"] in [row[:4] for row in rows]
    assert f"▲ no-s3-endpoint {plane.tables[1]}" in ended.stdout
    assert "4 worker interfaces" in ended.stdout


@pytest.mark.parametrize("by", ["subnet", "interface", "worker-tag"])
def test_a_network_is_found_by_other_names_too(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path, by: str
) -> None:
    named = {
        "subnet": plane.private[0],
        "interface": plane.workers[0],
        "worker-tag": "Vendor=Databricks",
    }

    ended = monitor(moto_access, tmp_path, "discover", f"--{by}", named[by])

    assert ended.returncode == 0
    assert ended.stdout.startswith(plane.vpc)


def test_a_network_is_drawn_and_kept(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    ended = monitor(
        moto_access, tmp_path, "discover", "--vpc", plane.vpc,
        "--picture", "paths.svg", "--save", "network.json",
    )  # fmt: skip

    assert ended.returncode == 0
    assert (tmp_path / "paths.svg").read_text().startswith("<svg")
    kept = read_topology((tmp_path / "network.json").read_bytes(), "network.json")
    assert kept.found.vpc.id == plane.vpc


def test_a_topology_is_one_line_of_json_and_its_findings_are_more(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    found = json_lines(monitor(moto_access, tmp_path, "discover", "--vpc", plane.vpc, "--json"))

    (topology,) = [line["topology"] for line in found if line["type"] == "topology"]
    assert read_topology(json.dumps(topology).encode(), "line").found.vpc.id == plane.vpc
    prices = {path["id"]: path["usd_per_gb"] for path in topology["paths"]}
    assert (prices[plane.nat_gateway], prices[plane.nat_instance]) == (0.045, None)
    assert (prices[plane.s3], prices[plane.kinesis]) == (0.0, 0.01)
    codes = {line["code"] for line in found if line["type"] == "finding"}
    assert {"no-s3-endpoint", "endpoint-zones"} <= codes


def test_an_address_that_a_topic_tells_is_not_shown_whole(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    sns = client(moto_access, "sns")
    topic = sns.create_topic(Name="lakeferry-m0")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="https", Endpoint="https://hooks.example.com/T0/hush")

    words = ("discover", "--vpc", plane.vpc, "--json", "--save", "network.json")
    ended = monitor(moto_access, tmp_path, *words)

    kept = (tmp_path / "network.json").read_text()
    assert "hush" not in ended.stdout + kept
    assert "https://hooks.example.com/***" in kept


# ---- plan, apply, drift, destroy


def test_from_plan_to_nothing_again(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    (tmp_path / "lakeferry.yaml").write_text(
        f"version: 1\nname: m1\nnetwork: {{vpc: {plane.vpc}, workers: {{count: 4}}}}\n"
        "tags: {map-migrated: mig12345}\nalarms: {notify: [ops@example.com]}\n"
    )

    first = monitor(moto_access, tmp_path, "plan")
    assert first.returncode == 0
    assert "  +  alarm         lakeferry-m1.rejected" in first.stdout
    assert rules(moto_access) == []

    made = monitor(moto_access, tmp_path, "apply", "--yes")
    assert made.returncode == 0
    assert "changes made" in made.stdout
    assert "lakeferry-m1.nat-gateway-billed" in rules(moto_access)
    assert "lakeferry-m1.rejected" in alarms(moto_access)

    again = monitor(moto_access, tmp_path, "plan")
    assert again.returncode == 0
    assert "are as they shall be" in again.stdout

    client(moto_access, "cloudwatch").delete_alarms(AlarmNames=["lakeferry-m1.rejected"])
    drifted = monitor(moto_access, tmp_path, "plan")
    assert drifted.returncode == 3
    assert "  +  alarm  lakeferry-m1.rejected" in drifted.stdout

    assert monitor(moto_access, tmp_path, "apply", "--yes").returncode == 0
    assert "lakeferry-m1.rejected" in alarms(moto_access)

    gone = monitor(moto_access, tmp_path, "destroy", "--yes")
    assert gone.returncode == 0
    assert rules(moto_access) == []
    assert alarms(moto_access) == []
    twice = monitor(moto_access, tmp_path, "destroy", "--yes")
    assert (twice.returncode, "nothing to do" in twice.stdout) == (0, True)


def test_what_a_cut_apply_left_under_other_names_goes_by_the_same_flags(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    client(moto_access, "s3").create_bucket(Bucket="lake")
    flags = (
        "--vpc", plane.vpc, "--name", "m1", "--log-group", "/audit/flow", "--log-bucket",
        # The emulator takes the prefix for a part of the bucket's name, so the flow log fails.
        "s3://lake/flow", "--flow-log-to", "cloudwatch", "--flow-log-to", "s3",
    )  # fmt: skip

    cut = monitor(moto_access, tmp_path, "apply", *flags, "--yes")
    gone = monitor(moto_access, tmp_path, "destroy", *flags, "--yes")

    assert (cut.returncode, gone.returncode) == (1, 0)
    groups = client(moto_access, "logs").describe_log_groups()["logGroups"]
    assert "/audit/flow" not in [one["logGroupName"] for one in groups]
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        client(moto_access, "s3").get_bucket_policy(Bucket="lake")


def test_flags_alone_do_without_a_manifest(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    ended = monitor(
        moto_access, tmp_path, "plan", "--vpc", plane.vpc, "--name", "m2",
        "--planned-bytes", "2 PiB", "--planned-days", "30", "--per", "eni",
        "--notify", "ops@example.com", "--stream", "clicks", "--workers", "4",
        "--put-tag", "owner=me", "--tolerance-usd", "5", "--flow-log-format", "connections",
        "--rule", "nat-billed", "--rule", "s3-through-nat",
    )  # fmt: skip

    assert ended.returncode == 0
    assert "lakeferry-m2.stalled" in ended.stdout
    assert "lakeferry-m2.nat-gateway-billed.eni-" in ended.stdout
    assert "lakeferry-m2.rejects" not in ended.stdout


def test_two_deployments_live_side_by_side(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    for name in ("m1", "m2"):
        made = monitor(moto_access, tmp_path, "apply", "--vpc", plane.vpc, "--name", name, "--yes")
        assert made.returncode == 0

    monitor(moto_access, tmp_path, "destroy", "--vpc", plane.vpc, "--name", "m1", "--yes")

    assert {name.partition(".")[0] for name in rules(moto_access)} == {"lakeferry-m2"}
    left = monitor(moto_access, tmp_path, "plan", "--vpc", plane.vpc, "--name", "m2")
    assert left.returncode == 0


def test_the_last_line_of_a_plan_applies_it_as_it_is_printed(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    planned = monitor(
        moto_access, tmp_path, "plan", "--vpc", plane.vpc, "--name", "m1", "--workers", "9",
        "--planned-bytes", "2 PiB", "--planned-days", "30", "--rule", "skipped", "-o", "plan.json",
        "--notify", "https://hooks.example.com/T0/B0/hush",
    )  # fmt: skip

    line = planned.stdout.splitlines()[-1]
    assert line.startswith("  do it: lakeferry monitor apply plan.json --vpc")
    assert "hush" not in line
    again = shlex.split(line.replace("/***", "/T0/B0/hush"))[2:]
    assert again[0] == "lakeferry"
    made = called(*again[1:], folder=tmp_path, **environment(moto_access))
    assert made.returncode == 0, made.stderr
    assert rules(moto_access) == ["lakeferry-m1.skipped"]


def test_a_plan_that_was_read_is_applied_and_no_other(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    chosen = ("--vpc", plane.vpc, "--name", "m1")
    planned = monitor(moto_access, tmp_path, "plan", *chosen, "-o", "plan.json")
    kept = json.loads((tmp_path / "plan.json").read_text())
    assert f"  plan {kept['fingerprint'][:12]}" in planned.stdout

    other = monitor(moto_access, tmp_path, "apply", "plan.json", *chosen, "--workers", "9")
    assert other.returncode == 2
    assert "LF-2051" in other.stderr
    assert rules(moto_access) == []

    made = monitor(moto_access, tmp_path, "apply", kept["fingerprint"][:12], *chosen)
    assert made.returncode == 0
    assert rules(moto_access) != []

    stale = monitor(moto_access, tmp_path, "apply", "plan.json", *chosen)
    assert stale.returncode == 2
    assert "LF-2051" in stale.stderr


def test_equal_plans_are_equal_files(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    for name in ("a.json", "b.json"):
        monitor(moto_access, tmp_path, "plan", "--vpc", plane.vpc, "--name", "m1", "-o", name)

    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_plan_in_json_has_a_line_for_each_change_and_each_cost(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    chosen = ("--vpc", plane.vpc, "--name", "m1", "--json")
    found = json_lines(monitor(moto_access, tmp_path, "plan", *chosen))

    changes = [line for line in found if line["type"] == "change"]
    costs = {
        (line["kind"], line["name"]): line["usd_a_month"]
        for line in found
        if line["type"] == "cost"
    }
    assert {line["state"] for line in changes} == {"planned"}
    assert {(line["kind"], line["name"]) for line in changes} == set(costs)
    assert found[-1]["changes"]["create"] == len(changes)
    assert round(sum(costs.values()), 2) == pytest.approx(found[-1]["usd_a_month"], abs=0.02)
    assert found[-1]["drift"] is False

    applied = json_lines(monitor(moto_access, tmp_path, "apply", *chosen, "--yes"))
    done = [line for line in applied if line["type"] == "change" and line["state"] == "applied"]
    assert [line["done"] for line in done] == list(range(1, len(done) + 1))
    assert applied[-1]["left"] == 0


# ---- asking


def test_where_nobody_can_be_asked_nothing_is_changed(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    chosen = ("--vpc", plane.vpc, "--name", "m1")

    refused = monitor(moto_access, tmp_path, "apply", *chosen)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert "LF-2003" in refused.stderr
    assert "--yes" in refused.stderr
    assert rules(moto_access) == []

    monitor(moto_access, tmp_path, "apply", *chosen, "--yes")
    assert monitor(moto_access, tmp_path, "destroy", *chosen).returncode == 2
    assert rules(moto_access) != []


@pytest.mark.parametrize(("answer", "code", "is_made"), [("y", 0, True), ("", 2, False)])
def test_on_a_terminal_it_asks_once(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path, answer: str, code: int, is_made: bool
) -> None:
    words = [LAKEFERRY, "monitor", "apply", "--vpc", plane.vpc, "--name", "m1"]
    ours, theirs = pty.openpty()
    kept = {**os.environ, **environment(moto_access), "COLUMNS": "120", "TERM": "xterm"}
    os.write(ours, answer.encode() + b"\n")

    ended = subprocess.run(
        words, cwd=tmp_path, env=kept, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE,
        check=False, text=True,
    )  # fmt: skip

    os.close(theirs)
    assert ended.returncode == code
    assert "lakeferry-m1.nat-gateway-billed" in ended.stdout
    assert bool(rules(moto_access)) is is_made
    os.close(ours)


def test_what_is_removed_needs_a_word(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    chosen = ("--vpc", plane.vpc, "--name", "m1")
    monitor(moto_access, tmp_path, "apply", *chosen, "--yes")
    fewer = (*chosen, "--rule", "nat-billed")

    refused = monitor(moto_access, tmp_path, "apply", *fewer, "--yes")
    assert refused.returncode == 2
    assert "LF-6402" in refused.stderr
    assert "lakeferry-m1.rejects" in rules(moto_access)

    allowed = monitor(moto_access, tmp_path, "apply", *fewer, "--yes", "--allow", "delete,many")
    assert allowed.returncode == 0
    assert "lakeferry-m1.rejects" not in rules(moto_access)


# ---- export


@pytest.mark.parametrize("format", ["cloudformation", "terraform"])
def test_a_template_goes_to_stdout_or_into_a_file(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path, format: str
) -> None:
    words = ("export", "--format", format, "--vpc", plane.vpc, "--name", "m1")

    shown = monitor(moto_access, tmp_path, *words)
    kept = monitor(moto_access, tmp_path, *words, "-o", "out.json")

    assert (shown.returncode, kept.returncode) == (0, 0)
    template = json.loads(shown.stdout)
    assert json.loads((tmp_path / "out.json").read_text()) == template
    top = {"cloudformation": "Resources", "terraform": "resource"}[format]
    assert "lakeferry-m1.nat-gateway-billed" in json.dumps(template[top])
    assert rules(moto_access) == []


def test_a_template_of_what_was_applied_says_that_it_is_there(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    words = ("--vpc", plane.vpc, "--name", "m1", "--rule", "rejected")
    first = monitor(moto_access, tmp_path, "export", *words, "-o", "out.json")
    monitor(moto_access, tmp_path, "apply", *words, "--yes")

    second = monitor(moto_access, tmp_path, "export", *words, "-o", "out.json")

    assert "are there already" not in first.stderr
    assert "resources of m1 are there already" in second.stderr


def test_a_template_may_bring_the_keeper_of_rules(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path
) -> None:
    words = ("export", "--vpc", plane.vpc, "--name", "m1", "--keep-rules", "--json")

    found = json_lines(monitor(moto_access, tmp_path, *words))

    assert "AWS::Lambda::Function" in json.dumps(found[-1]["template"])


@pytest.mark.parametrize("format", ["cloudformation", "terraform"])
def test_an_address_that_a_reference_gave_is_in_no_template(
    moto_access: AwsAccess, plane: DataPlane, tmp_path: Path, format: str
) -> None:
    words = ("export", "--format", format, "--vpc", plane.vpc, "--name", "m1", "--notify")
    hook = "https://hooks.example.com/T0/B0/hush"

    hidden = monitor(moto_access, tmp_path, *words, "${env:HOOK}", HOOK=hook)
    written = monitor(moto_access, tmp_path, *words, "ops@example.com")

    assert hidden.returncode == 0
    assert "hush" not in hidden.stdout + hidden.stderr
    assert "deploy it with them" in hidden.stderr
    assert "ops@example.com" in written.stdout
