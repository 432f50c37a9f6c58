"""What of `streams` only the ingest can judge, each fault with its line."""

from pathlib import Path

import pytest

from lakeferry.config.read import read_manifest
from lakeferry.ingest.stream_problems import stream_problems


def faults(folder: Path, line: str) -> list[str]:
    file = folder / "lakeferry.yaml"
    file.write_text(
        "version: 1\nconnections: {az: {kind: azure}, us: {kind: aws}}\nstreams:\n"
        f"  clicks: {{{line}}}\n"
    )
    found = stream_problems(read_manifest(file).manifest)
    return [f"{one.code} {one.place.line} {one.what}; {one.next_step}" for one in found]


@pytest.mark.parametrize(
    "line",
    [
        "from: clicks, to: s3://lake/clicks",
        "from: clicks, to: /t, schema: 'id STRING', dedup: {columns: [id], window: 1 h}",
        "from: clicks, to: /t, start: 'at:2026-11-26T12:00:00Z', partition_by: day=date(ts)",
        "from: clicks, to: /t, connection: us, read_share: 100%, workers: 64",
        "from: clicks, to: /t, dedup: {columns: [shardId, sequenceNumber]}",
        "from: clicks, to: '${env:TABLE}', start: '${env:START}'",
        "from: a, to: /t, format: csv, schema: 'id INT', csv: {delimiter: '\\t'}",
        "from: a, to: /t, format: avro, schema: a.avsc, avro: {framing: bare, writers: {old: b}}",
        "from: a, to: /t, format: avro, schema: a, avro: {framing: confluent, writers: {17: b}}",
        "from: a, to: /t, format: avro, schema: a.avsc, avro: {framing: single-object}",
    ],
)
def test_what_fits_together_has_no_fault(tmp_path: Path, line: str) -> None:
    assert faults(tmp_path, line) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("to: /t, from: a, start: soon", "LF-7012 4 streams.clicks.start: `soon` is no place"),
        ("to: /t, from: a, start: 'at:2026-11-26T12:00:00'", "the time has no zone"),
        ("to: t, from: a", "there is no target.root"),
        ("to: /t, from: a, format: json", "need a schema; declare it with `schema`"),
        ("to: /t, from: a, format: raw, schema: s", "raw records are not parsed"),
        ("to: /t, from: a, on_new_fields: rescue", "raw records have no fields"),
        ("to: /t, from: a, bad_records: rescue", "raw records have no fields"),
        ("to: /t, from: a, dedup: {columns: a}", "raw records have no column `a`"),
        ("to: /t, from: a, read_share: 0%", "above 0% and at most 100%"),
        ("to: /t, from: a, max_bad: 101%", "above 0% and at most 100%"),
        ("to: /t, from: a, flush: {every: 0 s}", "streams.clicks.flush.every: it is more than"),
        ("to: /t, from: a, partition_by: [day=month(ts)]", "`day=month(ts)` is no partition"),
        ("to: /t, from: a, workers: 999", "LF-7067 4 streams.clicks.workers: 999 are more than 64"),
        ("to: /t, from: a, connection: az", "`az` is of kind azure"),
        ("to: /t, from: a, format: csv", "records of csv need a schema"),
        ("to: /t, from: a, schema: s, csv: {delimiter: ;}", "records are not of csv"),
        ("to: /t, from: a, schema: s, avro: {framing: bare}", "records are not of avro"),
        ("to: /t, from: a, format: csv, schema: s, csv: {delimiter: ab}", "`ab` cannot stand"),
        ("to: /t, from: a, format: csv, schema: s, on_new_fields: evolve", "and no others"),
        ("to: /t, from: a, format: avro, schema: s", "what stands before a datum"),
        ("to: /t, from: a, format: avro, schema: s, avro: {framing: bare, writers: {a: b, c: d}}",
         "several are given"),
        ("to: /t, from: a, format: avro, schema: s, avro: {framing: confluent}",
         "give each under `writers`, by the number"),
        ("to: /t, from: a, format: avro, schema: s, avro: {framing: glue, writers: {17: b}}",
         "`17` is nothing that records name a schema by"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_at_its_key(tmp_path: Path, line: str, told: str) -> None:
    (fault,) = faults(tmp_path, line)

    assert told in fault
    assert " 4 " in fault
