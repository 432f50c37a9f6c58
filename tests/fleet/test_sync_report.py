"""How a run of `sync` is summed up: each table that was meant is counted once."""

from lakeferry.fleet.sync.book import Sums
from lakeferry.fleet.sync.events import SyncReport
from lakeferry.fleet.sync.report import report_of
from lakeferry.ledger.rows import LakeTable
from tests.ledger.lakes import table

ROWS = (
    table("a.new", state="synced"), table("a.known", state="verified"),
    table("a.unseen", state="synced"), table("a.planned", state="planned"),
    table("a.over", state="cut_over"),
)  # fmt: skip


def report(*ended: LakeTable, waiting: int = 0, ended_by: str = "") -> SyncReport:
    return report_of(
        ROWS, Sums(), synced={ROWS[0].target_url} & {one.target_url for one in ended},
        current={ROWS[1].target_url} & {one.target_url for one in ended},
        todo={one.target_url for one in ROWS[:4]}, waiting=waiting, seconds=1, usd=None,
        ended_by=ended_by, was_stopped=False,
    )  # fmt: skip


def test_what_was_not_looked_at_again_is_not_done() -> None:
    found = report(ROWS[0], ROWS[1])

    assert (found.synced, found.current, found.not_begun) == (1, 1, 2)


def test_a_run_that_a_limit_ended_asks_for_a_look_where_something_is_left() -> None:
    assert report(ROWS[0], ROWS[1], ended_by="its time was over").asks
    # Both that are left wait for their wave.
    assert not report(ROWS[0], ROWS[1], ended_by="its time was over", waiting=2).asks
