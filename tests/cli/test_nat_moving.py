"""`monitor failover | failback` as they are typed."""

from pathlib import Path

import pytest

from lakeferry.connect.aws import AwsAccess
from tests.cli.program import Ended, json_lines
from tests.cli.test_monitor import monitor
from tests.flows.test_provision_nat import ZONES, Site, interface, made_site, target

pytestmark = pytest.mark.server
WISH = ("--name", "m1", "--rule", "rejected", "--nat", "instance", "--nat-type", "c7gn.large")


@pytest.fixture
def site(moto_access: AwsAccess) -> Site:
    return made_site(moto_access)


def typed(access: AwsAccess, folder: Path, site: Site, *words: str) -> Ended:
    return monitor(access, folder, words[0], "--vpc", site.vpc, *WISH, *words[1:])


def test_a_rehearsal_goes_over_and_back(moto_access: AwsAccess, site: Site, tmp_path: Path) -> None:
    made = typed(moto_access, tmp_path, site, "apply", "--yes", "--allow", "routes")
    assert made.returncode == 0
    homes = [interface(moto_access, zone)["NetworkInterfaceId"] for zone in ZONES]

    over = typed(moto_access, tmp_path, site, "failover", "--yes")

    assert over.returncode == 0
    assert f"{site.tables[0]}  {homes[0]} -> {site.gateway}" in over.stdout
    drifted = typed(moto_access, tmp_path, site, "plan")
    assert drifted.returncode == 3
    assert "default route" in drifted.stdout

    refused = typed(moto_access, tmp_path, site, "failback")  # nobody can be asked
    assert (refused.returncode, "LF-2003" in refused.stderr) == (2, True)
    assert target(moto_access, site.tables[0]) == site.gateway

    back = typed(moto_access, tmp_path, site, "failback", "--yes", "--json")

    *_, summary = json_lines(back)
    assert (summary["cmd"], summary["exit"], summary["direction"]) == (
        "monitor failback",
        0,
        "back",
    )
    assert {one["route_table"] for one in summary["moved"]} == set(site.tables)
    assert {one["after"] for one in summary["moved"]} == set(homes)
    assert all(one["seconds"] < 30 for one in summary["moved"])
    assert [target(moto_access, one) for one in site.tables] == homes
    again = typed(moto_access, tmp_path, site, "failback", "--yes")
    assert "nothing to move" in again.stdout
    assert typed(moto_access, tmp_path, site, "plan").returncode == 0


def test_without_instances_it_says_what_to_do(
    moto_access: AwsAccess, site: Site, tmp_path: Path
) -> None:
    refused = typed(moto_access, tmp_path, site, "failback", "--yes")

    assert refused.returncode == 2
    assert "LF-6435" in refused.stderr
    assert "lakeferry monitor apply" in refused.stderr


def test_a_plan_shows_the_way_in_order_and_its_dollars(
    moto_access: AwsAccess, site: Site, tmp_path: Path
) -> None:
    planned = ("--planned-bytes", "100 TiB", "--planned-days", "30")

    shown = typed(moto_access, tmp_path, site, "plan", *planned)
    told = json_lines(typed(moto_access, tmp_path, site, "plan", *planned, "--json"))

    assert "from NAT gateways to instances, in this order:" in shown.stdout
    assert "saved by instances" in " ".join(shown.stdout.split())
    way = next(one["migration"] for one in told if "migration" in one)
    assert [one["name"] for one in way["steps"]][:4] == [
        "s3-endpoint", "instances", "drain", "move",
    ]  # fmt: skip
    assert float(way["usd_a_month"]["saved_by_instances"]) > 4000  # 100 TiB at $0.045 a GB
    assert way["way_back"][0]["command"] == "lakeferry monitor failover"
