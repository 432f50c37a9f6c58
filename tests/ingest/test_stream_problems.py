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
    ],
)
def test_what_does_not_fit_is_told_at_its_key(tmp_path: Path, line: str, told: str) -> None:
    (fault,) = faults(tmp_path, line)

    assert told in fault
    assert " 4 " in fault
