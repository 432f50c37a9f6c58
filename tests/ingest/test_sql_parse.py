"""Text of conditions is read with Spark's precedence, or not taken with the reason."""

import pytest

from lakeferry.ingest.rules.sql_nodes import Apply, Literal, Name, NotTaken, Written
from lakeferry.ingest.rules.sql_parse import parse_sql


def shown(node: Written) -> str:
    match node:
        case Name(path):
            return ".".join(path)
        case Literal(_, value):
            return repr(value)
        case Apply(word, args):
            return f"({word} {' '.join(map(shown, args))})"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a OR b AND NOT c", "(OR a (AND b (NOT c)))"),
        ("NOT a = b", "(NOT (= a b))"),
        ("! a IS NULL", "(NOT (IS NULL a))"),
        ("a = b IS NULL", "(IS NULL (= a b))"),
        ("a + b * c > d", "(> (+ a (* b c)) d)"),
        ("a - b - c", "(- (- a b) c)"),
        ("a -1", "(- a 1)"),
        ("- a % 2", "(% (- 0 a) 2)"),
        ("a BETWEEN 1 AND 2 AND b", "(AND (AND (>= a 1) (<= a 2)) b)"),
        ("a NOT BETWEEN 1 AND 2", "(NOT (AND (>= a 1) (<= a 2)))"),
        ("a NOT IN (1, -2)", "(NOT (IN a 1 -2))"),
        ("a IS NOT TRUE", "(NOT (IS TRUE a))"),
        ("a == b AND a != b", "(AND (= a b) (<> a b))"),
        ("`a``b`.c LIKE 'x%'", "(LIKE a`b.c 'x%')"),
        ("date >= DATE '2026-11-26'", "(>= date datetime.date(2026, 11, 26))"),
        ("cast(year AS date)", "(CAST year 'DATE')"),
        ("substring(a FROM 1 FOR 2)", "(SUBSTRING a 1 2)"),
        ("1e3 + .5", "(+ 1000.0 Decimal('0.5'))"),
    ],
)
def test_a_text_says_what_it_says_to_spark(text: str, meaning: str) -> None:
    assert shown(parse_sql(text)) == meaning


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a = b = c", "one comparison of another's outcome"),
        ("a = 'x' 'y'", "two strings side by side"),
        ("a = 'it''s'", "two strings side by side"),
        ("a LIKE '5\\%'", "is not understood"),
        ("a LIKE 'x' ESCAPE '!'", "`ESCAPE` is not understood"),
        ("a > 1 -- b", "`-- b` is not understood"),
        ("a > /* b */ 1", "is not understood"),
        ("CASE WHEN a THEN b END", "`CASE` is not understood"),
        ("a IN (SELECT 1)", "`SELECT` is not understood"),
        ("a RLIKE 'x'", "`RLIKE` is not understood"),
        ("a IS DISTINCT FROM b", "`DISTINCT` is not understood"),
        ("x -> x + 1", "is not understood"),
        ("a[0] = 1", "`[0] = 1` is not understood"),
        ("DATE '2026-W01-1' = a", "no date"),
        ("INTERVAL '1' DAY = a", "INTERVAL"),
        ("a > ٣", "`٣` is not understood"),
        ("1Y = a", "`1Y = a` is not understood"),
        ("(a", "the end stands where `)` is wanted"),
        ("a)", "`)` is not understood where it stands"),
        ("", "the end is not understood"),
        ("(" * 200 + "a" + ")" * 200, "nested deeper than 100 levels"),
        ("a" + " + a" * 2000, "nested deeper than 100 levels"),
    ],
)
def test_what_is_not_of_the_language_is_told_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(NotTaken) as caught:
        parse_sql(text)

    assert why in str(caught.value)
