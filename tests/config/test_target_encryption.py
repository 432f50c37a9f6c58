"""`target.encryption`, as the stores of tables and of streams are told it."""

from pathlib import Path

import pytest

from lakeferry.config.read import read_manifest
from lakeferry.config.target_encryption import is_of_a_key
from lakeferry.ingest.choices import Extras, target_of
from tests.fleet.manifests import migration

KEY = "arn:aws:kms:us-east-1:111122223333:key/1"
HEAD = """version: 1
name: a
connections: {c: {kind: aws, options: {sse: AES256, large_commit_bytes: "5"}}}
"""
SOURCES = "\nsources: {s: {root: s3://old}}\n"


@pytest.mark.parametrize(
    ("said", "options"),
    [
        ("", {"sse": "AES256"}),  # of the connection
        (", encryption: {sse: none}", {"sse": "AES256"}),
        (", encryption: {sse: aws:kms}", {"sse": "aws:kms"}),
        (f", encryption: {{sse: aws:kms, key: '{KEY}', bucket_key: false}}",
         {"sse": "aws:kms", "kms_key": KEY, "bucket_key": "false"}),
    ],
)  # fmt: skip
def test_a_table_is_written_as_the_target_says(
    said: str, options: dict[str, str], tmp_path: Path
) -> None:
    text = f"{HEAD}target: {{root: s3://lake, connection: c{said}}}{SOURCES}"

    wanted = migration(tmp_path, text)

    found = wanted.store_options(wanted.sources["s"].options_of("eu", "orders"))
    assert found == {"large_commit_bytes": "5", **options}
    assert wanted.target.kms_key == options.get("kms_key")
    assert wanted.sources["s"].store_options == {}


@pytest.mark.parametrize(
    ("to", "more", "options"),
    [
        ("clicks", "", {"sse": "aws:kms", "kms_key": KEY}),
        ("s3a://lake/prod/clicks", "", {"sse": "aws:kms", "kms_key": KEY}),
        ("clicks", ", store_options: {sse: AES256}", {"sse": "AES256"}),
        ("s3://lake/production/clicks", "", {}),
        ("s3://other/prod/clicks", "", {}),
        ("/here/clicks", "", {}),
    ],
)
def test_a_stream_that_lands_below_the_target_is_written_as_it_says(
    to: str, more: str, options: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "lakeferry.yaml"
    file.write_text(
        "version: 1\n"
        f"target: {{root: s3://lake/prod, encryption: {{sse: aws:kms, key: '{KEY}'}}}}\n"
        f"streams: {{clicks: {{from: clicks, to: '{to}'{more}}}}}\n"
    )

    target = target_of(read_manifest(file).manifest.streams["clicks"], Extras())

    assert target.options == options


def test_a_policy_can_name_a_key_by_its_own_arn_alone() -> None:
    begin = "arn:aws:kms:us-east-1:111122223333"
    assert is_of_a_key(f"{begin}:key/1")
    assert not any(map(is_of_a_key, (f"{begin}:alias/lake", f"{begin}:key/${{env:KEY}}", "1")))
