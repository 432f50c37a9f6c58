"""Many tables brought over at once, by the program as it is typed; judged by delta-rs."""

import random
import shutil
import signal
import subprocess
import threading
import time
from functools import partial
from pathlib import Path
from threading import Event as Flag

import orjson
import pytest
from deltalake import DeltaTable, write_deltalake

from lakeferry import clone, verify
from lakeferry.cli.fleet.flags import led
from lakeferry.errors import FerryError
from lakeferry.fleet.sync import run as fleet_sync
from lakeferry.fleet.sync.events import Event, FilesArrived, Progress, TableMoved
from lakeferry.fleet.sync.request import SyncRequest
from lakeferry.fleet.sync.run import sync
from lakeferry.ledger.open import open_to_read
from lakeferry.ledger.rows import Move
from lakeferry.ledger.write import Ledger
from tests.cli.program import called, json_lines, typed
from tests.flows.fleets import ROWS, Fleet, append, small_table
from tests.servers import Server


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    fleet = Fleet(tmp_path, str(tmp_path / "out"))
    fleet.write()
    return fleet


def lake(fleet: Fleet, *names: str) -> None:
    for name in names:
        append(fleet.lake / name.replace(".", "/"))
    fleet.see()


def states(fleet: Fleet) -> dict[str, str]:
    return {name: one.state for name, one in fleet.tables().items()}


def test_a_table_that_would_land_where_another_does_is_not_brought(fleet: Fleet) -> None:
    lake(fleet, "sales.orders", "sales.items")
    url = fleet.tables()["sales.orders"].target_url
    with led(fleet.wanted, "discover") as ledger:
        ledger.move(Move(url, "discovered", "blocked", "there are two", "LF-8056", "exclude one"))

    code, lines = fleet.sync()

    assert (code, states(fleet)) == (3, {"sales.orders": "blocked", "sales.items": "synced"})
    assert not Path(url).exists()
    assert [(one["table"], one["code"]) for one in lines[-1]["look_at"]] == [
        ("a.sales.orders", "LF-8056")
    ]


def test_all_tables_come_over_and_again_only_what_changed(fleet: Fleet) -> None:
    lake(fleet, "sales.orders", "sales.items", "hr.people")

    code, first = fleet.sync()
    append(fleet.lake / "sales/items")
    _, again = fleet.sync()
    _, third = fleet.sync()

    assert code == 0
    assert (first[-1]["synced"], first[-1]["files"]) == (3, 3)
    assert (again[-1]["synced"], again[-1]["current"], again[-1]["files"]) == (1, 2, 1)
    assert (third[-1]["synced"], third[-1]["current"]) == (0, 3)
    assert fleet.unequal() == []
    held = fleet.tables()["sales.items"]
    assert (held.state, held.held_version, held.left_bytes) == ("synced", 1, 0)


def test_a_mirror_keeps_the_versions_of_its_source(fleet: Fleet) -> None:
    fleet.write(source=", mode: mirror")
    lake(fleet, "sales.orders")
    append(fleet.lake / "sales/orders")
    fleet.sync()
    append(fleet.lake / "sales/orders")

    code, lines = fleet.sync()

    held = fleet.tables()["sales.orders"]
    assert (code, held.held_version, held.target_version) == (0, 2, 2)
    assert (lines[-1]["synced"], fleet.unequal()) == (1, [])


def test_each_table_is_told_when_its_commit_is_there(fleet: Fleet) -> None:
    lake(fleet, "sales.orders")

    _, lines = fleet.sync()

    told = [line for line in lines if line["type"] == "table"]
    assert [(one["from"], one["state"]) for one in told] == [
        ("planned", "syncing"),
        ("syncing", "synced"),
    ]
    assert (told[-1]["table"], told[-1]["holds_version"]) == ("a.sales.orders", 0)
    assert told[-1]["copied_files"] == 1


def test_one_table_that_fails_stops_no_other(fleet: Fleet) -> None:
    lake(fleet, "sales.orders", "sales.items", "sales.broken")
    for file in (fleet.lake / "sales/broken").glob("*.parquet"):
        file.unlink()

    code, lines = fleet.sync()

    assert code == 3
    assert states(fleet) == {
        "sales.orders": "synced",
        "sales.items": "synced",
        "sales.broken": "blocked",
    }
    assert [(one["table"], one["code"]) for one in lines[-1]["look_at"]] == [
        ("a.sales.broken", "LF-4101")
    ]


def test_a_table_that_was_mended_goes_on(fleet: Fleet) -> None:
    lake(fleet, "sales.broken")
    [file] = (fleet.lake / "sales/broken").glob("*.parquet")
    body = file.read_bytes()
    file.unlink()
    fleet.sync()
    file.write_bytes(body)

    code, _ = fleet.sync()

    assert (code, states(fleet)) == (0, {"sales.broken": "synced"})
    assert fleet.tables()["sales.broken"].code == ""


def test_a_column_more_is_accepted_and_another_type_is_not(fleet: Fleet) -> None:
    lake(fleet, "sales.more", "sales.other")
    fleet.sync()
    append(fleet.lake / "sales/more", columns=("text", "note"))
    append(fleet.lake / "sales/other")
    retype(fleet.lake / "sales/other")

    code, lines = fleet.sync()

    assert code == 3
    assert states(fleet) == {"sales.more": "synced", "sales.other": "drifted"}
    [asks] = lines[-1]["look_at"]
    assert asks["code"] == "LF-4105"
    assert asks["next"][0].startswith("allow it once: lakeferry sync -s a.sales.other "
                                      "--accept-schema 2")  # fmt: skip
    other = fleet.tables()["sales.other"]
    # What came before the change is there; it is behind since the change.
    assert (other.held_version, other.source_version) == (1, 2)
    assert other.behind_since_ms is not None
    assert fleet.rows("sales.other").num_rows == 2 * ROWS


def retype(table: Path) -> None:
    """A version in which the schema says of `text` that it is binary: it is read the same."""
    log = table / "_delta_log"
    [first, *_] = [orjson.loads(line) for line in (log / f"{0:020d}.json").read_bytes().splitlines()
                   if b'"metaData"' in line]  # fmt: skip
    version = len(list(log.glob("*.json")))
    text = first["metaData"]["schemaString"]
    first["metaData"]["schemaString"] = text.replace('"type":"string"', '"type":"binary"')
    assert first["metaData"]["schemaString"] != text
    (log / f"{version:020d}.json").write_bytes(orjson.dumps(first) + b"\n")


def test_a_drift_that_a_person_accepts_is_followed(fleet: Fleet) -> None:
    lake(fleet, "sales.other")
    fleet.sync()
    retype(fleet.lake / "sales/other")
    fleet.sync()

    code, _ = fleet.sync("-s", "a.sales.other", "--accept-schema", "1")

    assert (code, states(fleet)) == (0, {"sales.other": "synced"})
    assert fleet.tables()["sales.other"].held_version == 1


def test_what_others_wrote_to_a_target_is_not_written_over(fleet: Fleet) -> None:
    lake(fleet, "sales.orders")
    fleet.sync()
    append(Path(fleet.target) / "a/sales/orders")
    append(fleet.lake / "sales/orders")

    code, lines = fleet.sync()
    after, _ = fleet.sync("-s", "a.sales.orders", "--replace")

    assert (code, lines[-1]["look_at"][0]["code"]) == (3, "LF-5003")
    assert (after, states(fleet), fleet.unequal()) == (0, {"sales.orders": "synced"}, [])


def until_synced(run: subprocess.Popen[str]) -> None:
    """Wait until it has told so of one more table."""
    assert run.stdout is not None
    assert any('"state":"synced"' in line for line in run.stdout)


def test_a_second_coordinator_is_refused_by_name(fleet: Fleet) -> None:
    lake(fleet, "sales.orders")
    with fleet.syncing("--follow") as first:
        until_synced(first)
        code, lines = fleet.sync()
        first.send_signal(signal.SIGTERM)

        assert first.wait(timeout=120) == 143
    assert code == 2
    assert lines[-2]["code"] == "LF-8001"
    assert f"process {first.pid} on" in lines[-2]["message"]


def test_of_two_that_begin_at_once_one_leads_and_either_may_be_killed(fleet: Fleet) -> None:
    draw = random.Random(4)
    # Who is killed, and the codes that the other one may end with.
    rounds: dict[str, set[int]] = {"who is refused": {0}, "who leads": {2}, "either": {0, 2}}
    slowly = ("--limit-rate", "5kB/s")  # so that one of them leads for some seconds
    for number, (killed, ends) in enumerate(rounds.items()):
        for table in range(20):
            small_table(fleet.lake / f"s/t{number}{table:02}")
        fleet.see()
        words = (*slowly, "--follow") if killed == "who leads" else slowly
        with fleet.syncing(*words) as one, fleet.syncing(*words) as two:
            dies, lives = draw.sample([one, two], 2)
            if killed == "either":
                assert dies.stdout is not None
                dies.stdout.readline()
                time.sleep(draw.uniform(0, 2.5))
            else:
                while one.poll() is None and two.poll() is None:
                    time.sleep(0.02)
                first, second = (one, two) if one.poll() is not None else (two, one)
                dies, lives = (second, first) if killed == "who leads" else (first, second)
            dies.kill()
            said, _ = lives.communicate(timeout=300)
        # Who is refused says by whom; where that one was killed before it led, the other leads.
        assert lives.returncode in ends, said
        assert lives.returncode == 0 or "LF-8001" in said, said

    code, lines = fleet.sync()

    assert (code, lines[-1]["ok"]) == (0, 60)
    assert fleet.unequal() == []
    for folder in (Path(fleet.target) / "a/s").iterdir():
        assert [log.name for log in (folder / "_delta_log").glob("*.json")] == [f"{0:020d}.json"]


def test_a_table_of_a_later_wave_does_not_begin(fleet: Fleet) -> None:
    fleet.write('waves: {2: {start: "2999-01-01T00:00Z"}}\n',
                source=", tables: {'hr.*': {wave: 2}}")  # fmt: skip
    lake(fleet, "sales.orders", "hr.people")

    code, lines = fleet.sync()

    assert (code, lines[-1]["waiting"]) == (0, 1)
    assert states(fleet) == {"sales.orders": "synced", "hr.people": "planned"}


def test_a_run_that_may_move_no_more_ends_and_says_so(fleet: Fleet) -> None:
    fleet.write("limits: {max_bytes: 1 B, concurrency: {tables: 1}}\n")
    lake(fleet, *(f"sales.t{number}" for number in range(6)))

    code, lines = fleet.sync()

    assert code == 3
    assert "this run may move 1" in lines[-1]["ended_by"]
    assert 1 <= lines[-1]["synced"] < 6
    assert fleet.sync()[1][-1]["synced"] >= 1


def test_ctrl_c_leaves_whole_tables_and_the_same_command_goes_on(fleet: Fleet) -> None:
    for number in range(60):
        small_table(fleet.lake / f"s/t{number:02}")
    fleet.see()
    with fleet.syncing("--limit-rate", "5kB/s") as run:  # so that it is not over sooner
        until_synced(run)
        run.send_signal(signal.SIGINT)
        assert run.stdout is not None
        last = run.stdout.readlines()[-1]

        assert run.wait(timeout=120) == 130
    assert orjson.loads(last)["exit"] == 130
    assert "syncing" not in states(fleet).values()
    assert fleet.sync()[0] == 0
    assert fleet.unequal() == []


def test_a_run_that_is_killed_again_and_again_loses_nothing(fleet: Fleet) -> None:
    draw = random.Random(8)
    for number in range(120):
        small_table(fleet.lake / f"s/t{number:03}")
    fleet.see()
    for _ in range(6):
        with fleet.syncing() as run:
            assert run.stdout is not None
            run.stdout.readline()
            time.sleep(draw.uniform(0.1, 1.2))
            run.kill()
            run.wait()

    code, lines = fleet.sync()

    assert (code, lines[-1]["ok"]) == (0, 120)
    assert fleet.unequal() == []
    db = open_to_read(fleet.folder / ".lakeferry/ledger.db")
    assert db.execute("SELECT count(*) FROM clone WHERE state = 'copying'").fetchone() == (0,)
    assert db.execute("SELECT count(*) FROM landed").fetchone() == (0,)
    db.close()


def test_a_lost_ledger_is_no_loss(fleet: Fleet) -> None:
    lake(fleet, "sales.orders", "sales.items")
    fleet.sync()
    shutil.rmtree(fleet.folder / ".lakeferry")
    fleet.see()

    code, lines = fleet.sync()

    assert (code, lines[-1]["current"], lines[-1]["files"]) == (0, 2, 0)
    held = fleet.tables()["sales.orders"]
    assert (held.state, held.held_version, held.target_version) == ("synced", 0, 0)


def test_a_plan_is_done_as_it_was_read_and_then_refused(fleet: Fleet) -> None:
    lake(fleet, "sales.orders", "sales.items", "hr.people")
    called("plan", "-s", "a.sales.*", "-o", "a.lfp", folder=fleet.folder)
    append(fleet.lake / "sales/orders")

    code, lines = fleet.sync("a.lfp")

    assert (code, lines[-1]["synced"]) == (0, 2)
    held = {name: one.held_version for name, one in fleet.tables().items()}
    assert held == {"sales.orders": 0, "sales.items": 0, "hr.people": None}
    again, lines = fleet.sync("a.lfp")
    assert (lines[-1]["synced"], lines[-1]["current"]) == (0, 2)
    newest, _ = fleet.sync("a.lfp", "--replan")
    assert (again, newest) == (0, 0)
    assert fleet.tables()["sales.orders"].held_version == 1


def test_a_manifest_counts_from_when_it_is_saved(fleet: Fleet) -> None:
    lake(fleet, "sales.orders", "hr.pay", "hr.people")
    fleet.write("waves: {2: {}}\n", source=', tables: {"hr.*": {wave: 2}}, exclude: ["*.pay"]')

    asked = typed("status", "--by", "wave", "--json", folder=fleet.folder)
    code, lines = fleet.sync("--wave", "2")

    groups = [one for one in json_lines(asked) if one["type"] == "group"]
    assert [(one["key"], one["tables"]["total"]) for one in groups] == [("1", 1), ("2", 1)]
    assert groups[1]["tables"]["by_state"] == {"discovered": 1, "excluded": 1}
    assert (code, lines[-1]["synced"]) == (0, 1)
    assert states(fleet) == {
        "sales.orders": "discovered", "hr.pay": "excluded", "hr.people": "synced",
    }  # fmt: skip
    assert not (fleet.folder / "out/a/hr/pay").exists()


def test_a_profile_that_lands_elsewhere_begins_nothing_before_it_is_looked_at_again(
    fleet: Fleet,
) -> None:
    fleet.write(f"profiles: {{b: {{target: {{root: '{fleet.folder}/b'}}}}, c: {{limits: {{}}}}}}\n")
    append(fleet.lake / "sales/orders")
    fleet.see()
    run = partial(called, folder=fleet.folder)
    assert run("plan", "-o", "a.lfp").returncode == 0

    stale, unseen = run("sync", "a.lfp", "--yes", "--profile", "b"), run("plan", "--profile", "b")

    assert (stale.returncode, "LF-2051" in stale.stderr, "lands at" in stale.stderr) == (2, 1, 1)
    assert (unseen.returncode, "LF-2041" in unseen.stderr) == (2, True)
    applied = run("sync", "a.lfp", "--yes", "--profile", "c")
    assert applied.returncode == 0
    assert "another manifest, --profile or --set" in applied.stderr
    assert not (fleet.folder / "b").exists()


def test_a_plan_that_would_do_another_thing_is_refused(fleet: Fleet) -> None:
    lake(fleet, "sales.orders")
    called("plan", "-o", "a.lfp", folder=fleet.folder)
    fleet.write(source=", mode: mirror")

    code, lines = fleet.sync("a.lfp")

    assert (code, lines[-2]["code"]) == (2, "LF-2051")
    assert not Path(fleet.target).exists()


@pytest.mark.parametrize(
    ("rule", "ends"), [("block", (3, "blocked", None)), ("latest", (0, "synced", 1))]
)
def test_a_planned_version_that_was_vacuumed_is_asked_for_or_left_behind(
    fleet: Fleet, rule: str, ends: tuple[int, str, int | None]
) -> None:
    fleet.write(source=f", on_vacuumed: {rule}")
    lake(fleet, "sales.orders")
    called("plan", "-o", "a.lfp", folder=fleet.folder)
    table = fleet.lake / "sales/orders"
    old = set(table.glob("*.parquet"))
    write_deltalake(str(table), DeltaTable(str(table)).to_pyarrow_table(), mode="overwrite")
    for file in old:
        file.unlink()

    code, lines = fleet.sync("a.lfp")

    held = fleet.tables()["sales.orders"]
    assert (code, held.state, held.held_version) == ends
    if rule == "block":
        assert lines[-1]["look_at"][0]["code"] == "LF-4102"
        assert fleet.sync("a.lfp", "--replan")[0] == 0
    assert fleet.unequal() == []


def test_whoever_was_taken_over_writes_no_more_and_leaves_whole_tables(fleet: Fleet) -> None:
    for number in range(40):
        small_table(fleet.lake / f"s/t{number:02}")
    rows = fleet.see()
    path = fleet.folder / ".lakeferry/ledger.db"
    others: list[Ledger] = []

    def stand_still(event: Event) -> None:
        if isinstance(event, Progress) and event.seconds > 0 and not others:
            time.sleep(0.5)  # longer than the lease
            others.append(Ledger(path, run_id="other", command="sync"))

    first = Ledger(path, run_id="first", command="sync", lease_s=0.3)
    with pytest.raises(FerryError, match="LF-8002"):
        sync(fleet.wanted, first, rows, rows, SyncRequest(), emit=stand_still, stop=Flag())
    names = {thread.name.split()[0] for thread in threading.enumerate()}
    others[0].close()

    assert not names & {"lakeferry-table", "lakeferry-hand"}
    assert fleet.sync()[0] == 0
    assert fleet.unequal() == []


def test_no_word_of_a_table_is_lost_where_many_wait(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_sync, "MESSAGES", 1)
    for number in range(20):
        small_table(fleet.lake / f"s/t{number:02}")
    rows = fleet.see()
    said: list[Event] = []
    path = fleet.folder / ".lakeferry/ledger.db"

    with Ledger(path, run_id="first", command="sync") as ledger:
        report = sync(fleet.wanted, ledger, rows, rows, SyncRequest(tells_files=True),
                      emit=said.append, stop=Flag())  # fmt: skip

    assert (report.synced, report.files) == (20, 20)
    assert sum(isinstance(one, FilesArrived) for one in said) == 20
    assert [one.table.state for one in said if isinstance(one, TableMoved)].count("synced") == 20


def test_a_limit_of_dollars_needs_a_price(fleet: Fleet) -> None:
    fleet.write(source=", path: internet")
    lake(fleet, "sales.orders")

    code, lines = fleet.sync("--max-cost", "5")

    assert (code, lines[-2]["code"]) == (2, "LF-8022")
    assert lines[-2]["where"].startswith("where the bytes lie is not said")


def test_a_run_ends_when_its_dollars_are_spent(fleet: Fleet) -> None:
    fleet.write(
        "cost: {assume: {from: 'azure:westeurope', to: 'aws:us-east-1'}}\n"
        "limits: {stop_if: {cost_usd: 0.000001}, concurrency: {tables: 1}}\n",
        source=", path: internet",
    )
    lake(fleet, *(f"sales.t{number}" for number in range(4)))

    code, lines = fleet.sync()

    assert code == 3
    assert "this run may spend $0.00" in lines[-1]["ended_by"]
    assert lines[-1]["cost_usd"] is not None
    assert lines[-1]["synced"] < 4


def test_what_is_for_one_table_is_not_done_to_all(fleet: Fleet) -> None:
    lake(fleet, "sales.orders")

    code, lines = fleet.sync("--replace")

    assert (code, lines[-2]["code"]) == (2, "LF-2001")


def test_who_follows_brings_what_comes_later(fleet: Fleet) -> None:
    fleet.write(source=", lag_target: 1 s")
    lake(fleet, "sales.orders")
    with fleet.syncing("--follow") as run:
        until_synced(run)
        append(fleet.lake / "sales/orders")
        until_synced(run)
        run.send_signal(signal.SIGTERM)

        assert run.wait(timeout=120) == 143
    assert fleet.unequal() == []


def test_tables_of_a_closed_window_wait_and_others_go_on(fleet: Fleet) -> None:
    every_hour = 'days: mon-sun, from: "00:00", to: "00:00", tz: UTC, pause: true'
    fleet.write(f"limits: {{windows: [{{{every_hour}, select: 'a.hr.*'}}]}}\n")
    lake(fleet, "sales.orders", "hr.people")

    with fleet.syncing() as run:
        until_synced(run)
    code, lines = fleet.sync("--max-time", "1 s")

    assert (code, states(fleet)) == (3, {"sales.orders": "synced", "hr.people": "planned"})
    assert "when this run was to end" in lines[-1]["ended_by"]


def test_without_a_terminal_it_wants_to_be_told_that_it_is_meant(fleet: Fleet) -> None:
    lake(fleet, "sales.orders")
    ended = typed("sync", "--json", folder=fleet.folder)

    assert ended.returncode == 2
    assert json_lines(ended)[-2]["code"] == "LF-2003"
    assert states(fleet) == {"sales.orders": "discovered"}


@pytest.mark.server
def test_lakes_of_two_kinds_of_store_move_at_once(
    tmp_path: Path, s3_server: Server, azure_server: Server
) -> None:
    fleet = Fleet(tmp_path, f"{s3_server.place}/{tmp_path.name}", environment={
        "FLEET_SECRET": s3_server.options["secret_access_key"],
        "FLEET_KEY": azure_server.options["account_key"],
    })  # fmt: skip
    there = {**s3_server.options, "secret_access_key": "${env:FLEET_SECRET}"}
    blobs = {**azure_server.options, "account_key": "${env:FLEET_KEY}"}
    root = f"{azure_server.place}/{tmp_path.name}"
    fleet.write(
        f"  b: {{kind: adls, connection: blobs, root: '{root}'}}\n"
        f"connections:\n  there: {{kind: aws, options: {orjson.dumps(there).decode()}}}\n"
        f"  blobs: {{kind: azure, options: {orjson.dumps(blobs).decode()}}}\n",
        target=", connection: there",
    )
    for number in range(5):
        small_table(fleet.lake / f"s/t{number}")
        clone(fleet.lake / f"s/t{number}", f"{root}/s/t{number}",
              target_options=azure_server.options)  # fmt: skip

    found = called("discover", folder=tmp_path, **fleet.environment)
    code, lines = fleet.sync()

    assert (found.returncode, code, lines[-1]["synced"]) == (0, 0, 10)
    for number in range(5):
        report = verify(
            f"{root}/s/t{number}", f"{fleet.target}/b/s/t{number}", strength="rows",
            source_options=azure_server.options, target_options=s3_server.options,
        )  # fmt: skip
        assert report.equal


@pytest.mark.server
def test_two_hundred_tables_reach_a_real_s3_server(tmp_path: Path, s3_server: Server) -> None:
    place = f"{s3_server.place}/{tmp_path.name}"
    options = s3_server.options
    judge = {
        "AWS_ENDPOINT_URL": options["endpoint"], "AWS_REGION": options["region"],
        "AWS_ACCESS_KEY_ID": options["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": options["secret_access_key"], "AWS_ALLOW_HTTP": "true",
    }  # fmt: skip
    fleet = Fleet(tmp_path, place, judge, {"FLEET_SECRET": options["secret_access_key"]})
    shown = {**options, "secret_access_key": "${env:FLEET_SECRET}"}
    said = ", ".join(f"{key}: '{value}'" for key, value in shown.items())
    fleet.write(f"connections: {{here: {{kind: aws, options: {{{said}}}}}}}\n",
                target=", connection: here")  # fmt: skip
    for number in range(200):
        small_table(fleet.lake / f"s/t{number:03}")
    fleet.see()

    code, lines = fleet.sync()

    assert (code, lines[-1]["synced"], lines[-1]["files"]) == (0, 200, 200)
    assert fleet.unequal() == []
