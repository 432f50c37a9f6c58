"""`lakeferry plan` as it is typed: a migration of real tables on this disk."""

import json
from pathlib import Path

import pytest

from lakeferry.fleet.planning.plan_file import read_plan
from lakeferry.ledger.write import Ledger
from tests.cli.program import Ended, called, json_lines
from tests.clone.small import append, clone, new_table
from tests.delta.tables import commit
from tests.fleet.plans import discovered, found, known, wanted_in


class Lake:
    """Two sources of two and one tables, as a discovery found them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.orders = new_table(folder / "sales" / "eu" / "orders", "a", "b")
        self.items = new_table(folder / "sales" / "eu" / "items", "c")
        self.events = new_table(folder / "logs" / "eu" / "events", "d")
        self.wanted = wanted_in(folder)
        names = ("sales.eu.orders", "sales.eu.items", "logs.eu.events")
        discovered(folder, [found(self.wanted, name) for name in names])

    def plan(self, *words: str) -> Ended:
        return called("plan", *words, folder=self.folder, COLUMNS="200")

    def synced(self, source: Path) -> None:
        clone(source, self.folder / "lake" / source.relative_to(self.folder))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def test_a_plan_says_what_a_sync_would_do_with_each_table(lake: Lake) -> None:
    lake.synced(lake.orders)
    append(lake.orders, 1, "e")
    lake.synced(lake.items)

    ended = lake.plan()

    assert ended.returncode == 0
    text = ended.stdout
    assert "Wave 1   1 source, 2 tables" in text
    assert "~  incremental  1 table  10 B  1 file  (+1 added, 0 removed)" in text
    assert "~  sales.eu.orders  10 B  1 file  version 0 -> 1" in text
    assert "=  sales.eu.items" in text
    assert "Wave 2   1 source, 1 table" in text
    assert "+  logs.eu.events  10 B  1 file  version 0" in text
    assert "Nothing will be deleted or overwritten at the target." in text


def test_nothing_is_written_but_the_ledger(lake: Lake) -> None:
    before = sorted(lake.folder.rglob("*"))

    lake.plan()

    assert {path.name for path in lake.folder.rglob("*")} - {path.name for path in before} <= {
        "ledger.db-wal", "ledger.db-shm",
    }  # fmt: skip
    row = known(lake.folder)["sales.eu.orders"]
    assert (row.state, row.left_bytes, row.left_files, row.source_version) == ("planned", 20, 2, 0)


def test_a_selection_and_a_wave_leave_out_the_rest(lake: Lake) -> None:
    assert "logs.eu.events" not in lake.plan("-s", "sales.**").stdout
    assert "sales.eu.orders" not in lake.plan("--wave", "2").stdout
    assert "+  sales.eu.orders" not in lake.plan("-s", "!sales.eu.orders").stdout
    assert "sales.eu.items" in lake.plan("-s", "tag:pii").stdout


def test_a_selection_comes_from_a_file_or_from_stdin(lake: Lake) -> None:
    (lake.folder / "chosen").write_text("sales.eu.items\n")

    assert "sales.eu.orders" not in lake.plan("-s", "@chosen").stdout
    ended = called("plan", "-s", "-", folder=lake.folder, input="logs.**\n")
    assert "sales.eu.orders" not in ended.stdout
    assert "logs.eu.events" in ended.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["-s", "sales.eu.order"], "LF-2107"),
        (["--wave", "9"], "LF-2107"),
        (["-s", "wave:9"], "LF-2107"),
        (["-s", "!wave:9"], "LF-2107"),
        (["-s", "@none"], "LF-2004"),
        (["-s", "-x"], "LF-2001"),
        (["--assume", "rate=fast"], "LF-2001"),
        (["--assume", "color=red"], "LF-2001"),
        (["-o", "none/a.lfp"], "LF-2004"),
    ],
)
def test_a_wrong_request_is_refused(lake: Lake, words: list[str], code: str) -> None:
    ended = lake.plan(*words)

    assert (ended.returncode, code in ended.stderr) == (2, True)


@pytest.mark.parametrize("words", [("plan",), ("sync", "--yes")])
def test_a_secret_of_the_target_that_is_not_there_blocks_no_table(
    lake: Lake, words: tuple[str, ...]
) -> None:
    at_s3 = (
        "--set", "target.root=s3://lake/out", "--set", "target.connection=s3",
        "--set", "connections.s3.kind=aws",
        "--set", "connections.s3.options.secret_access_key=${env:NOT_SET}",
    )  # fmt: skip

    ended = called(*words, *at_s3, folder=lake.folder)

    assert (ended.returncode, "`NOT_SET` is not set" in ended.stderr) == (2, True)
    assert known(lake.folder)["sales.eu.orders"].state == "discovered"


def test_before_a_discovery_there_is_nothing_to_plan(tmp_path: Path) -> None:
    wanted_in(tmp_path)

    ended = called("plan", folder=tmp_path)

    assert (ended.returncode, "LF-8007" in ended.stderr) == (2, True)


def test_check_asks_whether_anything_is_left(lake: Lake) -> None:
    assert lake.plan("--check").returncode == 3
    for source in (lake.orders, lake.items, lake.events):
        lake.synced(source)
    assert lake.plan("--check").returncode == 0


def test_one_table_that_cannot_be_cloned_stops_no_other(lake: Lake) -> None:
    unknown = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["x-preview"],
               "writerFeatures": ["x-preview"]}  # fmt: skip
    commit(lake.items, 1, {"protocol": unknown})

    ended = lake.plan()

    assert "✗  sales.eu.items" in ended.stdout
    assert "LF-3001" in ended.stdout
    assert "+  sales.eu.orders" in ended.stdout
    row = known(lake.folder)["sales.eu.items"]
    assert (row.state, row.code) == ("blocked", "LF-3001")

    lake.items.joinpath("_delta_log", f"{1:020d}.json").unlink()
    lake.plan()
    assert known(lake.folder)["sales.eu.items"].state == "planned"


def test_an_assumed_rate_gives_hours_and_a_place_gives_dollars(lake: Lake) -> None:
    text = lake.plan("--assume", "rate=1Gbit/s").stdout
    assert "time, assumed rate" in text
    assert "seconds" in text
    assert "No dollars of internet: where the bytes lie is not said" in text

    file = lake.folder / "lakeferry.yaml"
    file.write_text(file.read_text().replace('lake"}', 'lake", region: us-east-1}', 1))
    words = ("--assume", "rate=1Gbit/s", "--assume", "from=azure:westeurope")
    summary = json_lines(lake.plan(*words, "--json", "-s", "sales.**"))[-1]
    other = json_lines(lake.plan(*words, "--json", "-s", "sales.**", "--route", "nat-instance"))[-1]

    assert summary["left_s"]["basis"] == "assumed"
    assert float(summary["usd"]) > 0
    assert summary["usd"] != other["usd"]


def test_every_line_of_json_is_as_its_schema_says(lake: Lake) -> None:
    lines = json_lines(lake.plan("--json"))

    items = [line for line in lines if line["type"] == "plan_item"]
    assert [item["table"] for item in items] == [
        "sales.eu.items", "sales.eu.orders", "logs.eu.events",
    ]  # fmt: skip
    assert items[1]["bytes"] == 20
    assert lines[-1]["total"] == {
        "tables": 3, "bytes": 40, "files": 4, "requests": 4, "added": 4, "removed": 0,
    }  # fmt: skip


def test_while_another_coordinator_leads_the_plan_is_shown_and_not_kept(lake: Lake) -> None:
    with Ledger(lake.folder / "ledger.db", run_id="other", command="sync"):
        ended = lake.plan()

    assert (ended.returncode, "LF-8001" in ended.stderr) == (0, True)
    assert "+  sales.eu.orders" in ended.stdout
    assert known(lake.folder)["sales.eu.orders"].state == "discovered"


def test_a_manifest_that_would_land_begun_tables_elsewhere_is_refused(lake: Lake) -> None:
    rows = known(lake.folder)
    begun = rows["sales.eu.orders"]._replace(target_url="s3://old/x", name="sales.eu.old",
                                             table_name="old", state="synced")  # fmt: skip
    discovered(lake.folder, [begun])

    ended = lake.plan()

    assert (ended.returncode, "LF-2041" in ended.stderr) == (2, True)


# ---- the file


def test_a_plan_is_written_and_explained(lake: Lake) -> None:
    ended = lake.plan("-o", "a.lfp")

    assert "Do it:  lakeferry sync a.lfp" in ended.stdout.replace("it: l", "it:  l")
    assert len(read_plan(str(lake.folder / "a.lfp")).tables) == 3
    explained = called("explain", "a.lfp", folder=lake.folder)
    assert explained.returncode == 0
    assert "+  sales.eu.orders" in explained.stdout
    assert "stale" not in explained.stdout


def test_a_sync_of_a_plan_that_moves_none_says_so_and_goes_beyond_no_version(lake: Lake) -> None:
    called("sync", "--yes", folder=lake.folder)
    lake.plan("-o", "done.lfp")

    ended = called("sync", "done.lfp", folder=lake.folder)
    followed = called("sync", "done.lfp", "--follow", folder=lake.folder)

    assert (ended.returncode, "of the tables that are meant it moves none" in ended.stderr) == (
        0, True,
    )  # fmt: skip
    assert (followed.returncode, "--follow goes beyond them" in followed.stderr) == (2, True)


@pytest.mark.parametrize("words", [("--max-time", "5"), ("--limit-rate", "5mb/s")])
def test_what_a_sync_cannot_read_is_refused_before_anybody_is_asked(
    lake: Lake, words: tuple[str, str]
) -> None:
    assert f"`{words[1]}`" in called("sync", *words, folder=lake.folder).stderr


def test_a_stale_plan_is_explained_too_and_says_why(lake: Lake) -> None:
    lake.plan("-o", "a.lfp")
    file = lake.folder / "lakeferry.yaml"
    file.write_text(file.read_text().replace("path: internet,", "path: internet, mode: mirror,"))

    explained = called("explain", "a.lfp", folder=lake.folder)

    assert explained.returncode == 0
    assert "stale: sales.eu.items: mode snapshot -> mirror" in explained.stdout
    body = json_lines(called("explain", "a.lfp", "--json", folder=lake.folder))[-1]
    assert "mode snapshot -> mirror" in body["stale"]


def test_without_a_manifest_a_plan_is_explained_all_the_same(lake: Lake, tmp_path: Path) -> None:
    lake.plan("-o", "a.lfp")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (lake.folder / "lakeferry.yaml").unlink()

    assert "sales.eu.orders" in called("explain", "../a.lfp", folder=elsewhere).stdout


@pytest.mark.parametrize("broken", ["lakeferry.yaml", "ledger.db"])
def test_a_plan_is_shown_whatever_has_become_of_its_manifest_and_its_ledger(
    lake: Lake, broken: str
) -> None:
    lake.plan("-o", "a.lfp")
    (lake.folder / broken).write_text("version: 1\ncolor: red\n" * 200)

    explained = called("explain", "a.lfp", folder=lake.folder)

    assert (explained.returncode, "sales.eu.orders" in explained.stdout) == (0, True)
    assert "whether this plan still holds is not known" in explained.stderr


def test_two_plans_are_compared(lake: Lake) -> None:
    lake.plan("-o", "a.lfp")
    append(lake.orders, 1, "e")
    lake.plan("-o", "b.lfp")

    same = called("explain", "a.lfp", "--against", "a.lfp", folder=lake.folder)
    other = called("explain", "b.lfp", "--against", "a.lfp", folder=lake.folder)

    assert (same.returncode, "the plans do the same" in same.stdout) == (0, True)
    assert other.returncode == 3
    assert "sales.eu.orders  source version 0 -> 1, +10 bytes, +1 files" in other.stdout
    lines = json_lines(called("explain", "b.lfp", "--against", "a.lfp", "--json",
                              folder=lake.folder))  # fmt: skip
    assert [line["table"] for line in lines if line["type"] == "difference"] == ["sales.eu.orders"]


def test_cost_prices_a_plan_file(lake: Lake) -> None:
    lake.plan("-o", "a.lfp", "--assume", "rate=1Gbit/s")

    words = ("cost", "a.lfp", "--from", "azure:westeurope", "--to", "aws:us-east-1", "--json")
    ended = called(*words, folder=lake.folder)

    assert ended.returncode == 0
    assert json.loads(ended.stdout.splitlines()[-1])["exit"] == 0
    assert json_lines(ended)[1]["type"] != "summary"


def test_what_is_no_plan_is_told(lake: Lake) -> None:
    (lake.folder / "a.lfp").write_text("version: 1\n")

    for command in ("explain", "cost"):
        ended = called(command, "a.lfp", folder=lake.folder)
        assert (ended.returncode, "LF-2052" in ended.stderr) == (2, True)
