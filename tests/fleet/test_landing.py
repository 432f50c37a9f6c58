"""Where tables land, and what they are called in a catalog."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.fleet.manifest.landing import (
    Name,
    catalog_schema,
    is_legal,
    landing_path,
    overlaps,
    skeleton,
)
from lakeferry.fleet.manifest.wanted import LAYOUT

ORDERS = Name("sales-raw", "Default", "Orders", "adls", 2, "main", "eu/default/orders")


@pytest.mark.parametrize(
    ("layout", "path"),
    [
        (LAYOUT, "sales-raw/Default/Orders"),
        ("{catalog}.{schema}/{table}", "main.Default/Orders"),
        ("wave-{wave}/{kind}/{source}/{path}", "wave-2/adls/sales-raw/eu/default/orders"),
        ("/x//{table}/", "x/Orders"),
    ],
)
def test_a_layout_is_filled_with_what_is_known_of_a_table(layout: str, path: str) -> None:
    assert landing_path(layout, ORDERS) == path


@pytest.mark.parametrize(
    ("layout", "schema"),
    [
        ("{source}_{schema}", "sales_raw_default"),
        ("{schema}", "default"),
        ("lake-{wave}", "lake_2"),
    ],
)
def test_a_schema_of_the_catalog_has_small_letters_and_no_dash(layout: str, schema: str) -> None:
    assert catalog_schema(layout, ORDERS) == schema
    assert is_legal("unity", schema)
    assert is_legal("glue", schema)
    assert is_legal("hive", schema)


@pytest.mark.parametrize(
    ("kind", "word"),
    [("unity", "a.b"), ("unity", "a b"), ("unity", "x" * 256), ("glue", "A"), ("hive", "a-b")],
)
def test_what_a_catalog_does_not_take_is_no_name_in_it(kind: str, word: str) -> None:
    assert not is_legal(kind, word)


names = st.text(alphabet="aAb-_.", min_size=1, max_size=3).filter(lambda one: one.strip("."))


@given(first=st.tuples(names, names, names), second=st.tuples(names, names, names))
def test_by_the_usual_layout_different_tables_land_in_different_places(
    first: tuple[str, str, str], second: tuple[str, str, str]
) -> None:
    places = {landing_path(LAYOUT, Name(*one)) for one in (first, second)}

    assert len(places) == len({first, second})


@given(source=names, other=names, schema=names, table=names, fixed=names)
def test_sources_of_different_skeletons_land_no_table_of_one_name_in_one_place(
    source: str, other: str, schema: str, table: str, fixed: str
) -> None:
    layouts = (f"{fixed}/{{schema}}/{{table}}", LAYOUT)
    landed = [
        (
            skeleton(layout, source=one, kind="s3", wave=1),
            landing_path(layout, Name(one, schema, table, "s3")).casefold(),
        )
        for layout, one in zip(layouts, (source, other), strict=True)
    ]

    assert (landed[0][0] == landed[1][0]) == (landed[0][1] == landed[1][1])


def test_tables_at_one_place_or_within_one_another_are_found() -> None:
    places = [
        ("a", "s3://lake/sales/orders"),
        ("b", "s3://lake/Sales/ORDERS/"),
        ("c", "s3://lake/sales/orders/old"),
        ("d", "s3://lake/sales/orders2"),
        ("e", "s3://lake/sales"),
    ]

    assert overlaps(places[:2]) == [("a", "b")]
    assert overlaps(places[2:4]) == []
    assert overlaps([places[0], places[2], places[3]]) == [("a", "c")]
    assert overlaps(places) == [("e", "a"), ("a", "b"), ("b", "c"), ("e", "d")]


paths = st.lists(st.sampled_from(["a", "b", "A"]), min_size=1, max_size=3).map("/".join)


@given(places=st.lists(paths, max_size=6))
def test_nothing_overlaps_exactly_where_no_place_is_at_or_below_another(places: list[str]) -> None:
    found = overlaps((str(number), place) for number, place in enumerate(places))

    folded = [f"{place.casefold()}/" for place in places]
    below = {
        number
        for number, one in enumerate(folded)
        for other, place in enumerate(folded)
        if number != other and one.startswith(place)
    }
    assert {int(name) for _, name in found} <= below
    assert (found == []) == (below == set())
