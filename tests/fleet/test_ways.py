"""Which limits a table's files have to pass, hour by hour."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from lakeferry.fleet.manifest.select import TableFacts
from lakeferry.fleet.manifest.wanted import Limits, Window
from lakeferry.fleet.sync.ways import Way, Ways

ORDERS = TableFacts("s3://lake/orders", "sales", "default", "orders", wave=1)
PEOPLE = TableFacts("s3://lake/people", "hr", "default", "people", wave=2)
OFFICE = Window((0, 1, 2, 3, 4), 8 * 60, 18 * 60, "UTC", path="direct-connect", bytes_per_s=250e6)
NIGHT = Window((6,), 2 * 60, 5 * 60, "UTC", is_pause=True)
MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SUNDAY_THREE = datetime(2026, 11, 29, 3, tzinfo=UTC)


def way(ways: Ways, table: TableFacts = ORDERS, route: str = "internet", at: str = "one") -> Way:
    return ways.of(table, route=route, account=at)


def rates(found: Way) -> list[float | None]:
    return [valve.tap._rate for valve in found.valves]


def test_without_limits_bytes_are_not_counted() -> None:
    ways = Ways(Limits())
    ways.turn(MONDAY_NOON)

    found = way(ways)

    assert found.throttle is None
    assert (found.is_closed, found.wait_s()) == (False, 0.0)


def test_a_window_of_a_path_limits_that_path_and_no_other() -> None:
    ways = Ways(Limits(bytes_per_s=5e9, windows=(OFFICE,)))
    ways.turn(MONDAY_NOON)

    by_line, by_internet = way(ways, route="direct-connect"), way(ways)

    assert 250e6 in rates(by_line)
    assert 250e6 not in rates(by_internet)
    assert 5e9 in rates(by_internet)
    ways.turn(MONDAY_NOON + timedelta(hours=7))
    assert 250e6 not in rates(by_line)


def test_in_a_pause_no_file_begins_until_it_ends() -> None:
    ways = Ways(Limits(windows=(NIGHT,)))
    ways.turn(SUNDAY_THREE)

    found = way(ways)

    assert (found.is_closed, found.wait_s()) == (True, math.inf)
    ways.turn(SUNDAY_THREE + timedelta(hours=2))
    assert (found.is_closed, found.wait_s()) == (False, 0.0)


def test_a_window_of_some_tables_closes_those_alone() -> None:
    ways = Ways(Limits(windows=(Window((6,), 0, 6 * 60, "UTC", select="hr", is_pause=True),)))
    ways.turn(SUNDAY_THREE)

    assert way(ways, PEOPLE).is_closed
    assert not way(ways, ORDERS).is_closed


def test_tables_of_one_account_share_its_limits() -> None:
    ways = Ways(Limits(account_requests_per_s=10, account_bytes_per_s=1e6))
    ways.turn(MONDAY_NOON)

    one, same, other = way(ways), way(ways, PEOPLE), way(ways, at="two")

    assert one.requests is same.requests
    assert one.requests is not other.requests
    assert len({id(valve) for valve in (*one.valves, *same.valves)}) == len(one.valves)


def test_every_request_to_an_account_takes_of_what_its_tables_may_ask() -> None:
    ways = Ways(Limits(account_requests_per_s=10))
    ways.turn(MONDAY_NOON)
    found, other = way(ways), way(ways, at="two")

    ways.pace_of("one")(10_000)  # listings, logs, commits: whatever a store asks

    assert 500 < found.wait_s() <= 1000
    assert other.wait_s() == 0.0


def test_bytes_that_wait_keep_the_next_file_from_beginning() -> None:
    ways = Ways(Limits(bytes_per_s=100.0))
    ways.turn(MONDAY_NOON)
    found = way(ways)
    throttle = found.throttle
    assert throttle is not None

    throttle(100_000)

    assert 500 < found.wait_s() <= 1000


def test_a_route_that_was_held_back_is_told_once() -> None:
    ways = Ways(Limits(windows=(replace(OFFICE, bytes_per_s=1000.0),)))
    ways.turn(MONDAY_NOON)
    throttle = way(ways, route="direct-connect").throttle
    way(ways)
    assert throttle is not None
    routes = ("direct-connect", "internet")

    throttle(10)
    at_once = ways.held_back(routes)
    throttle(1)

    assert at_once == frozenset()
    assert ways.held_back(routes) == {"direct-connect"}
    assert ways.held_back(routes) == frozenset()
