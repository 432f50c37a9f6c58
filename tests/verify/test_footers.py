"""Vectors and footers held against the log; statistics held against footers."""

import datetime
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeferry.clone.run import clone
from lakeferry.verify.run import verify
from lakeferry.verify.stats import footer_contradictions, parse_stats
from tests.verify.tables import (
    FIRST,
    SECOND,
    VECTOR_FILE,
    Action,
    body_of,
    cloned,
    make_source,
    proof,
    rewrite,
    rows,
    stats,
    told,
    vector_body,
    vector_file,
)


def with_stats(tmp_path: Path, text: str) -> tuple[Path, Path]:
    """A table whose log says this of its first file, and a true clone of it."""
    source, target = make_source(tmp_path / "source"), tmp_path / "target"

    def state(actions: list[Action]) -> None:
        body_of(actions, "add", path=FIRST)["stats"] = text

    rewrite(source, state)
    clone(str(source), str(target))
    return source, target


FIRST_ROWS = rows(*range(1, 11))


@pytest.mark.parametrize(
    ("text", "check", "words"),
    [
        (stats(FIRST_ROWS, numRecords=9), "footer", "numRecords is 9"),
        (stats(FIRST_ROWS, minValues={"id": 2}), "stats", "minValues.id: 2 in the log, 1 in"),
        (stats(FIRST_ROWS, maxValues={"id": 11}), "stats", "maxValues.id: 11 in the log, 10 in"),
        (stats(FIRST_ROWS, nullCount={"id": 1}), "stats", "nullCount.id: 1 in the log, 0 in"),
        ("[]", "stats", "no JSON object"),
        ("{", "stats", "no JSON object"),
    ],
)
def test_wrong_statistics_are_found_by_replayed_and_not_by_listed(
    tmp_path: Path, text: str, check: str, words: str
) -> None:
    sides = with_stats(tmp_path, text)

    listed, replayed = proof(sides, "listed"), proof(sides, "replayed")

    assert listed.equal
    assert any(seen.startswith("statistics") for seen in listed.not_seen)
    assert told(replayed) == [(check, FIRST)]
    assert words in replayed.findings[0].what
    assert "the source's log says the same" in replayed.findings[0].what


def test_a_whole_clone_is_counted_from_footers_and_vectors(tmp_path: Path) -> None:
    report = proof(cloned(tmp_path), "replayed")

    assert report.equal
    assert report.rows == 19
    assert report.bytes_read > 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(vector_file(vector_body(3), crc=1), "CRC-32", id="crc"),
        pytest.param(b"\x02" + vector_file(vector_body(3))[1:], "first byte", id="format"),
    ],
)
def test_a_damaged_vector_of_equal_size_is_found_by_replayed(
    tmp_path: Path, body: bytes, words: str
) -> None:
    sides = cloned(tmp_path)
    assert len(body) == (sides[1] / VECTOR_FILE).stat().st_size
    (sides[1] / VECTOR_FILE).write_bytes(body)

    listed, replayed = proof(sides, "listed"), proof(sides, "replayed")

    assert listed.equal
    assert told(replayed) == [("vector", SECOND)]
    assert words in replayed.findings[0].what
    assert told(proof(sides, "hashed")) == [("bytes", VECTOR_FILE)]


def test_a_sound_vector_that_deletes_another_row_is_found_by_hashed_and_rows(
    tmp_path: Path,
) -> None:
    sides = cloned(tmp_path)
    (sides[1] / VECTOR_FILE).write_bytes(vector_file(vector_body(7)))

    replayed = proof(sides, "replayed")

    assert replayed.equal
    assert any(text.startswith("bytes") for text in replayed.not_seen)
    assert told(proof(sides, "hashed")) == [("bytes", VECTOR_FILE)]
    assert told(proof(sides, "rows")) == [("rows", None), ("rows", SECOND)]


def test_a_vector_of_another_cardinality_is_found_by_replayed(tmp_path: Path) -> None:
    sides = with_vector(tmp_path, vector_body(3, 4), cardinality=1)

    listed, replayed = proof(sides, "listed"), proof(sides, "replayed")

    assert listed.equal
    assert told(replayed) == [("vector", SECOND)]
    assert "deletes 2 rows, the log says 1" in replayed.findings[0].what
    assert replayed.rows is None


def test_a_vector_that_deletes_a_row_beyond_the_file_is_found(tmp_path: Path) -> None:
    sides = with_vector(tmp_path, vector_body(10), cardinality=1)

    report = proof(sides, "replayed")

    assert [finding.what for finding in report.findings] == ["deletes row 10 of a file that has 10"]


def with_vector(tmp_path: Path, body: bytes, *, cardinality: int) -> tuple[Path, Path]:
    source, target = make_source(tmp_path / "source"), tmp_path / "target"
    (source / VECTOR_FILE).write_bytes(vector_file(body))

    def state(actions: list[Action]) -> None:
        vector = body_of(actions, "add", path=SECOND)["deletionVector"]
        vector.update(sizeInBytes=len(body), cardinality=cardinality)

    rewrite(source, state)
    clone(str(source), str(target))
    return source, target


def test_an_inline_vector_that_is_damaged_is_found(tmp_path: Path) -> None:
    source, target = make_source(tmp_path / "source"), tmp_path / "target"
    inline = {
        "storageType": "i",
        "pathOrInlineDv": "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L",
        "sizeInBytes": 40,
        "cardinality": 5,
    }
    rewrite(
        source,
        lambda actions: body_of(actions, "add", path=SECOND).update(deletionVector=inline),
    )
    clone(str(source), str(target))

    assert verify(str(source), str(target)).equal
    report = verify(str(source), str(target), strength="replayed")
    assert told(report) == [("vector", SECOND)]


def test_a_file_that_is_no_parquet_file_is_found(tmp_path: Path) -> None:
    sides = cloned(tmp_path)
    path = sides[1] / FIRST
    path.write_bytes(b"x" * path.stat().st_size)

    assert proof(sides, "listed").equal
    assert told(proof(sides, "replayed")) == [("footer", FIRST)]


def test_missing_files_are_named_by_their_footer_and_vector(tmp_path: Path) -> None:
    sides = cloned(tmp_path)
    (sides[1] / FIRST).unlink()
    (sides[1] / VECTOR_FILE).unlink()

    report = proof(sides, "replayed")

    assert set(told(report)) == {
        ("size", FIRST),
        ("size", VECTOR_FILE),
        ("footer", FIRST),
        ("vector", SECOND),
    }
    assert report.rows is None


def footer_of(values: pa.Array, *, group: int = 2, statistics: bool = True) -> pq.FileMetaData:
    body = io.BytesIO()
    pq.write_table(pa.table({"a": values}), body, row_group_size=group, write_statistics=statistics)
    body.seek(0)
    return pq.read_metadata(body)


def contradictions(values: pa.Array, low: Any, high: Any, nulls: Any = 0) -> list[str]:
    text = json.dumps(
        {"minValues": {"a": low}, "maxValues": {"a": high}, "nullCount": {"a": nulls}}
    )
    return [each.name for each in footer_contradictions(parse_stats(text), footer_of(values))]


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


FINE = [
    (pa.array([3, None, 1], pa.int32()), 1, 3, 1),
    (pa.array([0.1, 0.3], pa.float32()), 0.1, 0.3, 0),
    (pa.array([1.5, float("nan")]), 1.5, "NaN", 0),
    (pa.array([Decimal("1.25")], pa.decimal128(5, 2)), 1.25, 1.25, 0),
    (pa.array([datetime.date(2020, 1, 2)]), "2020-01-02", "2020-01-02", 0),
    (
        pa.array([moment("2020-01-02T00:00:00.123456")], pa.timestamp("us", "UTC")),
        "2020-01-02T00:00:00.123Z",
        "2020-01-02T00:00:00.123Z",
        0,
    ),
    (
        pa.array([moment("2020-01-02T00:00:00")], pa.timestamp("us")),
        "2020-01-02T00:00:00.000",
        "2020-01-02 00:00:00",
        0,
    ),
    (pa.array([moment("1582-10-01T00:00:00")]), "1582-10-11T00:00:00Z", "1582-10-11", 0),
    (pa.array([datetime.date(1582, 10, 1)]), "1582-10-11", "1582-10-11", 0),
    (pa.array(["a", "b"]), "a", "b", 0),
    (pa.array(["x" * 50, "y" * 50]), "x" * 32, "y" * 31 + "z", 0),
    (pa.array(["y" * 50]), "y" * 32, "y" * 32, 0),
    (pa.array([True, False]), True, True, 0),
    (pa.array([b"a"]), "b", "a", 0),
    (pa.array([None, None], pa.int32()), 1, 2, 2),
    (pa.array([1]), None, None, None),
    (pa.array([[1]]), 5, 0, 9),
    (pa.array([1]), {"b": 5}, {"b": 6}, {"b": 1}),
]
WRONG = [
    (pa.array([3, None, 1], pa.int32()), 2, 3, 0, ["nullCount.a", "minValues.a"]),
    (pa.array([3, 1]), 0, 4, 0, ["minValues.a", "maxValues.a"]),
    (pa.array([3, 1]), "x", 3, 0, ["minValues.a"]),
    (pa.array([0.1, 0.3]), 0.2, 0.3, 0, ["minValues.a"]),
    (pa.array([Decimal("1.25")], pa.decimal128(5, 2)), 1.26, 1.25, 0, ["minValues.a"]),
    (pa.array([datetime.date(2020, 1, 2)]), "2020-01-01", "2020-01-02", 0, ["minValues.a"]),
    (
        pa.array([moment("2020-01-02T00:00:00.123456")], pa.timestamp("us", "UTC")),
        "2020-01-02T00:00:00.124Z",
        "2020-01-02T00:00:00.122Z",
        0,
        ["minValues.a", "maxValues.a"],
    ),
    (pa.array(["b", "c"]), "c", "b", 0, ["minValues.a", "maxValues.a"]),
    (pa.array(["x" * 50]), "y", "w" * 32, 0, ["minValues.a", "maxValues.a"]),
]


@pytest.mark.parametrize(("values", "low", "high", "nulls"), FINE)
def test_statistics_that_a_writer_may_state_are_let_be(
    values: pa.Array, low: Any, high: Any, nulls: Any
) -> None:
    assert contradictions(values, low, high, nulls) == []


@pytest.mark.parametrize(("values", "low", "high", "nulls", "names"), WRONG)
def test_statistics_that_the_footer_contradicts_are_named(
    values: pa.Array, low: Any, high: Any, nulls: Any, names: list[str]
) -> None:
    assert contradictions(values, low, high, nulls) == names


def test_nested_fields_are_found_by_their_path() -> None:
    values = pa.array([{"b": 1}, None])
    text = {"minValues": {"a": {"b": 2}}, "nullCount": {"a": {"b": 1}}}

    found = list(footer_contradictions(text, footer_of(values)))

    assert [(each.name, each.stated, each.found) for each in found] == [("minValues.a.b", "2", "1")]


def test_a_footer_without_statistics_contradicts_nothing() -> None:
    footer = footer_of(pa.array([1, 2, None]), statistics=False)

    found = footer_contradictions({"minValues": {"a": 9}, "nullCount": {"a": 9}}, footer)

    assert list(found) == []


def test_row_groups_with_and_without_bounds_state_none_together() -> None:
    mixed = pa.array([1.0, 2.0, float("nan"), float("nan")])

    found = footer_contradictions({"minValues": {"a": 9}}, footer_of(mixed))

    assert list(found) == []


def test_no_statistics_are_an_empty_object() -> None:
    assert parse_stats(None) == parse_stats("") == {}
