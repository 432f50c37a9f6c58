"""The script of 100 lines that recomputes a receipt from the table, without lakeferry."""

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from awscrt.checksums import crc64nvme
from deltalake import DeltaTable
from pyarrow.fs import LocalFileSystem

from tests.cli.program import called
from tests.flows.fleets import Fleet, append
from tests.flows.tables import grow
from tests.servers import Server

SCRIPT = Path(__file__).parents[2] / "examples/recompute_receipt.py"


def recomputed(receipt: Path, *words: str, **environment: str) -> tuple[int, dict[str, str]]:
    """Exit code, and each hash with its outcome. Nothing of lakeferry's is importable there."""
    ended = subprocess.run(
        [sys.executable, "-c", _ALONE, str(SCRIPT), str(receipt), *words],
        capture_output=True, text=True, check=False, env=environment, timeout=120,
    )  # fmt: skip
    assert ended.stderr == "", ended.stderr
    said = [line.split(maxsplit=2) for line in ended.stdout.splitlines()[1:]]
    return ended.returncode, {name: outcome for outcome, name, _ in said}


_ALONE = """
import runpy, sys
sys.modules["lakeferry"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    named = importlib.util.spec_from_file_location("recompute_receipt", SCRIPT)
    assert named is not None
    assert named.loader is not None
    found = importlib.util.module_from_spec(named)
    named.loader.exec_module(found)
    return found


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """A table with streams, domains, vectors and odd names, brought over and proven."""
    fleet = Fleet(tmp_path, str(tmp_path / "out"))
    fleet.write()
    grow(fleet.lake / "s/odd")
    append(fleet.lake / "s/plain")
    fleet.see()
    assert fleet.sync()[0] == 0
    assert called("verify", "--strength", "hashed", folder=tmp_path).returncode == 0
    return fleet


def target(fleet: Fleet, name: str = "odd") -> Path:
    return Path(fleet.target, "a/s", name)


def receipt(fleet: Fleet, name: str = "odd") -> Path:
    return max((target(fleet, name) / "_delta_log/_lakeferry/receipts").glob("*-verify.json"))


ALL = ("files", "bytes", "txns", "domains", "files_sha256", "bytes_sha256")


def test_it_has_no_more_than_a_hundred_lines_and_needs_pyarrow_alone() -> None:
    lines = SCRIPT.read_text().splitlines()

    assert len(lines) <= 100
    imported = {line.split()[1].partition(".")[0] for line in lines
                if line.startswith(("import ", "from "))}  # fmt: skip
    assert imported - sys.stdlib_module_names == {"pyarrow"}


def test_the_hashes_of_a_real_receipt_are_those_of_its_table(fleet: Fleet) -> None:
    for name in ("odd", "plain"):
        code, found = recomputed(receipt(fleet, name))

        assert (code, found) == (0, dict.fromkeys(ALL, "equal"))
    said = orjson.loads(receipt(fleet).read_bytes())["content"]
    assert (said["txns"], list(said["domains"])) == ({"stream": 3}, ["someone's"])


def test_the_hash_of_the_receipt_itself_is_that_of_the_ledger(fleet: Fleet) -> None:
    ended = subprocess.run(
        [sys.executable, SCRIPT, receipt(fleet), "--no-bytes"], capture_output=True, text=True,
        check=True,
    )  # fmt: skip

    sha256 = hashlib.sha256(receipt(fleet).read_bytes()).hexdigest()
    assert ended.stdout.splitlines()[0].endswith(sha256)


def test_later_versions_of_the_table_change_nothing(fleet: Fleet) -> None:
    append(target(fleet, "plain"))

    assert recomputed(receipt(fleet, "plain"))[0] == 0


def test_a_checkpoint_says_the_same_as_the_commits_before_it(fleet: Fleet) -> None:
    append(fleet.lake / "s/plain")
    fleet.sync()
    called("verify", "--strength", "listed", folder=fleet.folder)
    table = DeltaTable(str(target(fleet, "plain")))
    table.create_checkpoint()
    for commit in (target(fleet, "plain") / "_delta_log").glob("0*.json"):
        commit.unlink()

    assert recomputed(receipt(fleet, "plain")) == (0, dict.fromkeys(ALL, "equal"))


UUID = "80a083e8-7026-4e79-81be-64bd76c43a11"


@pytest.mark.parametrize("ending", ["json", "parquet"])
def test_a_v2_checkpoint_with_sidecars_is_read_as_the_protocol_says(
    script: ModuleType, tmp_path: Path, ending: str
) -> None:
    log = tmp_path / "_delta_log"
    vector = {"storageType": "u", "pathOrInlineDv": "v", "offset": 1}
    added = [{"add": {"path": "a", "size": 5, "deletionVector": vector}},
             {"add": {"path": "b%20b", "size": 7, "deletionVector": None}}]  # fmt: skip
    (log / "_sidecars").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(added), log / "_sidecars/one ü.parquet")
    top = {
        "checkpointMetadata": {"version": 2},
        "sidecar": {"path": "one%20%C3%BC.parquet", "sizeInBytes": 1},
        "txn": {"appId": "stream", "version": 3},
        "domainMetadata": {"domain": "mine", "configuration": "{}", "removed": False},
    }
    name = log / f"{2:020}.checkpoint.{UUID}.{ending}"
    if ending == "json":
        name.write_bytes(b"".join(orjson.dumps({key: top[key]}) + b"\n" for key in top))
    else:
        rows = [{key: top[key] if key == one else None for key in top} for one in top]
        first = pa.Table.from_pylist([top]).schema
        pq.write_table(pa.Table.from_pylist(rows, first), name)
    lines = ({"remove": {"path": "b%20b"}}, {"add": {"path": "c", "size": 9}})
    (log / f"{3:020}.json").write_bytes(b"\n".join(map(orjson.dumps, lines)))

    state = script.state_at(LocalFileSystem(), str(tmp_path), 3)

    assert state == ({("a", "uv@1"): 5, ("c", ""): 9}, {"stream": 3}, {"mine": "{}"})


def test_one_flipped_byte_of_the_table_differs(fleet: Fleet) -> None:
    file = max(target(fleet).rglob("*.parquet"), key=lambda one: "_delta_log" not in one.parts)
    body = bytearray(file.read_bytes())
    body[7] ^= 1
    file.write_bytes(body)

    code, found = recomputed(receipt(fleet))

    assert (code, found["bytes_sha256"], found["files_sha256"]) == (1, "DIFFERS", "equal")


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        (b'"version":3', b'"version":4', {"txns"}),
        (b"p=b/five", b"p=b/FIVE", {"files_sha256"}),
        (b"p=b/four", b"p=b/FOUR", {"files_sha256"}),
    ],
)
def test_a_log_that_was_edited_differs(
    fleet: Fleet, old: bytes, new: bytes, wrong: set[str]
) -> None:
    for checkpoint in (target(fleet) / "_delta_log").glob("*.checkpoint.*"):
        checkpoint.unlink()  # which says what the commit said
    [commit] = (target(fleet) / "_delta_log").glob("0*.json")
    assert old in commit.read_bytes()
    commit.write_bytes(commit.read_bytes().replace(old, new))

    code, found = recomputed(receipt(fleet), "--no-bytes")

    assert code == 1
    assert {name for name, outcome in found.items() if outcome == "DIFFERS"} == wrong


def test_a_table_that_was_moved_is_found_where_it_lies_now(fleet: Fleet) -> None:
    moved = target(fleet).rename(fleet.folder / "moved")
    [file] = (moved / "_delta_log/_lakeferry/receipts").iterdir()

    assert recomputed(file, str(moved))[0] == 0


def test_its_checksum_is_that_of_the_service(script: ModuleType, tmp_path: Path) -> None:
    for body in (b"", b"123456789", bytes(range(256)) * 9000):
        (tmp_path / "body").write_bytes(body)
        with (tmp_path / "body").open("rb") as file:
            assert script.crc64nvme(file) == f"{crc64nvme(body):016x}"


def test_the_receipt_of_a_switch_has_the_hashes_too(fleet: Fleet) -> None:
    ended = called(
        "cutover",
        "a.s.*",
        "--yes",
        "--freeze-check",
        "1s",
        "--strength",
        "hashed",
        folder=fleet.folder,
    )

    assert ended.returncode in (0, 3), ended.stderr
    [switched] = (target(fleet) / "_delta_log/_lakeferry/receipts").glob("*-cutover.json")
    said = orjson.loads(switched.read_bytes())
    [page] = fleet.folder.glob("cutover-*.html")
    assert hashlib.sha256(switched.read_bytes()).hexdigest() in page.read_text()
    assert said["verify_receipt"] in {
        hashlib.sha256(one.read_bytes()).hexdigest()
        for one in switched.parent.glob("*-verify.json")
    }
    assert recomputed(switched) == (0, dict.fromkeys(ALL, "equal"))


@pytest.mark.server
def test_a_receipt_at_a_real_s3_server_is_recomputed_from_there(
    tmp_path: Path, s3_server: Server
) -> None:
    options = s3_server.options
    fleet = Fleet(tmp_path, f"{s3_server.place}/{tmp_path.name}", environment={
        "FLEET_SECRET": options["secret_access_key"],
    })  # fmt: skip
    there = {**options, "secret_access_key": "${env:FLEET_SECRET}"}
    fleet.write(
        f"connections:\n  there: {{kind: aws, options: {orjson.dumps(there).decode()}}}\n",
        target=", connection: there",
    )
    grow(fleet.lake / "s/odd")
    fleet.see()
    fleet.sync()
    ended = called(
        "verify", "--strength", "rows", "--report", "v.json", folder=tmp_path,
        **fleet.environment,
    )  # fmt: skip
    [said] = orjson.loads((tmp_path / "v.json").read_bytes())["tables"]
    said.pop("receipt")
    copy = tmp_path / "receipt.json"
    copy.write_bytes(orjson.dumps(said, option=orjson.OPT_SORT_KEYS))

    found = recomputed(
        copy, AWS_ENDPOINT_URL=options["endpoint"], AWS_REGION=options["region"],
        AWS_ACCESS_KEY_ID=options["access_key_id"],
        AWS_SECRET_ACCESS_KEY=options["secret_access_key"],
    )  # fmt: skip

    assert (ended.returncode, found) == (0, (0, dict.fromkeys(ALL, "equal")))
