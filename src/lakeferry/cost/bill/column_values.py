"""One form for the values of a bill's columns: texts, exact decimals, times, and one tag. Pure.

Source: Data Exports User Guide, dictionary of CUR 2.0; "Migrating from CUR to Data Exports".
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

DECIMAL = pa.decimal256(76, 40)
START, END = "line_item_usage_start_date", "line_item_usage_end_date"
INTERVAL = "identity_time_interval"
TAGS, TAG_KEY = "resource_tags", "user_map_migrated"
_TAG = "user:map-migrated"  # as the legacy report has the one key that counts

_NUMBER = r"^[+-]?(?:\d{1,34}(?:\.\d{0,38})?|\.\d{1,38})(?:[eE][+-]?\d{1,2})?$"
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def column_name(written: str) -> str:
    """The name of CUR 2.0 for a column of any of the encodings.

    The legacy report's tags in CSV are named as they are spelt, so `Map-Migrated` stays another
    key than `map-migrated`. CUR 2.0 and the legacy report in Parquet fold both into one name: there
    nobody can tell them apart.
    """
    category, slash, rest = written.partition("/")
    if rest == _TAG:
        return f"{_snake(category)}_{TAG_KEY}"
    if rest.startswith(("user:", "aws:")):
        return f"{_snake(category)}/{rest}"
    return f"{_snake(category)}{'_' if slash else ''}{_snake(rest)}"


def _is_tag(key: str) -> bool:
    """Whether a key is `map-migrated`, with `_` or as it is; one with capitals is another key."""
    return re.sub(r"[^A-Za-z0-9]", "_", key) == TAG_KEY


def _snake(name: str) -> str:
    return _WORDS.sub("_", name).lower()


def text_of(column: pa.Array | None, rows: int) -> pa.Array:
    """Texts: "" for null and for a column that is not there; of a double, the shortest."""
    if column is None:
        return pa.array([""] * rows, pa.string())
    return pc.fill_null(column.cast(pa.string()), "")


def decimals(texts: pa.Array) -> pa.Array:
    """Exact decimals; null for what is no number."""
    fits = pc.match_substring_regex(texts, _NUMBER)
    numbers = pc.if_else(fits, texts, None)
    try:
        return numbers.cast(DECIMAL)
    except pa.ArrowInvalid:  # one has more than 40 decimals: look at each
        return pa.array([_one_decimal(one) for one in numbers.to_pylist()], DECIMAL)


def _one_decimal(text: str | None) -> Any:
    try:
        return pa.scalar(text).cast(DECIMAL).as_py()
    except pa.ArrowInvalid:
        return None


def interval(columns: Mapping[str, pa.Array], rows: int) -> tuple[pa.Array, pa.Array]:
    """When the usage was. Both are null where they are no interval.

    A line's own interval wins where there is one: it is what tells its duplicates.
    """
    start, end = (seconds_of(columns[one], rows) for one in (START, END))
    if INTERVAL in columns:
        stated = text_of(columns[INTERVAL], rows)  # `A/B`
        start = pc.coalesce(_by_text(stated, lambda both: _part(both, 0), pa.int64()), start)
        end = pc.coalesce(_by_text(stated, lambda both: _part(both, 1), pa.int64()), end)
    right = pc.fill_null(pc.greater(end, start), False)
    return pc.if_else(right, start, None), pc.if_else(right, end, None)


def _part(both: str, at: int) -> int | None:
    times = both.split("/")
    return _one_second(times[at]) if len(times) == 2 else None


def seconds_of(column: pa.Array | None, rows: int) -> pa.Array:
    """s since the epoch; null for what is no time. A bill has few different ones."""
    if column is None:
        return pa.nulls(rows, pa.int64())
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("s", "UTC"), safe=False).cast(pa.int64())
    return _by_text(column.cast(pa.string()), _one_second, pa.int64())


def _one_second(text: str) -> int | None:
    try:
        found = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def _by_text(texts: pa.Array, of: Callable[[str], Any], kind: pa.DataType) -> pa.Array:
    """A function of each text, called once for each that is different."""
    coded = texts.dictionary_encode()
    made = pa.array(
        [None if one is None else of(one) for one in coded.dictionary.to_pylist()], kind
    )
    return made.take(coded.indices)


def tag_of(columns: Mapping[str, pa.Array], rows: int) -> pa.Array:
    """The value of `map-migrated` of each line, "" where it has none."""
    own = columns.get(f"{TAGS}_{TAG_KEY}")
    if own is not None:
        return text_of(own, rows)
    tags = columns.get(TAGS)
    if tags is None:
        return text_of(None, rows)
    if pa.types.is_map(tags.type):
        keys = pc.unique(tags.keys).to_pylist()
        spelt = [one for one in keys if one and _is_tag(one)]
        values = [pc.map_lookup(tags, pa.scalar(one), "first") for one in spelt]
        return text_of(pc.coalesce(*values) if values else None, rows)
    return text_of(_by_text(tags.cast(pa.string()), _tag_of_json, pa.string()), rows)


def _tag_of_json(text: str) -> str:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return ""
    if not isinstance(found, dict):
        return ""
    values = (value for key, value in found.items() if _is_tag(key))
    return str(next(values, "") or "")
