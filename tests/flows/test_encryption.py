"""A migration whose target is encrypted with a key: every object that is there, whoever put it."""

import uuid
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from lakeferry.connect.aws import AwsAccess
from tests.cli.program import called, json_lines
from tests.flows.fleets import append, small_table
from tests.store.test_encryption import KEY
from tests.store.test_storage_class import client

pytestmark = pytest.mark.server
MANIFEST = """version: 1
name: sealed
connections: {{c: {{kind: aws, endpoint: '{endpoint}', region: us-east-1}}}}
target: {{root: 's3://{bucket}', connection: c, encryption: {{sse: aws:kms, key: '{key}'}}}}
sources:
  here:
    kind: local
    root: '{folder}/lake'
    include: ['sales.*', '/landing']
    tables: {{'*.history': {{mode: mirror}}}}
  there: {{root: 's3://{bucket}-old', connection: c}}
"""


def lake(folder: Path) -> None:
    """Delta tables, one with a checkpoint, a table of Parquet files, and a plain folder."""
    for name in ("delta", "history"):
        append(folder / "sales" / name)
    DeltaTable(str(folder / "sales/history")).create_checkpoint()
    for part in ("sales/orders/day=1", "landing"):
        (folder / part).mkdir(parents=True)
    pq.write_table(pa.table({"id": [1, 2]}), folder / "sales/orders/day=1/part-0.parquet")
    (folder / "landing/a.json").write_text("{}")


def test_all_that_a_sync_and_its_proof_leave_at_the_target_has_the_key(
    tmp_path: Path, moto_access: AwsAccess
) -> None:
    bucket, s3 = f"sealed-{uuid.uuid4().hex}", client(moto_access)
    lake(tmp_path / "lake")
    small_table(tmp_path / "old/eu/orders")
    for name in (bucket, f"{bucket}-old"):
        s3.create_bucket(Bucket=name)
    for file in filter(Path.is_file, (tmp_path / "old").rglob("*")):
        key = str(file.relative_to(tmp_path / "old"))
        s3.put_object(Bucket=f"{bucket}-old", Key=key, Body=file.read_bytes())
    text = MANIFEST.format(
        endpoint=moto_access.endpoint, bucket=bucket, folder=tmp_path, key=KEY
    )  # fmt: skip
    (tmp_path / "lakeferry.yaml").write_text(text)

    run = partial(called, folder=tmp_path, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    for words in (("discover",), ("sync", "--yes"), ("verify", "--yes")):
        ended = run(*words)
        assert ended.returncode == 0, ended.stdout + ended.stderr

    paths = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    keys = {path: s3.head_object(Bucket=bucket, Key=path).get("SSEKMSKeyId") for path in paths}
    assert keys == dict.fromkeys(paths, KEY)
    for kind in ("sales/delta/part-", "sales/history/_delta_log/00000000000000000000.checkpoint",
                 "sales/orders/day=1/", "landing/a.json", ".marks", ".landed", "eu/orders/part-",
                 "-mirror.parquet", "_last_checkpoint", ".crc", "-verify.json"):  # fmt: skip
        assert [path for path in paths if kind in path], kind
    [part] = [path for path in paths if "sales/delta/part-" in path]
    s3.put_object(Bucket=bucket, Key=part, Body=b"as it was before the manifest said so")
    told = run("doctor", "--for", "cutover", "here.sales.delta", "--json")
    [check] = [one for one in json_lines(told) if one.get("name") == "encryption"]
    assert (check["outcome"], f"{Path(part).name} is nothing, not" in check["what"]) == (
        "warning", True,
    )  # fmt: skip
