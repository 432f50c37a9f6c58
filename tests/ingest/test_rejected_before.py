"""Bad records that lie in quarantine already, whichever table they were read for."""

from pathlib import Path

import deltalake

from lakeferry.ingest.table.rejected_before import rejected_before
from tests.ingest.batches import NAME, SHARD, moved, opened, put
from tests.ingest.test_quarantine import STREAM, ingest_into, put_bad, quarantine_of


def test_what_a_former_table_s_ingest_put_there_is_known_however_far_its_epochs_were(
    tmp_path: Path,
) -> None:
    """A table was deleted, and its stream is read again into a new one; quarantine was kept."""
    asked = ingest_into(tmp_path / "t", None)
    former = moved(put(opened(asked.target), 1))
    put_bad(quarantine_of(asked, former), 9, epoch=1)
    (tmp_path / "t").rename(tmp_path / "former")
    rows = moved(put(moved(put(opened(asked.target), 1)), 2))
    assert rows.state is not None

    known = rejected_before(NAME, quarantine_of(asked, rows), rows.state, STREAM)

    assert known == {SHARD: frozenset({("9", None)})}


def test_records_that_another_program_joined_in_one_file_are_known_but_not_another_streams(
    tmp_path: Path,
) -> None:
    asked = ingest_into(tmp_path / "t", None)
    rows = moved(put(opened(asked.target), 1, 2))
    assert rows.state is not None
    arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
    bad = put_bad(quarantine_of(asked, rows), 7, epoch=2, stream=arn)
    put_bad(put_bad(bad, 9, epoch=2), 11, epoch=2, stream="others")
    deltalake.DeltaTable(bad.store.url).optimize.compact()

    known = rejected_before(NAME, quarantine_of(asked, rows), rows.state, STREAM)

    assert known == {SHARD: frozenset({("7", None), ("9", None)})}
