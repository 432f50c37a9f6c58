"""A cut-over that is killed at any moment: none of its tables is switched, or all are; again works.

With Unity Catalog's door, so that what was registered before the kill is met again.
"""

import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from lakeferry.catalog import reading
from lakeferry.catalog.tables import RECEIPT
from lakeferry.connect.databricks import workspace_client
from lakeferry.fleet.catalogs.target_catalog import target_catalog
from lakeferry.fleet.proof.receipt_files import receipts_at
from lakeferry.ledger import read
from lakeferry.ledger.open import open_to_read
from lakeferry.store.open import open_store
from tests.cli.program import LAKEFERRY, environment_of
from tests.flows.fleets import Fleet, append
from tests.flows.live_cutover import live_cutover
from tests.flows.test_cutover import cutover, ready, run, states
from tests.servers import unity_catalog

pytestmark = pytest.mark.server
NAMES = ("sales.orders", "sales.items", "hr.people")


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with unity_catalog.running(tmp_path) as url:
        fleet = Fleet(tmp_path, str(tmp_path / "out"))
        fleet.write(target=f", catalog: {{kind: unity, uri: '{url}', catalog: atlas}}")
        ready(fleet, *NAMES)
        for name in NAMES:
            append(fleet.lake / name.replace(".", "/"))  # so that there is a last increment
        yield fleet
    workspace_client.cache_clear()


def killed(fleet: Fleet, when: Callable[[subprocess.Popen[str]], None]) -> None:
    """Begin it and kill it."""
    with subprocess.Popen(
        [LAKEFERRY, "cutover", "--json", "--yes", "--freeze-check", "0s", "--wave", "1"],
        cwd=fleet.folder, env=environment_of(fleet.folder, dict(fleet.environment)), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            when(process)
        finally:
            process.send_signal(signal.SIGKILL)


def after_step(number: int) -> Callable[[subprocess.Popen[str]], None]:
    def wait(process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said = orjson.loads(line)
            if said["type"] == "step" and said["step"] == number:
                return

    return wait


def check_all_or_none(fleet: Fleet) -> None:
    found = set(states(fleet).values())
    assert found == {"cut_over"} or "cut_over" not in found, found


def check_switched(fleet: Fleet) -> None:
    """Ledger, catalog and the folder beside the table tell of one receipt."""
    assert states(fleet) == dict.fromkeys(NAMES, "cut_over")
    assert fleet.unequal() == []
    place = target_catalog(fleet.wanted.target)
    assert place is not None
    db = open_to_read(fleet.folder / ".lakeferry" / "ledger.db")
    for name, row in fleet.tables().items():
        schema, table = name.split(".")
        newest = next(one for one in read.receipts(db, row.target_url) if one.kind == "cutover")
        beside = receipts_at(open_store(row.target_url), row.target_url)
        assert newest in beside
        found = reading.find_table(place, f"a_{schema}", table)
        assert found is not None
        assert found.properties[RECEIPT] == newest.sha256


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 6, 7])
def test_killed_after_a_step_it_is_repeated_and_ends(fleet: Fleet, step: int) -> None:
    killed(fleet, after_step(step))

    check_all_or_none(fleet)
    code, _ = cutover(fleet, "--wave", "1")
    assert code == 0
    check_switched(fleet)
    # And what a killed run registered is known as the switch's own: the way back takes it away.
    back, lines = run(fleet, "rollback", "--yes", "--wave", "1")
    assert (back, lines[-1]["kept"], len(lines[-1]["rolled_back"])) == (0, [], 3)
    place = target_catalog(fleet.wanted.target)
    assert place is not None
    assert reading.find_table(place, "a_sales", "orders") is None


def test_killed_again_and_again_at_any_moment_it_ends(fleet: Fleet) -> None:
    chance = random.Random(7)

    for _ in range(8):
        killed(fleet, lambda _: time.sleep(chance.uniform(0.3, 4.0)))
        check_all_or_none(fleet)

    code, _ = cutover(fleet, "--wave", "1")
    assert code == 0
    check_switched(fleet)


def test_a_rollback_that_is_killed_is_repeated_and_ends(fleet: Fleet) -> None:
    assert cutover(fleet, "--wave", "1")[0] == 0
    for wait_s in (0.6, 0.9, 1.2, 1.5):
        with subprocess.Popen(
            [LAKEFERRY, "rollback", "--json", "--yes", "--wave", "1"],
            cwd=fleet.folder, env=environment_of(fleet.folder, dict(fleet.environment)),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            time.sleep(wait_s)
            process.send_signal(signal.SIGKILL)

    code, _ = run(fleet, "rollback", "--yes", "--wave", "1")

    assert code == 0
    assert states(fleet) == dict.fromkeys(NAMES, "verified")
    place = target_catalog(fleet.wanted.target)
    assert place is not None
    assert list(reading.list_tables(place)) == []


def test_ctrl_c_before_the_sixth_step_leaves_no_trace(fleet: Fleet) -> None:
    target = Path(fleet.tables()["sales.orders"].target_url)
    with subprocess.Popen(
        [LAKEFERRY, "cutover", "--json", "--yes", "--freeze-check", "60s", "--wave", "1"],
        cwd=fleet.folder, env=environment_of(fleet.folder, dict(fleet.environment)), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        after_step(1)(process)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 130

    assert "cut_over" not in states(fleet).values()
    assert "frozen" not in states(fleet).values()
    assert not list(target.rglob("*-cutover.json"))


def test_a_live_writer_is_named_and_when_it_stops_all_it_wrote_is_there(fleet: Fleet) -> None:
    table = fleet.lake / "sales/orders"
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            append(table)
            stop.wait(0.2)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        code, lines = run(fleet, "cutover", "--yes", "--freeze-check", "8s", "--wave", "1")
        error = next(line for line in reversed(lines) if line["type"] == "error")
        assert (code, error["code"]) == (1, "LF-8072")
        assert "app delta-rs" in error["message"]
        assert "cut_over" not in states(fleet).values()
        done = live_cutover(fleet, stop.set, freeze="4s")
    finally:
        stop.set()
        writer.join()

    assert (done.code, "app delta-rs" in done.named) == (0, True)
    assert fleet.unequal() == []
    assert 4 <= done.lines[-1]["pause_s"] < 30
