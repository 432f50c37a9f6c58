"""`lakeferry explain source.schema.table`: a table of the ledger, and what a sync would do."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from tests.cli.program import Ended, called


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """One table that was synced, of a source with two; its manifest is here."""
    for name in ("orders", "items"):
        write_deltalake(tmp_path / "old" / "eu" / name, pa.table({"a": [1, 2]}))
    (tmp_path / "lakeferry.yaml").write_text(
        f"version: 1\nname: a\ntarget: {{root: {tmp_path}/new}}\n"
        f"sources: {{sales: {{kind: local, root: {tmp_path}/old}}}}\n"
    )
    typed(tmp_path, "discover")
    typed(tmp_path, "sync", "--yes", "-s", "sales.eu.orders")
    return tmp_path


def typed(folder: Path, *words: str) -> Ended:
    ended = called(*words, folder=folder)
    assert ended.returncode == 0, ended.stderr
    return ended


def test_it_says_where_a_table_stands_and_what_its_log_says(lake: Path) -> None:
    told = typed(lake, "explain", "sales.eu.orders").stdout

    assert "sales.eu.orders  wave 1  synced since" in told
    assert "holds version 0 of the source as its own 0" in told
    assert "a sync   nothing: the target holds the newest version" in told
    assert "synced  version 0 is version 0 of the target" in told
    assert "protocol     " in told


def test_an_older_version_of_its_log_is_told_where_one_is_asked_for(lake: Path) -> None:
    write_deltalake(lake / "old" / "eu" / "orders", pa.table({"a": [3]}), mode="append")

    told = typed(lake, "explain", "sales.eu.orders", "--version", "0").stdout

    assert f"{lake}/old/eu/orders  version 0  committed" in told
    missing = called("explain", "sales.eu.orders", "--version", "9", folder=lake)
    assert (missing.returncode, missing.stdout) == (2, "")


@pytest.mark.parametrize(
    "words",
    [
        ("sales.eu.orders", "--against", "a.lfp"),
        ("sales.eu.orders", "--source-option", "region=eu"),
        ("sales.eu.orders", "--drift", "--version", "0"),
        ("sales", "--version", "0"),
        ("a.lfp", "--version", "0"),
        ("LF-3001", "--version", "0"),
        ("old/eu/orders", "--against", "a.lfp"),
    ],
)
def test_an_option_that_says_nothing_of_the_thing_is_refused(
    lake: Path, words: tuple[str, ...]
) -> None:
    ended = called("explain", *words, folder=lake)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "LF-2001" in ended.stderr


def test_a_change_of_the_schema_is_told_with_the_command_that_takes_it(lake: Path) -> None:
    changed = pa.table({"b": ["x"]})
    write_deltalake(
        lake / "old" / "eu" / "orders", changed, mode="overwrite", schema_mode="overwrite"
    )

    told = typed(lake, "explain", "sales.eu.orders", "--drift").stdout

    assert "nothing: it has drifted" in told
    assert "LF-4105: the schema changed" in told
    assert "lakeferry sync -s sales.eu.orders --accept-schema 1" in told.replace("\n", " ")
    assert "history" not in told


def test_as_json_it_has_the_plan_the_history_and_the_log(lake: Path) -> None:
    lines = typed(lake, "explain", "sales.eu.items", "--json").stdout.splitlines()

    told = json.loads(lines[1])
    assert (told["type"], told["table"], told["held_version"]) == (
        "explanation", "sales.eu.items", None
    )  # fmt: skip
    assert told["plan"]["action"] == "copy"
    assert [one["body"]["to"] for one in told["history"]] == ["discovered"]
    assert told["log"]["version"] == 0


def test_of_several_tables_each_has_a_short_page(lake: Path) -> None:
    told = typed(lake, "explain", "sales").stdout

    items, orders = told.index("sales.eu.items  wave 1"), told.index("sales.eu.orders  wave 1")
    assert "a sync   copies it for the first time" in told[items:orders]
    assert "a sync   nothing: the target holds the newest version" in told[orders:]
    assert "protocol" not in told
    assert "next: lakeferry explain sales.eu.items" in told


def test_as_json_each_of_several_has_a_body(lake: Path) -> None:
    lines = map(json.loads, typed(lake, "explain", "sales", "--json").stdout.splitlines())

    *pages, summary = list(lines)[1:]
    assert [(one["type"], one["table"], one["plan"]["action"]) for one in pages] == [
        ("explanation", "sales.eu.items", "copy"), ("explanation", "sales.eu.orders", "keep"),
    ]  # fmt: skip
    assert all(one["history"] for one in pages)
    assert (summary["tables"], summary["exit"]) == (2, 0)


def test_many_tables_are_listed_with_the_way_to_one_of_them_and_no_store_is_asked(
    lake: Path,
) -> None:
    for name in "abcd":
        write_deltalake(lake / "old" / "eu" / name, pa.table({"a": [1]}))
    typed(lake, "discover")
    (lake / "old").rename(lake / "away")

    text = typed(lake, "explain", "sales").stdout
    lines = typed(lake, "explain", "sales", "--json").stdout.splitlines()[1:-1]

    listed = [line.split() for line in text.splitlines() if line.startswith("  sales.eu.")]
    assert [words[:3] for words in listed] == [
        [f"sales.eu.{name}", "1", state] for name, state in (
            ("a", "discovered"), ("b", "discovered"), ("c", "discovered"), ("d", "discovered"),
            ("items", "discovered"), ("orders", "synced"),
        )
    ]  # fmt: skip
    assert "next: one of them: lakeferry explain sales.eu.a; all: lakeferry plan -s sales" in text
    bodies = [json.loads(line) for line in lines]
    assert [one["table"] for one in bodies] == [words[0] for words in listed]
    assert "plan" not in bodies[0]


def test_a_term_that_means_no_table_now_is_answered_and_a_wrong_name_refused(lake: Path) -> None:
    assert (
        "`tag:vacuum-risk` means no table now" in typed(lake, "explain", "tag:vacuum-risk").stdout
    )
    assert called("explain", "sales.eu.ordrs", folder=lake).returncode == 2
    (lake / ".lakeferry" / "ledger.db").unlink()
    assert "none is known yet" in called("explain", "state:blocked", folder=lake).stderr


def test_a_table_that_no_manifest_names_has_no_drift(tmp_path: Path) -> None:
    ended = called("explain", "s3://lake/orders", "--drift", folder=tmp_path)

    assert ended.returncode == 2
    assert "only a table of a migration drifts" in ended.stderr


def test_a_doctor_tries_a_table_by_its_name_in_the_migration(lake: Path) -> None:
    told = typed(lake, "doctor", "-s", "sales.eu.items").stdout

    assert "put-if-absent holds" in told
    assert "0 blockers" in told


def test_a_doctor_is_told_once_what_to_try(lake: Path) -> None:
    ended = called("doctor", "-s", "sales.eu.items", "/old", folder=lake)

    assert (ended.returncode, "said twice" in ended.stderr) == (2, True)
    assert called("doctor", folder=lake).returncode == 2
