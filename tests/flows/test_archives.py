"""Tables whose files lie in an archive of S3: counted, priced, and waited for."""

import uuid
from pathlib import Path

import pytest
from deltalake import write_deltalake

from lakeferry.connect.aws import AwsAccess
from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.archived import archive_fault, counted
from lakeferry.fleet.planning.look import look
from lakeferry.ledger.rows import LakeTable
from lakeferry.store.archive import cold_files
from lakeferry.store.azure import Azure
from lakeferry.store.cold import ColdFile
from lakeferry.store.faults import refusal
from lakeferry.store.gcs import GcsStore
from lakeferry.store.objects import ObjectStore
from lakeferry.store.open import open_store
from tests.flows.fleets import Fleet, small_table
from tests.servers import Server
from tests.store.test_storage_class import client

pytestmark = pytest.mark.server


class Lake:
    """A bucket of moto's with one Delta table, and a manifest that moves it."""

    def __init__(self, folder: Path, access: AwsAccess) -> None:
        import pyarrow as pa

        self.bucket, self.client = f"cold-{uuid.uuid4().hex}", client(access)
        self.client.create_bucket(Bucket=self.bucket)
        self.options = {"endpoint": access.endpoint or "", "region": "us-east-1"}
        made = folder / "made"
        write_deltalake(str(made), pa.table({"id": [1]}))
        write_deltalake(str(made), pa.table({"id": [2]}), mode="overwrite")
        for file in made.rglob("*"):
            if file.is_file():
                self.put(str(file.relative_to(made)), file.read_bytes(), "STANDARD")
        self.live = [path for path in self.paths() if path.endswith(".parquet")]
        (folder / "lakeferry.yaml").write_text(
            f"version: 1\nname: cold\ntarget: {{root: '{folder}/out'}}\n"
            "cost: {archive_usd_per_gb: 0.02}\n"
            f"connections: {{c: {{kind: aws, endpoint: '{access.endpoint}', region: us-east-1}}}}\n"
            f"sources: {{a: {{kind: s3, root: 's3://{self.bucket}', connection: c}}}}\n"
        )
        self.fleet = Fleet(folder, f"{folder}/out")

    def paths(self) -> list[str]:
        found = self.client.list_objects_v2(Bucket=self.bucket, Prefix="t/")["Contents"]
        return [one["Key"].removeprefix("t/") for one in found]

    def put(self, path: str, body: bytes, storage_class: str) -> None:
        self.client.put_object(
            Bucket=self.bucket, Key=f"t/{path}", Body=body, StorageClass=storage_class
        )

    def freeze(self, path: str, storage_class: str = "GLACIER") -> None:
        body = self.client.get_object(Bucket=self.bucket, Key=f"t/{path}")["Body"].read()
        self.put(path, body, storage_class)

    @property
    def wanted(self) -> Migration:
        return self.fleet.wanted

    def row(self) -> LakeTable:
        return LakeTable(
            f"{self.fleet.target}/a/default/t", "a.default.t", "a", f"s3://{self.bucket}/t",
            "delta", 1, "internet", schema_name="default", table_name="t", path="t",
        )  # fmt: skip


@pytest.fixture
def lake(tmp_path: Path, moto_access: AwsAccess) -> Lake:
    return Lake(tmp_path, moto_access)


def live_of(lake: Lake) -> str:
    from lakeferry.delta.snapshot import read_snapshot

    store = open_store(f"s3://{lake.bucket}/t", lake.options)
    [path] = [path for batch in read_snapshot(store).files.batches(["path"])
              for path in batch.column("path").to_pylist()]  # fmt: skip
    return str(path)


def test_a_table_with_a_live_file_in_an_archive_waits_and_is_priced(lake: Lake) -> None:
    lake.freeze(live_of(lake), "DEEP_ARCHIVE")
    seen = look(lake.wanted, lake.row())
    assert seen.fault is not None
    assert seen.fault.code == "LF-4112"
    assert seen.fault.what.startswith("1 of its files, ")
    assert "(DEEP_ARCHIVE)" in seen.fault.what
    assert "costs $0.01 at $0.02 a GB" in seen.fault.where


def test_files_that_no_reader_needs_keep_no_table_waiting(lake: Lake) -> None:
    [gone] = [path for path in lake.live if path != live_of(lake)]
    lake.freeze(gone)
    assert look(lake.wanted, lake.row()).fault is None
    assert [one.path for one in cold_files(open_store(f"s3://{lake.bucket}/t", lake.options))] == [
        gone
    ]


def test_what_is_read_at_once_for_a_fee_is_counted_and_keeps_no_table_waiting(lake: Lake) -> None:
    path = live_of(lake)
    lake.freeze(path, "GLACIER_IR")
    seen = look(lake.wanted, lake.row())
    assert seen.fault is None
    assert [(one.tier, one.files, one.waits) for one in seen.cold] == [("GLACIER_IR", 1, False)]


def test_stores_without_archives_are_not_asked(tmp_path: Path) -> None:
    assert list(cold_files(open_store(str(tmp_path)))) == []


def test_a_plan_tells_what_is_being_restored_and_where_its_price_stands() -> None:
    found = [ColdFile("a", 1 << 30, "GLACIER", is_under_way=True), ColdFile("b", 1, "Archive")]
    fault = archive_fault(counted(found), "s3://b/t", None)
    assert fault is not None
    assert fault.what == ("2 of its files, 1,073,741,825 bytes, lie in an archive "
                          "(Archive, GLACIER); 1 are being restored")  # fmt: skip
    assert "below the routes of a plan" in fault.where


@pytest.mark.parametrize("code", ["InvalidObjectState", "BlobArchived"])
def test_a_read_that_an_archive_refuses_says_so(code: str) -> None:
    error: FerryError = refusal("s3://b/k", code=code, status=403)
    assert error.code == "LF-4112"


def test_a_server_that_refuses_a_read_is_told_by_its_right_name(lake: Lake) -> None:
    lake.freeze(live_of(lake))
    store = open_store(f"s3://{lake.bucket}/t", lake.options)
    with pytest.raises(FerryError, match="lies in an archive") as refused:
        b"".join(store.read(live_of(lake)))
    assert refused.value.code == "LF-4112"


def test_azure_tells_by_a_listing_too(azure_server: Server) -> None:
    place = f"{azure_server.place}/cold-{uuid.uuid4().hex}"
    store = open_store(place, azure_server.options)
    store.write("a.parquet", [b"x"], size=1)
    store.write("b.parquet", [b"xy"], size=2)
    assert isinstance(store, ObjectStore)
    assert isinstance(store.service, Azure)
    store.service._blob(store.key("b.parquet")).set_standard_blob_tier("Archive")

    assert list(cold_files(store)) == [ColdFile("b.parquet", 2, "Archive")]
    with pytest.raises(FerryError, match="lies in an archive") as refused:
        b"".join(store.read("b.parquet"))
    assert refused.value.code == "LF-4112"


def test_a_sync_writes_each_table_with_the_class_that_is_said_of_it(
    tmp_path: Path, moto_access: AwsAccess
) -> None:
    bucket = f"classes-{uuid.uuid4().hex}"
    client(moto_access).create_bucket(Bucket=bucket)
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    fleet = Fleet(tmp_path, f"s3://{bucket}", environment=keys)
    for name in ("eu/now", "eu/old"):
        small_table(fleet.lake / name)
    link = f"connections: {{c: {{kind: aws, endpoint: '{moto_access.endpoint}'}}}}\n"
    fleet.write(
        link,
        source=", tables: {'*.old': {storage_class: GLACIER_IR}}",
        target=", connection: c, region: us-east-1, storage_class: STANDARD_IA",
    )
    fleet.see()

    code, _ = fleet.sync()

    assert code == 0
    listed = client(moto_access).list_objects_v2(Bucket=bucket)["Contents"]
    found = {
        (one["Key"].split("/")[2], one["Key"].endswith(".parquet")): one["StorageClass"]
        for one in listed
        if one["Key"].endswith(".parquet") or "/_delta_log/0" in one["Key"]
    }
    assert found == {
        ("now", True): "STANDARD_IA", ("old", True): "GLACIER_IR",
        ("now", False): "STANDARD", ("old", False): "STANDARD",
    }  # fmt: skip


def test_google_tells_the_class_of_each_object_and_all_are_read_at_once(gcs_server: Server) -> None:
    store = open_store(f"{gcs_server.place}/cold-{uuid.uuid4().hex}", gcs_server.options)
    store.write("a.parquet", [b"x"], size=1)
    assert isinstance(store, GcsStore)
    cold = store._blob("b.parquet")
    cold.storage_class = "COLDLINE"
    cold.upload_from_string(b"xy")

    assert list(cold_files(store)) == [ColdFile("b.parquet", 2, "COLDLINE", waits=False)]
    assert b"".join(store.read("b.parquet")) == b"xy"
