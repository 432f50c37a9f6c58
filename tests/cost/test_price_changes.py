"""Imported prices: a new file, what it changes, and the old one kept (trap 8 of section 10)."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from lakeferry.cost.prices.changes import Change, changes, counted
from lakeferry.cost.prices.price_file import read_book
from lakeferry.cost.prices.price_writing import write_new, written
from lakeferry.cost.prices.values import Price, PriceBook, Tier
from lakeferry.errors import FerryError
from tests.cost.plans import BOOK, US

NAT = BOOK.at(f"aws.natgw.gb.{US}")
OUT = BOOK.at(f"aws.egress.internet.{US}")


def at(price: Price, *usd: str) -> Price:
    """The price with other dollars in its tiers."""
    tiers = zip(price.tiers or (), usd, strict=True)
    return replace(price, tiers=tuple(replace(one, usd=Decimal(new)) for one, new in tiers))


def changed(before: Price, after: Price) -> Change:
    (found,) = changes(PriceBook({before.id: before}), PriceBook({after.id: after}))
    return found


def test_trap_8_a_new_file_is_written_and_the_old_one_is_kept(tmp_path: Path) -> None:
    new, old = tmp_path / "new.json", tmp_path / "old.json"
    old.write_bytes(b"as it was")

    write_new(new, written(BOOK))
    with pytest.raises(FerryError) as error:
        write_new(old, written(BOOK))

    assert (error.value.code, error.value.exit_code) == ("LF-6543", 2)
    assert old.read_bytes() == b"as it was"
    assert read_book(new.read_bytes(), "new.json").prices == BOOK.prices


def test_the_own_book_is_written_as_it_is_read_with_every_price_and_type() -> None:
    assert read_book(written(BOOK), "again.json") == BOOK


def test_a_changed_price_shows_both_figures_and_the_share() -> None:
    assert str(changed(NAT, at(NAT, "0.05"))) == ("aws.natgw.gb.us-east-1: 0.045 -> 0.05 (+11.1%)")
    assert str(changed(OUT, at(OUT, "0.09", "0.085", "0.07", "0.04"))) == (
        "aws.egress.internet.us-east-1: "
        "0.09, from 10240 0.085, from 51200 0.07, from 153600 0.05 -> "
        "0.09, from 10240 0.085, from 51200 0.07, from 153600 0.04 (-20.0%)"
    )


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        (OUT, "same"),
        (at(OUT, "0.0900", "0.085", "0.07", "0.05"), "same"),
        (at(OUT, "0.09", "0.085", "0.07", "0.06"), "higher"),
        (at(OUT, "0.08", "0.085", "0.07", "0.05"), "lower"),
        (at(OUT, "0.08", "0.085", "0.07", "0.06"), "other"),
        (replace(OUT, tiers=(Tier(Decimal(0), None, Decimal("0.09")),)), "other"),
        (replace(OUT, tiers=None), "other"),
    ],
)
def test_a_change_is_of_one_kind(after: Price, kind: str) -> None:
    assert changed(OUT, after).kind == kind


def test_a_price_that_was_unknown_or_unpriced_is_new() -> None:
    circuit = BOOK.at("azure.er.circuit")
    priced = replace(circuit, tiers=(Tier(Decimal(0), None, Decimal(7)),))

    assert changed(circuit, priced).kind == "new"
    assert str(changed(circuit, priced)) == "azure.er.circuit: unpriced -> 7"
    (unknown,) = changes(PriceBook({}), PriceBook({NAT.id: NAT}))
    assert str(unknown) == "aws.natgw.gb.us-east-1: not known -> 0.045"


def test_every_imported_price_is_counted_once_instances_too() -> None:
    kind = BOOK.instance("c7gn.large")
    dearer = replace(kind, hourly={US: at(kind.hourly[US], "0.13")})
    new = PriceBook({NAT.id: NAT, OUT.id: at(OUT, "1", "1", "1", "1")}, {kind.name: dearer})

    found = changes(BOOK, new)

    assert counted(found) == {"new": 0, "higher": 2, "lower": 0, "other": 0, "same": 1}
    assert [one.after.id for one in found] == sorted([OUT.id, kind.hourly[US].id, NAT.id])
