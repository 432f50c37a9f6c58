"""The task of a fetch as it is sent to other machines."""

import pickle
from pathlib import Path

import pytest

from lakeferry.clone.bring import Bring, BringElsewhere
from lakeferry.clone.copy import CopyItem, Failed, Gone, Landed
from lakeferry.clone.places import open_places
from lakeferry.clone.report import CloneRequest
from lakeferry.errors import FerryError
from lakeferry.fleet.sync.ways import Taps
from lakeferry.store.limits import Tap, Throttle
from lakeferry.workers import Known, Parcel, Travelling

SECRET = "wJalrXUtnFEMI"
ITEM = CopyItem("", "a.parquet", "a.parquet", 5, "data")


class Look:
    """A target in which one file lies."""

    def has(self, item: CopyItem) -> bool:
        return item.target_path == "there"

    def is_unsure(self, item: CopyItem) -> bool:
        return item.target_path == "perhaps"


def bring(folder: Path, throttle: Taps | None = None, **options: str) -> Bring:
    request = CloneRequest(
        str(folder / "from"), "s3://lake/t" if options else str(folder / "to"),
        target_options=options,
    )  # fmt: skip
    return Bring(open_places(request), throttle, Look())


def sent(task: Bring, item: CopyItem) -> Parcel:
    found = task.parcel(item)
    assert isinstance(found, Parcel)
    return found


def test_what_arrives_at_another_machine_copies_the_file(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "a.parquet").write_bytes(b"12345")

    parcel = pickle.loads(pickle.dumps(sent(bring(tmp_path), ITEM)))
    landed = parcel.errand(parcel.item, None)
    parcel.errand.settle()

    assert isinstance(landed, Landed)
    assert (landed.path, landed.how) == ("a.parquet", "server_copy")
    assert (tmp_path / "to" / "a.parquet").read_bytes() == b"12345"


def test_a_file_that_is_gone_is_told_and_not_raised(tmp_path: Path) -> None:
    parcel = sent(bring(tmp_path), ITEM)

    assert parcel.errand(parcel.item, None) == Gone(ITEM)


def test_a_store_that_cannot_be_opened_there_is_a_failure(tmp_path: Path) -> None:
    task = bring(tmp_path, secret_access_key="${file:/nowhere}", access_key_id="A", region="r")
    parcel = sent(task, ITEM)

    outcome = parcel.errand(parcel.item, None)

    assert isinstance(outcome, Failed)
    assert outcome.error.code == "LF-2001"
    assert "the file cannot be read" in outcome.error.what


def test_references_are_sent_and_secrets_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", SECRET)
    by_name = bring(tmp_path, secret_access_key="${env:KEY}", access_key_id="A", region="r")
    written = bring(tmp_path, secret_access_key=SECRET, access_key_id="A", region="r")

    assert SECRET.encode() not in pickle.dumps(sent(by_name, ITEM))
    with pytest.raises(FerryError, match="LF-8094") as raised:
        written.parcel(ITEM)
    assert SECRET not in str(raised.value)


def test_how_files_are_encrypted_travels_with_them(tmp_path: Path) -> None:
    key = "arn:aws:kms:eu-west-1:111122223333:key/1"
    task = bring(tmp_path, region="r", sse="aws:kms", kms_key=key)

    errand = pickle.loads(pickle.dumps(sent(task, ITEM))).errand

    assert dict(errand.target_options) == {"region": "r", "sse": "aws:kms", "kms_key": key}
    assert errand.source_options == ()


def test_what_is_there_is_not_sent(tmp_path: Path) -> None:
    found = bring(tmp_path).parcel(CopyItem("", "there", "there", 5, "data"))

    assert isinstance(found, Known)
    assert found.result.how == "already_there"


def test_only_a_file_that_may_be_there_is_looked_for(tmp_path: Path) -> None:
    task = bring(tmp_path)
    sure, unsure = sent(task, ITEM), sent(task, CopyItem("", "x", "perhaps", 5, "data"))

    assert isinstance(sure.errand, BringElsewhere)
    assert isinstance(unsure.errand, BringElsewhere)
    assert (sure.errand.look_first, unsure.errand.look_first) == (False, True)


def test_a_limit_of_the_fleet_travels_and_one_of_this_machine_does_not(tmp_path: Path) -> None:
    shared = bring(tmp_path, Taps((Tap(300.0), Tap(), Tap(200.0))))
    own = Bring(shared.places, Throttle(100.0).take, Look())

    assert isinstance(shared, Travelling)
    assert (shared.travels(), shared.bytes_per_s()) == (True, 200.0)
    assert not own.travels()


def test_with_windows_every_byte_passes_the_machine(tmp_path: Path) -> None:
    errand = sent(bring(tmp_path, Taps((Tap(),))), ITEM).errand

    assert isinstance(errand, BringElsewhere)
    assert errand.streams
