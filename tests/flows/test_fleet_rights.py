"""The policies of a migration, judged by a server of S3 that refuses all that they do not allow."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from tests.cli.program import called, json_lines
from tests.flows.fleet_shores import s3_judge
from tests.servers import Server, versitygw

pytestmark = pytest.mark.server
USER, SECRET = "ferry", "ferrysecret"
KEYS = {"AWS_ACCESS_KEY_ID": USER, "AWS_SECRET_ACCESS_KEY": SECRET}
BUCKETS = ("old", "new")
OLD, NEW = "s3://old/lake/sales/orders", "s3://new/lake/a/sales/orders"


@dataclass(frozen=True)
class Lake:
    folder: Path
    server: Server

    def root(self) -> Any:
        return boto3.client(
            "s3", endpoint_url=self.server.endpoint, region_name="us-east-1",
            aws_access_key_id=versitygw.ACCESS_KEY, aws_secret_access_key=versitygw.SECRET_KEY,
        )  # fmt: skip

    def may(self, step: str) -> None:
        """The user has the rights of one step, and no others."""
        ended = called("config", "iam", "--for", step, folder=self.folder, **KEYS)
        assert ended.returncode == 0, ended.stderr
        given = json.loads(ended.stdout)["Statement"]
        root = self.root()
        for bucket in BUCKETS:
            of_bucket = [
                {**one, "Principal": {"AWS": [USER]}, "Resource": here} for one in given
                if (here := [each for each in one["Resource"] if f":::{bucket}" in each])
            ]  # fmt: skip
            root.delete_bucket_policy(Bucket=bucket)
            if of_bucket:
                policy = {"Version": "2012-10-17", "Statement": of_bucket}
                root.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    def run(self, *words: str) -> tuple[int, list[dict[str, Any]]]:
        ended = called(*words, "--json", folder=self.folder, **KEYS)
        return ended.returncode, json_lines(ended)

    def write(self, url: str, row: int) -> None:
        options = s3_judge(self.server)
        write_deltalake(url, pa.table({"id": [row]}), mode="append", storage_options=options)

    def rows(self, url: str) -> list[int]:
        table = DeltaTable(url, storage_options=s3_judge(self.server)).to_pyarrow_table()
        return sorted(table.column("id").to_pylist())


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with versitygw.judging(tmp_path, user=USER, secret=SECRET) as server:
        (tmp_path / "lakeferry.yaml").write_text(
            "version: 1\nname: lake\nwaves: {1: {freeze: 0s}}\n"
            f"connections: {{s: {{kind: aws, endpoint: '{server.endpoint}', region: us-east-1}}}}\n"
            "target: {connection: s, root: 's3://new/lake', region: us-east-1}\n"
            "sources: {a: {connection: s, root: 's3://old/lake'}}\n"
        )
        lake = Lake(tmp_path, server)
        for bucket in BUCKETS:
            lake.root().create_bucket(Bucket=bucket)
        yield lake


def test_only_the_rights_of_a_way_back_let_anything_write_to_a_source(lake: Lake) -> None:
    lake.write(OLD, 1)
    for step, *words in (
        ("discover", "discover"), ("sync", "sync", "--yes"),
        ("sync", "verify", "-s", "**", "--strength", "listed"),
        ("cutover", "cutover", "--yes", "--wave", "1", "--strength", "listed"),
    ):  # fmt: skip
        lake.may(step)
        code, lines = lake.run(*words)
        assert code == 0, (step, lines)
    lake.write(NEW, 2)

    refused, lines = lake.run("rollback", "--yes", "--wave", "1", "--reverse")
    assert (refused, lines[-2]["code"], lake.rows(OLD)) == (2, "LF-1002", [1])

    lake.may("rollback")
    code, lines = lake.run("rollback", "--yes", "--wave", "1", "--reverse")
    assert (code, lake.rows(OLD)) == (0, [1, 2]), lines
