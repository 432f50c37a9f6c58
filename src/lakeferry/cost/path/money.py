"""Money as exact decimals: the context they are reckoned in, and rounding once, at the very end.

A sum of dollars is the sum of exact products of bytes and prices. 2^60 bytes in GB of 2^30 have
up to 40 digits and a price up to 12, so what is reckoned here is exact, not merely precise; only
a division (a break-even) is ever rounded, in its last digit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

DIGITS = 80

_CONTEXT = Context(prec=DIGITS, rounding=ROUND_HALF_EVEN)
_CENT = Decimal("0.01")
_FARTHEST = 30  # powers of ten, up and down, of anything that is bought


@contextmanager
def exact() -> Iterator[None]:
    """Reckon in `DIGITS` digits inside this block, or inside the function that it decorates.

    Python's own context has 28 digits, too few for a petabyte's bill to the last digit. Whatever
    adds or compares dollars of this room elsewhere does it inside this block.
    """
    with localcontext(_CONTEXT):
        yield


@exact()
def cents(usd: Decimal) -> Decimal:
    """Round to two places, half to even. Once per figure that is shown, never before."""
    return usd.quantize(_CENT)


def dollars(usd: Decimal) -> str:
    """A figure for people: `1,234.50`, rounded here and only here."""
    return f"{cents(usd):,}"


@exact()
def exact_text(value: Decimal) -> str:
    """Every digit, without exponent and without zeros at the end: `0.1125`, `94371.84`, `3`."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def exact_or_none(value: Decimal | None) -> str | None:
    """As `exact_text`; None where the amount is not known."""
    return None if value is None else exact_text(value)


def plain(value: Decimal) -> Decimal:
    """The value itself; ValueError where it is no amount that anybody means.

    `1e9999999` is a valid decimal of a few bytes, and ten megabytes long once it is written out.
    """
    if not value.is_finite():
        raise ValueError(f"'{value}' is no amount")
    if value and not -_FARTHEST <= value.adjusted() <= _FARTHEST:
        raise ValueError(f"{value:E} is no amount that can be meant")
    if not -2 * _FARTHEST <= int(value.as_tuple().exponent) <= _FARTHEST:
        raise ValueError(f"{value:E} has more digits than can be meant")
    return value
