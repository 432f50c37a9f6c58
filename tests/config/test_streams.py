"""The part `streams` of a manifest: what it says, and what is wrong with it, with its line."""

from pathlib import Path

import pytest

from lakeferry.config.manifest import StreamConfig
from lakeferry.config.read import read_manifest

WHOLE = """\
version: 1
connections: {reader: {kind: aws, region: eu-west-1, role: "arn:aws:iam::111122223333:role/r"}}
target: {root: s3://lake, region: us-east-1}
streams:
  clicks:
    from: kinesis://eu-west-1/clicks
    to: streams/clicks
    format: json
    schema: ./clicks.sql
    csv: {delimiter: ";"}
    avro: {framing: confluent, writers: {17: old.avsc}}
    partition_by: [region, day=date(ts)]
    flush: {every: 30 s, size: 128 MB}
    app_id: lakeferry/clicks
    start: trim-horizon
    dead_letter: streams/clicks_rejected
    bad_records: quarantine
    max_bad: 5%
    on_new_fields: rescue
    provenance: false
    dedup: {columns: event_id, window: 10 min}
    read_share: 40%
    aggregation_out_of_range: drop-record
    workers: 2
    buffer: 64 MiB
    connection: reader
    endpoint: https://vpce-0a1b.kinesis.eu-west-1.vpce.amazonaws.com
    offsets: sidecar
    on_data_loss: go-on
    on_recreated: restart
    compact: false
    single_writer: true
    store_options: {profile: lake}
"""


def stream(folder: Path, text: str) -> StreamConfig:
    file = folder / "lakeferry.yaml"
    file.write_text(text)
    return read_manifest(file).manifest.streams["clicks"]


def test_every_key_is_read_in_bytes_seconds_and_shares(tmp_path: Path) -> None:
    found = stream(tmp_path, WHOLE)

    assert found == StreamConfig(
        "clicks", "kinesis://eu-west-1/clicks", "streams/clicks", "json", "./clicks.sql",
        ("region", "day=date(ts)"), 30, 128_000_000, "lakeferry/clicks", "trim-horizon",
        "streams/clicks_rejected", "quarantine", 0.05, "rescue", False, ("event_id",), 600, 0.4,
        "drop-record", 2, 64 << 20, "https://vpce-0a1b.kinesis.eu-west-1.vpce.amazonaws.com",
        "sidecar", "go-on", "restart", False, True, {"profile": "lake"}, "s3://lake", found.access,
        ";", "confluent", {"17": "old.avsc"},
    )  # fmt: skip
    assert (found.access.region, found.access.role) == (
        "eu-west-1", "arn:aws:iam::111122223333:role/r",
    )  # fmt: skip


def test_two_keys_are_enough(tmp_path: Path) -> None:
    found = stream(tmp_path, "version: 1\nstreams: {clicks: {from: clicks, to: s3://lake/clicks}}")

    assert (found.source, found.target, found.workers) == ("clicks", "s3://lake/clicks", None)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("to: /t", "streams.clicks.from is missing"),
        ("from: clicks", "streams.clicks.to is missing"),
        ("from: 'a b', to: /t", "streams.clicks.from: `a b` is not valid here"),
        ("from: a, to: /t, flush: {every: 30}", "`30` has no unit"),
        ("from: a, to: /t, flush: {size: 128 mb}", "can mean"),
        ("from: a, to: /t, frmat: raw", "streams.clicks.frmat is not a key"),
        ("from: a, to: /t, format: xml", "`xml` is not known here"),
        ("from: a, to: /t, avro: {writers: {}}", "streams.clicks.avro.framing is missing"),
        ("from: a, to: /t, avro: {framing: bare, writers: {a b: c}}", "`a b` is no name here"),
        ("from: a, to: /t, connection: nobody", "there is no connection `nobody`"),
        ("from: a, to: /t, workers: 0", "workers"),
    ],
)
def test_a_fault_is_told_with_its_place(tmp_path: Path, line: str, told: str) -> None:
    text = f"version: 1\nstreams:\n  clicks: {{{line}}}\n"

    with pytest.raises(ExceptionGroup) as refused:
        stream(tmp_path, text)

    (error,) = refused.value.exceptions
    assert told in str(error)
    assert "lakeferry.yaml:3:" in str(error)


def test_a_name_that_no_table_could_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExceptionGroup) as refused:
        stream(tmp_path, 'version: 1\nstreams: {"a/b": {from: a, to: /t}}')

    assert "`a/b` is no name here" in str(refused.value.exceptions[0])
