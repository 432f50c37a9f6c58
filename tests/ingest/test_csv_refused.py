"""What is called surely refused the reader of CSV refuses, whatever it is."""

import pyarrow as pa
import pyarrow.csv as pv
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from lakeferry.ingest.payload.csv_refused import surely_refused, told

TYPES = [
    pa.int32(),
    pa.int64(),
    pa.float64(),
    pa.bool_(),
    pa.date32(),
    pa.decimal128(9, 2),
    pa.timestamp("us"),
    pa.string(),
]
texts = st.one_of(
    st.text("0123456789+-.,eExXaAfFinNtrue TZ:_", max_size=12),
    st.text(st.characters(exclude_characters='"\r\n\0', exclude_categories=["Cs"]), max_size=8),
    st.integers().map(str),
    st.floats().map(str),
    st.dates().map(str),
    st.datetimes().map(str),
    st.decimals(allow_nan=False, places=2).map(str),
)


def is_read(text: str, kind: pa.DataType) -> bool:
    """By pyarrow's own reader, as the field of a line."""
    try:
        pv.read_csv(
            pa.BufferReader(text.encode() + b"|"),
            pv.ReadOptions(use_threads=False, column_names=["a", "b"]),
            pv.ParseOptions(delimiter="|"),
            pv.ConvertOptions(
                column_types={"a": kind},
                strings_can_be_null=True,
                null_values=[""],
                true_values=["true"],
                false_values=["false"],
            ),
        )
    except pa.ArrowInvalid:
        return False
    return True


@pytest.mark.parametrize("kind", TYPES, ids=str)
@given(text=texts)
@example(text=" 12 ")
@example(text="0x1F")
@example(text="-inf")
@example(text="NaN")
@example(text="1e3")
@example(text="\t2026-11-26")
@example(text="2026-11-26T10Z")
def test_what_the_reader_takes_is_never_refused(kind: pa.DataType, text: str) -> None:
    assume("|" not in text and not text.startswith("\ufeff"))
    if is_read(text, kind):
        values = pa.array([text.encode() or None], pa.binary())
        assert surely_refused(values, pa.field("a", kind)) == []


@pytest.mark.parametrize(
    ("kind", "text", "why"),
    [
        (pa.int32(), "1.5", "int32: invalid value '1.5'"),
        (pa.int64(), "x", "int64: invalid value 'x'"),
        (pa.float64(), "wide", "double: invalid value 'wide'"),
        (pa.bool_(), "yes", "bool: invalid value 'yes'"),
        (pa.date32(), "26.11.2026", "date32[day]: invalid value '26.11.2026'"),
        (pa.decimal128(9, 2), "much", "decimal128(9, 2): invalid value 'much'"),
        (pa.timestamp("us", "UTC"), "soon", "Failed to parse string: 'soon'"),
    ],
)
def test_what_no_spelling_of_a_type_is_has_its_reason(
    kind: pa.DataType, text: str, why: str
) -> None:
    field = pa.field("a", kind)

    assert surely_refused(pa.array([None, text.encode(), None], pa.binary()), field) == [1]
    assert (told(text.encode(), field).error, told(text.encode(), field).path) == (why, "$.a")


def test_nothing_where_something_must_be_is_refused() -> None:
    field = pa.field("a", pa.int64(), nullable=False)

    assert surely_refused(pa.array([b"1", None], pa.binary()), field) == [1]
    assert told(None, field).error == "it is empty"
