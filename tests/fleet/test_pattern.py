"""Globs over names of tables: what they mean, and what they do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.fleet.manifest.pattern import Pattern, is_chosen, may_be_chosen


@pytest.mark.parametrize(
    ("glob", "schema", "table", "is_meant"),
    [
        ("audit.*", "audit", "logins", True),
        ("audit.*", "audits", "logins", False),
        ("*.scratch_*", "sales", "scratch_1", True),
        ("*.scratch_*", "scratch_1", "sales", False),
        ("*.*__backup", "sales", "orders__backup", True),
        ("sales.orders", "sales", "Orders", False),  # case matters
        ("orders", "any", "orders", True),  # without a dot: of any schema
        ("ord?rs", "any", "orders", True),
        ("ord?rs", "any", "ordrs", False),
        ("**", "sales", "orders", True),
        ("**orders", "sales", "my_orders", True),
        ("sales.*", "sales", "orders.delta", True),  # a dot in the table's own name
        ("sales.orders.delta", "sales", "orders.delta", True),
        ("s*.x", "sales", "y.x", False),  # `*` ends with its part
        ("s**.x", "sales", "y.x", True),
        ("a.b.orders", "a.b", "orders", True),  # and in the schema's
        ("*", "sales", "orders", True),
        (r"sales.\*", "sales", "*", True),
        (r"sales.\*", "sales", "orders", False),
        ("sales.o[r]ders", "sales", "orders", False),  # brackets are brackets
    ],
)
def test_a_pattern_is_about_schema_and_table(
    glob: str, schema: str, table: str, is_meant: bool
) -> None:
    assert Pattern(glob).fits(schema, table) is is_meant


@pytest.mark.parametrize(
    ("glob", "path", "is_meant"),
    [
        ("**/_tmp/**", "a/b/_tmp/c", True),
        ("**/_tmp/**", "_tmp/c", True),
        ("**/_tmp/**", "a/_tmp", False),
        ("**/_tmp/**", "a/my_tmp/c", False),
        ("a/*/c", "a/b/c", True),
        ("a/*/c", "a/b/b/c", False),
        ("a/**/c", "a/c", True),
        ("a/**/c", "a/b/b/c", True),
        ("/a/**", "a/b", True),
        ("a/b.d", "a/b.d", True),
        ("a/b.d", "a/bxd", False),
        ("a**/c", "ac", False),
        ("a**/c", "ab/b/c", True),
    ],
)
def test_a_pattern_with_a_slash_is_about_the_path(glob: str, path: str, is_meant: bool) -> None:
    assert Pattern(glob).fits("a", "c", path) is is_meant


def test_exclude_wins_over_include_and_no_include_is_all() -> None:
    include, exclude = (Pattern("sales.*"),), (Pattern("*.tmp"),)

    assert is_chosen((), exclude, "sales", "orders")
    assert not is_chosen((), exclude, "sales", "tmp")
    assert not is_chosen(include, exclude, "sales", "tmp")
    assert not is_chosen(include, exclude, "other", "orders")


words = st.text(alphabet="ab*?.\\/_[(|", min_size=1, max_size=6)
names = st.text(alphabet="ab*?.\\_[(|", min_size=1, max_size=6)


@given(schema=names, table=names)
def test_a_name_written_with_escapes_means_itself(schema: str, table: str) -> None:
    escaped = "".join(f"\\{sign}" if sign in "*?\\" else sign for sign in f"{schema}.{table}")

    assert Pattern(escaped).fits(schema, table)


@given(glob=words, schema=words, table=words)
def test_any_text_is_a_pattern(glob: str, schema: str, table: str) -> None:
    assert Pattern(glob).fits(schema, table, f"{schema}/{table}") in (True, False)


@pytest.mark.parametrize(
    ("include", "exclude", "may_be"),
    [
        ((), (), True),
        ((), ("hr.*",), False),
        ((), ("h?.**",), False),
        ((), ("hr.scratch_*",), True),
        ((), ("hr.???",), True),
        ((), ("/hr/*",), True),  # its tables may lie anywhere
        (("sales.*",), (), False),
        (("hr.people",), (), True),
        (("people",), (), True),
        (("sales.*", "/landing"), (), True),
        ((r"a\.b",), (), True),  # a table of any schema
    ],
)
def test_a_schema_is_left_out_where_none_of_its_tables_can_be_meant(
    include: tuple[str, ...], exclude: tuple[str, ...], may_be: bool
) -> None:
    patterns = (tuple(map(Pattern, include)), tuple(map(Pattern, exclude)))

    assert may_be_chosen(*patterns, "hr") is may_be


@given(schema=names, table=names, glob=words)
def test_a_schema_of_a_table_that_is_meant_is_never_left_out(
    schema: str, table: str, glob: str
) -> None:
    if Pattern(glob).fits(schema, table):
        assert may_be_chosen((Pattern(glob),), (), schema)
