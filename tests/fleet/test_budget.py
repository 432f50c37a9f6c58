"""What ends a run before all is done."""

from decimal import Decimal

from lakeferry.fleet.sync.budget import Budget, Spent, used_up


def test_without_a_limit_nothing_ends_a_run() -> None:
    assert used_up(Budget(), Spent(10**18, Decimal(10**6), 1, 10**6), now_s=10**12) is None


def test_each_limit_ends_it_when_it_is_reached() -> None:
    assert used_up(Budget(bytes=100), Spent(99), now_s=0) is None
    assert used_up(Budget(bytes=100), Spent(100), now_s=0) == (
        "100 bytes have moved, and this run may move 100"
    )
    assert used_up(Budget(usd=Decimal(20)), Spent(usd=Decimal("20.004")), now_s=0) == (
        "$20.00 are spent, and this run may spend $20.00"
    )
    assert used_up(Budget(until_s=6 * 3600), Spent(), now_s=6 * 3600) == (
        "it is 06:00 UTC, when this run was to end"
    )


def test_a_share_of_errors_counts_from_a_hundred_tries_on() -> None:
    budget = Budget(error_share=0.01)

    assert used_up(budget, Spent(files=50, errors=40), now_s=0) is None
    assert used_up(budget, Spent(files=99, errors=1), now_s=0) is None
    assert used_up(budget, Spent(files=97, errors=3), now_s=0) == (
        "3 of 100 tries failed, more than 1.0%"
    )


def test_dollars_that_are_not_known_end_nothing() -> None:
    assert used_up(Budget(usd=Decimal(1)), Spent(usd=None), now_s=0) is None
