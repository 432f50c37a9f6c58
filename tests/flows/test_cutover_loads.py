"""COPY INTO, landing zones and rehearsals around a switch, by the program as it is typed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakeferry import verify
from lakeferry.store.open import open_store
from tests.fleet.lakes import checkpoint
from tests.flows.fleets import ROWS, Fleet, append
from tests.flows.test_cutover import Lines, cutover, prove_all, ready, run, states, tree

LANDED = "s3://landing/orders"


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    fleet = Fleet(tmp_path, str(tmp_path / "out"))
    fleet.write()
    return fleet


def with_loads(fleet: Fleet, files: int = 3) -> None:
    """A table that COPY INTO has filled, synced and proven."""
    table = fleet.lake / "sales/orders"
    append(table)
    state = table / "_delta_log/_copy_into_log"
    state.mkdir()
    listed = [f'{{"path":"{LANDED}/{number}.json"}}' for number in range(files)]
    (state / "0").write_text("\n".join(listed))
    fleet.see()
    fleet.sync()
    prove_all(fleet)


def loads(lines: Lines) -> Lines:
    found: Lines = lines[-1]["loads"]
    return found


def test_copy_into_continues_where_its_landing_zone_stays(fleet: Fleet) -> None:
    with_loads(fleet)

    code, lines = cutover(fleet, "--wave", "1")

    [one] = loads(lines)
    assert (code, one["kind"], one["does"]) == (0, "COPY INTO", "continues")
    where = fleet.tables()["sales.orders"].target_url
    assert one["statement"].startswith(f"COPY INTO delta.`{where}` FROM '<the same address")


def test_a_landing_zone_that_moves_is_blocked_unless_a_reload_is_accepted(fleet: Fleet) -> None:
    with_loads(fleet)
    moved = ("--wave", "1", "--moved-landing", LANDED)

    code, lines = cutover(fleet, *moved)

    assert (code, lines[-2]["code"], states(fleet)) == (2, "LF-8076", {"sales.orders": "verified"})
    assert "reloads 3 files" in lines[-2]["message"]
    code, lines = cutover(fleet, *moved, "--accept-reload")
    [one] = loads(lines)
    assert (code, one["does"], one["files"]) == (0, "reloads", 3)
    assert "FORMAT_OPTIONS ('modifiedAfter' = '" in one["statement"]


def test_a_landing_zone_elsewhere_does_not_matter(fleet: Fleet) -> None:
    with_loads(fleet)

    code, lines = cutover(fleet, "--wave", "1", "--moved-landing", "s3://landing/ord")

    assert (code, loads(lines)[0]["does"]) == (0, "continues")


def test_state_of_copy_into_that_changed_without_a_commit_is_brought_again(fleet: Fleet) -> None:
    with_loads(fleet)
    state = Path(fleet.tables()["sales.orders"].target_url) / "_delta_log/_copy_into_log/0"
    state.write_text("another clone's")

    code, lines = cutover(fleet, "--wave", "1")

    assert (code, lines[-2]["code"]) == (1, "LF-8073")
    assert states(fleet)["sales.orders"] != "cut_over"


def test_a_folder_that_is_no_checkpoint_is_refused_by_name(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")

    code, lines = cutover(fleet, "--wave", "1", "--checkpoint", str(fleet.folder / "nothing"))

    assert (code, lines[-2]["code"], states(fleet)) == (2, "LF-8074", {"sales.orders": "verified"})
    # Nobody had to stop a writer to hear of it.
    assert [one["step"] for one in lines if one["type"] == "step"] == [1]


def test_a_stream_of_another_table_is_not_carried(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")
    checkpoint(open_store(str(fleet.folder)), "ck", reads="id of another table")

    code, lines = cutover(fleet, "--wave", "1", "--checkpoint", str(fleet.folder / "ck"))

    assert (code, lines[-1]["streams"]) == (0, [])
    assert not (Path(fleet.target) / "_checkpoints").exists()


def test_a_rehearsal_is_made_written_to_and_taken_away(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")
    before = tree(Path(fleet.target))

    code, lines = run(fleet, "cutover", "--rehearse", "--wave", "1")

    [made] = lines[-1]["rehearsals"]
    trial = Path(made["url"])
    same = verify(fleet.tables()["sales.orders"].target_url, trial, strength="rows")
    assert (code, same.equal, same.rows) == (0, True, ROWS)
    more = pa.table({"id": [99], "text": ["of a trial"]})
    write_deltalake(str(trial), more, mode="append")
    assert DeltaTable(str(trial)).version() == 1
    code, lines = run(fleet, "cutover", "--rehearse", "--remove", "--wave", "1")
    again, _ = run(fleet, "cutover", "--rehearse", "--remove", "--wave", "1")
    assert (code, again, lines[-1]["files_removed"] > 2) == (0, 0, True)
    assert tree(Path(fleet.target)) == before
    assert fleet.unequal() == []


@pytest.mark.parametrize("words", [("--remove", "--yes"), ("--rehearse", "--dry-run")])
def test_what_would_pass_over_an_option_changes_nothing(
    fleet: Fleet, words: tuple[str, str]
) -> None:
    ready(fleet, "sales.orders")
    before = tree(Path(fleet.target))

    code, _ = run(fleet, "cutover", "--wave", "1", *words)

    assert (code, states(fleet)) == (2, {"sales.orders": "verified"})
    assert tree(Path(fleet.target)) == before


def test_what_lies_where_a_rehearsal_would_and_is_not_ours_stays(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")
    theirs = Path(fleet.target) / "_rehearsal/a/sales/orders"
    append(theirs)

    code, lines = run(fleet, "cutover", "--rehearse", "--remove", "--wave", "1")

    assert (code, lines[-2]["code"]) == (2, "LF-8083")
    assert DeltaTable(str(theirs)).to_pyarrow_table().num_rows == ROWS


def test_a_switch_waits_for_its_moment(fleet: Fleet) -> None:
    ready(fleet, "sales.orders")
    at = datetime.now(UTC) + timedelta(seconds=6)

    code, lines = cutover(fleet, "--wave", "1", "--at", at.isoformat())

    marked = next(one for one in lines if one.get("step") == 7)
    assert code == 0
    assert marked["ts"] >= at.strftime("%Y-%m-%dT%H:%M:%S")
