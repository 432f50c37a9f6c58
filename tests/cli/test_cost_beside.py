"""Flags of `lakeferry cost` that stand beside the wrong question, or say one thing for all."""

from pathlib import Path

import pytest

from tests.cli.cost_plans import SMALL, WORKED, cost
from tests.cli.program import json_lines


@pytest.mark.parametrize(
    "words",
    [
        ("--copied", "copied.csv"),
        ("--flow", "flow.csv"),
        ("--last", "7d"),
        ("--tolerance", "2%"),
        ("--vpc", "vpc-0a1b"),
        ("--region", "us-east-1"),
        ("--hourly",),
        ("--interface", "eni-1=nat-1"),
    ],
)
def test_what_belongs_to_a_look_is_not_passed_over_beside_a_plan(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    ended = cost(tmp_path, *SMALL, *words)

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert f"LF-2001 {words[0]} is of --observe or --reconcile" in ended.stderr
    assert "leave it out, or give one of these" in ended.stderr


@pytest.mark.parametrize("words", [("--discount", "10%"), ("--assume", "discount=10%")])
def test_one_share_is_off_everything_that_aws_bills(tmp_path: Path, words: tuple[str, ...]) -> None:
    lines = {
        one["price_id"]: one["usd"]
        for one in json_lines(cost(tmp_path, *SMALL, *words, "--json"))
        if one["type"] == "cost_line" and one["path"] == "nat_gateway"
    }

    # 3 x 720 x 0.045 less a tenth; the egress of Azure is as it was
    assert lines["aws.natgw.hour.us-east-1"] == "87.48"
    whole = {
        one["price_id"]: one["usd"]
        for one in json_lines(cost(tmp_path, *SMALL, "--json"))
        if one["type"] == "cost_line" and one["path"] == "nat_gateway"
    }
    assert lines["azure.egress.mgn.eastus"] == whole["azure.egress.mgn.eastus"]


def test_shares_of_services_and_one_of_all_are_not_both_given(tmp_path: Path) -> None:
    ended = cost(tmp_path, *SMALL, "--discount", "10%", "--discount", "AmazonVPC=20%")

    assert ended.returncode == 2
    assert "`10%` is no NAME=VALUE" in ended.stderr


@pytest.mark.parametrize("flag", ["--source-gbps", "--push-gbps"])
def test_a_rate_of_nothing_is_refused(tmp_path: Path, flag: str) -> None:
    ended = cost(tmp_path, *SMALL, flag, "0")

    assert ended.returncode == 2
    assert "LF-6622" in ended.stderr
    assert "write 0.001 or more" in ended.stderr


def test_a_share_that_is_too_much_says_the_most_as_a_share(tmp_path: Path) -> None:
    assert "write at most 200 %" in cost(tmp_path, *SMALL, "--overhead", "300%").stderr


def test_what_a_choice_carries_at_most_is_said_of_the_wire(tmp_path: Path) -> None:
    told = " ".join(cost(tmp_path, *SMALL).stdout.split())

    assert "on the wire, the most that" in told
    assert "can carry in time" in told


def test_help_says_the_tolerance_as_one_types_it(tmp_path: Path) -> None:
    told = cost(tmp_path, "--help").stdout

    assert "default 1%." in told


def test_8_the_duration_at_which_the_choice_flips_is_told(tmp_path: Path) -> None:
    ended = cost(tmp_path, *WORKED)
    summary = json_lines(cost(tmp_path, *WORKED, "--json"))[-1]

    # 97,320.96 / (303.888 / 720)
    assert "their hours come to what the gateways take for these bytes at 230,582 h" in ended.stdout
    assert summary["break_even"]["hours"].startswith("230581.9")


def test_the_reason_of_the_choice_names_paths_as_the_table_does(tmp_path: Path) -> None:
    told = " ".join(cost(tmp_path, *WORKED).stdout.split())

    assert "less than the next path, pull by NAT instances, 4 times as many" in told


# ---- what a manifest leaves open

NETWORK = """\
version: 1
name: atlas
network:
  region: us-east-1
  nat: {{kind: instance, type: c7gn.large{more}}}
"""
OF_IT = ("--bytes", "2 TiB", "--days", "30", "--from", "azure:eastus")


@pytest.mark.parametrize(
    ("more", "assume", "hours"),
    [("", "", "2160"), (", count: 2", "", "1440"), ("", "cost: {assume: {zones: 2}}", "1440")],
)
def test_a_manifest_without_a_count_means_one_nat_instance_a_zone(
    tmp_path: Path, more: str, assume: str, hours: str
) -> None:
    (tmp_path / "lakeferry.yaml").write_text(NETWORK.format(more=more) + assume)
    lines = [
        one for one in json_lines(cost(tmp_path, *OF_IT, "--json")) if one["type"] == "cost_line"
    ]

    (found,) = (one for one in lines if one["price_id"] == "aws.ec2.hour.c7gn.large.us-east-1")
    assert found["quantity"] == hours


def test_a_manifest_says_whether_gateways_stand_by(tmp_path: Path) -> None:
    for standby, expected in (("gateway", True), ("instance", False), ("none", False)):
        more = f", recovery: {{standby: {standby}}}"
        (tmp_path / "lakeferry.yaml").write_text(NETWORK.format(more=more))
        lines = json_lines(cost(tmp_path, *OF_IT, "--json"))

        assert any(one.get("part") == "standby" for one in lines) == expected


@pytest.mark.parametrize("size", ["2 pib", "2.5", "2,5 PiB", "much"])
def test_a_size_that_is_none_is_told_by_units_that_are_taken(tmp_path: Path, size: str) -> None:
    ended = cost(tmp_path, "--bytes", size, *SMALL[2:])

    assert ended.returncode == 2
    assert "next: write it as in `2 PiB`, `512 MiB` or `2251799813685248`" in ended.stderr
