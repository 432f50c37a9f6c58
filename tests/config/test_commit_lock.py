"""`target.commit.lock`, as an address, and as the stores of tables and of streams are told it."""

from pathlib import Path

import pytest

from lakeferry.config.commit_lock import LockAddress, lock_address
from lakeferry.config.read import read_manifest
from lakeferry.ingest.choices import Extras, target_of
from tests.fleet.manifests import migration

LOCK = "dynamodb://locks?region=eu-west-1"


def test_an_address_says_the_table_and_what_differs_from_the_usual() -> None:
    assert lock_address("dynamodb://delta_log") == LockAddress("delta_log")
    assert lock_address(
        "dynamodb://Locks.1?region=eu-west-1&endpoint=http://127.0.0.1:8000&profile=dev&scheme=s3"
    ) == LockAddress("Locks.1", "eu-west-1", "http://127.0.0.1:8000", "dev", "s3")


@pytest.mark.parametrize(
    "text",
    ["dynamodb:locks", "dynamodb://", "s3://locks", "dynamodb://a", "dynamodb://locks/x",
     "dynamodb://locks#x", "dynamodb://locks?zone=b"],
)  # fmt: skip
def test_what_names_no_table_is_no_address(text: str) -> None:
    assert lock_address(text) is None


def test_a_policy_names_the_table_as_far_as_it_is_known_and_none_that_is_not_of_aws() -> None:
    lock = LockAddress("locks")

    assert lock.arn("aws", None) == "arn:aws:dynamodb:*:*:table/locks"
    assert lock.arn("aws-cn", "cn-north-1", "1") == "arn:aws-cn:dynamodb:cn-north-1:1:table/locks"
    assert LockAddress("locks", "eu-west-1").arn("aws", "us-east-1") == (
        "arn:aws:dynamodb:eu-west-1:*:table/locks"
    )
    assert LockAddress("locks", endpoint="http://127.0.0.1:8000").arn("aws", None) is None


def test_tables_are_committed_by_the_lock_and_sources_are_not(tmp_path: Path) -> None:
    text = (
        f"version: 1\nname: a\ntarget: {{root: s3://lake, commit: {{lock: '{LOCK}'}}}}\n"
        "sources: {s: {root: s3://old}}\n"
    )

    wanted = migration(tmp_path, text)

    found = wanted.store_options(wanted.sources["s"].options_of("eu", "orders"))
    assert found == {"commit_lock": LOCK}
    assert wanted.sources["s"].store_options == {}


@pytest.mark.parametrize(
    ("to", "more", "lock"),
    [
        ("clicks", "", LOCK),
        ("clicks", ", store_options: {commit_lock: 'dynamodb://own'}", "dynamodb://own"),
        ("clicks", ", store_options: {sse: AES256}", LOCK),
        ("s3://other/clicks", "", None),
        ("/here/clicks", "", None),
    ],
)
def test_a_stream_that_lands_below_the_target_is_committed_by_its_lock(
    to: str, more: str, lock: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "lakeferry.yaml"
    file.write_text(
        f"version: 1\ntarget: {{root: s3://lake/prod, commit: {{lock: '{LOCK}'}}}}\n"
        f"streams: {{clicks: {{from: clicks, to: '{to}'{more}}}}}\n"
    )

    target = target_of(read_manifest(file).manifest.streams["clicks"], Extras())

    assert target.options.get("commit_lock") == lock
