"""`config iam --for discover | sync | cutover`: the least policy of a migration."""

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


def test_whoever_cuts_over_registers_in_the_databases_of_the_layout(tmp_path: Path) -> None:
    found = statements(printed("cutover", tmp_path))

    databases = [one for one in found["RegisterTables"]["Resource"] if ":database/" in one]
    assert databases == [f"{GLUE}:database/finance_*", f"{GLUE}:database/helio?1_*"]


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
