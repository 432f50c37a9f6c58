"""Which changes of a schema a manifest accepts."""

from typing import Any

import orjson
import pytest

from lakeferry.fleet.planning.schema_change import Kind, is_accepted, schema_change


def struct(**columns: Any) -> dict[str, Any]:
    """`id="long"`; a name that ends in `__` is NOT NULL."""
    return {
        "type": "struct",
        "fields": [
            {"name": name.removesuffix("__"), "type": type_, "nullable": not name.endswith("__"),
             "metadata": {}}
            for name, type_ in columns.items()
        ],
    }  # fmt: skip


def schema(**columns: Any) -> str:
    return orjson.dumps(struct(**columns)).decode()


BEFORE = {"id__": "long", "weight": "float", "place": struct(lat="double")}


def test_an_equal_schema_has_not_changed() -> None:
    assert schema_change(schema(**BEFORE), schema(**BEFORE)) == ("none", "")


def test_another_order_and_other_comments_change_nothing() -> None:
    again = orjson.loads(schema(**dict(reversed(BEFORE.items()))))
    again["fields"][0]["metadata"] = {"comment": "where it is"}

    assert schema_change(schema(**BEFORE), orjson.dumps(again).decode()).kind == "none"


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (BEFORE | {"note": "string"}, "`note` is new"),
        (BEFORE | {"place": struct(lat="double", lon="double")}, "`place.lon` is new"),
    ],
)
def test_a_nullable_column_more_is_additive(after: dict[str, Any], told: str) -> None:
    assert schema_change(schema(**BEFORE), schema(**after)) == ("additive", told)


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (BEFORE | {"weight": "double"}, "`weight` float -> double"),
        ({"id__": "long", "place": struct(lat="double")}, "`weight` is gone"),
        (BEFORE | {"note__": "string"}, "`note` is new and NOT NULL"),
        (BEFORE | {"place": struct(lat="string")}, "`place.lat` double -> string"),
        (BEFORE | {"place": "string"}, "`place` struct -> string"),
    ],
)
def test_all_else_is_more_than_additive(after: dict[str, Any], told: str) -> None:
    assert schema_change(schema(**BEFORE), schema(**after)) == ("other", told)


def test_elements_of_arrays_and_maps_are_looked_into() -> None:
    def of(type_: str) -> str:
        array = {"type": "array", "elementType": struct(a=type_), "containsNull": True}
        return schema(
            m={"type": "map", "keyType": "string", "valueType": array, "valueContainsNull": True}
        )

    assert schema_change(of("int"), of("long")).text == "`m.value.element.a` int -> long"


def test_other_partition_columns_are_more_than_additive() -> None:
    found = schema_change(schema(**BEFORE), schema(**BEFORE), partitions=(["p"], []))

    assert found == ("other", "partition columns p -> none")


def test_the_worst_change_decides_and_is_told_first() -> None:
    found = schema_change(schema(**BEFORE), schema(**BEFORE, a="int", b="int", c="int") + " ")
    worse = schema_change(schema(**BEFORE), schema(id="long", weight="float", a="int"))

    assert found == ("additive", "`a` is new, `b` is new, `c` is new")
    assert worse == ("other", "`id` may be null, `place` is gone, `a` is new")


@pytest.mark.parametrize(
    ("rule", "accepted"),
    [
        ("none", ["none"]),
        ("additive", ["none", "additive"]),
        ("any", ["none", "additive", "other"]),
    ],
)
def test_the_manifest_says_what_passes(rule: str, accepted: list[str]) -> None:
    kinds: tuple[Kind, ...] = ("none", "additive", "other")

    assert [kind for kind in kinds if is_accepted(kind, rule)] == accepted
