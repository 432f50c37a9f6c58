"""`lakeferry config iam --for ingest`: the least policy, of flags or of the manifest."""

import json
from pathlib import Path
from typing import Any

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.ingest.kinesis.refusal_text import READS
from tests.cli.program import Ended, called

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
ACCOUNT = ["--account", "111122223333"]
KEY = "arn:aws:kms:us-east-1:111122223333:key/1"


def printed(*words: str, folder: Path) -> Ended:
    return called("config", "iam", "--for", "ingest", *words, folder=folder)


def resources(ended: Ended) -> dict[str, Any]:
    assert ended.returncode == 0, ended.stderr
    return {one["Sid"]: one["Resource"] for one in json.loads(ended.stdout)["Statement"]}


def test_a_stream_and_a_table_are_named_by_flags(tmp_path: Path) -> None:
    named = ["--stream", "clicks", "--table", "s3://lake/clicks", "--region", "eu-west-1"]

    found = resources(printed(*named, *ACCOUNT, folder=tmp_path))

    assert found["ReadStreams"] == ["arn:aws:kinesis:eu-west-1:111122223333:stream/clicks"]
    assert found["WriteTables"] == [
        "arn:aws:s3:::lake/clicks/*", "arn:aws:s3:::lake/clicks_rejected/*",
    ]  # fmt: skip


def test_without_flags_it_is_that_of_all_streams_of_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "lakeferry.yaml").write_text(
        f"version: 1\ntarget: {{root: s3://lake, encryption: {{sse: aws:kms, key: '{KEY}'}}}}\n"
        "streams:\n"
        "  a: {from: 'kinesis://us-east-1/one', to: a, dead_letter: s3://bad/a, schema: gone.sql}\n"
        "  b: {from: 'arn:aws:kinesis:us-east-1:444455556666:stream/two', to: /data/b}\n"
    )

    found = resources(printed(*ACCOUNT, folder=tmp_path))

    assert found["ReadStreams"] == [
        "arn:aws:kinesis:us-east-1:111122223333:stream/one",
        "arn:aws:kinesis:us-east-1:444455556666:stream/two",
    ]
    assert found["WriteTables"] == ["arn:aws:s3:::lake/a/*", "arn:aws:s3:::bad/a/*"]
    assert found["ListTables"] == ["arn:aws:s3:::lake", "arn:aws:s3:::bad"]
    assert found["UseKeys"] == [KEY]


def test_what_is_taken_over_may_be_read_and_nothing_else_of_it(tmp_path: Path) -> None:
    named = ["--stream", "clicks", "--table", "s3://lake/clicks", "--region", "eu-west-1"]
    adopted = ["--adopt", "kcl:old-app", "--adopt", "checkpoint:s3://jobs/c,metadata=s3://jobs/m"]

    ended = printed(*named, *adopted, *ACCOUNT, folder=tmp_path)

    found = resources(ended)
    table = "arn:aws:dynamodb:eu-west-1:111122223333:table/old-app"
    assert found["ReadLeases"] == [table]
    assert found["ReadCheckpoints"] == ["arn:aws:s3:::jobs/c/*", "arn:aws:s3:::jobs/m/*"]
    assert found["ListCheckpoints"] == ["arn:aws:s3:::jobs"]
    granted = {one["Sid"]: one["Action"] for one in json.loads(ended.stdout)["Statement"]}
    assert granted["ReadLeases"] == ["dynamodb:Scan"]
    assert granted["ReadCheckpoints"] == ["s3:GetObject"]


def test_the_lock_that_tables_are_committed_by_may_be_read_and_written(tmp_path: Path) -> None:
    (tmp_path / "lakeferry.yaml").write_text(
        "version: 1\ntarget: {root: s3://lake, commit: {lock: 'dynamodb://locks'}}\n"
        "streams:\n  a: {from: 'kinesis://us-east-1/one', to: a}\n"
    )

    found = resources(printed(*ACCOUNT, folder=tmp_path))

    assert found["CommitLock"] == ["arn:aws:dynamodb:us-east-1:111122223333:table/locks"]


def test_nothing_is_granted_for_positions_that_nobody_keeps(tmp_path: Path) -> None:
    named = ["--stream", "clicks", "--table", "s3://lake/clicks", "--region", "eu-west-1"]

    ended = printed(*named, "--adopt", "old-app", *ACCOUNT, folder=tmp_path)

    assert ended.returncode == 2
    assert "LF-7082" in ended.stderr


def test_whoever_is_not_at_aws_is_told_to_say_the_account(tmp_path: Path) -> None:
    named = ["--stream", "clicks", "--table", "s3://lake/clicks", "--region", "eu-west-1"]

    ended = called("config", "iam", "--for", "ingest", *named, folder=tmp_path,
                   AWS_ENDPOINT_URL_STS="http://127.0.0.1:9", **KEYS)  # fmt: skip

    assert ended.returncode == 1
    assert "LF-1205" in ended.stderr
    assert "--account 111122223333" in ended.stderr


def test_streams_and_tables_that_do_not_pair_are_refused(tmp_path: Path) -> None:
    ended = printed("--stream", "a", "--region", "eu-west-1", *ACCOUNT, folder=tmp_path)

    assert ended.returncode == 2
    assert "1 streams and 0 tables do not pair" in ended.stderr


def test_a_manifest_without_streams_is_told(tmp_path: Path) -> None:
    (tmp_path / "lakeferry.yaml").write_text("version: 1\n")

    ended = printed(*ACCOUNT, folder=tmp_path)

    assert ended.returncode == 2
    assert "LF-7063 the manifest has no streams" in ended.stderr


def test_reading_needs_what_the_policy_grants_and_nothing_else(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    kinesis_feed.put("k", "{}")
    (shard,) = kinesis_feed.shards()
    kinesis_feed.split(shard)
    there = ["--endpoint-url", kinesis_feed.url, "--region", kinesis_feed.region]

    for look in ("--once", "--check"):
        words = ["ingest", "clicks", "t", look, "--from", "trim-horizon", *there]
        assert called(*words, folder=tmp_path, **KEYS).returncode == 0

    asked_for = {f"kinesis:{operation}" for operation in kinesis_feed.counts()}
    assert asked_for == set(READS)
