"""A plan of many tables as people read it, at every width."""

from decimal import Decimal

import pytest

from lakeferry.cli.fleet.plan_answers import Shown, plan_body, plan_lines
from lakeferry.fleet.planning.planned import FleetPlan, Priced
from lakeferry.fleet.standing.time_left import Left
from tests.fleet.plans import line, plan_of

TB = 10**12
COLD = "cold.warehouse_of_the_third_site.measurements_by_hour_and_place"


@pytest.fixture
def plan() -> FleetPlan:
    """Two routes, six kinds of actions, one job that writes into two waves."""
    return plan_of(
        line("events.default.clicks", bytes=50 * TB, files=400_000, requests=3_000_000,
             job="job 8812"),
        line("legal.default.cases", action="blocked", code="LF-4102", live_bytes=23 * TB,
             why="412 files of version 8812 are gone", next_step="lakeferry sync -s legal.**"),
        line("sales.eu.a", action="keep"),
        line("sales.eu.b", action="drifted", code="LF-4105"),
        line("sales.eu.c", action="decide", code="LF-5002"),
        line(COLD, route="direct-connect", action="increment", held_version=3, bytes=2 * TB,
             files=41_207, added=38_900, removed=2307, job="job 8812", wave=2, retention_s=3600),
        left={"internet": Left(316_800, 345_600, 374_400),
              "direct-connect": Left(255_600, 300_000, 334_800)},
        priced={
            "internet": Priced("nat_gateway", Decimal("22626.10"), "nat_instance", Decimal("367"),
                               at_least=True),
            "direct-connect": Priced("direct_connect", Decimal("207")),
        },
    )  # fmt: skip


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("explains", [False, True])
def test_no_line_is_wider_than_the_screen_but_for_a_name(
    plan: FleetPlan, width: int, explains: bool
) -> None:
    lines = plan_lines(plan, Shown(width=width, explains=explains, file="a.lfp", file_bytes=4100))

    assert [text for text in lines if len(text) > max(width, len(COLD) + 6)] == []
    assert any("50.0 TB" in text for text in lines)


def test_sums_signs_and_exceptions_are_told(plan: FleetPlan) -> None:
    text = "\n".join(plan_lines(plan, Shown()))

    for told in (
        "Wave 1   3 sources, 5 tables",
        "time, as seen in 48h  ",
        "+  first copy  1 table  50.0 TB  400,000 files",
        "(+38,900 added, 2,307 removed)",
        "412 files of version 8812 are gone",
        "next: lakeferry sync -s legal.**",
        f"files of 1 table may be vacuumed before they are read: {COLD}",
        f"job 8812 writes tables of waves 1, 2: events.default.clicks, {COLD}",
        "internet -> NAT gateway",
        "≥ $22,626.10  ≥ $367.00 by NAT instances",
        "≥ $22,833.10",
    ):
        assert told in text


def test_above_twenty_tables_only_exceptions_are_named() -> None:
    many = [line(f"sales.eu.t{number:02}") for number in range(20)]
    plan = plan_of(*many, line("sales.eu.x", action="blocked", code="LF-3001"))

    few, all_of_them = plan_lines(plan, Shown()), plan_lines(plan, Shown(is_verbose=True))

    assert not any("sales.eu.t07" in text for text in few)
    assert any("sales.eu.x LF-3001" in text for text in few)
    assert any("sales.eu.t07" in text for text in all_of_them)


def test_what_is_not_known_is_a_dash_and_null(plan: FleetPlan) -> None:
    unknown = plan_of(*plan.tables, left={}, basis="", priced={})

    lines = plan_lines(unknown, Shown())
    body = plan_body(unknown, Shown())

    assert any(text.endswith("–     –") for text in lines)
    assert (body["left_s"], body["usd"]) == (None, None)
    assert "No time is told before something was moved" in "\n".join(lines)


def test_a_plan_in_which_nothing_moves_says_so() -> None:
    lines = plan_lines(plan_of(line(action="keep")), Shown())

    assert "  nothing is left to move" in lines


def test_what_cannot_move_is_not_taken_for_moved() -> None:
    lines = plan_lines(plan_of(line(action="blocked", code="LF-1003")), Shown())

    assert "  nothing moves as it is: 1 table to look at" in lines


def test_kinds_that_are_not_moved_are_counted() -> None:
    text = "\n".join(plan_lines(plan_of(line()), Shown(left_out={"iceberg": 2})))

    assert "2 tables of kind iceberg are listed by `lakeferry discover` alone" in text
