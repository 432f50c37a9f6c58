"""A batch is committed only if all that it counts lies in its files."""

from dataclasses import replace

import pytest

from lakeferry.errors import FerryError
from lakeferry.ingest.crew.durable import check_sums
from lakeferry.ingest.position.state import (
    After,
    FromTrimHorizon,
    IngestState,
    Span,
    StreamIdentity,
)
from lakeferry.ingest.worker.messages import Batch, Counts, DataFile

STATE = IngestState(3, StreamIdentity("clicks"), {"a": FromTrimHorizon(1)})
SPAN = Span("a", FromTrimHorizon(1), After("57", 9, 3), 3, first="50")


def data_file(rows: int) -> DataFile:
    return DataFile("part-0.parquet", 10, rows, {}, "{}", 0)


# Three records, one of them bad.
WHOLE = Batch(
    4, (data_file(2),), (data_file(1),), (SPAN,), Counts(records=3, rows=2, bad=1), None, None
)


def fault(batch: Batch) -> str | None:
    try:
        check_sums(batch, STATE)
    except FerryError as refused:
        return refused.code
    return None


def test_a_batch_that_adds_up_is_good() -> None:
    assert fault(WHOLE) is None


def test_bad_records_that_lie_in_quarantine_since_a_crash_are_in_no_file() -> None:
    assert fault(replace(WHOLE, rejected=())) is None


@pytest.mark.parametrize(
    "wrong",
    [
        replace(WHOLE, files=()),
        replace(WHOLE, files=(data_file(2), data_file(1))),
        replace(WHOLE, rejected=(data_file(2),)),
        replace(WHOLE, counts=replace(WHOLE.counts, records=2)),
        replace(WHOLE, counts=replace(WHOLE.counts, rows=3)),
        replace(WHOLE, spans=()),
    ],
    ids=["no file", "a file too many", "bad ones too many", "unwritten", "short", "no positions"],
)
def test_one_that_does_not_is_refused_before_anything_is_committed(wrong: Batch) -> None:
    assert fault(wrong) == "LF-7003"
