"""One table of a sync: what it tells, and what is tried again."""

from pathlib import Path
from threading import Event as Flag

import pytest

from lakeferry.clone.report import CloneRequest
from lakeferry.fleet.sync import table
from lakeferry.fleet.sync.messages import Ended, Message, TryFailed
from lakeferry.fleet.sync.table import Means, TableJob, sync_table
from lakeferry.workers import map_threads


def test_a_target_whose_receipts_cannot_be_listed_for_a_moment_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "PAUSE_S", 0)
    receipts = tmp_path / "out/_delta_log/_lakeferry/receipts"
    receipts.parent.mkdir(parents=True)
    receipts.symlink_to(receipts)  # a link to itself: no answer of this place may last
    told: list[Message] = []
    request = CloneRequest(str(tmp_path / "lake"), str(tmp_path / "out"))

    sync_table(
        TableJob(request, "a.s.orders", "none", "block"),
        Means(map_threads, None, told.append, Flag(), set()),
    )

    assert [type(one) for one in told] == [TryFailed, TryFailed, Ended]
    ended = told[-1]
    assert isinstance(ended, Ended)
    assert ended.error is not None
    assert ended.error.code == "LF-1004"
