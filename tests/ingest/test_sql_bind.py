"""Names and types of expressions are checked; what Spark's settings read in two ways is refused."""

import pickle

import pyarrow as pa
import pytest

from lakeferry.ingest.rules.evaluate import evaluate
from lakeferry.ingest.rules.sql_bind import bind_condition, bind_value
from lakeferry.ingest.rules.sql_nodes import NotTaken, columns_of
from tests.ingest.sql_cases import CONDITIONS, VALUES


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nowhere = 1", "no column `nowhere`"),
        ("g.nowhere = 1", "no column `g.nowhere`"),
        ("i = '1'", "int32 is compared with string"),
        ("s > 1", "string is compared with int32"),
        ("s = DATE '2026-11-26'", "is compared with"),
        ("day = '2026-11-26 00:00'", "is no date"),
        ("at > 'yesterday'", "no timestamp"),
        ("clock > '2026-11-26 00:00:00Z'", "no timestamp"),
        ("at IN ('2026-11-26')", "IN of timestamp"),
        ("dec > d", "in two ways"),
        ("f > i", "in two ways"),
        ("f > 16777217", "exactly"),
        ("f IN (0.1)", "IN of float"),
        ("d IN (1, 0.5)", "IN of double among fraction, whole"),
        ("i IN (n)", "no values"),
        ("i IN (NULL)", "no values"),
        ("b < TRUE", "of booleans"),
        ("NULL = NULL", "nothing but NULL"),
        ("i", "is no condition"),
        ("i AND b", "is no condition"),
        ("g = g", "is compared with"),
        ("s LIKE t", "LIKE of"),
        ("i LIKE '1%'", "LIKE of"),
        ('s = "T"', "may be a text or a column"),
        ("i > 9999999999999999999", "no BIGINT"),
        ("i % n = 0", "division by what may be 0"),
        ("i / 0 > 1", "division by what may be 0"),
        ("d % 2 = 0", "`%` of double"),
        ("dec + 1 > 0", "of decimals"),
        ("f * 2 > 0", "`*` of float and int32"),
        ("s + 1 = 2", "`+` of string"),
        ("length(i) = 1", "length of a int32"),
        ("upper(s) = 'A'", "`UPPER` is not computed here"),
        ("year(s) = 1", "a string is no time"),
        ("year(at, at) = 1", "other arguments"),
        ("DATE_FORMAT(at, 'MMM') = 'Nov'", "more than yyyy"),
        ("DATE_TRUNC('EON', at) = at", "no unit of time"),
        ("DATE_TRUNC(s, at) = at", "no text"),
        ("SUBSTRING(s, i, 1) = 'a'", "no number"),
        ("COALESCE(i, s) = 1", "COALESCE of int32 and string"),
        ("COALESCE(i, n, 1) = 1", "other arguments"),
        ("COALESCE(i, NULL) = 1", "COALESCE of NULL"),
        ("CAST(s AS DATE) = day", "a string is no time"),
        ("CAST(n AS INT) = 1", "a cast of int64 to INT"),
    ],
)
def test_an_expression_that_is_not_computed_is_told_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(NotTaken) as caught:
        bind_condition(text, VALUES.schema)

    assert why in str(caught.value)


def test_a_value_must_be_of_the_type_of_its_column() -> None:
    with pytest.raises(NotTaken, match="it gives int32, and the column is of type int64"):
        bind_value("YEAR(at)", VALUES.schema, pa.int64())


def test_names_are_found_in_any_case_and_kept_as_they_are_spelt() -> None:
    bound = bind_condition("G.A = I AND `odd NAME` IS NULL", VALUES.schema)

    assert set(columns_of(bound)) == {"g", "i", "Odd name"}


def test_bound_expressions_go_to_other_processes() -> None:
    for text in CONDITIONS:
        bound = bind_condition(text, VALUES.schema)
        assert pickle.loads(pickle.dumps(bound)) == bound


def test_a_column_that_rows_lack_is_null() -> None:
    bound = bind_condition("i IS NULL AND g.a IS NULL", VALUES.schema)
    rows = pa.table({"g": pa.array([{"x": "y"}, None], pa.struct([("x", pa.string())]))})

    assert evaluate(bound, rows).to_pylist() == [True, True]


def test_an_expression_of_no_rows_has_no_values() -> None:
    for text in CONDITIONS:
        bound = bind_condition(text, VALUES.schema)
        assert evaluate(bound, VALUES.slice(0, 0)).type == pa.bool_()
