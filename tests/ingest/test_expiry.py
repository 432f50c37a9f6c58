"""A table that would forget where an ingest stands is told of before it does."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from lakeferry.delta.checksum import TXN_RETENTION
from lakeferry.ingest.table.expiry import warned_of_expiry
from lakeferry.ingest.table.target import Target
from tests.ingest.batches import opened, settings


def forgetful(tmp_path: Path, offsets: Literal["domain", "sidecar"]) -> Target:
    target = opened(settings(tmp_path / "t", offsets=offsets))
    metadata = replace(target.metadata, configuration={TXN_RETENTION: "interval 7 days"})
    return replace(target, metadata=metadata)


def test_positions_in_files_are_told_to_expire_with_their_txn(tmp_path: Path) -> None:
    told = warned_of_expiry(forgetful(tmp_path, "sidecar"))

    assert told is not None
    assert "stands after interval 7 days without a commit" in told.message
    assert "UNSET TBLPROPERTIES ('delta.setTransactionRetentionDuration')" in told.next_step


def test_positions_that_stay_are_not_spoken_of(tmp_path: Path) -> None:
    lasting = opened(settings(tmp_path / "other"))

    assert warned_of_expiry(forgetful(tmp_path, "domain")) is None
    assert warned_of_expiry(lasting) is None
