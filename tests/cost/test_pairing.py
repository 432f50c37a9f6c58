"""Interfaces find their gateways by their bytes, or stay unknown: nothing is guessed."""

from decimal import Decimal

from lakeferry.cost.bill.pairing import pair

PERCENT = Decimal("0.01")
RISING, FALLING = {0: 100, 1: 200, 2: 300}, {0: 300, 1: 200, 2: 100}


def test_series_that_agree_belong_together() -> None:
    found = pair(
        {"eni-1": RISING, "eni-2": FALLING},
        {"nat-a": FALLING, "nat-b": {0: 100, 1: 201, 2: 300}},
        {},
        tolerance=PERCENT,
    )

    assert found.path_of == {"eni-1": "nat-b", "eni-2": "nat-a"}
    assert (found.by_bytes, found.unknown) == (("eni-1", "eni-2"), ())


def test_a_gap_in_less_than_half_of_the_hours_does_not_part_them() -> None:
    found = pair(
        {"eni-1": {0: 100, 1: 200, 2: 5}, "eni-2": FALLING},
        {"nat-a": FALLING, "nat-b": RISING},
        {},
        tolerance=PERCENT,
    )

    assert found.path_of["eni-1"] == "nat-b"


def test_gateways_of_equal_load_are_not_told_apart() -> None:
    found = pair(
        {"eni-1": RISING, "eni-2": RISING},
        {"nat-a": RISING, "nat-b": RISING},
        {},
        tolerance=PERCENT,
    )

    assert (found.path_of, found.unknown) == ({}, ("eni-1", "eni-2"))


def test_two_interfaces_that_fit_one_gateway_stay_unknown() -> None:
    found = pair(
        {"eni-1": RISING, "eni-2": RISING},
        {"nat-a": RISING, "nat-b": FALLING},
        {},
        tolerance=PERCENT,
    )

    assert found.unknown == ("eni-1", "eni-2")


def test_what_is_given_wins_over_the_bytes() -> None:
    found = pair(
        {"eni-1": RISING, "eni-2": FALLING},
        {"nat-a": FALLING, "nat-b": RISING},
        {"eni-1": "nat-a", "eni-2": "nat-b"},
        tolerance=PERCENT,
    )

    assert found.path_of == {"eni-1": "nat-a", "eni-2": "nat-b"}
    assert found.by_bytes == ()


def test_a_single_interface_is_that_of_a_single_path() -> None:
    found = pair({"eni-1": {0: 1}}, {"nat-a": RISING}, {}, tolerance=PERCENT)

    assert found.path_of == {"eni-1": "nat-a"}


def test_what_is_not_named_as_an_interface_is_a_path_itself() -> None:
    found = pair({"i-1": RISING}, {"nat-a": RISING}, {}, tolerance=PERCENT)

    assert found.path_of == {"i-1": "i-1"}
