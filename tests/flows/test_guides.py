"""Each command of the guides about networks, cost and streams, typed as printed, one after another.

Only what is the reader's own is put in: the VPC's id, the bucket. The account is emulated.
"""

import gzip
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from deltalake import DeltaTable

from lakeferry.cli.ingest.flags import StreamFlags, wanted
from lakeferry.cli.manifest_flags import ManifestFlags
from lakeferry.connect.aws import AwsAccess, client
from lakeferry.connect.databricks import workspace_client
from lakeferry.demo.kinesis_feed import Feed
from lakeferry.demo.kinesis_feed_load import Load
from lakeferry.ingest.payload.avro_rows import AvroForm
from lakeferry.ingest.payload.csv_rows import CsvForm
from lakeferry.network.fields import RECOMMENDED_FORMAT, format_text
from tests.aws.data_plane import DataPlane, made
from tests.cli.program import LAKEFERRY, called
from tests.cost.bills import required_sample
from tests.flows.guides import GUIDES, blocks
from tests.flows.test_look_at_aws import logged, s3_rows
from tests.servers import databricks_workspace
from tests.servers.databricks_workspace import Workspace

pytestmark = pytest.mark.server

DELIVERED = (
    "AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/"
    "123456789012_vpcflowlogs_us-east-1_fl-1_{}_ab12.log.gz"
)


def commands(guide: str, plane: DataPlane, workspace: str) -> list[list[str]]:
    text = (GUIDES / guide).read_text().replace("\\\n", " ")
    typed = [line for block in blocks(guide, "") for line in block.splitlines() if line]
    inline = re.findall(r"`(lakeferry config iam [^`]*)`", text.replace("\n", " "))
    whole = [re.sub(r"\bvpc-0a1b\w*", plane.vpc, line) for line in (*inline, *typed)]
    whole = [re.sub(r"https://dbc-\S+", workspace, line) for line in whole]
    return [shlex.split(line) for line in whole]


@pytest.fixture
def plane(moto_access: AwsAccess) -> DataPlane:
    """A data plane with rows in a bucket, and in the groups of two flow logs."""
    found = made(moto_access)
    rows = s3_rows(found, moto_access)
    logged(moto_access, "/network/flow", rows)
    logged(moto_access, "/lakeferry/m1/flow", rows)
    role = client(moto_access, "iam").get_role(RoleName="flow")["Role"]["Arn"]
    client(moto_access, "ec2").create_flow_logs(
        ResourceIds=[found.private[0]], ResourceType="Subnet", TrafficType="ALL",
        LogGroupName="/lakeferry/m1/flow", LogDestinationType="cloud-watch-logs",
        DeliverLogsPermissionArn=role, LogFormat=format_text(RECOMMENDED_FORMAT),
        MaxAggregationInterval=60,
    )  # fmt: skip
    buckets = client(moto_access, "s3")
    for bucket in ("flow-logs", "lake", "billing"):
        buckets.create_bucket(Bucket=bucket)
    bill = required_sample("cur2.csv.gz").read_bytes()
    delivered = "cur/data/BILLING_PERIOD=2026-10/20261002T000000Z/lake-00001.csv.gz"
    buckets.put_object(Bucket="billing", Key=delivered, Body=bill)
    lines = "\n".join([" ".join(RECOMMENDED_FORMAT), *rows, ""])
    at = time.strftime("%Y%m%dT%H%MZ", time.gmtime())
    body = gzip.compress(lines.encode())
    buckets.put_object(Bucket="flow-logs", Key=DELIVERED.format(at), Body=body)
    return found


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with databricks_workspace.running() as found:
        found.pools["p-1"] = {
            "instance_pool_id": "p-1", "instance_pool_name": "nodes", "node_type_id": "i3.xlarge",
        }  # fmt: skip
        yield found
    workspace_client.cache_clear()


def files_of(guide: str, folder: Path) -> None:
    """What a guide's commands read: the plan that it prints, and a bill with its two sides."""
    text = (GUIDES / guide).read_text()
    for plan in re.findall(r"^```yaml\n(bytes:.*?)^```$", text, re.DOTALL | re.MULTILINE):
        (folder / "plan.yaml").write_text(plan)
    if "--reconcile" in text:
        for name in ("cur2.csv.gz", "copied.csv", "flow.csv"):
            shutil.copy(required_sample(name), folder)
        landed = {"ts": "2026-10-01T05:10:00Z", "run": "a1", "type": "file", "how": "streamed"}
        (folder / "clone.log").write_text(json.dumps({**landed, "bytes": 2**30}) + "\n")


@pytest.mark.parametrize(
    "guide",
    [
        "watch-a-network.md", "see-where-bytes-go.md", "price-a-migration.md",
        "price-what-flows.md", "reconcile-the-bill.md", "tag-for-map.md",
    ],
)  # fmt: skip
def test_every_command_of_a_guide_works_as_it_is_printed(
    moto_access: AwsAccess, plane: DataPlane, workspace: Workspace, tmp_path: Path, guide: str
) -> None:
    assert moto_access.endpoint is not None
    environment = {
        "AWS_ENDPOINT_URL": moto_access.endpoint, "AWS_REGION": moto_access.region,
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "LAKEFERRY_YES": "1",  # where the reader is asked
        "DATABRICKS_TOKEN": databricks_workspace.TOKEN,
    }  # fmt: skip
    client.cache_clear()

    files_of(guide, tmp_path)

    typed = commands(guide, plane, workspace.host)
    type_it = {"watch": watched}
    codes = [type_it.get(words[2], ended)(words, tmp_path, environment) for words in typed]

    assert len(codes) > 3
    for words, (code, said) in zip(typed, codes, strict=True):
        # A watch goes on until Ctrl-C; a rule that matched nothing wants a look, as do a leak and
        # tags that are not put yet.
        looks = {"prove", "--prove", "--reconcile", "tags"} & set(words)
        fine = {130} if words[2] == "watch" else {0, 3} if looks else {0}
        assert code in fine, f"{shlex.join(words)}\n{said}"


def ended(words: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    assert words[0] == "lakeferry"
    found = called(*words[1:], folder=folder, **environment)
    return found.returncode, found.stderr


def watched(words: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Until the first line, then Ctrl-C."""
    process = subprocess.Popen(
        [LAKEFERRY, *words[1:]], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=os.environ | environment,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=300)
    return process.returncode, said


def test_every_command_of_the_guide_about_ingest_works_as_it_is_printed(tmp_path: Path) -> None:
    guide = "ingest-a-stream.md"
    lake = str(tmp_path / "lake")
    (schema, *_), (*_, manifest) = blocks(guide, "sql"), blocks(guide, "yaml")
    (tmp_path / "clicks.sql").write_text(schema)
    (tmp_path / "lakeferry.yaml").write_text(manifest.replace("s3://lake", lake))
    typed = [shlex.split(line) for block in blocks(guide, "") for line in block.splitlines()]
    load = Load("json", 2000, 50.0)
    codes = []

    with Feed(stream="clicks", shards=2, load=load, region="us-east-1") as feed:
        environment = {
            "AWS_ENDPOINT_URL_KINESIS": feed.url, "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }  # fmt: skip
        for words in typed:
            own = [word.replace("s3://lake", lake) for word in words]
            ends = "--once" in words or len(words) > 3
            type_it = ended if ends or words[1] == "config" else served
            codes.append((words, *type_it(own, tmp_path, environment)))

    assert len(codes) > 8
    for words, code, said in codes:
        assert code == 0, f"{shlex.join(words)}\n{said}"
    # The schema of the guide reads every record, and what it does not declare is rescued.
    rows = DeltaTable(f"{lake}/events").to_pyarrow_table()
    assert rows.num_rows >= 4000
    assert rows["_rescued_data"].null_count == 0


def test_the_formats_of_the_guide_about_ingest_are_those_of_a_manifest(tmp_path: Path) -> None:
    formats = blocks("ingest-a-stream.md", "yaml")[:-1]
    avro = '{"type": "record", "name": "Click", "fields": [{"name": "id", "type": "long"}]}'
    for name in ("clicks.avsc", "clicks-17.avsc"):
        (tmp_path / name).write_text(avro)
    file = tmp_path / "lakeferry.yaml"

    found = []
    for block in formats:
        file.write_text(
            "version: 1\nstreams:\n  c:\n    from: kinesis://us-east-1/c\n    to: s3://lake/c\n"
            f"{block}"
        )
        ingest = wanted("c", None, ManifestFlags(file=str(file)), StreamFlags()).ingest()
        found.append(ingest.payload.form)

    assert found == [
        CsvForm(";"), AvroForm("confluent", avro, {"17": avro, "18": avro}),
    ]  # fmt: skip


def served(words: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Until the second version is there, then SIGTERM."""
    process = subprocess.Popen(
        [LAKEFERRY, *words[1:], "--flush", "1s"], cwd=folder, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=os.environ | environment,
    )  # fmt: skip
    log = folder / "lake" / "streams" / "clicks" / "_delta_log" / f"{2:020}.json"
    until = time.monotonic() + 300
    while not log.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=300)
    return process.returncode, said
