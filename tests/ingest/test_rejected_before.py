"""Bad records that lie in quarantine already, whichever table they were read for."""

from pathlib import Path
from time import sleep

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
    sleep(0.01)  # the clock of a commit counts milliseconds
    rows = moved(put(moved(put(opened(asked.target), 1)), 2))
    assert rows.state is not None

    known = rejected_before(
        NAME, quarantine_of(asked, rows), rows.state, STREAM, rows.metadata.created_time
    )

    assert known == {SHARD: frozenset({("9", None)})}
