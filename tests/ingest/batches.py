"""Batches of records with plain numbers, as workers bring them; read back by delta-rs."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import deltalake
import pyarrow as pa

from lakeferry.ingest.files.data_file import OpenFiles, upload
from lakeferry.ingest.payload.rows import RAW_SCHEMA, Rows, raw_table
from lakeferry.ingest.position.state import (
    After,
    FromTrimHorizon,
    IngestState,
    Position,
    Span,
    StreamIdentity,
    advanced,
)
from lakeferry.ingest.rules.row_rules import with_generated
from lakeferry.ingest.settings import PartitionColumn, TargetSettings
from lakeferry.ingest.table.commit import commit
from lakeferry.ingest.table.opening import open_target
from lakeferry.ingest.table.target import Committed, Lost, Target
from lakeferry.ingest.worker.messages import DataFile

NAME = "clicks"
SHARD = "shardId-000000000000"
BEGINNING = FromTrimHorizon(0)
BY_DAY = (PartitionColumn("day", "approximateArrivalTimestamp"),)
NOON_MS = 1_795_694_400_000  # 2026-11-26 12:00 UTC


def first(*shards: str) -> IngestState:
    places: dict[str, Position] = dict.fromkeys(shards or (SHARD,), BEGINNING)
    return IngestState(0, StreamIdentity("clicks"), places)


def settings(url: object, **more: Any) -> TargetSettings:
    return TargetSettings(str(url), **more)


def opened(
    where: TargetSettings, *shards: str, wanted: pa.Schema = RAW_SCHEMA, name: str = NAME
) -> Target:
    return open_target(where, wanted, name, first(*shards))


def raw(numbers: Sequence[int], shard: str = SHARD) -> pa.Table:
    """One record a number, which is its sequence number and its payload."""
    texts = [str(number) for number in numbers]
    arrivals = [NOON_MS + number for number in numbers]
    rows = Rows(shard, [t.encode() for t in texts], texts, texts, [None] * len(texts), arrivals)
    return raw_table(rows, "clicks")


def uploaded(target: Target, table: pa.Table) -> tuple[DataFile, ...]:
    files = OpenFiles(target.form)
    if table.num_rows:
        files.append(with_generated(target.form.rules, table))
    done = tuple(upload(target.store, closed) for closed in files.close())
    target.store.settle()
    return done


def span(target: Target, numbers: Sequence[int], shard: str = SHARD) -> Span:
    """From where the shard stands in the table to behind the last of the numbers."""
    assert target.state is not None
    begins = target.state.shards.get(shard, BEGINNING)
    if not numbers:
        return Span(shard, begins, begins, 0)
    before = begins.records if isinstance(begins, After) else 0
    ends = After(str(numbers[-1]), NOON_MS, before + len(numbers))
    return Span(shard, begins, ends, len(numbers), str(numbers[0]))


def read(target: Target, numbers: Sequence[int]) -> tuple[tuple[DataFile, ...], IngestState]:
    """What a worker brings that read these numbers from where the table stands."""
    assert target.state is not None
    return uploaded(target, raw(numbers)), advanced(target.state, (span(target, numbers),))


def put(target: Target, *numbers: int) -> Committed | Lost:
    """One commit of these numbers."""
    return commit(target, *read(target, numbers))


def moved(done: Committed | Lost) -> Target:
    """The target after a commit that was made."""
    assert isinstance(done, Committed), done
    return done.target


def deltalake_table(where: TargetSettings) -> deltalake.DeltaTable:
    return deltalake.DeltaTable(where.url, storage_options=_options(where.options))


def _options(options: Mapping[str, str]) -> dict[str, str] | None:
    if not options:
        return None
    return {
        "AWS_ENDPOINT_URL": options["endpoint"],
        "AWS_REGION": options["region"],
        "AWS_ACCESS_KEY_ID": options["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": options["secret_access_key"],
        "AWS_ALLOW_HTTP": "true",
    }


def numbers_in(where: TargetSettings) -> list[int]:
    """The numbers of all rows, each as often as it is there, as delta-rs reads them."""
    table = deltalake_table(where).to_pyarrow_table(columns=["sequenceNumber"])
    return sorted(int(text) for text in table.column("sequenceNumber").to_pylist())


def arrival(number: int) -> datetime:
    return datetime.fromtimestamp((NOON_MS + number) / 1000, UTC)
