"""The table of an ingest is made or checked, and states where the ingest stands before it reads."""

import json
from dataclasses import replace
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest

from lakeferry.delta.snapshot import read_snapshot
from lakeferry.delta.txn_files import file_versions, folder_of
from lakeferry.errors import FerryError
from lakeferry.ingest.payload.rows import RAW_SCHEMA
from lakeferry.ingest.position.state import FromTime, app_id, epoch_of
from lakeferry.ingest.settings import PartitionColumn
from lakeferry.ingest.table.opening import change_columns, open_target, read_target
from lakeferry.ingest.table.target import Lost, Target
from lakeferry.store.open import open_store
from tests.ingest.batches import (
    BY_DAY,
    NAME,
    SHARD,
    deltalake_table,
    first,
    moved,
    numbers_in,
    opened,
    put,
    raw,
    settings,
    uploaded,
)
from tests.servers import Server


def commits(root: Path) -> list[str]:
    return sorted(found.name for found in (root / "_delta_log").glob("*.json"))


def actions(root: Path, version: int) -> list[str]:
    text = (root / "_delta_log" / f"{version:020}.json").read_text()
    return [next(iter(json.loads(line))) for line in text.splitlines()]


# --- a new table ----------------------------------------------------------------------------


def test_no_table_is_made_where_its_vacuum_would_remove_other_files(tmp_path: Path) -> None:
    """As above the folders of other tables, which a name that was forgotten leads to."""
    opened(settings(tmp_path / "streams" / "clicks"))
    put(opened(settings(tmp_path / "streams" / "clicks")), 1)

    with pytest.raises(FerryError, match="LF-5002") as refused:
        opened(settings(tmp_path / "streams"))

    assert "clicks/part-clicks-" in refused.value.where
    assert not (tmp_path / "streams" / "_delta_log").exists()


def test_what_vacuum_passes_over_hinders_no_table(tmp_path: Path) -> None:
    (tmp_path / "t" / "_lakeferry_probe-1").mkdir(parents=True)
    (tmp_path / "t" / "_lakeferry_probe-1" / "a").touch()
    (tmp_path / "t" / ".DS_Store").touch()

    assert opened(settings(tmp_path / "t")).version == 0


def test_where_no_table_is_reading_changes_nothing(tmp_path: Path) -> None:
    assert read_target(settings(tmp_path / "t"), RAW_SCHEMA, NAME) is None
    assert not list(tmp_path.iterdir())


def test_a_table_is_made_in_one_commit_that_says_where_the_ingest_starts(tmp_path: Path) -> None:
    where = settings(tmp_path / "t", partition_by=BY_DAY)

    target = opened(where)

    assert commits(tmp_path / "t") == ["00000000000000000000.json"]
    assert actions(tmp_path / "t", 0) == ["commitInfo", "protocol", "metaData", "txn"]
    assert (target.version, target.state, target.keeps) == (0, first(), "sidecar")


def test_delta_rs_can_append_to_a_table_that_was_made(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    moved(put(opened(where), 1))

    deltalake.write_deltalake(where.url, raw([900]), mode="append")

    assert numbers_in(where) == [1, 900]


def test_of_two_that_make_the_table_at_once_both_have_the_same_start(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    later = replace(first(), shards={SHARD: FromTime(9, 9)})

    one, other = opened(where), open_target(where, RAW_SCHEMA, NAME, later)

    assert one.state == other.state == first()
    assert commits(tmp_path / "t") == ["00000000000000000000.json"]


def test_the_place_of_a_latest_start_outlives_a_crash_before_the_first_record(
    tmp_path: Path,
) -> None:
    where = settings(tmp_path / "t")
    pinned = replace(first(), shards={SHARD: FromTime(1_000, 1_000)})
    open_target(where, RAW_SCHEMA, NAME, pinned)

    later = replace(first(), shards={SHARD: FromTime(2_000, 2_000)})

    assert open_target(where, RAW_SCHEMA, NAME, later).state == pinned


def test_where_no_table_can_be_made_nothing_is_left(tmp_path: Path) -> None:
    where = settings(tmp_path / "t", partition_by=(PartitionColumn("day", "nowhere"),))

    with pytest.raises(FerryError, match="rows have no column `nowhere`"):
        opened(where)

    assert not list(tmp_path.iterdir())


# --- a table that is there ------------------------------------------------------------------


def test_a_table_of_others_gets_the_start_in_a_commit_without_rows(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    deltalake.write_deltalake(where.url, raw([900]))

    target = opened(where)

    assert actions(tmp_path / "t", 1) == ["commitInfo", "txn"]
    assert numbers_in(where) == [900]
    assert moved(put(target, 1)).version == 2


def test_a_table_that_the_rows_do_not_fit_is_left_as_it_is(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    deltalake.write_deltalake(where.url, pa.table({"a": [1]}))

    with pytest.raises(FerryError) as caught:
        opened(where)

    assert caught.value.code == "LF-7041"
    assert commits(tmp_path / "t") == ["00000000000000000000.json"]


def test_a_partitioned_table_is_filled_by_its_own_rule(tmp_path: Path) -> None:
    where = settings(tmp_path / "t", partition_by=BY_DAY)
    moved(put(opened(where), 1))

    again = moved(put(opened(settings(tmp_path / "t", partition_by=BY_DAY)), 2))

    assert again.form.partition_by == BY_DAY
    rows = deltalake_table(where).to_pyarrow_table()
    assert {str(day) for day in rows.column("day")} == {"2026-11-26"}


# --- where positions are kept ---------------------------------------------------------------


def test_positions_go_into_a_domain_where_the_table_has_domains(tmp_path: Path) -> None:
    target = opened(settings(tmp_path / "t", offsets="domain"))

    assert target.keeps == "domain"
    assert opened(settings(tmp_path / "t")).keeps == "domain"
    assert not list(target.store.list(folder_of(NAME)))


def test_a_domain_is_not_forced_upon_a_table_that_has_none(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    deltalake.write_deltalake(where.url, raw([900]))

    with pytest.raises(FerryError, match="lacks the feature domainMetadata") as caught:
        opened(replace(where, offsets="domain"))

    assert caught.value.code == "LF-7044"


def test_positions_stay_where_an_ingest_began_to_keep_them(tmp_path: Path) -> None:
    opened(settings(tmp_path / "t", offsets="domain"))

    with pytest.raises(FerryError, match="keeps its positions as `domain`") as caught:
        opened(settings(tmp_path / "t", offsets="sidecar"))

    assert caught.value.code == "LF-7044"


def test_the_first_state_and_the_newest_hundred_are_kept_over_restarts_too(
    tmp_path: Path,
) -> None:
    where = settings(tmp_path / "t")
    target = opened(where)
    for _ in range(103):
        target = moved(put(target))
    newest = moved(put(opened(where)))  # a start that finds them, and commits one more

    kept = sorted(epoch_of(version) for version in file_versions(newest.store, NAME))
    assert newest.state is not None
    assert newest.state.epoch == 104
    assert kept == [0, *range(5, 105)]
    assert opened(where).state == newest.state


# --- positions that are gone ----------------------------------------------------------------


def without_txn(where: Target) -> None:
    """What RESTORE, REPLACE or an expired txn leave: the same table, and nothing of us in it."""
    snapshot = read_snapshot(where.store)
    for version in range(snapshot.version + 1):
        path = f"_delta_log/{version:020}.json"
        kept = [
            line
            for line in b"".join(where.store.read(path)).splitlines(keepends=True)
            if not line.startswith(b'{"txn"')
        ]
        body = b"".join(kept)
        where.store.write(path, [body], size=len(body))


def test_states_beside_a_log_that_has_lost_our_txn_refuse_a_new_start(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    without_txn(moved(put(opened(where))))

    with pytest.raises(FerryError) as caught:
        opened(where)

    assert caught.value.code == "LF-7043"
    assert app_id(NAME) in str(caught.value)
    assert "--name" in str(caught.value)


def test_rows_of_ours_in_a_table_that_has_lost_our_txn_refuse_a_new_start(tmp_path: Path) -> None:
    where = settings(tmp_path / "t", partition_by=BY_DAY)
    target = moved(put(opened(where), 1))
    without_txn(target)
    for meta in list(target.store.list(folder_of(NAME))):
        target.store.delete(meta.path)

    with pytest.raises(FerryError, match="is part of it") as caught:
        opened(where)

    assert caught.value.code == "LF-7043"


def test_a_state_of_a_first_commit_that_was_never_made_is_no_trace(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    deltalake.write_deltalake(where.url, raw([900]))
    opened(where)
    (tmp_path / "t" / "_delta_log" / "00000000000000000001.json").unlink()

    assert opened(where).state == first()


def test_a_txn_whose_state_is_not_there_refuses_a_new_start(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    target = moved(put(opened(where), 1))
    for meta in list(target.store.list(folder_of(NAME))):
        target.store.delete(meta.path)

    with pytest.raises(FerryError) as caught:
        opened(where)

    assert caught.value.code == "LF-7043"


def test_a_domain_says_all_where_the_txn_has_expired(tmp_path: Path) -> None:
    where = settings(tmp_path / "t", offsets="domain")
    target = moved(put(opened(where), 1))
    without_txn(target)

    assert opened(where).state == target.state


# --- new columns ----------------------------------------------------------------------------

MORE = pa.schema([*RAW_SCHEMA, pa.field("country", pa.string())])


def test_new_columns_come_in_a_commit_of_their_own(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    target = moved(put(opened(where), 1))

    grown = change_columns(target, where, MORE)

    assert isinstance(grown, Target)
    assert actions(tmp_path / "t", 2) == ["commitInfo", "metaData"]
    assert grown.form.schema.names[-1] == "country"
    rows = raw([2]).append_column("country", pa.array(["NZ"]))
    files = uploaded(grown, rows)
    assert [file.rows for file in files] == [1]
    assert moved(put(grown, 2)).version == 3


def test_columns_that_are_there_already_need_no_commit(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    one, other = opened(where), opened(where)
    change_columns(one, where, MORE)

    grown = change_columns(other, where, MORE)

    assert isinstance(grown, Target)
    assert len(commits(tmp_path / "t")) == 2
    assert moved(put(grown, 1)).version == 2


def test_columns_that_two_add_at_once_are_all_there(tmp_path: Path) -> None:
    where = settings(tmp_path / "t")
    one, other = opened(where), opened(where)
    change_columns(one, where, pa.schema([*RAW_SCHEMA, pa.field("city", pa.string())]))

    grown = change_columns(other, where, MORE)

    assert isinstance(grown, Target)
    names = [field.name for field in deltalake_table(where).schema().fields]
    assert names[-2:] == ["city", "country"]


def test_whoever_adds_columns_hears_that_another_of_the_same_ingest_committed(
    tmp_path: Path,
) -> None:
    where = settings(tmp_path / "t")
    one, other = opened(where), opened(where)
    moved(put(one, 1))

    assert change_columns(other, where, MORE) == Lost(1)


@pytest.mark.server
def test_a_table_on_s3_is_made_and_opened_again(s3_server: Server) -> None:
    where = settings(f"{s3_server.place}/made", options=s3_server.options, partition_by=BY_DAY)

    target = moved(put(opened(where), 1))

    assert opened(where).state == target.state
    assert numbers_in(where) == [1]
    assert open_store(where.url, where.options).head("_delta_log/_lakeferry/put_if_absent")
