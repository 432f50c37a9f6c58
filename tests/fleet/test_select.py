"""Which tables a selection means."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.select import TableFacts, could_mean, select, selection

TABLES = (
    TableFacts("1", "orders", "default", "lines", 1, "verified", {"pii": "", "team": "shop"}),
    TableFacts("2", "orders", "default", "heads", 1, "blocked"),
    TableFacts("3", "finance-gold", "ledger", "entries", 2, "synced", {"team": "money"}),
    TableFacts("4", "finance-raw", "ledger", "entries", 2, "cut_over", {"pii": "yes"}),
    TableFacts("5", "finance-raw", "fx", "entries", 3, "blocked", path="fx/_tmp/entries"),
)
FILES = {"mine.txt": "# of the pilot\norders.lines\n\nwave:3   # the rest\n", "-": "wave:2\n"}


def chosen(*terms: str) -> str:
    """The keys of the tables that the terms mean."""
    found = select(selection(terms, FILES.__getitem__), TABLES)
    return "".join(one.key for one in found)


@pytest.mark.parametrize(
    ("terms", "keys"),
    [
        ((), "12345"),
        (("orders",), "12"),
        (("orders.default.lines",), "1"),
        (("orders.lines",), "1"),  # the schema is left out
        (("finance-*.**",), "345"),
        (("finance-*.ledger.*",), "34"),
        (("finance-*.entries",), "345"),
        (("**.entries",), "345"),
        (("finance-raw.fx/_tmp/**",), "5"),
        (("wave:2",), "34"),
        (("state:blocked",), "25"),
        (("state:cut-over",), "4"),
        (("state:failed",), ""),
        (("tag:pii",), "14"),
        (("tag:team=shop",), "1"),
        (("tag:team=*",), "13"),
        (("tag:none",), ""),
        (("wave:3", "orders"), "125"),  # any of them
        (("wave:3,state:blocked",), "5"),  # both
        (("!finance-*",), "12"),
        (("wave:2", "!finance-raw"), "3"),
        (("!state:blocked", "!wave:1"), "34"),
        (("finance-*", "!finance-raw.fx.entries"), "34"),
        (("@mine.txt",), "15"),
        (("@-", "!tag:pii"), "3"),
    ],
)
def test_what_the_terms_mean(terms: Sequence[str], keys: str) -> None:
    assert chosen(*terms) == keys


def refused(*terms: str) -> FerryError:
    with pytest.raises(FerryError) as found:
        chosen(*terms)
    assert found.value.exit_code == 2
    return found.value


def test_a_name_that_is_no_tables_is_refused_with_the_nearest() -> None:
    of_source, of_table = refused("order.lines"), refused("orders.default.line")

    assert (of_source.code, of_source.next_step) == ("LF-2107", "did you mean `orders`?")
    assert of_table.next_step == "did you mean `orders.default.lines`?"
    assert "5 tables of 3 sources" in of_table.where
    assert refused("!fiance-raw").next_step == "did you mean `finance-raw`?"


def test_a_table_without_its_schema_that_is_in_several_is_refused() -> None:
    error = refused("finance-raw.entries")

    assert error.what == "`finance-raw.entries` can mean 2 tables"
    assert "`finance-raw.ledger.entries`, `finance-raw.fx.entries`" in error.where
    assert chosen("finance-raw.*.entries") == "45"


@pytest.mark.parametrize(
    ("term", "step"),
    [
        ("", "write `source`"),
        ("!", "write `source`"),
        ("orders.", "write `source`"),
        ("orders,", "write `source`"),
        ("wave:three", "write its number"),
        ("state:block", "did you mean `blocked`?"),
        ("tag:", "write `tag:NAME`"),
        ("waves:3", "did you mean `wave`?"),
    ],
)
def test_a_term_that_says_nothing_is_refused(term: str, step: str) -> None:
    error = refused(term)

    assert error.code == "LF-2001"
    assert step in error.next_step


def test_without_tables_it_says_how_to_find_some() -> None:
    with pytest.raises(FerryError, match="lakeferry discover"):
        select(selection(["orders"], FILES.__getitem__), ())


TERMS = ["orders", "finance-*", "wave:1", "wave:2", "state:blocked", "tag:pii", "**.entries"]
terms = st.lists(st.sampled_from(TERMS), min_size=1, max_size=4)


@given(wanted=terms, left_out=terms)
def test_what_is_left_out_is_never_chosen_and_order_does_not_matter(
    wanted: list[str], left_out: list[str]
) -> None:
    excluded = [f"!{one}" for one in left_out]

    found = chosen(*wanted, *excluded)

    assert found == chosen(*reversed(excluded), *reversed(wanted))
    assert set(found) == set(chosen(*wanted)) - set(chosen(*left_out))


@pytest.mark.parametrize(
    ("terms", "may"),
    [
        ([], True), (["lake"], True), (["lake.hr.*"], True), (["la*.h?.people"], True),
        (["lake.people"], True), (["lake.**"], True), (["lake./far/*"], True), (["wave:2"], True),
        (["lake.sales.*"], False), (["lake.sales.orders,wave:2"], False), (["other.hr.*"], False),
        (["lake.sales.*", "lake.hr.people"], True), (["!lake.hr.*"], False), (["!lake"], False),
        (["!lake.hr.people"], True), (["!lake.hr.*,wave:2"], True), (["!lake./far/**"], True),
    ],
)  # fmt: skip
def test_a_schema_of_which_no_table_is_known_may_be_meant(terms: Sequence[str], may: bool) -> None:
    assert could_mean(selection(terms, str), "lake", "hr") is may


@pytest.mark.parametrize(
    ("terms", "may"),
    [
        (["!lake"], False), (["!la*"], False), (["!lake.**"], False), (["!other"], True),
        (["!lake.hr.*"], True), (["!lake,wave:2"], True), (["lake", "!lake"], False),
    ],
)  # fmt: skip
def test_a_source_that_is_left_out_whole_is_not_asked(terms: Sequence[str], may: bool) -> None:
    assert could_mean(selection(terms, str), "lake") is may
