"""A table that is right is found right; whatever was lost, doubled or skipped is named."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import sleep, time_ns
from typing import Any

import deltalake
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from lakeferry.delta.txn_files import file_of, folder_of
from lakeferry.errors import FerryError
from lakeferry.events import Checked, Event
from lakeferry.ingest.crew.joining import next_rejected
from lakeferry.ingest.payload.rows import (
    QUARANTINE_SCHEMA,
    RAW_SCHEMA,
    Bad,
    Fault,
    Rows,
    quarantine_table,
)
from lakeferry.ingest.position.state import After, Gap, advanced
from lakeferry.ingest.settings import TargetSettings
from lakeferry.ingest.table.commit import commit
from lakeferry.ingest.table.opening import open_target
from lakeferry.ingest.table.target import Target
from lakeferry.ingest.worker.messages import Counts
from lakeferry.verify.offset_rows import Ledger, Origin
from lakeferry.verify.offsets import OffsetsReport, verify_offsets
from tests.ingest.batches import (
    BY_DAY,
    NAME,
    NOON_MS,
    SHARD,
    deltalake_table,
    first,
    moved,
    opened,
    raw,
    settings,
    span,
    uploaded,
)
from tests.servers import Server


@pytest.fixture(params=["sidecar", "domain"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> TargetSettings:
    return settings(tmp_path / "t", offsets=request.param, partition_by=BY_DAY)


def filled(target: Target, *numbers: int, rows: pa.Table | None = None, **counts: int) -> Target:
    """A commit as workers and coordinator make it, with rows of one's choice."""
    assert target.state is not None
    after = advanced(target.state, (span(target, numbers),))
    table = raw(numbers) if rows is None else rows
    files = uploaded(target, table)
    told = {"records": len(numbers), "rows": table.num_rows} | counts
    return moved(commit(target, files, after, counts=Counts(**told)))


def whats(report: OffsetsReport) -> list[str]:
    return [f"{finding.check}: {finding.what}" for finding in report.findings]


# --- right ----------------------------------------------------------------------------------


def test_a_table_in_which_each_record_lies_once_is_right(where: TargetSettings) -> None:
    target = filled(filled(opened(where), 1, 2, 3), 4, 5)

    report = verify_offsets(where.url)

    assert report.right, whats(report)
    assert (report.version, report.rows, report.records) == (target.version, 5, 5)
    [proof] = report.ingests
    assert (proof.name, proof.epoch, proof.records, proof.commits) == (NAME, 2, 5, 3)
    assert report.not_seen == ()


def test_of_a_large_table_the_rows_of_new_files_are_enough(where: TargetSettings) -> None:
    target = filled(filled(opened(where), 1, 2), 3)
    sleep(0.002)
    since_ms = time_ns() // 1_000_000
    filled(target, 4, 5, 6)

    report = verify_offsets(where.url, since_ms=since_ms)

    assert (report.right, report.rows) == (True, 3)
    [not_seen] = report.not_seen
    assert not_seen.startswith("rows of files that were written before 20")


def test_a_record_that_lies_twice_in_new_files_is_found_there_too(where: TargetSettings) -> None:
    target = filled(opened(where), 1, 2)
    filled(target, 3, 4, rows=raw([3, 4, 4]))

    assert not verify_offsets(where.url, since_ms=1).right


def test_commits_of_others_and_compaction_change_nothing(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    target = filled(filled(opened(where), 1, 2), 3)
    deltalake_table(where).optimize.compact()
    filled(target, 4)

    report = verify_offsets(where.url)

    assert (report.right, report.rows) == (True, 4)


def test_a_log_that_was_cleaned_is_judged_from_its_oldest_commit(where: TargetSettings) -> None:
    target = opened(where)
    for number in range(1, 6):
        target = filled(target, number)
    deltalake_table(where).create_checkpoint()
    for version in range(4):
        target.store.delete(f"_delta_log/{version:020}.json")
    filled(target, 6)

    report = verify_offsets(where.url)

    assert (report.right, report.rows) == (True, 6)
    [proof] = report.ingests
    assert proof.commits == 3
    assert any("before version 4" in one for one in report.not_seen)


def test_positions_that_are_not_kept_any_more_are_told(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    target = opened(where)
    for _ in range(102):
        target = filled(target)

    report = verify_offsets(where.url)

    assert report.right, whats(report)
    [told] = report.not_seen
    assert "positions of 2 older commits one by one" in told  # the first one's are kept
    assert "judged together" in told


def test_records_that_were_skipped_where_positions_are_not_kept_any_more_are_found(
    tmp_path: Path,
) -> None:
    target = filled(opened(settings(tmp_path / "t")), 1, 2)
    target = filled(target, 3, 4, 5, rows=raw([5]), records=1)
    for _ in range(101):
        target = filled(target)

    found = whats(verify_offsets(target.store.url))

    [told] = [what for what in found if what.startswith("records:")]
    assert "move the positions by 5 records, their workers read 3" in told


def test_a_consumer_s_rows_are_no_finding_though_later_positions_are_not_kept_any_more(
    tmp_path: Path,
) -> None:
    where = settings(tmp_path / "t")
    deltalake.write_deltalake(where.url, raw([1, 2, 3]))
    adopted = replace(first(), shards={SHARD: After("3", NOON_MS)})
    target = filled(open_target(where, RAW_SCHEMA, NAME, adopted), 4)
    for _ in range(101):
        target = filled(target)

    report = verify_offsets(where.url)

    assert report.right, whats(report)


def rejected(where: TargetSettings, *names: str, numbers: Sequence[int] = (3, 5)) -> None:
    """A table of bad records, of so many ingests; each put the records 3 and 5 there."""
    for name in names:
        target = opened(where, wanted=QUARANTINE_SCHEMA, name=name)
        for epoch, number in enumerate(numbers, 1):
            assert target.state is not None
            texts = [str(number)]
            rows = Rows(SHARD, [b"x"], texts, texts, [None], [NOON_MS])
            table = quarantine_table(Bad(rows, (Fault("bad"),)), "clicks", epoch)
            state = next_rejected(
                target.state, (span(target, range(1, number + 1)),), target.state.stream
            )
            target = moved(commit(target, uploaded(target, table), state))


def test_of_a_table_of_bad_records_nothing_is_said_of_rows_that_were_removed(
    where: TargetSettings,
) -> None:
    bad = replace(where, partition_by=())
    rejected(bad, "clicks")

    report = verify_offsets(bad.url)

    assert report.right, whats(report)
    assert (report.rows, report.ingests[0].epoch) == (2, 2)
    assert report.not_seen == (
        "`clicks`: whether a bad record is missing; the table of the other records counts them",
    )


def test_a_record_that_was_good_when_quarantine_passed_it_and_is_bad_now_is_no_finding(
    tmp_path: Path,
) -> None:
    """The table's rules were changed between the commits of the two tables."""
    where = settings(tmp_path / "t")
    rejected(where, "clicks", numbers=(3, 2))

    report = verify_offsets(where.url)

    assert report.right, whats(report)


def test_a_bad_record_that_lies_in_quarantine_twice_is_found(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    rejected(where, "clicks")
    twice = deltalake_table(where).to_pyarrow_table().sort_by("epoch")
    deltalake.write_deltalake(where.url, twice.slice(0, 1), mode="append")
    told: list[Event] = []

    assert whats(verify_offsets(where.url, on_event=told.append)) == [
        f"rows: twice: {SHARD} 3: 2 times"
    ]
    assert [event.detail for event in told if isinstance(event, Checked)][-1] == "1 finding"


def test_what_several_ingests_of_one_stream_put_into_quarantine_is_no_double(
    tmp_path: Path,
) -> None:
    where = settings(tmp_path / "t")
    rejected(where, "clicks.one", "clicks.other")
    told: list[Event] = []

    report = verify_offsets(where.url, on_event=told.append)

    assert report.right, whats(report)
    assert any("several ingests of one stream" in one for one in report.not_seen)
    checked = [event.what for event in told if isinstance(event, Checked)]
    assert checked == ["epoch", "positions", "records"]  # rows are not looked at


def test_rows_that_another_removed_are_told_as_such(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    filled(opened(where), 1, 2, 3)
    deltalake_table(where).delete("sequenceNumber = '2'")

    assert verify_offsets(where.url).not_seen == (
        "`clicks`: whether each record has a row; rows were removed since",
    )


def test_bad_records_excuse_rows_that_are_missing(where: TargetSettings) -> None:
    filled(opened(where), 1, 2, 3, rows=raw([1, 3]), bad=1)

    assert verify_offsets(where.url).right


def test_accepted_gaps_are_told_and_break_nothing(where: TargetSettings) -> None:
    target = filled(opened(where), 1)
    assert target.state is not None
    gap = Gap(SHARD, NOON_MS, NOON_MS + 3_600_000)
    after = replace(target.state, epoch=2, shards={}, gaps=(gap,))
    moved(commit(target, (), after))

    report = verify_offsets(where.url)

    assert report.right, whats(report)
    assert report.ingests[0].gaps == (gap,)


def test_two_ingests_of_raw_rows_in_one_table_are_told_apart(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    clicks, views = opened(where), opened(where, name="views")
    assert views.state is not None
    other = replace(views.state, epoch=1, stream=replace(views.state.stream, name="views"))
    views = moved(commit(views, (), other))
    filled(clicks, 1, 2)
    rows = raw([1, 2]).set_column(2, "stream", pa.array(["views", "views"]))
    filled(views, 1, 2, rows=rows)

    report = verify_offsets(where.url)

    assert report.right, whats(report)
    assert (report.rows, report.records) == (4, 4)


def test_of_one_name_that_ingest_alone_is_looked_at(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    filled(opened(where), 1)
    opened(where, name="views")

    [proof] = verify_offsets(where.url, name="views").ingests

    assert proof.name == "views"


def test_rows_of_a_consumer_whose_place_was_taken_over_are_no_finding(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    deltalake.write_deltalake(where.url, raw([1, 2, 3]))
    adopted = replace(first(), shards={SHARD: After("3", NOON_MS)})
    filled(open_target(where, RAW_SCHEMA, NAME, adopted), 4)

    report = verify_offsets(where.url)

    assert report.right, whats(report)
    assert report.rows == 4


# --- not right ------------------------------------------------------------------------------


def test_a_record_that_lies_in_the_table_twice_is_named(where: TargetSettings) -> None:
    target = filled(opened(where), 1, 2)
    filled(target, 3, rows=raw([2, 3]))

    report = verify_offsets(where.url)

    assert f"rows: twice: {SHARD} 2: 2 times" in whats(report)
    assert not report.right


def test_a_row_behind_the_position_would_be_read_again_and_is_named(
    where: TargetSettings,
) -> None:
    filled(opened(where), 1, 2, rows=raw([1, 2, 9]))

    [bounds, *_] = [what for what in whats(verify_offsets(where.url)) if "stands at" in what]

    assert "a row of record 9, though the table stands at 2" in bounds


def test_a_row_of_another_commit_than_its_own_is_named(where: TargetSettings) -> None:
    target = filled(opened(where), 1, 2, rows=raw([1]))
    filled(target, 3, rows=raw([2, 3]))

    found = whats(verify_offsets(where.url))

    assert (
        f"rows: `clicks`, version 2, {SHARD}: rows of records 2 to 3, though it reads behind 2 "
        "up to 3"
    ) in found


def test_records_that_were_read_and_have_no_row_are_missed(where: TargetSettings) -> None:
    filled(opened(where), 1, 2, 3, rows=raw([1, 3]))

    found = whats(verify_offsets(where.url))

    assert any("3 records were read, 2 have rows" in what for what in found)


def test_rows_that_workers_did_not_count_are_found(where: TargetSettings) -> None:
    target = opened(where)
    assert target.state is not None
    after = advanced(target.state, (span(target, [1, 2]),))
    moved(commit(target, uploaded(target, raw([1, 2])), after, counts=Counts(records=5, rows=7)))

    found = whats(verify_offsets(where.url))

    assert any("positions by 2 records, its workers read 5" in what for what in found)
    assert any("files of 2 rows, its workers wrote 7" in what for what in found)


def restated(where: TargetSettings, version: int, change: Any) -> None:
    """Damage: the positions of one commit as another hand would have them."""
    log = Path(where.url) / "_delta_log"
    path = log / f"{version:020}.json"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    [txn] = [line["txn"] for line in lines if "txn" in line]
    kept = [line["domainMetadata"] for line in lines if "domainMetadata" in line]
    file = Path(where.url) / file_of(NAME, txn["version"])
    text = kept[0]["configuration"] if kept else file.read_text()
    body = json.loads(text)
    change(body)
    if kept:
        kept[0]["configuration"] = json.dumps(body)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    else:
        file.write_text(json.dumps(body))


def test_a_commit_whose_position_goes_back_is_named(where: TargetSettings) -> None:
    target = filled(filled(opened(where), 5), 6)
    filled(target, 7)

    def back(body: dict[str, Any]) -> None:
        _, _, rest = body["after"]["0"].partition(" ")
        body["after"]["0"] = f"Aw {rest}"  # 3

    restated(where, 2, back)

    found = whats(verify_offsets(where.url))
    assert any(what.startswith(f"positions: version 2, {SHARD}: it goes back") for what in found)


def test_a_commit_that_skips_an_epoch_is_named(where: TargetSettings) -> None:
    target = filled(filled(opened(where), 1), 2)
    filled(target, 3)
    (Path(where.url) / "_delta_log" / f"{2:020}.json").write_text('{"commitInfo":{}}\n')

    found = whats(verify_offsets(where.url))

    assert "epoch: version 3 has epoch 3, version 1 before it has 1" in found


def test_positions_that_are_gone_are_a_finding(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    target = filled(opened(where), 1)
    for meta in list(target.store.list(folder_of(NAME))):
        target.store.delete(meta.path)

    report = verify_offsets(where.url)

    assert not report.right
    assert "positions that the table's last commit" in whats(report)[0]


def test_a_table_without_positions_is_refused(tmp_path: Path) -> None:
    deltalake.write_deltalake(tmp_path / "t", pa.table({"a": [1]}))

    with pytest.raises(FerryError) as caught:
        verify_offsets(str(tmp_path / "t"))

    assert caught.value.code == "LF-7049"


# --- rows, in bounded memory ----------------------------------------------------------------

ORIGIN = Origin("shardId", "sequenceNumber", "subSequenceNumber")
records = st.tuples(
    st.sampled_from(["shardId-000000000000", "shardId-000000000001"]),
    st.integers(1, 30).map(str),
    st.sampled_from([None, 0, 1]),
)


@given(rows=st.lists(records, max_size=60), buckets=st.sampled_from([1, 4, 64]))
@examples(max_examples=60)
def test_doubles_are_counted_and_named_however_the_rows_are_spread(
    rows: list[tuple[str, str, int | None]], buckets: int
) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    types = (pa.string(), pa.string(), pa.int64())
    batch = pa.RecordBatch.from_arrays(
        [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)],
        names=ORIGIN.columns,
    )
    ledger = Ledger(ORIGIN, 64, bucket_bytes=64 * 28 // buckets)
    for start in range(0, len(rows), 7):
        ledger.add(batch.slice(start, 7))

    seen = ledger.finish([batch])

    assert seen.doubles == len(rows) - len(set(rows))
    assert len(seen.named) == sum(rows.count(row) > 1 for row in set(rows))
    distinct = {(shard, number) for shard, number, _ in rows}
    assert sum(shard.records for shard in seen.shards.values()) == len(distinct)
    assert sum(shard.rows for shard in seen.shards.values()) == len(rows)


@pytest.mark.server
def test_a_table_on_s3_is_verified_there(s3_server: Server) -> None:
    where = settings(f"{s3_server.place}/offsets", options=s3_server.options)
    filled(filled(opened(where), 1, 2), 3)

    report = verify_offsets(where.url, options=s3_server.options)

    assert (report.right, report.rows) == (True, 3)
