"""What `config prices` does: show prices, or import them into a new file."""

from collections.abc import Sequence
from datetime import UTC, datetime

from lakeferry.cli.columns import screen_width
from lakeferry.cli.config.price_answers import (
    change_bodies,
    change_lines,
    change_summary,
    each_price,
    price_body,
    price_lines,
)
from lakeferry.cli.patience import patient
from lakeferry.cli.render import Screen
from lakeferry.cost.prices.price_import import PriceRequest, book_in_use, import_prices
from lakeferry.errors import FerryError

OK = 0


def show(request: PriceRequest, words: Sequence[str], *, screen: Screen) -> int:
    """The prices in use whose id has every word in it."""
    book = book_in_use(request.prices)
    regions = {*request.aws_regions, *request.azure_regions}
    found = [
        one
        for one in each_price(book)
        if all(word in one.id for word in words)
        and (not regions or one.region in regions)
        and (not request.services or one.service in request.services)
    ]
    if not found:
        raise FerryError(
            "LF-2001",
            "no price is of that kind",
            f"{' '.join(words) or 'on the command line'}: {len(list(each_price(book)))} prices "
            "are known",
            "leave words out; without any, every price is shown",
        )
    for one in found:
        screen.result([], price_body(one))
    screen.result(price_lines(found, book, screen_width()), {"prices": len(found)})
    return OK


def take(request: PriceRequest, *, screen: Screen) -> int:
    """Import, and say what changes."""
    with patient(screen) as emit:
        report = import_prices(request, datetime.now(UTC).date(), emit)
    for body in change_bodies(report):
        screen.result([], body)
    screen.result(change_lines(report, screen_width()), change_summary(report))
    return OK
