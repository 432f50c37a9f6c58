"""`config iam --for discover | sync | cutover | rollback`: the least policy of a migration."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Ended, called

KEY = "arn:aws:kms:eu-west-1:111122223333:key/1"
ROLE = "arn:aws:iam::111122223333:role/ferry"
MANIFEST = f"""version: 1
name: atlas
connections:
  lake: {{kind: aws, region: eu-west-1, role: "{ROLE}"}}
  azure: {{kind: azure}}
target:
  connection: lake
  root: s3://prod/lake
  encryption: {{sse: "aws:kms", key: "{KEY}"}}
  catalog: {{kind: glue, connection: lake, schema: "{{source}}_{{schema}}", register: at-cutover}}
sources:
  finance: {{connection: azure, root: "abfss://finance@x.dfs.core.windows.net/"}}
  helio-1: {{connection: lake, root: s3://helio,
            from: {{catalog: glue, connection: lake, name: db}}}}
"""
GLUE = "arn:aws:glue:eu-west-1:111122223333"


def printed(step: str, folder: Path, text: str = MANIFEST) -> Ended:
    (folder / "lakeferry.yaml").write_text(text)
    return called("config", "iam", "--for", step, "--account", "111122223333", folder=folder)


def statements(ended: Ended) -> dict[str, Any]:
    assert ended.returncode == 0, ended.stderr
    return {one["Sid"]: one for one in json.loads(ended.stdout)["Statement"]}


def test_whoever_discovers_reads_sources_and_their_catalogs_and_no_target(tmp_path: Path) -> None:
    found = statements(printed("discover", tmp_path))

    assert sorted(found) == [
        "ListSources", "ReadCatalog", "ReadGrants", "ReadSources", "TakeRoles"
    ]  # fmt: skip
    assert found["ReadSources"]["Resource"] == ["arn:aws:s3:::helio/*"]
    assert found["ReadCatalog"]["Resource"] == [
        f"{GLUE}:catalog", f"{GLUE}:database/db", f"{GLUE}:table/db/*"
    ]  # fmt: skip


def test_whoever_syncs_writes_below_the_target_and_deletes_nothing(tmp_path: Path) -> None:
    found = statements(printed("sync", tmp_path))

    assert found["WriteTarget"]["Resource"] == ["arn:aws:s3:::prod/lake/*"]
    assert found["UseKey"]["Resource"] == [KEY]
    assert found["TakeRoles"]["Resource"] == [ROLE]
    assert "RegisterTables" not in found
    assert [one for each in found.values() for one in each["Action"] if "Delete" in one] == []


def test_whoever_commits_by_a_lock_reads_and_puts_its_entries(tmp_path: Path) -> None:
    text = MANIFEST.replace(
        "root: s3://prod/lake", "root: s3://prod/lake\n  commit: {lock: dynamodb://locks}"
    )

    found = statements(printed("sync", tmp_path, text))

    assert found["CommitLock"]["Action"] == ["dynamodb:GetItem", "dynamodb:PutItem"]
    assert found["CommitLock"]["Resource"] == ["arn:aws:dynamodb:*:*:table/locks"]
    assert "CommitLock" not in statements(printed("discover", tmp_path, text))


def test_a_key_that_no_policy_can_name_is_told_beside_it(tmp_path: Path) -> None:
    ended = printed("sync", tmp_path, MANIFEST.replace(":key/1", ":alias/lake"))

    assert "UseKey" not in statements(ended)
    assert "the target's key is no ARN of a key" in ended.stderr


def test_whoever_cuts_over_registers_in_the_databases_of_the_layout(tmp_path: Path) -> None:
    found = statements(printed("cutover", tmp_path))

    databases = [one for one in found["RegisterTables"]["Resource"] if ":database/" in one]
    assert databases == [f"{GLUE}:database/finance_*", f"{GLUE}:database/helio?1_*"]


def test_whoever_takes_back_writes_below_the_sources_too_and_registers_nothing(
    tmp_path: Path,
) -> None:
    ended = printed("rollback", tmp_path)

    found = statements(ended)
    assert found["WriteSources"]["Resource"] == ["arn:aws:s3:::helio/*"]
    assert found["WriteTarget"]["Resource"] == ["arn:aws:s3:::prod/lake/*"]
    assert "`WriteSources` is for `rollback --reverse` alone" in ended.stderr
    assert "`rollback --purge`, and it alone, has to delete at the target" in ended.stderr
    assert "Storage Blob Data Contributor on its container" in ended.stderr
    assert found["TakeAwayTables"]["Action"] == [
        "glue:DeleteTable", "glue:GetTable", "glue:UpdateTable"
    ]  # fmt: skip
    for step in ("discover", "sync", "cutover"):
        assert "WriteSources" not in statements(printed(step, tmp_path))


@pytest.mark.parametrize(
    ("catalog", "cutover", "rollback"),
    [
        ("{kind: unity, uri: 'https://dbx', catalog: c, schema: '{schema}'}",
         "USE SCHEMA and CREATE TABLE", "MANAGE unless it is their owner"),
        ("{kind: hive, uri: 'thrift://hms:9083', schema: '{schema}'}",
         "to make databases and tables", "to alter and drop the tables that the switch registered"),
    ],
)  # fmt: skip
def test_the_way_back_takes_other_rights_in_a_catalog_than_the_switch(
    catalog: str, cutover: str, rollback: str, tmp_path: Path
) -> None:
    glue = '{kind: glue, connection: lake, schema: "{source}_{schema}", register: at-cutover}'
    text = MANIFEST.replace(glue, catalog)
    assert text != MANIFEST

    said = {step: printed(step, tmp_path, text).stderr for step in ("cutover", "rollback")}

    assert (cutover in said["cutover"], cutover in said["rollback"]) == (True, False)
    assert (rollback in said["cutover"], rollback in said["rollback"]) == (False, True)


def test_a_sync_asks_a_catalog_only_for_the_partitions_of_its_tables(tmp_path: Path) -> None:
    found = statements(printed("sync", tmp_path))

    assert "ReadCatalog" not in found
    assert found["ReadPartitions"]["Action"] == ["glue:GetPartitions", "glue:GetTable"]


def test_a_sync_that_registers_may_do_so(tmp_path: Path) -> None:
    found = statements(printed("sync", tmp_path, MANIFEST.replace("at-cutover", "at-sync")))

    assert "RegisterTables" in found


@pytest.mark.parametrize("step", ["discover", "sync"])
def test_what_another_cloud_asks_for_is_told_beside_the_policy(step: str, tmp_path: Path) -> None:
    ended = printed(step, tmp_path)

    assert "Storage Blob Data Reader on its container" in ended.stderr


def test_without_anything_in_aws_there_is_no_policy(tmp_path: Path) -> None:
    text = "version: 1\nname: a\ntarget: {root: /new}\nsources: {s: {kind: local, root: /old}}\n"

    ended = printed("sync", tmp_path, text)

    assert ended.returncode == 2
    assert "nothing of this migration lies in AWS" in ended.stderr
