"""Tables fit the screen: columns fall away by priority, and names are cut in the middle."""

from hypothesis import given
from hypothesis import strategies as st

from lakeferry.cli.columns import Column, elided, paragraph, table

COLUMNS = (
    Column("kind", priority=2),
    Column("name", elastic=True),
    Column("price", right=True),
    Column("why", priority=3),
)
ROWS = [("alarm", "lakeferry-m1.nat-gateway-ports", "$0.10", "1 metric read")]


def test_a_wide_screen_shows_all() -> None:
    assert table(COLUMNS, ROWS, 80) == [
        "  kind   name                            price  why",
        "  alarm  lakeferry-m1.nat-gateway-ports  $0.10  1 metric read",
    ]


def test_the_least_important_columns_fall_away_first() -> None:
    assert table(COLUMNS, ROWS, 50) == [
        "  kind   name                            price",
        "  alarm  lakeferry-m1.nat-gateway-ports  $0.10",
    ]
    assert table(COLUMNS, ROWS, 40) == [
        "  name                            price",
        "  lakeferry-m1.nat-gateway-ports  $0.10",
    ]


def test_a_name_is_cut_in_the_middle_where_nothing_else_helps() -> None:
    assert table(COLUMNS, ROWS, 30) == [
        "  name                   price",
        "  lakeferry..eway-ports  $0.10",
    ]


@given(
    rows=st.lists(
        st.tuples(*[st.text("abc-", max_size=40)] * 2, *[st.text("0123", max_size=6)] * 2)
    ),
    width=st.integers(24, 200),
)
def test_no_line_is_wider_than_the_screen(rows: list[tuple[str, ...]], width: int) -> None:
    assert all(len(line) <= width for line in table(COLUMNS, rows, width))


@given(text=st.text("abc", max_size=50), width=st.integers(4, 60))
def test_a_text_that_is_cut_keeps_its_ends(text: str, width: int) -> None:
    cut = elided(text, width)

    assert len(cut) == min(len(text), width)
    head, dots, tail = cut.partition("..")
    assert cut == text if not dots else text.startswith(head) and text.endswith(tail)


def test_a_paragraph_stands_deeper_after_its_first_line() -> None:
    assert paragraph("  ▲ one two three four", 12) == ["  ▲ one two", "    three", "    four"]


def test_a_paragraph_keeps_what_sets_its_parts_apart() -> None:
    assert paragraph("lake   manifest 9f   ledger 5   3 tables", 26) == [
        "lake   manifest 9f",
        "  ledger 5   3 tables",
    ]


@given(
    words=st.lists(st.text("abc", min_size=1, max_size=9), min_size=1), width=st.integers(20, 90)
)
def test_a_paragraph_loses_no_word(words: list[str], width: int) -> None:
    lines = paragraph("    " + " ".join(words), width)

    assert " ".join(lines).split() == words
    assert all(len(line) <= width for line in lines)
