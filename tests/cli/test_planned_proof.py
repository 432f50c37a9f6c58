"""`monitor plan --prove`: what is planned, over the shared scenario whose truth is known."""

from dataclasses import replace
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest

from lakeferry.cli.monitor.planned_proof import prove_planned
from lakeferry.cli.render import TextScreen
from lakeferry.connect.aws import AwsAccess
from lakeferry.errors import FerryError
from lakeferry.monitor.plan import provision_plan
from lakeferry.monitor.run import ProvisionReport
from lakeferry.monitor.settings import EndpointWish, FlowLogWish
from lakeferry.monitor.wanted.desired import desired
from tests.cli.test_monitor_plan_answers import report
from tests.corpora import FLOWLOGS, required
from tests.monitor.wishes import bare, full
from tests.network.test_rule_set import CUSTOM

SCENARIO = FLOWLOGS / "sample"


@pytest.fixture(autouse=True)
def no_limit_of_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are told whole: pytest-xdist says COLUMNS."""
    monkeypatch.delenv("COLUMNS", raising=False)


def proven(capsys: pytest.CaptureFixture[str], place: str, **chosen: Any) -> tuple[bool, list[str]]:
    """Whether all rules fit, and what was said; the planned format is the scenario's."""
    made = report(**{"flow_logs": FlowLogWish(fields=CUSTOM), **chosen})
    screen = TextScreen(quiet=False, verbose=False, progress="none")
    fits = prove_planned(made, place, AwsAccess("us-east-1"), screen=screen, stop=Flag())
    return fits, capsys.readouterr().out.splitlines()


def test_every_planned_rule_matches_the_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    fits, lines = proven(capsys, str(required(SCENARIO / "custom")))

    assert fits
    assert lines[0].startswith("  ✓ 17 of 17 rules match in 5,146 events of ")
    assert any("alarm lakeferry-m1.s3-through-nat would have fired" in line for line in lines)


def test_logs_of_version_2_do_not_fit_and_each_lack_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fits, lines = proven(capsys, str(required(SCENARIO / "v2")))

    assert not fits
    assert lines[0].startswith("  ▲ 5 of 17 rules match in 5,146 events of ")
    (leak,) = [line for line in lines if "lakeferry-m1.leak-up" in line]
    assert "FieldNotInFormat: the format has 14 fields and no position 19" in leak
    assert leak.endswith("and 2 more")


def test_logs_that_are_not_there_are_an_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(FerryError) as refused:
        proven(capsys, str(tmp_path / "nowhere"))

    assert refused.value.code == "LF-6205"


def test_planned_rules_are_proven_on_a_generated_log_where_none_exists_yet(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fits, lines = proven(capsys, "generated:")

    assert fits
    assert lines[0].startswith("  ✓ 17 of 17 rules match in ")
    assert any("alarm lakeferry-m1.s3-through-nat would have fired" in line for line in lines)


def test_a_gateway_that_is_only_wanted_carries_bytes_in_a_generated_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    network = replace(bare(), paths=tuple(p for p in bare().paths if p.kind != "s3_gateway"))
    wish = full(endpoints=(EndpointWish("s3", "gateway"),))
    shall = desired(network, wish)
    made = provision_plan(shall.resources, (), wish)
    planned = ProvisionReport(network, wish, shall, made, ())
    screen = TextScreen(quiet=False, verbose=False, progress="none")

    prove_planned(planned, "generated:", AwsAccess("us-east-1"), screen=screen, stop=Flag())

    lines = capsys.readouterr().out.splitlines()
    assert any("s3-gateway-up" in one.name for one in shall.rules.rules)
    assert not [line for line in lines if "matches nothing" in line]


def test_logs_in_s3_are_read_where_and_as_whom_aws_is_met() -> None:
    made = report(flow_logs=FlowLogWish(fields=CUSTOM))
    nobody = AwsAccess("us-east-1", profile="nobody")
    screen = TextScreen(quiet=False, verbose=False, progress="none")

    with pytest.raises(FerryError, match="the AWS profile does not exist"):
        prove_planned(made, "s3://flow/AWSLogs", nobody, screen=screen, stop=Flag())
