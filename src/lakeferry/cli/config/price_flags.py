"""The flags of `config prices`: which lists to read, what of them, and where it goes."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from lakeferry.cli.flag_types import Many
from lakeferry.cli.mirrored import mirrored
from lakeferry.errors import FerryError

if TYPE_CHECKING:
    from lakeferry.cost.prices.price_import import PriceRequest

_LISTS, _OFF = Group("Lists to import"), Group("What an agreement takes off")


@Parameter(name="*", group=_LISTS)
@dataclass(frozen=True)
class ListFlags:
    """Where prices are imported from."""

    aws: Annotated[
        Many,
        Parameter(negative="", help="AWS price list (index.json): a file or address."),
    ] = None
    azure: Annotated[
        Many,
        Parameter(
            negative="",
            help="Answer of the Azure Retail Prices API: its pages as files, or its address.",
        ),
    ] = None
    refresh: Annotated[
        bool, Parameter(negative="", help="Fetch the public lists of each --region.")
    ] = False
    without: Annotated[
        Many, Parameter(negative="", help="Id that is not imported, as one that is ambiguous.")
    ] = None
    aws_prices_url: Annotated[
        str | None, mirrored("--aws-prices-url", help="A mirror in place of AWS's own address.")
    ] = None
    azure_prices_url: Annotated[
        str | None, mirrored("--azure-prices-url", help="The same for Azure's.")
    ] = None


@Parameter(name="*", group=_OFF)
@dataclass(frozen=True)
class AgreementFlags:
    """What is agreed with AWS."""

    discount: Annotated[
        Many, Parameter(negative="", help="Private rate of a service, such as AmazonEC2=10%.")
    ] = None
    savings_plan: Annotated[
        Many, Parameter(negative="", help="Savings plan of a family, such as c7gn=28%.")
    ] = None


NO_LISTS, NO_AGREEMENT = ListFlags(), AgreementFlags()


def is_import(lists: ListFlags, terms: AgreementFlags) -> bool:
    """Whether anything is to be imported or changed; else prices are shown."""
    return bool(lists.aws or lists.azure or lists.refresh or terms.discount or terms.savings_plan)


def price_request(
    lists: ListFlags,
    terms: AgreementFlags,
    *,
    region: Many,
    service: Many,
    prices: str | None,
    out: str | None,
) -> "PriceRequest":
    """Raises LF-2001 for a flag that cannot be meant."""
    from lakeferry.cost.prices.discounts import Agreement
    from lakeferry.cost.prices.places import AWS_ENDPOINT, AZURE_ENDPOINT, split_region
    from lakeferry.cost.prices.price_import import PriceRequest

    chosen = [split_region(one) for one in region or ()]
    return PriceRequest(
        aws=tuple(lists.aws or ()),
        azure=tuple(lists.azure or ()),
        refresh=lists.refresh,
        aws_regions=tuple(one for cloud, one in chosen if cloud == "aws"),
        azure_regions=tuple(one for cloud, one in chosen if cloud == "azure"),
        services=tuple(service or ()),
        without=tuple(lists.without or ()),
        agreement=Agreement(
            _fractions("--discount", terms.discount),
            _fractions("--savings-plan", terms.savings_plan),
        ),
        prices=prices,
        out=out,
        aws_endpoint=lists.aws_prices_url or AWS_ENDPOINT,
        azure_endpoint=lists.azure_prices_url or AZURE_ENDPOINT,
    )


def _fractions(flag: str, given: Many) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for text in given or ():
        name, _, share = text.partition("=")
        try:
            number = Decimal(share.removesuffix("%"))
        except InvalidOperation:
            number = Decimal("NaN")
        if share.endswith("%"):
            number /= 100
        if not name or not number.is_finite() or name in found:
            why = (
                "it stands there twice"
                if name in found
                else "write NAME=FRACTION, such as c7gn=0.28"
            )
            raise FerryError(
                "LF-2001", f"{flag} `{text}` is no discount", "on the command line", why
            )
        found[name] = number
    return found
