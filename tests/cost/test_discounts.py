"""Agreed prices, cost.md section 1.11: by service and by family, never by silence."""

from decimal import Decimal

import pytest

from lakeferry.cost.path.migration import NatInstances
from lakeferry.cost.path.paths import nat_gateway, nat_instance
from lakeferry.cost.path.span import of_hours
from lakeferry.cost.prices.discounts import Agreement, agreed
from lakeferry.errors import FerryError
from tests.cost.plans import BOOK, PIB, US

PLAN = agreed(BOOK, Agreement(savings_plans={"c7gn": Decimal("0.28")}))


def test_1_11_a_savings_plan_of_28_percent() -> None:
    (listed, *_) = nat_instance(BOOK, US, NatInstances("c7gn.large"), of_hours(30 * 24))
    (planned, *others) = nat_instance(PLAN, US, NatInstances("c7gn.large"), of_hours(30 * 24))

    assert (listed.usd, planned.usd) == (Decimal("269.568"), Decimal("194.08896"))
    assert [line.usd for line in others] == [Decimal("10.80"), Decimal("1.92")]


def test_a_savings_plan_is_of_one_family() -> None:
    assert PLAN.hourly("c6gn.large", US) == BOOK.hourly("c6gn.large", US)


def test_a_line_at_an_agreed_price_says_so() -> None:
    (planned, *_) = nat_instance(PLAN, US, NatInstances("c7gn.large"), of_hours(30 * 24))

    assert planned.source.endswith("savings plan of 28% off")


def test_a_private_rate_is_of_one_service_and_leaves_every_tier_a_tier() -> None:
    book = agreed(BOOK, Agreement(services={"AmazonEC2": Decimal("0.1")}))
    hours, address, processed = nat_gateway(book, US, 3, of_hours(30 * 24), [2 * PIB])

    assert hours.usd == Decimal("87.48")
    assert address.usd == Decimal("10.80")  # AmazonVPC
    assert processed.usd == Decimal("84934.656")


def test_what_has_no_price_is_unpriced_at_any_discount() -> None:
    book = agreed(BOOK, Agreement(services={"ExpressRoute": Decimal("0.5")}))

    assert book.at("azure.er.circuit").tiers is None


@pytest.mark.parametrize(
    ("terms", "where"),
    [
        (Agreement(services={"AmazonEc2": Decimal("0.1")}), "nearest: AmazonEC2"),
        (Agreement(savings_plans={"c7g.large": Decimal("0.1")}), "nearest: c7g"),
        (Agreement(services={"AmazonEC2": Decimal(28)}), "write 28 % as 0.28"),
        (Agreement(savings_plans={"c7gn": Decimal("-0.1")}), "not from 0 to 1"),
    ],
)
def test_a_discount_that_would_do_nothing_or_harm_is_refused(terms: Agreement, where: str) -> None:
    with pytest.raises(FerryError) as error:
        agreed(BOOK, terms)

    assert (error.value.code, error.value.exit_code) == ("LF-6507", 2)
    assert where in error.value.where


def test_a_share_that_is_off_already_is_not_taken_off_again() -> None:
    rate = Agreement(services={"AmazonEC2": Decimal("0.1")})

    for book, terms in (
        (PLAN, Agreement(savings_plans={"c7gn": Decimal("0.28")})),
        (agreed(BOOK, rate), rate),
    ):
        with pytest.raises(FerryError, match="in the file of prices already") as error:
            agreed(book, terms)
        assert error.value.code == "LF-6507"


def test_a_private_rate_leaves_prices_of_a_savings_plan_as_they_are() -> None:
    both = agreed(PLAN, Agreement(services={"AmazonEC2": Decimal("0.1")}))

    assert both.hourly("c7gn.large", US) == PLAN.hourly("c7gn.large", US)
    assert both.hourly("c6gn.large", US).last_usd == Decimal("0.07776")  # 0.0864 less a tenth
