"""Many tables held against their sources: what the ledger, the table and its state say then."""

from pathlib import Path
from threading import Event as Flag

import orjson
import pytest
from deltalake import write_deltalake

from lakeferry.fleet.proof.run import Proved, ProveRequest, Proving, prove
from lakeferry.fleet.standing.find_target import find_target
from lakeferry.fleet.standing.rebuild import rebuilt
from lakeferry.ledger import read
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import CheckResult, LakeTable, Receipt
from lakeferry.store.open import open_store
from tests.cli.program import LAKEFERRY  # noqa: F401 - the program is installed
from tests.flows.fleets import Fleet, append, brought_over


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return brought_over(tmp_path, commits=2)


def proven(fleet: Fleet, strength: str | None = "rows", *, stop: Flag | None = None,
           sample: float = 1.0, against: str | None = None) -> dict[str, Proved]:  # fmt: skip
    from lakeferry.cli.fleet.flags import led

    told: list[Proved | Proving] = []
    asked = ProveRequest(strength, sample=sample, seed=7, against=against)
    with led(fleet.wanted, "verify") as ledger:
        found = prove(
            fleet.wanted, ledger, list(fleet.tables().values()), asked,
            emit=told.append, stop=stop or Flag(),
        )  # fmt: skip
        ledger.end(0)
    assert [one for one in told if isinstance(one, Proved)] == list(found)
    return {f"{one.table.schema_name}.{one.table.table_name}": one for one in found}


def kept(fleet: Fleet, name: str) -> tuple[list[CheckResult], list[Receipt]]:
    from lakeferry.cli.fleet.flags import ledger_path

    url = fleet.tables()[name].target_url
    with reading(ledger_path(fleet.wanted)) as db:
        return read.checks(db, url), read.receipts(db, url)


def outcomes(fleet: Fleet, name: str) -> dict[str, str]:
    return {one.kind: one.outcome for one in kept(fleet, name)[0]}


def data_file(fleet: Fleet, name: str) -> Path:
    place = Path(fleet.target, "a", *name.split("."))
    return min(place.glob("*.parquet"))


def flip(file: Path) -> None:
    """One byte of the first column's data."""
    body = bytearray(file.read_bytes())
    body[5] ^= 1
    file.write_bytes(body)


def test_tables_that_are_equal_are_verified_each_with_a_receipt(fleet: Fleet) -> None:
    found = proven(fleet)

    assert {name: one.outcome for name, one in found.items()} == {
        "sales.orders": "equal", "sales.items": "equal", "hr.people": "equal",
    }  # fmt: skip
    for name, table in fleet.tables().items():
        assert (table.state, table.strength) == ("verified", "rows")
        assert outcomes(fleet, name) == {"listed": "equal", "rows": "equal", "txn": "equal"}
        [receipt] = kept(fleet, name)[1]
        said = orjson.loads(receipt.body)
        assert (said["table"], said["source_version"], said["strength"], said["equal"]) == (
            f"a.{name}", 1, "rows", True,
        )  # fmt: skip
        assert said["source_digest"] == said["target_digest"] is not None


def test_what_a_receipt_says_lies_beside_the_table_byte_by_byte(fleet: Fleet) -> None:
    found = proven(fleet)

    for one in found.values():
        place = Path(one.table.target_url, "_delta_log/_lakeferry/receipts")
        [file] = place.iterdir()
        assert one.receipt is not None
        assert file.read_bytes() == one.receipt.body.encode()


def test_a_flipped_byte_needs_a_person_and_stops_no_other_table(fleet: Fleet) -> None:
    flip(data_file(fleet, "sales.orders"))

    found = proven(fleet, "hashed")

    table = fleet.tables()["sales.orders"]
    assert (table.state, table.code, table.strength) == ("drifted", "LF-6001", None)
    assert data_file(fleet, "sales.orders").name in table.why
    assert "lakeferry sync -s a.sales.orders --replace" in table.next_step
    assert outcomes(fleet, "sales.orders") == {
        "listed": "equal", "txn": "equal", "hashed": "different",
    }  # fmt: skip
    assert found["sales.items"].table.state == found["hr.people"].table.state == "verified"


def test_what_differs_is_mended_by_its_next_step_and_verified_again(fleet: Fleet) -> None:
    flip(data_file(fleet, "sales.orders"))
    proven(fleet, "hashed")
    data_file(fleet, "sales.orders").unlink()

    code, _ = fleet.sync("-s", "a.sales.orders", "--replace")
    again = proven(fleet, "hashed")

    assert code == 0
    assert again["sales.orders"].outcome == "equal"
    assert fleet.tables()["sales.orders"].state == "verified"


def test_a_table_found_equal_after_all_needs_nobody_any_more(fleet: Fleet) -> None:
    flip(data_file(fleet, "sales.orders"))
    proven(fleet, "hashed")
    flip(data_file(fleet, "sales.orders"))

    proven(fleet, "hashed")

    table = fleet.tables()["sales.orders"]
    assert (table.state, table.code, table.strength) == ("verified", "", "hashed")


def test_a_target_that_others_wrote_to_has_drifted(fleet: Fleet) -> None:
    target = Path(fleet.target, "a/sales/orders")
    append(target)

    proven(fleet, "listed")

    table = fleet.tables()["sales.orders"]
    assert (table.state, table.code) == ("drifted", "LF-5003")


def test_a_source_that_cannot_be_read_takes_no_proof_away(fleet: Fleet) -> None:
    proven(fleet, "rows")
    (fleet.lake / "hr/people").rename(fleet.lake / "hr/gone")

    found = proven(fleet, "listed")

    assert found["hr.people"].outcome == "not_run"
    assert found["hr.people"].error is not None
    table = fleet.tables()["hr.people"]
    assert (table.state, table.strength) == ("verified", "rows")
    assert outcomes(fleet, "hr.people")["rows"] == "equal"
    assert found["sales.orders"].outcome == "equal"


def test_a_weaker_look_takes_no_strength_away(fleet: Fleet) -> None:
    proven(fleet, "rows")
    proven(fleet, "listed")

    assert fleet.tables()["sales.orders"].strength == "rows"


def test_a_sample_is_told_with_its_share_and_proves_no_strength_of_the_whole(fleet: Fleet) -> None:
    found = proven(fleet, "rows", sample=0.25)

    one = found["sales.orders"]
    assert one.report is not None
    assert one.report.rows == 10  # one file of two
    assert "75 % of the files" in one.report.not_seen
    assert fleet.tables()["sales.orders"].strength == "rows 25 %"
    assert outcomes(fleet, "sales.orders") == {
        "listed": "equal", "txn": "equal", "rows 25 %": "equal",
    }  # fmt: skip


def test_a_sample_sees_only_what_is_wrong_in_its_files(fleet: Fleet) -> None:
    files = sorted(Path(fleet.target, "a/sales/orders").glob("*.parquet"))
    seen = []
    for file in files:
        flip(file)
        seen.append(proven(fleet, "hashed", sample=0.01)["sales.orders"].outcome)
        flip(file)

    assert sorted(seen) == ["different", "equal"]


@pytest.mark.parametrize("engine", ["deltalake", "duckdb"])
def test_another_engine_reads_the_target_too(fleet: Fleet, engine: str) -> None:
    found = proven(fleet, "listed", against=engine)

    assert {one.outcome for one in found.values()} == {"equal"}
    assert outcomes(fleet, "sales.orders")["engine"] == "equal"


def test_a_table_found_equal_is_verified_in_a_ledger_that_was_rebuilt(fleet: Fleet) -> None:
    for sample, strength in ((1.0, "rows"), (0.5, "rows 50 %")):
        proven(fleet, "rows", sample=sample)
        known = fleet.tables()["sales.orders"]
        lost = LakeTable(*known[:8], source_version=1)
        options = fleet.wanted.target.store_options
        target = find_target(open_store(known.target_url, options), known.target_url)

        [again] = rebuilt([lost], {known.target_url: target}, now_ms=0)

        assert (again.state, again.strength) == ("verified", strength)


def test_a_run_that_is_stopped_keeps_what_it_found_and_compares_nothing_more(fleet: Fleet) -> None:
    stop = Flag()
    stop.set()

    with pytest.raises(KeyboardInterrupt):
        proven(fleet, stop=stop)

    assert {one.state for one in fleet.tables().values()} == {"synced"}


def test_streams_and_their_versions_are_part_of_a_receipt(fleet: Fleet) -> None:
    import pyarrow as pa
    from deltalake import CommitProperties, Transaction

    write_deltalake(
        str(fleet.lake / "hr/people"), pa.table({"id": [99], "text": ["x"]}), mode="append",
        commit_properties=CommitProperties(app_transactions=[Transaction("query-1", 41)]),
    )  # fmt: skip
    fleet.sync()

    proven(fleet)

    said = orjson.loads(kept(fleet, "hr.people")[1][0].body)
    assert said["content"]["txns"] == {"query-1": 41}
    assert (said["content"]["files"], said["rows"]) == (3, 21)
