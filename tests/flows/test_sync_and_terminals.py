"""A sync whose terminal stands still, whose target was deleted, or that was killed."""

import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest

from lakeferry.cli.fleet.flags import led, ledger_path
from lakeferry.errors import FerryError
from lakeferry.fleet.planning.plan_file import plan_sha256, read_plan
from lakeferry.fleet.sync.book import Book
from lakeferry.fleet.sync.events import Event, SyncReport, TableMoved, TableSaid
from lakeferry.fleet.sync.messages import Arrived, Begun
from lakeferry.fleet.sync.request import SyncRequest
from lakeferry.fleet.sync.run import sync
from lakeferry.ledger.rows import LakeTable
from lakeferry.ledger.write import Ledger
from tests.cli.program import called, json_lines, typed
from tests.flows.fleets import Fleet, small_table
from tests.ledger.lakes import Clock, until_heard


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """One table of one file, found and not brought over."""
    fleet = Fleet(tmp_path, str(tmp_path / "out"))
    fleet.write()
    small_table(fleet.lake / "sales/orders")
    fleet.see()
    return fleet


def brought(
    fleet: Fleet, emit: Callable[[Event], None], *, run: str = "first", **other: Any
) -> SyncReport:
    rows = list(fleet.tables().values())
    path = ledger_path(fleet.wanted)
    with Ledger(path, run_id=run, command="sync", **other) as ledger, ledger.beating():
        return sync(fleet.wanted, ledger, rows, rows, SyncRequest(), emit=emit, stop=Flag())


def orders(fleet: Fleet) -> LakeTable:
    return fleet.tables()["sales.orders"]


def test_a_terminal_that_stands_still_costs_no_lease_and_holds_no_transaction(fleet: Fleet) -> None:
    refused, clock, path = [], Clock(), ledger_path(fleet.wanted)

    def stands_still(event: Event) -> None:
        if not isinstance(event, TableMoved):
            return
        for _ in range(3):
            clock.now_ms += 299
            until_heard(path, clock.now_ms)
        # In a transaction of the first it would be told of a file that cannot be written.
        with pytest.raises(FerryError) as second:
            Ledger(path, run_id="second", command="discover", clock_ms=clock)
        refused.append(second.value.code)

    report = brought(fleet, stands_still, lease_s=0.3, clock_ms=clock)

    assert refused == ["LF-8001", "LF-8001"]
    assert report.synced == 1


def test_a_table_whose_target_was_deleted_is_told_and_brought_again(fleet: Fleet) -> None:
    brought(fleet, lambda _: None)
    shutil.rmtree(Path(fleet.target) / "a/sales/orders")
    said: list[Event] = []

    report = brought(fleet, said.append, run="second")

    told = [(one.before, one.table.state, one.table.code) for one in said
            if isinstance(one, TableMoved)]  # fmt: skip
    assert told == [
        ("synced", "drifted", "LF-5009"),
        ("drifted", "syncing", ""),
        ("syncing", "synced", ""),
    ]
    assert (report.synced, report.files, fleet.unequal()) == (1, 1, [])
    assert (orders(fleet).held_version, orders(fleet).code) == (0, "")


def test_a_plan_tells_that_a_target_is_gone_and_brings_it_again(fleet: Fleet) -> None:
    brought(fleet, lambda _: None)
    shutil.rmtree(Path(fleet.target) / "a/sales/orders")

    planned = called("plan", "-o", "a.lfp", folder=fleet.folder)
    told = orders(fleet)
    applied = called("apply", "a.lfp", "--yes", "--json", folder=fleet.folder)

    assert "LF-5009 the target of a.sales.orders is gone" in planned.stderr
    assert (told.state, told.held_version, told.left_files) == ("drifted", None, told.files)
    first, *_, last = json_lines(applied)
    plan = plan_sha256(read_plan(str(fleet.folder / "a.lfp")))
    assert (first["cmd"], first["plan"]) == ("sync", f"sha256:{plan}")
    assert (applied.returncode, last["synced"], fleet.unequal()) == (0, 1, [])


def test_a_run_that_was_killed_has_brought_what_it_has_brought(fleet: Fleet) -> None:
    url = orders(fleet).target_url
    begun = Begun(url, 0, files=10, bytes=1000)
    brought_four = Arrived(url, tuple((f"{n}.parquet", 100, "streamed") for n in range(4)))
    found_again = Arrived(url, tuple((f"{n}.parquet", 100, "already_there") for n in range(5)))

    def killed(ledger: Ledger) -> Book:
        """A run in its midst, of which nothing more is heard."""
        book = Book(ledger, fleet.tables().values(), "")
        book.settle()
        book.expect([url])
        book.begun(begun)
        return book

    with Ledger(ledger_path(fleet.wanted), run_id="first", command="sync") as ledger:
        killed(ledger).arrived(brought_four)
    with Ledger(ledger_path(fleet.wanted), run_id="second", command="sync") as ledger:
        killed(ledger)
        ledger.flush()
        at_the_beginning = orders(fleet)
    with Ledger(ledger_path(fleet.wanted), run_id="third", command="sync") as ledger:
        book = killed(ledger)
        book.arrived(found_again)  # of one of them the ledger had not heard when it was killed
        ledger.flush()
        later = orders(fleet)

    assert (at_the_beginning.left_bytes, at_the_beginning.left_files) == (600, 6)
    assert (later.left_bytes, later.left_files) == (500, 5)
    assert (book.rows[url].left_bytes, book.sums.present, book.sums.files) == (500, 5, 0)


def test_spark_is_not_started_for_a_migration_that_another_one_leads(fleet: Fleet) -> None:
    with Ledger(ledger_path(fleet.wanted), run_id="first", command="sync"):
        ended = typed("sync", "--on", "spark://127.0.0.1:9", "--yes", "--json", folder=fleet.folder)

    assert (ended.returncode, json_lines(ended)[-2]["code"]) == (2, "LF-8001")


def test_a_plan_that_is_about_to_give_the_lease_back_is_waited_for_and_no_other_is(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ledger_path(fleet.wanted)
    planning = Ledger(path, run_id="first", command="plan", lease_s=0.5)
    with led(fleet.wanted, "discover") as ledger:
        assert ledger.run_id != "first"

    with pytest.raises(FerryError, match="LF-8002"):
        planning.close()
    monkeypatch.setattr("lakeferry.cli.fleet.flags.BRIEF_S", 30)
    with (
        Ledger(path, run_id="second", command="verify", lease_s=20),
        pytest.raises(FerryError, match="LF-8001"),
        led(fleet.wanted, "discover"),
    ):
        pass


def test_no_warning_of_a_catalog_is_lost(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, str(tmp_path / "out"))
    nobody = "kind: hive, uri: 'thrift://127.0.0.1:9'"
    fleet.write(target=f", catalog: {{{nobody}, schema: s, register: at-sync}}")
    for number in range(3):
        small_table(fleet.lake / f"sales/t{number}")
    fleet.see()
    said: list[Event] = []

    brought(fleet, said.append)

    warned = {one.table.name for one in said if isinstance(one, TableSaid) and one.code}
    assert warned == {"a.sales.t0", "a.sales.t1", "a.sales.t2"}
