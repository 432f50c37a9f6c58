from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeferry.delta.actions import FILE_SCHEMA
from lakeferry.delta.json_lines import add_lines, exact_json, halved, remove_lines
from lakeferry.delta.json_parse import FileActions, OtherAction, parse_commit
from lakeferry.errors import FerryError

from .tables import METADATA, add, lines, remove, vector

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
LONG = st.integers(-(2**63), 2**63 - 1)
VECTORS = st.fixed_dictionaries(
    {
        "storageType": st.sampled_from("uip"),
        "pathOrInlineDv": TEXT,
        "sizeInBytes": st.integers(0, 2**31 - 1),
        "cardinality": LONG,
    },
    optional={
        "offset": st.integers(0, 2**31 - 1),
        "maxRowIndex": LONG,
        "later": st.one_of(TEXT, LONG),
    },
)
ADDS = st.fixed_dictionaries(
    {
        "path": TEXT,
        "partitionValues": st.dictionaries(TEXT, st.none() | TEXT, max_size=3),
        "size": LONG,
        "modificationTime": LONG,
        "dataChange": st.booleans(),
    },
    optional={
        "stats": TEXT,
        "tags": st.dictionaries(TEXT, st.none() | TEXT, max_size=3),
        "deletionVector": VECTORS,
        "baseRowId": LONG,
        "defaultRowCommitVersion": LONG,
        "clusteringProvider": TEXT,
        "unknownField": st.recursive(
            TEXT | LONG | st.booleans(), lambda inner: st.lists(inner, max_size=3), max_leaves=5
        ),
    },
)


def batches(body: bytes, kind: str = "add") -> list[pa.RecordBatch]:
    return [
        event.batch
        for event in parse_commit([body], "0.json")
        if isinstance(event, FileActions) and event.kind == kind
    ]


def back(body: bytes) -> bytes:
    return b"".join(add_lines(batch) for batch in batches(body))


@settings(max_examples=200)
@given(st.lists(ADDS, min_size=1, max_size=8))
def test_lines_to_batch_to_lines_changes_no_meaning(bodies: list[dict[str, Any]]) -> None:
    actions = [{"add": body} for body in bodies]

    found = back(lines(*actions)).splitlines()

    assert [orjson.loads(line) for line in found] == actions


@settings(max_examples=50)
@given(st.lists(ADDS, max_size=6), st.lists(st.integers(1, 40), max_size=30))
def test_a_commit_may_be_cut_into_chunks_anywhere(
    bodies: list[dict[str, Any]], cuts: list[int]
) -> None:
    body = lines(METADATA, *({"add": body} for body in bodies))
    pieces, rest = [], body
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]

    whole = list(parse_commit([body], "0.json"))
    cut_up = list(parse_commit([*pieces, rest], "0.json"))

    assert [type(event) for event in cut_up] == [type(event) for event in whole]
    assert batches(b"".join(pieces) + rest) == batches(body)


def test_a_plain_add_is_written_in_the_order_of_the_protocol() -> None:
    body = lines(add("p=1/a.parquet", partitionValues={"p": "1", "q": None}, stats='{"a":"\\\\"}'))

    assert back(body) == (
        b'{"add":{"path":"p=1/a.parquet","partitionValues":{"p":"1","q":null},"size":10,'
        b'"modificationTime":1,"dataChange":true,"stats":"{\\"a\\":\\"\\\\\\\\\\"}"}}\n'
    )


def test_absent_maps_are_left_out_and_empty_ones_are_kept() -> None:
    tagged, bare = add("a", tags={}), add("b")

    assert back(lines(tagged, bare)) == lines(tagged, bare)


def test_numbers_of_unknown_fields_keep_every_digit() -> None:
    line = (
        b'{"add":{"path":"a","partitionValues":{},"size":1,"modificationTime":1,"dataChange":true,'
        b'"exact":12345678901234567890123.4567890123456789,"form":1.0E+2}}\n'
    )

    assert back(line) == line


def test_unknown_fields_of_a_vector_survive() -> None:
    action = add("a", deletionVector={**vector("x"), "later": {"deep": [1]}})

    assert orjson.loads(back(lines(action))) == action
    assert batches(lines(action))[0].column("extra").to_pylist() == [
        '{"deletionVector":{"later":{"deep":[1]}}}'
    ]


def test_values_that_are_no_strings_in_a_map_become_their_json_text() -> None:
    action = add("a", partitionValues={"n": 7, "b": True, "f": 1.5, "s": "7"})

    [row] = batches(lines(action))[0].to_pylist(maps_as_pydicts="strict")

    assert row["partitionValues"] == {"n": "7", "b": "true", "f": "1.5", "s": "7"}


def test_a_missing_map_of_partition_values_is_empty_in_an_add() -> None:
    line = b'{"add":{"path":"a","size":1,"modificationTime":1,"dataChange":true}}\n'

    assert b'"partitionValues":{},' in back(line)


def test_a_remove_says_what_the_add_said() -> None:
    [batch] = batches(lines(add("a", tags={"t": "1"}, stats="{}", unknown=1, baseRowId=4)))

    line = remove_lines(batch, 99)

    assert orjson.loads(line) == {
        "remove": {
            "path": "a",
            "deletionTimestamp": 99,
            "dataChange": True,
            "extendedFileMetadata": True,
            "partitionValues": {},
            "size": 10,
            "stats": "{}",
            "tags": {"t": "1"},
            "baseRowId": 4,
        }
    }


def test_a_slice_of_a_batch_is_written_as_its_own_rows() -> None:
    actions = [add(f"f{n}", partitionValues={"p": str(n)}, tags={"t": str(n)}) for n in range(9)]
    [batch] = batches(lines(*actions))

    assert add_lines(batch.slice(3, 2)) == lines(*actions[3:5])


def test_no_rows_make_no_lines() -> None:
    assert add_lines(pa.RecordBatch.from_pylist([], schema=FILE_SCHEMA)) == b""


def test_the_order_of_file_actions_is_kept_over_both_kinds() -> None:
    body = lines(remove("a"), add("a"), remove("b"))

    events = [event for event in parse_commit([body], "0.json") if isinstance(event, FileActions)]

    assert {event.kind: event.order.tolist() for event in events} == {"add": [1], "remove": [0, 2]}


def test_blank_lines_and_windows_line_ends_and_a_missing_last_line_end_are_tolerated() -> None:
    body = b"\r\n\n" + lines(add("a")).replace(b"\n", b"\r\n") + b"  \n" + lines(add("b")).strip()

    [batch] = batches(body)

    assert batch.column("path").to_pylist() == ["a", "b"]


def test_other_actions_keep_their_line_numbers() -> None:
    events = list(parse_commit([b"\n" + lines(METADATA, {"later": {"x": 1}})], "0.json"))

    assert [event.line for event in events if isinstance(event, OtherAction)] == [2, 3]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"add":{"path":"a","si', "LF-3103"),
        (b"[1]", "LF-3103"),
        (b"\xff", "LF-3103"),
        (b'{"add":[]}', "LF-3103"),
        (b'{"add":{"path":"a","tags":"no map"}}', "LF-3103"),
        (b'{"add":{"path":"a","size":"ten"}}', "LF-3103"),
        (b'{"add":{"size":1}}', "LF-3105"),
    ],
)
def test_a_damaged_line_is_named(line: bytes, code: str) -> None:
    body = lines(add("fine")) + line

    with pytest.raises(FerryError) as refused:
        list(parse_commit([body], "_delta_log/0.json"))

    assert refused.value.code == code
    assert "_delta_log/0.json" in refused.value.where


def test_a_truncated_line_is_named_by_its_number() -> None:
    body = lines(add("a"), add("b"))[:-9]

    with pytest.raises(FerryError, match="line 2"):
        list(parse_commit([body], "_delta_log/0.json"))


def test_exact_json_is_json() -> None:
    text = '{"a":[1,2.50,"x",null,true,-0.0,1e400]}'

    assert orjson.dumps(exact_json(text)).decode() == text


def test_a_batch_too_large_for_one_string_column_is_written_in_slices() -> None:
    [batch] = batches(lines(*(add(f"f{number}") for number in range(9))))

    pieces = list(halved(batch, batch.nbytes // 3))

    assert len(pieces) > 3
    assert b"".join(map(add_lines, pieces)) == add_lines(batch)


def test_a_long_commit_comes_in_several_batches_in_order() -> None:
    body = lines(*(add(f"f{number}") for number in range(9_000)))

    found = [event for event in parse_commit([body], "0.json") if isinstance(event, FileActions)]

    assert [len(event.batch) for event in found] == [8192, 808]
    assert found[1].order.tolist() == list(range(8192, 9_000))


def test_a_wrong_type_in_the_middle_of_a_commit_is_named_by_where_it_was_met() -> None:
    body = lines(add("bad", size="x"), *(add(f"f{number}") for number in range(9_000)))

    with pytest.raises(FerryError, match="before line 8192"):
        list(parse_commit([body], "0.json"))
