"""`lakeferry status` as it is typed: from the ledger alone, at every width."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lakeferry.ledger.rows import LakeTable, Pace
from lakeferry.ledger.write import Ledger, now_ms
from tests.cli.program import LAKEFERRY, Ended, called, environment_of, json_lines
from tests.clone.small import append, new_table
from tests.fleet.plans import MANIFEST, discovered, found, known, wanted_in

WAVES = MANIFEST + "waves: {{1: {{cutover: 2030-11-26T22:00Z}}, 2: {{cutover: manual}}}}\n"
TB = 10**12


def fill(folder: Path, *rows: LakeTable, minutes: int = 0) -> None:
    discovered(folder, rows)
    with Ledger(folder / "ledger.db", run_id="pace", command="sync") as ledger:
        for minute in range(minutes):
            at_ms = now_ms() - minute * 60_000
            ledger.pace(Pace("direct-connect", at_ms, 60.0, 60 * 10**9, 0, capped=False))
        ledger.end(0)


def status(folder: Path, *words: str, width: int = 200) -> Ended:
    return called("status", *words, folder=folder, COLUMNS=str(width))


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Wave 1 is proven, of wave 2 one table is half way and one asks for a person.

    Whoever looks within this process does so at the moment that the rows are of.
    """
    wanted, now = wanted_in(tmp_path, WAVES), now_ms()
    monkeypatch.setattr("lakeferry.cli.fleet.status_looking.now_ms", lambda: now)

    def row(name: str, **other: Any) -> LakeTable:
        return found(wanted, name, looked_at_ms=now, source_version=9, **other)

    fill(
        tmp_path,
        row("sales.eu.orders", state="verified", strength="replayed", bytes=2 * TB, files=900,
            held_version=9, held_at_ms=now),
        row("logs.eu.events", state="syncing", bytes=4 * TB, files=1000, left_bytes=2 * TB,
            left_files=500, left_requests=500, held_version=7,
            behind_since_ms=now - 6 * 60_000),
        row("logs.eu.cases", state="blocked", bytes=TB, files=10, code="LF-4102",
            why="12 files of version 9 are gone", next_step="lakeferry sync -s logs.eu.cases"),
        minutes=120,
    )  # fmt: skip
    return tmp_path


def test_a_status_by_wave_says_state_size_share_lag_and_end(lake: Path) -> None:
    ended = status(lake)

    assert ended.returncode == 0
    head, first, second, *_ = ended.stdout.splitlines()
    assert head.split() == [
        "wave", "sources", "tables", "state", "size", "done", "behind", "ends",
    ]  # fmt: skip
    assert "verified (replayed)  2.0 TB  100.0 %" in first
    assert first.endswith("cut-over Tue 26 Nov 22:00")
    assert "syncing, 1 blocked" in second
    assert "5.0 TB   60.0 %  6 min 0 s  about " in second
    assert second.endswith(" UTC")


def test_all_together_the_time_left_and_what_asks_for_a_person_are_told(lake: Path) -> None:
    text = status(lake).stdout

    assert "atlas: 5.0 TB of 7.0 TB in 3 tables of 2 sources" in text
    assert " left, ends " in text
    assert "nobody is at work" in text
    assert "✗ logs.eu.cases blocked LF-4102: 12 files of version 9 are gone" in text
    assert "next: lakeferry sync -s logs.eu.cases" in text


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("by", ["wave", "source", "state", "table"])
def test_no_line_is_wider_than_the_screen(lake: Path, width: int, by: str) -> None:
    lines = status(lake, "--by", by, "--explain-eta", width=width).stdout.splitlines()

    assert max(map(len, lines)) <= width
    assert any("done" in line for line in lines)


def test_a_status_by_source_state_or_table_has_a_line_each(lake: Path) -> None:
    def names(by: str) -> list[str]:
        lines = status(lake, "--by", by).stdout.split("\n\n")[0].splitlines()
        return [line.split()[0] for line in lines[1:]]

    assert names("source") == ["logs", "sales", "all"]
    assert names("state") == ["syncing", "verified", "blocked", "all"]
    assert names("table") == ["logs.eu.cases", "logs.eu.events", "sales.eu.orders"]


def test_a_selection_is_told_alone(lake: Path) -> None:
    text = status(lake, "-s", "sales.**").stdout

    assert "2.0 TB of 2.0 TB in 1 table of 1 source" in text
    assert "nothing needs you" in text
    assert status(lake, "-s", "sales.none").returncode == 2


def test_check_asks_whether_a_person_is_needed(lake: Path) -> None:
    assert status(lake, "--check").returncode == 3
    assert status(lake, "--check", "--wave", "1").returncode == 0


def test_a_table_beyond_its_lag_target_needs_a_look(tmp_path: Path) -> None:
    wanted = wanted_in(tmp_path)
    late = found(wanted, "sales.eu.orders", state="synced", held_version=1, source_version=2,
                 lag_target_s=60, behind_since_ms=now_ms() - 3_600_000)  # fmt: skip
    fill(tmp_path, late)

    ended = status(tmp_path, "--check")

    assert ended.returncode == 3
    assert "1 table further behind than their lag_target" in ended.stdout


def test_what_an_estimate_rests_on_is_told(lake: Path) -> None:
    text = status(lake, "--explain-eta").stdout

    assert "direct-connect: 2.0 TB and 500 requests are left; seen were 1.0 GB/s" in text
    assert "-means" in text


def test_before_enough_was_seen_it_is_measuring(tmp_path: Path) -> None:
    wanted = wanted_in(tmp_path)
    fill(tmp_path, found(wanted, "sales.eu.orders", bytes=100, files=2, left_bytes=100))

    text = status(tmp_path, "--explain-eta").stdout

    assert "measuring" in text
    assert "an estimate needs 60 s of work, 200 files and 0.5 % of all bytes" in text
    assert "nothing was seen to move in the last 48 h" in text


def test_who_leads_is_told(lake: Path) -> None:
    with Ledger(lake / "ledger.db", run_id="other", command="sync"):
        text = status(lake).stdout

    assert "sync by process" in text
    assert "nobody is at work" not in text


def test_every_line_of_json_is_as_its_schema_says(lake: Path) -> None:
    lines = json_lines(status(lake, "--json"))
    tables = json_lines(status(lake, "--json", "--by", "table"))

    assert [line["key"] for line in lines if line["type"] == "group"] == ["1", "2"]
    assert [line["table"] for line in tables if line["type"] == "table"] == [
        "logs.eu.cases", "logs.eu.events", "sales.eu.orders",
    ]  # fmt: skip
    summary = lines[-1]
    assert summary["total"]["bytes"] == {"done": 5 * TB, "total": 7 * TB}
    assert summary["total"]["tables"]["by_state"] == {"syncing": 1, "verified": 1, "blocked": 1}
    assert summary["left_s"]["p10"] <= summary["left_s"]["p50"] <= summary["left_s"]["p90"]
    assert [one["code"] for one in summary["look_at"]] == ["LF-4102"]


def test_unknown_is_null_and_a_dash_never_zero(tmp_path: Path) -> None:
    wanted = wanted_in(tmp_path)
    fill(tmp_path, found(wanted, "sales.eu.orders", bytes=100, files=2, left_bytes=100))

    group = json_lines(status(tmp_path, "--json"))[1]

    assert (group["behind_s"], group["left_s"]) == (None, None)
    assert "–" in status(tmp_path).stdout.splitlines()[1]


# ---- live


def test_live_asks_the_sources_how_far_behind_the_targets_are(tmp_path: Path) -> None:
    wanted = wanted_in(tmp_path)
    orders = new_table(tmp_path / "sales" / "eu" / "orders", "a")
    append(orders, 1, "b")
    row = found(wanted, "sales.eu.orders", state="synced", held_version=0, source_version=0)
    fill(tmp_path, row)

    body = json_lines(status(tmp_path, "--json", "--by", "table", "--live"))[1]
    still = json_lines(status(tmp_path, "--json", "--by", "table"))[1]

    assert (body["source_version"], body["holds_version"]) == (1, 0)
    assert body["behind_s"] > 0
    assert (still["source_version"], still["behind_s"]) == (0, 0)
    assert known(tmp_path)["sales.eu.orders"].source_version == 0


def test_a_source_that_says_nothing_is_told_and_the_ledger_believed(tmp_path: Path) -> None:
    wanted = wanted_in(tmp_path)
    fill(tmp_path, found(wanted, "sales.eu.orders", state="synced", held_version=3))

    ended = status(tmp_path, "--live")

    assert ended.returncode == 0
    assert "sales.eu.orders" in ended.stderr
    assert "synced" in ended.stdout


def test_before_a_discovery_there_is_nothing_to_tell(tmp_path: Path) -> None:
    wanted_in(tmp_path)

    ended = status(tmp_path)

    assert (ended.returncode, "LF-8007" in ended.stderr) == (2, True)


def test_a_watch_looks_again_until_it_is_stopped(lake: Path) -> None:
    with subprocess.Popen(
        [LAKEFERRY, "status", "--watch", "--interval", "0.1", "--json"],
        cwd=lake, env=environment_of(lake, {}), stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        keys = []
        for text in process.stdout:
            line = json.loads(text)
            keys += [line["key"]] if line["type"] == "group" else []
            if len(keys) == 4:
                process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130

    assert keys[:4] == ["1", "2", "1", "2"]


def test_no_pause_between_two_looks_is_refused(lake: Path) -> None:
    assert status(lake, "--watch", "--interval", "0").returncode == 2


def test_a_source_that_the_manifest_names_no_longer_is_orphaned_at_once(lake: Path) -> None:
    manifest = lake / "lakeferry.yaml"
    kept = [one for one in manifest.read_text().splitlines() if not one.startswith("  logs:")]
    manifest.write_text("\n".join(kept))

    told = status(lake, "--by", "table").stdout

    assert "2 orphaned" in told
    assert "nothing needs you" in told
    assert known(lake)["logs.eu.cases"].state == "blocked"


def test_a_source_without_a_table_is_named(tmp_path: Path) -> None:
    wanted = wanted_in(tmp_path)
    discovered(tmp_path, [found(wanted, "sales.eu.orders")])

    told = " ".join(status(tmp_path).stdout.split())
    assert "no table is known of 1 source: logs next: lakeferry discover" in told
    (summary,) = [one for one in json_lines(status(tmp_path, "--json")) if one["type"] == "summary"]
    assert summary["sources_without_tables"] == ["logs"]
    assert "no table is known" not in status(tmp_path, "-s", "sales").stdout


def test_a_leader_that_was_killed_here_is_at_work_no_more(lake: Path) -> None:
    dying = (
        "import os, pathlib; from lakeferry.ledger.write import Ledger\n"
        "with Ledger(pathlib.Path('ledger.db'), run_id='gone', command='sync'): os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", dying], cwd=lake, check=False)

    assert "nobody is at work; last was sync by process" in status(lake).stdout


def test_more_tables_than_fit_are_found_by_a_command_that_names_their_states(
    tmp_path: Path,
) -> None:
    wanted = wanted_in(tmp_path)
    discovered(tmp_path, [found(wanted, f"sales.eu.t{n}", state="failed") for n in range(7)])

    told = status(tmp_path).stdout

    assert "and 2 more tables: lakeferry status -s state:failed --by table" in told
