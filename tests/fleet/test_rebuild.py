"""A lost ledger, read back from the targets."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from lakeferry.clone.record import CloneRecord
from lakeferry.fleet.proof.receipt_files import put_receipt, receipt_of, receipts_at
from lakeferry.fleet.standing.find_target import find_target
from lakeferry.fleet.standing.rebuild import FoundTarget, rebuilt
from lakeferry.ledger import read
from lakeferry.ledger.open import open_to_read
from lakeferry.ledger.rows import LakeTable, Receipt
from lakeferry.store.open import open_store
from tests.clone.small import append, clone, new_table
from tests.ledger.lakes import ORDERS, leading, table

WANTED = table("sales.orders", source_version=9, looked_at_ms=500)
RECORD = CloneRecord(WANTED.source_url, "id-7", 9, {}, 4, "token", "snapshot")
NOW_MS = 1000


def receipt(kind: str, at_ms: int, **said: object) -> Receipt:
    return receipt_of(ORDERS, kind, at_ms, orjson.dumps(said).decode())


PROOF = receipt("verify", 20, source_version=9, strength="rows", equal=True)


def one(found: FoundTarget | None, wanted: LakeTable = WANTED) -> LakeTable:
    [table] = rebuilt([wanted], {ORDERS: found} if found else {}, now_ms=NOW_MS)
    return table


def test_a_table_whose_target_is_empty_is_as_it_was_found_at_the_source() -> None:
    assert one(None) == one(FoundTarget(ORDERS, None)) == WANTED._replace(state_since_ms=NOW_MS)


def test_a_clone_of_the_newest_version_is_synced_and_nothing_is_left() -> None:
    found = one(FoundTarget(ORDERS, 4, RECORD))

    assert (found.state, found.held_version, found.target_version) == ("synced", 9, 4)
    assert (found.source_id, found.left_bytes, found.behind_since_ms) == ("id-7", 0, None)


def test_a_clone_of_an_older_version_is_synced_and_behind() -> None:
    found = one(FoundTarget(ORDERS, 4, replace(RECORD, source_version=7)))

    assert (found.state, found.held_version, found.source_version) == ("synced", 7, 9)
    assert found.behind_since_ms == 500


def test_a_source_that_was_not_looked_at_is_at_least_where_its_clone_is() -> None:
    found = one(FoundTarget(ORDERS, 4, RECORD), WANTED._replace(source_version=None))

    assert (found.held_version, found.source_version) == (9, 9)


def test_a_mirror_holds_what_its_commits_say_and_not_what_it_set_out_for() -> None:
    mirror = replace(RECORD, mode="mirror", target_version=9)

    assert one(FoundTarget(ORDERS, 5, mirror)).held_version == 5
    assert one(FoundTarget(ORDERS, 5, mirror)).target_version == 5
    assert one(FoundTarget(ORDERS, None, mirror)).state == "discovered"


def test_what_is_not_ours_is_blocked_and_says_what_it_is() -> None:
    theirs = one(FoundTarget(ORDERS, 4))
    other = one(FoundTarget(ORDERS, 4, replace(RECORD, source="abfss://other/orders")))

    assert (theirs.state, theirs.code) == (other.state, other.code) == ("blocked", "LF-5002")
    assert theirs.why == "the target holds nothing that lakeferry cloned"
    assert other.why == "the target holds a clone of abfss://other/orders"


def test_what_others_wrote_is_drift_before_the_switch_and_expected_after_it() -> None:
    before = one(FoundTarget(ORDERS, 9, RECORD, foreign=(5, 6, 7, 8, 9)))
    after = one(FoundTarget(ORDERS, 5, RECORD, (5,), (receipt("cutover", 30),)))

    assert (before.state, before.code) == ("drifted", "LF-5003")
    assert before.why == "others have written to the target: versions 5, 6, 7 and 2 more"
    assert before.next_step.endswith(f"lakeferry sync -s {WANTED.name} --replace")
    mirror = one(FoundTarget(ORDERS, 9, replace(RECORD, mode="mirror"), foreign=(9,)))
    assert "--replace" not in mirror.next_step
    assert (after.state, after.state_since_ms) == ("cut_over", 30)


def test_a_proof_counts_for_the_version_that_it_is_of() -> None:
    proven = one(FoundTarget(ORDERS, 4, RECORD, receipts=(PROOF,)))
    newer = one(FoundTarget(ORDERS, 5, replace(RECORD, source_version=10), receipts=(PROOF,)))
    unequal = receipt("verify", 25, source_version=9, strength="rows", equal=False)

    assert (proven.state, proven.strength, proven.state_since_ms) == ("verified", "rows", 20)
    assert (newer.state, newer.strength) == ("synced", None)
    assert one(FoundTarget(ORDERS, 4, RECORD, receipts=(unequal,))).state == "synced"


def test_the_last_switch_decides() -> None:
    there, back = receipt("cutover", 30), receipt("rollback", 40)
    again = replace_proof(50)

    assert one(FoundTarget(ORDERS, 4, RECORD, (), (PROOF, there, back))).state == "rolled_back"
    assert one(FoundTarget(ORDERS, 4, RECORD, (), (PROOF, there, back, again))).state == "verified"


@pytest.mark.parametrize("state", ["blocked", "excluded"])
def test_a_switched_table_stays_switched_whatever_became_of_its_source(state: str) -> None:
    wanted = WANTED._replace(state=state, code="LF-3001", next_step="mend it")
    there, back = receipt("cutover", 30), receipt("rollback", 40)

    found = one(FoundTarget(ORDERS, 4, RECORD, (), (there,)), wanted)

    assert (found.state, found.held_version, found.code) == ("cut_over", 9, "")
    assert one(FoundTarget(ORDERS, 4, RECORD, (), (there, back)), wanted).state == state


def replace_proof(at_ms: int) -> Receipt:
    return PROOF._replace(made_at_ms=at_ms)


def test_a_clone_that_the_manifest_names_no_longer_is_orphaned() -> None:
    [orphan] = rebuilt([], {ORDERS: FoundTarget(ORDERS, 4, RECORD)}, now_ms=NOW_MS)

    assert (orphan.state, orphan.name) == ("orphaned", "sales.orders")
    assert (orphan.source_url, orphan.held_version) == (WANTED.source_url, 9)


def test_what_is_not_ours_and_nobody_asked_for_is_nobodys_business() -> None:
    assert rebuilt([], {ORDERS: FoundTarget(ORDERS, 4)}, now_ms=NOW_MS) == ()


def test_what_the_manifest_leaves_out_stays_out() -> None:
    excluded = WANTED._replace(state="excluded")

    assert one(FoundTarget(ORDERS, 4, RECORD), excluded).state == "excluded"


def test_a_ledger_that_was_deleted_is_read_back_from_a_real_target(tmp_path: Path) -> None:
    source, target = new_table(tmp_path / "source", "a", "b"), tmp_path / "target"
    clone(source, target)
    append(source, 1, "c")
    clone(source, target)
    store = open_store(str(target))
    url = store.url
    made = receipt_of(url, "verify", 70, '{"source_version":1,"strength":"hashed","equal":true}')
    put_receipt(store, made)
    put_receipt(store, made)
    store.write("_delta_log/_lakeferry/receipts/000000000000080-verify.json", [b"{"], size=1)

    found = find_target(store, url)
    wanted = WANTED._replace(target_url=url, source_url=open_store(str(source)).url)
    tables = rebuilt([wanted], {url: found}, now_ms=NOW_MS)
    with leading(tmp_path / "ledger.db") as ledger:
        ledger.restore(tables, found.receipts)

    db = open_to_read(tmp_path / "ledger.db")
    [kept] = read.tables(db)
    assert (kept.state, kept.strength, kept.held_version) == ("verified", "hashed", 1)
    assert read.receipts(db, url) == [made] == list(receipts_at(store, url))
    db.close()
