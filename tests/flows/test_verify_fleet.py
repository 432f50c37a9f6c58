"""`lakeferry verify` over a migration, as it is typed: what it says, asks, keeps and returns."""

import hashlib
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest

from lakeferry.cli.fleet.flags import led, ledger_path
from lakeferry.ledger import read
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import LedgerEvent
from tests.cli.program import LAKEFERRY, Ended, called, environment_of, json_lines
from tests.flows.fleets import Fleet, append, brought_over


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return brought_over(tmp_path)


def verify(fleet: Fleet, *words: str) -> tuple[int, list[dict[str, Any]]]:
    """Run it with --json; exit code and lines, each held to the schema."""
    ended = called("verify", "--json", *words, folder=fleet.folder)
    assert ended.stderr == "", ended.stderr
    return ended.returncode, json_lines(ended)


def shown(fleet: Fleet, *words: str) -> Ended:
    return called("verify", *words, folder=fleet.folder)


def flip(fleet: Fleet, name: str) -> Path:
    """One byte of a data file at the target."""
    [file] = Path(fleet.target, "a", *name.split(".")).glob("*.parquet")
    body = bytearray(file.read_bytes())
    body[5] ^= 1
    file.write_bytes(body)
    return file


def events(fleet: Fleet, kind: str) -> list[LedgerEvent]:
    with reading(ledger_path(fleet.wanted)) as db:
        return read.events_of(db, kind)


def test_all_tables_are_compared_and_told_each_with_strength_and_share(fleet: Fleet) -> None:
    code, lines = verify(fleet, "--strength", "rows")

    told = [line for line in lines if line["type"] == "check"]
    assert code == 0
    assert sorted((one["table"], one["outcome"], one["strength"], one["sample"], one["rows"])
                  for one in told) == [
        ("a.hr.people", "equal", "rows", 1.0, 10),
        ("a.sales.items", "equal", "rows", 1.0, 10),
        ("a.sales.orders", "equal", "rows", 1.0, 10),
    ]  # fmt: skip
    assert (lines[-1]["identical"], lines[-1]["different"], lines[-1]["not_compared"]) == (3, 0, 0)
    assert {one.state for one in fleet.tables().values()} == {"verified"}


def test_only_the_tables_that_are_named_are_compared(fleet: Fleet) -> None:
    _, lines = verify(fleet, "-s", "a.sales.*", "--strength", "listed")

    assert lines[-1]["identical"] == 2
    assert fleet.tables()["hr.people"].state == "synced"


def test_the_strength_is_that_of_the_manifest_where_none_is_given(fleet: Fleet) -> None:
    fleet.write(source=", verify: hashed")

    _, lines = verify(fleet)

    assert {line["strength"] for line in lines if line["type"] == "check"} == {"hashed"}


def test_people_are_told_what_was_read_and_how_strongly(fleet: Fleet) -> None:
    ended = shown(fleet, "--strength", "rows")

    assert ended.returncode == 0
    [line] = [line for line in ended.stderr.splitlines() if "a.hr.people" in line]
    assert "10 rows" in line
    assert line.startswith("  ✓ a.hr.people ")
    assert line.endswith("  rows")
    assert "3 identical, strength rows, 100 % of the files" in ended.stdout


def test_a_flipped_byte_is_found_and_named_with_what_to_do(fleet: Fleet) -> None:
    file = flip(fleet, "sales.orders")

    ended = shown(fleet, "--strength", "hashed")

    assert ended.returncode == 3
    assert "✗ a.sales.orders" in ended.stdout
    assert f"bytes: {file.name}: crc64nvme" in ended.stdout
    assert "lakeferry sync -s a.sales.orders --replace" in ended.stdout
    assert "2 identical, 1 different, strength hashed, 100 % of the files" in ended.stdout


def test_a_table_that_cannot_be_compared_is_named_and_ends_with_1(fleet: Fleet) -> None:
    (fleet.lake / "hr").rename(fleet.lake / "gone")

    code, lines = verify(fleet, "--strength", "listed")

    [told] = [line for line in lines if line.get("outcome") == "not_run"]
    assert code == 1
    assert told["table"] == "a.hr.people"
    assert told["code"].startswith("LF-2")
    assert (lines[-1]["identical"], lines[-1]["not_compared"]) == (2, 1)


def test_a_table_that_was_not_brought_over_yet_is_not_compared(fleet: Fleet) -> None:
    append(fleet.lake / "hr/jobs")
    fleet.see()

    code, lines = verify(fleet, "--strength", "listed")

    assert code == 1
    assert [one["table"] for one in lines[-1]["left_out"]] == ["a.hr.jobs"]


def test_a_sample_is_told_with_its_seed(fleet: Fleet) -> None:
    ended = shown(fleet, "--strength", "rows", "--sample", "5%", "--seed", "7")

    assert "3 identical, strength rows, 5 % sample of the files, seed 7" in ended.stdout


@pytest.mark.parametrize("sample", ["0", "101%", "-1%", "few"])
def test_a_share_that_is_none_is_refused_before_anything_is_read(fleet: Fleet, sample: str) -> None:
    ended = shown(fleet, f"--sample={sample}")

    assert ended.returncode == 2
    assert "LF-2001" in ended.stderr


def test_the_report_is_a_page_and_its_twin_whose_hash_the_ledger_keeps(fleet: Fleet) -> None:
    flip(fleet, "sales.orders")

    code, lines = verify(fleet, "--strength", "hashed", "--report", "proof.html")

    page = (fleet.folder / "proof.html").read_text()
    twin = (fleet.folder / "proof.json").read_bytes()
    sha256 = hashlib.sha256(twin).hexdigest()
    assert code == 3
    assert lines[-1]["report"]["sha256"] == sha256
    assert [orjson.loads(one.body)["sha256"] for one in events(fleet, "report")] == [sha256]
    said = orjson.loads(twin)
    assert [(one["table"], one["equal"]) for one in said["tables"]] == [
        ("a.hr.people", True), ("a.sales.items", True), ("a.sales.orders", False),
    ]  # fmt: skip
    assert twin == orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    assert sha256 in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    for one in said["tables"]:
        assert one["receipt"] in page


def test_names_of_tables_cannot_change_the_page(fleet: Fleet) -> None:
    append(fleet.lake / "hr/<img src=x>")
    fleet.see()
    fleet.sync()

    verify(fleet, "--strength", "listed", "--report", "proof.json")

    page = (fleet.folder / "proof.html").read_text()
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page


def test_a_report_of_another_kind_is_refused(fleet: Fleet) -> None:
    assert shown(fleet, "--report", "proof.pdf").returncode == 2


def priced(fleet: Fleet) -> None:
    """The same lake, as if it were large and lay in Azure, behind the internet."""
    fleet.write(
        "cost: {assume: {from: 'azure:westeurope'}}\n", source=", path: internet",
        target=", region: us-east-1",
    )  # fmt: skip
    rows = fleet.see()
    with led(fleet.wanted, "discover") as ledger:
        ledger.see(one._replace(bytes=1_000_000_000_000, files=8000) for one in rows)
        ledger.end(0)


def test_nothing_is_read_for_money_where_nobody_can_be_asked(fleet: Fleet) -> None:
    priced(fleet)

    ended = shown(fleet, "--strength", "rows")

    assert ended.returncode == 2
    assert "LF-2003" in ended.stderr
    assert {one.state for one in fleet.tables().values()} == {"synced"}


def test_what_reads_no_data_of_the_source_asks_nothing(fleet: Fleet) -> None:
    priced(fleet)

    assert shown(fleet, "--strength", "replayed").returncode == 0


@pytest.mark.parametrize(("answer", "code"), [("n", 2), ("y", 0)])
def test_bytes_and_price_are_told_before_anything_is_read(
    fleet: Fleet, answer: str, code: int
) -> None:
    priced(fleet)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [LAKEFERRY, "verify", "--strength", "rows"], cwd=fleet.folder, stdin=theirs, stderr=theirs,
        stdout=subprocess.PIPE, env=environment_of(fleet.folder, {}),
    ) as process:  # fmt: skip
        os.close(theirs)
        said = b""
        while b"[y/N]" not in said:
            said += os.read(ours, 4096)
        os.write(ours, f"{answer}\n".encode())
        process.communicate(timeout=300)
    os.close(ours)

    text = said.decode()
    assert "3 tables, 3.0 TB" in text
    assert "reads 3.0 TB of a over internet: about $" in text
    assert process.returncode == code


def test_flags_of_one_table_are_refused_for_many_and_the_reverse(fleet: Fleet) -> None:
    assert shown(fleet, "--version", "0").returncode == 2
    assert shown(fleet, "lake/hr/people", "out/a/hr/people", "-s", "a.hr.*").returncode == 2


def test_one_clone_is_compared_as_before_by_a_sample_too(fleet: Fleet) -> None:
    pair = ("lake/hr/people", "out/a/hr/people")

    assert shown(fleet, *pair).returncode == 0
    assert "50 % of the files" in shown(fleet, *pair, "--sample", "50%").stdout
