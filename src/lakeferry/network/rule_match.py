"""Which events of a batch one rule counts: filters, keys and values, column by column.

Semantics where the documentation is silent are those of docs/reference/rules.md: an event that
lacks a field passes no filter on it but `IsPresent: false`; `-` is a text like any other.
"""

import math
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.network.contributions import Contributions
from lakeferry.network.event_columns import Column, Number, encode
from lakeferry.network.rule_tally import MOST_SEEN, Tally
from lakeferry.network.rule_value import TEXT_OPERATORS, Filter, Rule

_INT64 = 1 << 63


def match(
    rule: Rule,
    columns: Mapping[str, Column | None],
    periods: np.ndarray,
    tally: Tally,
    into: Contributions,
) -> None:
    """Count the events of a batch, all of them in range.

    Args:
        columns: by the names that the rule uses; None where the format lacks the field.
        periods: int64, the number of each event's period.
    """
    count = len(periods)
    tally.in_range += count
    for name in rule.used:
        if columns[name] is None:
            tally.lacking[name] = tally.lacking.get(name, 0) + count
    passed: np.ndarray | None = None
    for index, one in enumerate(rule.filters):
        alone = _mask(one, columns[one.match], count)
        found = int(np.count_nonzero(alone))
        passed = alone if passed is None else passed & alone
        tally.alone[index] += found
        tally.after[index] += found if index == 0 else int(np.count_nonzero(passed))
        if not tally.alone[index]:
            _remember(one.match, columns[one.match], tally)
    rows = np.arange(count) if passed is None else np.flatnonzero(passed)
    rows = _with_keys(rule, columns, rows, tally)
    if len(rows):
        _count(rule, columns, periods, rows, tally, into)


def _mask(one: Filter, column: Column | None, count: int) -> np.ndarray:
    if one.operator == "IsPresent":
        if column is None or column.absent is None:
            return np.full(count, (column is not None) == one.present)
        return ~column.absent if one.present else column.absent
    if column is None:
        return np.zeros(count, dtype=bool)
    if one.operator in TEXT_OPERATORS:
        codes, texts = column.encoded
        # Code -1, absent, looks up the last entry.
        passes: np.ndarray = np.append(_text_passes(one, texts), False)[codes]
        return passes
    return _number_passes(one, column)


def _text_passes(one: Filter, texts: pa.StringArray) -> np.ndarray:
    """Which of the distinct texts pass."""
    if one.operator == "StartsWith":
        found = np.zeros(len(texts), dtype=bool)
        for prefix in one.texts:
            found |= np.asarray(pc.starts_with(texts, prefix))
        return found
    found = np.asarray(pc.is_in(texts, value_set=pa.array(one.texts, pa.string())))
    return ~found if one.operator == "NotIn" else found


def _number_passes(one: Filter, column: Column) -> np.ndarray:
    numbers = column.numbers
    limit: Number = Fraction(one.number) if isinstance(one.number, float) else one.number
    found = _compare_all(one.operator, numbers.values, limit)
    found &= numbers.plain
    for row, number in numbers.odd.items():
        found[row] = _compare(one.operator, number, limit)
    return found


def _compare_all(operator: str, values: np.ndarray, limit: Number) -> np.ndarray:
    """Integers against any number, exactly: a double has 53 bits, a sum of bytes more."""
    found: np.ndarray
    if operator in ("EqualTo", "NotEqualTo"):
        whole = limit == math.floor(limit) and -_INT64 <= limit < _INT64
        found = values == int(limit) if whole else np.zeros(len(values), dtype=bool)
        return found if operator == "EqualTo" else ~found
    near = math.floor(limit) if operator == "GreaterThan" else math.ceil(limit)
    if not -_INT64 <= near < _INT64:
        return np.full(len(values), (near < 0) == (operator == "GreaterThan"))
    found = values > near if operator == "GreaterThan" else values < near
    return found


def _compare(operator: str, number: Number, limit: Number) -> bool:
    match operator:
        case "GreaterThan":
            return number > limit
        case "LessThan":
            return number < limit
        case "EqualTo":
            return number == limit
        case _:
            return number != limit


def _remember(name: str, column: Column | None, tally: Tally) -> None:
    """Some values of a field in which a filter has found nothing yet, to say so at the end."""
    seen = tally.seen.setdefault(name, {})
    if column is None or len(seen) >= MOST_SEEN:
        return
    some = column.encoded[1] if column.is_encoded else column.texts.slice(0, 1000).unique()
    for text in some.slice(0, MOST_SEEN).to_pylist():
        if text is not None and len(seen) < MOST_SEEN:
            seen[text] = None


def _with_keys(
    rule: Rule, columns: Mapping[str, Column | None], rows: np.ndarray, tally: Tally
) -> np.ndarray:
    """The rows that have every key field; the others are ignored, and counted."""
    before = len(rows)
    for name in rule.keys:
        column = columns[name]
        if column is None:
            rows = rows[:0]
        elif column.absent is not None:
            rows = rows[~column.absent[rows]]
    tally.no_key += before - len(rows)
    return rows


def _count(
    rule: Rule,
    columns: Mapping[str, Column | None],
    periods: np.ndarray,
    rows: np.ndarray,
    tally: Tally,
    into: Contributions,
) -> None:
    """Add the rows, all of which have their keys, to what is there."""
    values = None
    if rule.value_of is not None:
        column = columns[rule.value_of]
        if column is None:
            tally.no_value += len(rows)
            return
        numbers = column.numbers
        plain = numbers.plain[rows]
        if not plain.all():
            others, rows = rows[~plain], rows[plain]
            odd = [row for row in others.tolist() if row in numbers.odd]
            tally.no_value += len(others) - len(odd)
            tally.kept += len(odd)
            for row in odd:
                key = tuple(_text_at(columns[name], row) for name in rule.keys)
                into.add_odd(int(periods[row]), key, numbers.odd[row])
        values = numbers.values[rows]
    tally.kept += len(rows)
    keys = [_codes(columns[name], rows, len(periods)) for name in rule.keys]
    into.add(periods[rows], keys, values)


def _text_at(column: Column | None, row: int) -> str:
    assert column is not None  # _with_keys left no row without its keys
    text: str = column.texts[row].as_py()
    return text


def _codes(
    column: Column | None, rows: np.ndarray, count: int
) -> tuple[np.ndarray, pa.StringArray]:
    assert column is not None
    if column.is_encoded or 2 * len(rows) > count:
        codes, texts = column.encoded
        return codes[rows], texts
    # Few rows of a field that no filter looks at: cheaper than to encode all.
    return encode(column.texts.take(pa.array(rows)))


def new_tally(rule: Rule) -> Tally:
    """The tally of a rule that has seen nothing."""
    filters = len(rule.filters)
    return Tally(alone=[0] * filters, after=[0] * filters)
