"""A new name on a stream that is in the table already is told of."""

from pathlib import Path

from lakeferry.ingest.position.state import StreamIdentity
from lakeferry.ingest.table.fellow_ingests import warned_of_fellows
from tests.ingest.batches import moved, opened, put, settings

CLICKS = StreamIdentity("clicks")


def test_of_an_ingest_that_read_the_same_stream_into_the_table_a_new_one_is_told(
    tmp_path: Path,
) -> None:
    where = settings(tmp_path / "t")
    moved(put(opened(where, name="clicks"), 1))
    new = opened(where, name="klicks")

    told = warned_of_fellows(new, CLICKS)

    assert told is not None
    assert told.message == (
        "`klicks` is new here, and clicks has been read into this table by the ingest `clicks`: "
        "what both read is there twice"
    )
    assert told.next_step.endswith("say --name clicks")


def test_of_an_ingest_of_another_stream_nothing_is_told(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    moved(put(opened(where, name="clicks"), 1))

    found = warned_of_fellows(opened(where, name="orders"), StreamIdentity("orders", "arn:orders"))

    assert found is None
