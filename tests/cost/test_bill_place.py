"""A bill where it lies: on this machine and in a bucket, whole or half delivered."""

import json
from pathlib import Path

import pytest

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.cost.bill.place import bill_at, bill_of
from lakeferry.errors import FerryError
from tests.cost.bills import BillLine, cur2

FIRST = "data/BILLING_PERIOD=2026-10/20261002T000000Z"
SECOND = "data/BILLING_PERIOD=2026-10/20261003T000000Z"
ONE, TWO = cur2([BillLine("a")]), cur2([BillLine("a"), BillLine("b", hour=1)])


def put(folder: Path, path: str, content: bytes) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(content)


def rows(*places: str | Path) -> int:
    report = bill_of([str(one) for one in places]).report
    return report.rows - report.duplicates


def test_a_file_a_folder_and_both_are_the_same_bill(tmp_path: Path) -> None:
    put(tmp_path, "bill/data/one.csv.gz", TWO)

    assert rows(tmp_path / "bill" / "data" / "one.csv.gz") == 2
    assert rows(tmp_path / "bill") == rows(f"{tmp_path}/bill/") == 2
    assert rows(tmp_path / "bill", tmp_path / "bill" / "data" / "one.csv.gz") == 2


@pytest.mark.parametrize("here", [".", "./", "../bill", "..", "../bill/."])
def test_the_folder_that_one_is_in_is_a_place(
    tmp_path: Path, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "bill/one.csv.gz", TWO)
    monkeypatch.chdir(tmp_path / "bill")

    assert rows(here) == 2


def test_of_a_folder_the_newest_delivery_is_read_and_the_older_named(tmp_path: Path) -> None:
    put(tmp_path, f"{FIRST}/one.csv.gz", ONE)
    put(tmp_path, f"{SECOND}/one.csv.gz", TWO)

    found = bill_at(str(tmp_path))

    assert [one.name for one in found.files] == [f"{tmp_path}/{SECOND}/one.csv.gz"]
    assert found.replaced == (f"{FIRST}/one.csv.gz",)


def test_a_delivery_that_lacks_a_file_of_its_manifest_is_refused(tmp_path: Path) -> None:
    put(tmp_path, f"{FIRST}/one.csv.gz", ONE)
    named = {"dataFiles": [f"s3://b/{FIRST}/one.csv.gz", f"s3://b/{FIRST}/two.csv.gz"]}
    put(tmp_path, f"{FIRST}/Manifest.json", json.dumps(named).encode())

    with pytest.raises(FerryError, match="LF-6604 the bill is half delivered: 1 of its 2 files"):
        bill_at(str(tmp_path))


@pytest.mark.parametrize("place", ["nothing", "nothing.csv", "empty", "other"])
def test_where_no_bill_is_that_is_said(tmp_path: Path, place: str) -> None:
    (tmp_path / "empty").mkdir()
    put(tmp_path, "other/notes.txt", b"x")

    with pytest.raises(FerryError, match="LF-6641") as caught:
        bill_at(f"{tmp_path}/{place}")

    assert caught.value.exit_code == 2
    assert place in caught.value.where


@pytest.mark.server
def test_a_prefix_of_a_bucket_is_read_as_a_folder_is(moto_access: AwsAccess) -> None:
    buckets = client(moto_access, "s3")
    buckets.create_bucket(Bucket="billing")
    for key, body in ((f"cur/{FIRST}/one.csv.gz", ONE), (f"cur/{SECOND}/one.csv.gz", TWO)):
        buckets.put_object(Bucket="billing", Key=key, Body=body)
    options = {"endpoint": moto_access.endpoint or "", "region": moto_access.region}

    whole = bill_of(["s3://billing/cur"], options)
    one = bill_of([f"s3://billing/cur/{FIRST}/one.csv.gz"], options)

    assert (whole.report.rows, one.report.rows) == (2, 1)
    assert whole.replaced == (f"{FIRST}/one.csv.gz",)
    with pytest.raises(FerryError, match="LF-6641"):
        bill_of(["s3://billing/nothing"], options)
