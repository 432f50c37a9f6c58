"""`lakeferry.cost` in Python: the same keys, exact dollars, values that show well."""

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import lakeferry
from lakeferry.cost.path.money import exact_text
from lakeferry.cost.plan.cost_report import CostReport
from lakeferry.cost.run import CostRequest, cost_of
from lakeferry.errors import FerryError
from lakeferry.network.resources import PlannedFlow

WORKED: dict[str, Any] = {
    "bytes": "2 PiB",
    "files": 16_777_216,
    "days": 30,
    "from": "azure:eastus",
    "to": "aws:us-east-1",
    "overhead": "3.125%",
    "workers": "c6in.4xlarge:6",
    "nat_instances": "c7gn.large:3",
    "log_records": 10**9,
    "rules": 6,
    "alarms": 12,
    "dashboards": 1,
}


@pytest.fixture(scope="module")
def worked() -> CostReport:
    return lakeferry.cost(WORKED)


def test_the_worked_example_comes_out_of_python_to_the_last_digit(worked: CostReport) -> None:
    gateway, instances = worked.route("nat_gateway"), worked.route("nat_instance")

    assert exact_text(gateway.quote.total) == "210737.2827158819305419921875"
    assert exact_text(instances.quote.total) == "113720.2107158819305419921875"
    assert worked.totals["pull by nat_gateway"] == gateway.quote.total


def test_keywords_are_laid_upon_a_plan_and_say_source_and_target(worked: CostReport) -> None:
    half = lakeferry.cost(WORKED, days=15, source="azure:westeurope", target="aws:us-east-1")

    assert half.plan.span.hours == 360
    assert half.migration is not None
    assert half.migration.source.region == "westeurope"
    assert worked.plan.span.hours == 720


def test_values_of_python_are_taken_as_they_are_meant() -> None:
    found = lakeferry.cost(
        bytes=2**51, days=Decimal("30"), source="azure:eastus", target="aws:us-east-1",
        start=date(2026, 11, 16), overhead=0.03, with_storage=True, policy=["no-public-ip"],
        files=None, price={"azure.blob.read.eastus": "0.0000005"},
        used={"azure.egress.mgn.eastus": 2**50},
    )  # fmt: skip

    assert found.migration is not None
    assert found.migration.overhead == Decimal("0.03")
    assert [part.month for part in found.plan.span.parts] == ["2026-11", "2026-12"]
    assert found.route("nat_gateway").quote.of("storage") > 0
    assert found.taken is not None
    assert found.taken.path != "internet_gateway"


def test_a_plan_is_read_from_a_file_by_name_or_path(tmp_path: Path, worked: CostReport) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(WORKED))

    assert lakeferry.cost(file).totals == worked.totals
    assert lakeferry.cost(str(file)).totals == worked.totals


def test_what_a_plan_will_send_over_the_network_is_priced() -> None:
    flows = [PlannedFlow("nat_gateway", 2**51, 720 * 3600), PlannedFlow("s3_gateway", 2**51, 60)]
    found = lakeferry.cost(flows, source="azure:eastus", target="aws:us-east-1")

    assert found.migration is not None
    assert (found.migration.bytes, found.plan.span.hours) == (2**51, 720)
    assert found.migration.s3_endpoint


def test_bytes_that_are_written_by_an_interface_endpoint_pass_no_gateway_endpoint() -> None:
    flows = [PlannedFlow("nat_instance", 2**40, 3600), PlannedFlow("s3_interface", 2**40, 60)]
    found = lakeferry.cost(flows, source="azure:eastus", target="aws:us-east-1")

    assert found.migration is not None
    assert not found.migration.s3_endpoint


def test_everything_wrong_is_raised_at_once_with_the_keyword_it_is_about() -> None:
    with pytest.raises(ExceptionGroup, match="the plan is wrong") as raised:
        lakeferry.cost(bytes="2 PB", days=-1, source="azure:eastus", target="aws:us-east-1")

    errors = [one for one in raised.value.exceptions if isinstance(one, FerryError)]
    assert [one.code for one in errors] == ["LF-2011", "LF-6622"]
    assert errors[0].what.startswith("bytes  bytes: `2 PB`")


def test_an_unknown_region_is_one_error() -> None:
    with pytest.raises(FerryError, match="LF-6501"):
        lakeferry.cost(WORKED, target="aws:us-est-1")


def test_a_report_prints_as_a_table_and_shows_as_one_in_a_notebook(worked: CostReport) -> None:
    text = str(worked)

    assert "pull by 3 x NAT gateway" in text
    assert "210,737.28" in text
    html = worked._repr_html_()
    assert html.startswith("<table>")
    assert "113,720.21" in html


def test_a_report_is_a_value(worked: CostReport) -> None:
    with pytest.raises(FrozenInstanceError):
        worked.taken = None  # type: ignore[misc]


def test_a_route_that_does_not_lead_there_is_a_key_error(worked: CostReport) -> None:
    with pytest.raises(KeyError):
        worked.route("direct_connect")


def test_prices_are_old_by_the_day_that_is_asked() -> None:
    keys = [(key, key, value) for key, value in WORKED.items()]
    then = cost_of(CostRequest(keys=keys), today=date(2026, 7, 27))
    now = cost_of(CostRequest(keys=keys), today=date(2027, 7, 27))

    natgw = "aws.natgw.gb.us-east-1: as of 2026-08-17, 344 days old"
    assert natgw not in then.doubts
    assert natgw in now.doubts


def test_days_to_a_start_are_counted_from_today() -> None:
    keys = [(key, key, value) for key, value in {**WORKED, "start": "2026-12-01"}.items()]

    def remark(today: date) -> str:
        return cost_of(CostRequest(keys=keys), today=today).route("expressroute").remark

    assert remark(date(2026, 11, 26)).startswith("it takes 45 days to get, and there are 5")
    assert not remark(date(2026, 10, 1)).startswith("it takes")


def test_a_package_and_a_function_of_one_name_get_along() -> None:
    program = (
        "import lakeferry\n"
        "plan = dict(bytes='1 TiB', days=30, source='azure:eastus', target='aws:us-east-1')\n"
        "first, again = lakeferry.cost(plan), lakeferry.cost(**plan)\n"
        "from lakeferry.cost.path.money import cents\n"
        "print(callable(lakeferry.cost), first.totals == again.totals)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert (ended.stdout, ended.stderr) == ("True True\n", "")
