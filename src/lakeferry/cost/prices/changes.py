"""What a new file of prices changes of the prices in use, price by price. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from lakeferry.cost.path.money import exact
from lakeferry.cost.prices.terms import shown
from lakeferry.cost.prices.values import Price, PriceBook

Kind = Literal["new", "higher", "lower", "other", "same"]


@dataclass(frozen=True, slots=True)
class Change:
    """One price before and after."""

    before: Price | None  # None: it was not known
    after: Price

    @property
    def kind(self) -> Kind:
        """`other` where some tiers rise and some fall, or their cuts move, or a figure goes."""
        before = self.before.tiers if self.before else None
        after = self.after.tiers
        if before == after:
            return "same"
        if before is None:
            return "new"
        if after is None or [one.start for one in before] != [one.start for one in after]:
            return "other"
        signs = {_sign(new.usd - old.usd) for old, new in zip(before, after, strict=True)} - {0}
        return "other" if len(signs) > 1 else "higher" if signs == {1} else "lower"

    def __str__(self) -> str:
        before = shown(self.before.tiers) if self.before else "not known"
        return f"{self.after.id}: {before} -> {shown(self.after.tiers)}{self._share()}"

    @exact()
    def _share(self) -> str:
        """By how much the last tier, at which a petabyte is paid, moves."""
        old, new = self.before and self.before.last_usd, self.after.last_usd
        if not old or new is None or self.kind == "same":
            return ""
        return f" ({(new - old) / old:+.1%})"


def changes(before: PriceBook, after: PriceBook) -> tuple[Change, ...]:
    """Every price of `after` beside the one it takes the place of, by id; the same ones too."""
    old = dict(_each(before))
    return tuple(Change(old.get(id), new) for id, new in sorted(_each(after)))


def counted(found: Iterable[Change]) -> Mapping[Kind, int]:
    """How many there are of each kind, none left out."""
    kinds = [one.kind for one in found]
    order: tuple[Kind, ...] = ("new", "higher", "lower", "other", "same")
    return {kind: kinds.count(kind) for kind in order}


def _each(book: PriceBook) -> Iterator[tuple[str, Price]]:
    yield from book.prices.items()
    for kind in book.instance_types.values():
        yield from ((one.id, one) for one in kind.hourly.values())


def _sign(value: Decimal) -> int:
    return (value > 0) - (value < 0)
