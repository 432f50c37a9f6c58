"""`doctor` finds by trying what would stop a clone, and leaves nothing behind."""

import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from lakeferry.doctor import BLOCKER, OK, WARNING, Check, examine, machine
from lakeferry.doctor.folders import Folders
from lakeferry.doctor.probe import FOLDER, Probe
from lakeferry.errors import FerryError
from lakeferry.events import Event, Noted, Warned
from lakeferry.store.local import LocalStore
from lakeferry.store.open import locate, open_store
from lakeferry.store.protocol import Store
from tests.delta.tables import add, table
from tests.servers import Server, free_port, listens, require, started
from tests.servers.versitygw import ACCESS_KEY, SECRET_KEY

WRITING = ["write", "clock", "replace", "put-if-absent", "delete"]


@pytest.fixture
def source(tmp_path: Path) -> str:
    root = tmp_path / "source"
    (root / "data").mkdir(parents=True)
    (root / "data" / "a").write_bytes(b"PAR1....PAR1")
    table(root, [add("data/a", size=12)])
    return str(root)


def by_name(checks: Iterable[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def outcomes(checks: Iterable[Check]) -> dict[str, str]:
    return {check.name: check.outcome for check in checks}


def names_below(store: Store) -> list[str]:
    return [meta.path for meta in store.list("")]


# ---- local


def test_a_local_pair_passes_every_trial(source: str, tmp_path: Path) -> None:
    checks = examine(source, str(tmp_path / "target"))

    assert [check.name for check in checks] == [
        *("source", "log", "data", "target", *WRITING),
        *("target disk", "temp disk", "memory", "open files"),
    ]
    assert {check.outcome for check in checks[:-3]} == {OK}


def test_a_folder_that_was_not_there_is_not_there_afterwards(source: str, tmp_path: Path) -> None:
    examine(source, str(tmp_path / "target"))

    assert sorted(os.listdir(tmp_path)) == ["source"]


def test_a_target_keeps_all_it_had_and_gets_nothing(source: str, tmp_path: Path) -> None:
    target = tmp_path / "target"
    table(target, [add("b")])
    before = {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}

    examine(source, str(target))

    assert {path: path.read_bytes() for path in target.rglob("*") if path.is_file()} == before
    assert not (target / FOLDER).exists()


def test_another_s_probes_are_left_alone(source: str, tmp_path: Path) -> None:
    theirs = tmp_path / "target" / FOLDER / "theirs"
    theirs.mkdir(parents=True)

    examine(source, str(tmp_path / "target"))

    assert theirs.is_dir()


def test_the_source_alone_can_be_tried(source: str) -> None:
    assert list(outcomes(examine(source)))[:3] == ["source", "log", "data"]


def test_each_trial_is_told_as_it_ends(source: str, tmp_path: Path) -> None:
    told: list[Event] = []

    checks = examine(source, str(tmp_path / "none" / ".." / "source"), emit=told.append)

    assert len(told) == len(checks)
    warned = [event for event in told if isinstance(event, Warned)]
    assert [event.message.partition(":")[0] for event in warned] == ["places"]
    assert any(isinstance(event, Noted) for event in told)


def test_each_trial_is_handed_over_as_it_ends(tmp_path: Path) -> None:
    told: list[Check] = []

    checks = examine(str(tmp_path / "nowhere"), on_check=told.append)

    assert tuple(told) == checks


# ---- what is found


def test_a_source_without_a_table_is_a_blocker(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("no table")

    log = by_name(examine(str(tmp_path)))["log"]

    assert log.outcome == BLOCKER
    assert log.what.startswith("LF-2102 ")
    assert log.next_step != ""


def test_a_source_where_nothing_lies_is_a_blocker(tmp_path: Path) -> None:
    log = by_name(examine(str(tmp_path / "nowhere")))["log"]

    assert log.outcome == BLOCKER
    assert log.what.startswith("LF-2101 ")


def test_no_address_is_a_blocker_and_no_crash(tmp_path: Path) -> None:
    checks = by_name(examine("ftp://host/a", str(tmp_path)))

    assert checks["source"].outcome == BLOCKER
    assert checks["source"].what.startswith("LF-2104 ")
    assert checks["write"].outcome == OK


def test_a_cut_data_file_is_a_blocker(source: str) -> None:
    (Path(source) / "data" / "a").write_bytes(b"PAR1")

    data = by_name(examine(source))["data"]

    assert (data.outcome, data.what[:8]) == (BLOCKER, "LF-1004 ")


def test_a_file_that_is_no_parquet_is_worth_a_look(source: str) -> None:
    (Path(source) / "data" / "a").write_bytes(b"abcdefghijkl")

    assert by_name(examine(source))["data"].outcome == WARNING


def test_a_target_inside_the_source_is_a_blocker_and_is_not_written(source: str) -> None:
    checks = by_name(examine(source, f"{source}/inside"))

    assert checks["places"].what.startswith("LF-2103 ")
    assert "write" not in checks
    assert not (Path(source) / "inside").exists()


def test_a_target_with_too_little_room_is_a_blocker(tmp_path: Path) -> None:
    huge = 1 << 60
    checks = [
        machine.target_disk(str(tmp_path / "a" / "b"), huge, holds_table=False),
        machine.target_disk(str(tmp_path), huge, holds_table=True),
        machine.target_disk(str(tmp_path), 1, holds_table=False),
        machine.target_disk(str(tmp_path), None, holds_table=False),
    ]

    assert [check.outcome for check in checks] == [BLOCKER, WARNING, OK, OK]


class _Overwriting(LocalStore):
    """A store that ignores the condition, as some S3 servers do."""

    def put_if_absent(self, path: str, chunks: Iterable[bytes], *, size_hint: int) -> None:  # noqa: ARG002
        body = b"".join(chunks)
        self.write(path, [body], size=len(body))


class _Keeping(LocalStore):
    """A store whose identity may write, but not delete."""

    def delete(self, path: str, *, if_match: str | None = None) -> None:  # noqa: ARG002
        raise FerryError("LF-1002", "the identity may not do this here", path, "grant it")


class _Refusing(LocalStore):
    """A store whose identity may only read."""

    def write(self, path: str, chunks: Iterable[bytes], *, size: int) -> object:  # type: ignore[override]  # noqa: ARG002
        raise FerryError("LF-1002", "the identity may not do this here", path, "grant it")


def probed(kind: type[LocalStore], folder: Path) -> dict[str, Check]:
    at = locate(str(folder))
    probe = Probe(at, Folders(at, {}), lambda in_parts: kind(str(folder)))  # noqa: ARG005
    return by_name(probe.run())


def test_a_store_without_put_if_absent_is_a_blocker(tmp_path: Path) -> None:
    race = probed(_Overwriting, tmp_path)["put-if-absent"]

    assert race.outcome == BLOCKER
    assert race.what.startswith("LF-5004 ")
    assert "--single-writer" in race.next_step


def test_what_could_not_be_deleted_is_named(tmp_path: Path) -> None:
    delete = probed(_Keeping, tmp_path)["delete"]

    assert delete.outcome == WARNING
    left = names_below(LocalStore(str(tmp_path)))
    assert left[0].startswith(f"{FOLDER}/")
    assert all(path in delete.what for path in sorted(left)[:5])


def test_after_a_refused_write_nothing_else_is_tried(tmp_path: Path) -> None:
    assert outcomes(probed(_Refusing, tmp_path).values()) == {"write": BLOCKER}


# ---- clocks


@pytest.mark.parametrize(
    ("off", "signed", "outcome"),
    [(0.0, True, OK), (29.0, True, OK), (-31.0, True, WARNING), (241.0, True, BLOCKER),
     (-241.0, True, BLOCKER), (241.0, False, WARNING)],
)  # fmt: skip
def test_a_clock_is_judged_by_what_services_refuse(off: float, signed: bool, outcome: str) -> None:
    assert machine.clock(off, "the target", is_signed=signed).outcome == outcome


@pytest.mark.parametrize(("stamp", "off"), [(9.5, 0.0), (10.5, 0.0), (8.0, -1.0), (13.0, 2.0)])
def test_a_stamp_of_whole_seconds_is_off_only_outside_its_second(stamp: float, off: float) -> None:
    assert machine.skew(10.0, stamp, 11.0, precision_s=1.0) == off


def test_an_endpoint_that_does_not_answer_tells_no_time() -> None:
    assert machine.skew_of_endpoint(f"http://127.0.0.1:{free_port()}") is None
    assert machine.skew_of_endpoint("no address") is None


# ---- a real server


@pytest.fixture
def bucket(s3_server: Server) -> str:
    return f"{s3_server.place}/{uuid.uuid4().hex}"


@pytest.mark.server
def test_a_local_table_and_an_s3_target_pass(source: str, bucket: str, s3_server: Server) -> None:
    checks = examine(source, bucket, target_options=s3_server.options)

    assert outcomes(checks[:10]) == dict.fromkeys(
        ("source", "log", "data", "target", *WRITING[:4], "large commit", "delete"), OK
    )
    assert names_below(open_store(bucket, s3_server.options)) == []


@pytest.mark.server
def test_an_s3_source_is_read_and_its_clock_compared(
    source: str, bucket: str, s3_server: Server, tmp_path: Path
) -> None:
    put_all(Path(source), open_store(bucket, s3_server.options))

    checks = by_name(examine(bucket, str(tmp_path / "target"), source_options=s3_server.options))

    assert {checks[name].outcome for name in ("source", "log", "data")} == {OK}
    assert "access key test…" in checks["source"].what


def put_all(folder: Path, store: Store) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            body = file.read_bytes()
            store.write(str(file.relative_to(folder)), [body], size=len(body))


@pytest.mark.server
def test_wrong_keys_are_a_blocker_that_shows_no_secret(
    source: str, bucket: str, s3_server: Server
) -> None:
    wrong = {**s3_server.options, "secret_access_key": "not-the-secret"}

    checks = by_name(examine(source, bucket, target_options=wrong))

    assert checks["target"].outcome == BLOCKER
    assert checks["target"].what.startswith("LF-1001 ")
    assert "write" not in checks
    assert "not-the-secret" not in repr(checks)


@pytest.mark.server
def test_a_missing_bucket_is_a_blocker(source: str, s3_server: Server) -> None:
    target = by_name(examine(source, "s3://nonesuch/t", target_options=s3_server.options))["target"]

    assert (target.outcome, target.what[:8]) == (BLOCKER, "LF-2101 ")


@pytest.fixture
def read_only_server(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    program = require("versitygw")
    folder = tmp_path / "buckets"
    (folder / "lake").mkdir(parents=True)
    port = free_port()
    command = [str(program), "--access", ACCESS_KEY, "--secret", SECRET_KEY, "--quiet",
               "--port", f"127.0.0.1:{port}", "--region", "us-east-1", "--readonly",
               "posix", str(folder)]  # fmt: skip
    with started(command, tmp_path / "versitygw.log", ready=lambda: listens(port)):
        yield {
            "endpoint": f"http://127.0.0.1:{port}",
            "region": "us-east-1",
            "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
        }


@pytest.mark.server
def test_a_read_only_target_is_a_blocker_with_the_missing_right(
    source: str, read_only_server: Mapping[str, str]
) -> None:
    checks = by_name(examine(source, "s3://lake/t", target_options=read_only_server))

    assert checks["target"].outcome == OK
    assert (checks["write"].outcome, checks["write"].what[:8]) == (BLOCKER, "LF-1002 ")
    assert checks["write"].next_step != ""
    assert "put-if-absent" not in checks


@pytest.mark.server
def test_azure_passes(source: str, azure_server: Server) -> None:
    place = f"{azure_server.place}/{uuid.uuid4().hex}"

    checks = outcomes(examine(source, place, target_options=azure_server.options))

    assert {checks[name] for name in (*WRITING, "large commit")} == {OK}


@pytest.mark.server
def test_hdfs_passes_by_renames(source: str, hdfs_server: Server) -> None:
    place = f"{hdfs_server.place}/{uuid.uuid4().hex}"

    checks = by_name(examine(source, place, target_options=hdfs_server.options))

    assert {checks[name].outcome for name in ("write", "rename", "put-if-absent", "delete")} == {OK}
    assert "rename without overwrite" in checks["put-if-absent"].what
    assert not Folders(locate(place), hdfs_server.options).root_was_there


def test_all_is_tried_within_seconds(source: str, tmp_path: Path) -> None:
    begun = time.monotonic()

    examine(source, str(tmp_path / "target"))

    assert time.monotonic() - begun < 20
