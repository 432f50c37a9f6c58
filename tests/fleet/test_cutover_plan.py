"""What must hold before a switch, and what its steps find. Pure."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.fleet.cutover.plan import (
    FRESH_MS,
    chosen,
    freeze_of,
    problems,
    provable,
    quiet_in_s,
    stood_s,
    to_prove,
    txn_proof,
)
from lakeferry.fleet.cutover.writers import Head, Sighting
from lakeferry.fleet.manifest.wanted import Wave
from lakeferry.ledger.rows import CheckResult, LakeTable
from lakeferry.verify.report import STRENGTHS

NOW = 1_790_000_000_000
TABLE = LakeTable(
    "s3://t/orders", "a.s.orders", "a", "/lake/s/orders", "delta", 1, "local", state="verified",
    held_version=7, target_version=3,
)  # fmt: skip


def check(kind: str = "replayed", **more: Any) -> CheckResult:
    said = CheckResult("s3://t/orders", 7, kind, "equal", "", NOW - 1000)
    return said._replace(**more)


def wrong(table: LakeTable = TABLE, *checks: CheckResult, strength: str = "replayed") -> list[str]:
    found = problems(
        [table], [table], {}, {table.target_url: checks}, {table.target_url: strength}, now_ms=NOW
    )
    return [one.what for one in found]


def test_a_table_that_is_synced_and_proven_today_is_ready() -> None:
    assert wrong(TABLE, check()) == []
    assert wrong(TABLE._replace(state="synced"), check(source_version=6)) == []


@pytest.mark.parametrize(
    ("check_", "why"),
    [
        (check("listed"), "too weak"),
        (check(checked_at_ms=NOW - FRESH_MS - 1), "too old"),
        (check("rows 5 %"), "a sample"),
        (check("txn"), "of something else"),
        (check(outcome="not_run"), "not made"),
    ],
)
def test_a_proof_counts_only_if_it_is_strong_fresh_and_whole(check_: CheckResult, why: str) -> None:
    assert wrong(TABLE, check_) == ["no proof of strength replayed or more within 24 h"], why


def test_a_difference_at_the_held_version_outweighs_a_proof() -> None:
    differs = check("rows", outcome="different", detail="rows: 3 and 4")

    assert wrong(TABLE, differs, check()) == ["its last proof found a difference: rows: 3 and 4"]
    assert wrong(TABLE, differs._replace(source_version=6), check()) == []


@pytest.mark.parametrize("state", ["discovered", "syncing", "rolled_back"])
def test_a_table_that_is_not_synced_is_not_ready(state: str) -> None:
    assert wrong(TABLE._replace(state=state), check()) == [f"it is {state.replace('_', ' ')}"]


def test_a_table_that_was_cut_off_as_it_was_brought_is_brought_by_the_switch() -> None:
    cut_off = TABLE._replace(state="planned")

    assert wrong(cut_off, check()) == []
    assert wrong(cut_off._replace(held_version=None), check()) == ["it is planned"]


@pytest.mark.parametrize("state", ["blocked", "drifted", "failed"])
def test_a_table_that_asks_for_a_person_says_what_to_do(state: str) -> None:
    asks = TABLE._replace(state=state, code="LF-4105", why="changed", next_step="look")
    [found] = problems([asks], [asks], {}, {}, {asks.target_url: "listed"}, now_ms=NOW)

    assert (found.what, found.next_step) == (f"{state}: LF-4105 changed", "look")


def test_waves_come_one_after_the_other() -> None:
    second = TABLE._replace(wave=2, target_url="s3://t/b", name="a.s.b")
    waves = {1: Wave(1), 2: Wave(2, after=(1,))}
    checks = {second.target_url: [check(target_url=second.target_url)]}

    def found(first: str) -> list[str]:
        every = [TABLE._replace(state=first), second]
        strengths = {second.target_url: "replayed"}
        return [one.next_step for one in problems([second], every, waves, checks, strengths,
                                                  now_ms=NOW)]  # fmt: skip

    assert found("verified") == ["lakeferry cutover --wave 1"]
    assert found("cut_over") == found("excluded") == []


def test_what_is_never_moved_holds_no_wave_back() -> None:
    folder = TABLE._replace(kind="iceberg", target_url="s3://t/f", name="a.f", state="blocked")
    second = TABLE._replace(wave=2)
    checks = {second.target_url: [check()]}
    waves = {1: Wave(1), 2: Wave(2, after=(1,))}
    strengths = {second.target_url: "replayed"}

    assert problems([second], [folder, second], waves, checks, strengths, now_ms=NOW) == ()


def test_what_is_done_or_left_out_is_not_done_again() -> None:
    done = TABLE._replace(name="b", state="cut_over")
    out = TABLE._replace(name="c", state="excluded")
    rows = [TABLE, done, out, TABLE._replace(name="d", kind="iceberg")]

    picked = chosen(rows)

    assert [one.name for one in picked.todo] == ["a.s.orders"]
    assert [one.name for one in picked.done] == ["b"]
    assert [row.name for row, _ in picked.left] == ["c", "d"]


def test_what_has_no_log_is_switched_with_the_tables_and_proven_by_its_bytes() -> None:
    rows = [TABLE._replace(name=kind, kind=kind) for kind in ("delta", "folder", "parquet")]

    assert [one.kind for one in chosen(rows).todo] == ["delta", "folder", "parquet"]
    assert [provable("folder", one) for one in STRENGTHS] == ["listed", *["hashed"] * 3]
    assert [provable("delta", one) for one in STRENGTHS] == list(STRENGTHS)


def test_a_version_that_was_proven_is_only_listed_again() -> None:
    assert to_prove(TABLE, [check()], "replayed", NOW) == "listed"
    assert to_prove(TABLE, [check(source_version=6)], "replayed", NOW) == "replayed"
    assert to_prove(TABLE, [check("listed")], "rows", NOW) == "rows"


@given(
    kind=st.sampled_from(STRENGTHS), asked=st.sampled_from(STRENGTHS),
    age_ms=st.integers(0, 2 * FRESH_MS),
)  # fmt: skip
def test_what_is_ready_was_proven_at_least_so_strongly(kind: str, asked: str, age_ms: int) -> None:
    is_ready = not wrong(TABLE, check(kind, checked_at_ms=NOW - age_ms), strength=asked)

    assert is_ready == (STRENGTHS.index(kind) >= STRENGTHS.index(asked) and age_ms <= FRESH_MS)


# ---- the freeze check


def test_sources_are_quiet_so_long_after_the_last_commit_of_all_was_seen() -> None:
    seen = [Sighting(Head(3, 1), 900.0), Sighting(Head(9, 2), 1000.0, stood_s=10.0)]

    assert quiet_in_s(seen, 60, 1000.0) == 50
    assert quiet_in_s(seen, 60, 1050.0) == 0
    assert quiet_in_s(seen, 0, 1000.0) == 0
    assert quiet_in_s([], 60, 10.0) == 0


def test_a_listing_that_is_another_counts_as_written_though_its_number_is_the_same() -> None:
    before = Head(4, None, "2-ab", "a.json")

    assert not Head(4, None, "2-ab", "a.json").is_after(before)
    assert Head(4, None, "1-ab", "a.json").is_after(before)
    assert Head(5, 1).is_after(Head(4, 1))


HOUR_MS = 3_600_000
HELD = TABLE._replace(held_version=7, held_at_ms=NOW - HOUR_MS)


def test_a_version_has_stood_as_long_as_its_clock_and_the_sync_that_brought_it_say() -> None:
    assert stood_s(Head(7, NOW - 2 * HOUR_MS), HELD, NOW) == 3600
    assert stood_s(Head(7, NOW - HOUR_MS // 2), HELD, NOW) == 1800


@pytest.mark.parametrize(
    ("head", "row", "why"),
    [
        (Head(8, NOW - 9 * HOUR_MS), HELD, "no sync brought it: only a clock says that it is old"),
        (Head(7, NOW + 9 * HOUR_MS), HELD, "of the future"),
        (Head(7, None), HELD, "nothing says when it was made"),
        (Head(7, 5), HELD._replace(held_at_ms=None), "nothing says when it was brought"),
        (Head(7, 5), HELD._replace(held_at_ms=NOW + 1), "brought in the future"),
        (Head(7, 5), HELD._replace(kind="parquet"), "a number does not tell a listing"),
    ],
)
def test_what_not_two_clocks_say_counts_from_when_it_was_seen(
    head: Head, row: LakeTable, why: str
) -> None:
    assert stood_s(head, row, NOW) == 0, why


@given(
    skew_ms=st.integers(-(10**9), 10**9), age_ms=st.integers(0, 2 * HOUR_MS),
    held_after_ms=st.none() | st.integers(0, 2 * HOUR_MS), watched_s=st.integers(0, 7200),
    freeze_s=st.integers(0, 3600),
)  # fmt: skip
def test_no_clock_of_a_writer_makes_the_check_pass_early_or_last_for_ever(
    skew_ms: int, age_ms: int, held_after_ms: int | None, watched_s: int, freeze_s: int
) -> None:
    """A commit was made `age_ms` before it was first seen; its writer's clock goes wrong."""
    made_ms = NOW - age_ms
    row = TABLE._replace(held_version=6, held_at_ms=made_ms - 1)
    if held_after_ms is not None:
        row = row._replace(held_version=7, held_at_ms=min(made_ms + held_after_ms, NOW))
    stood = stood_s(Head(7, made_ms + skew_ms), row, NOW)

    left_s = quiet_in_s([Sighting(Head(7, 0), 500.0, stood)], freeze_s, 500.0 + watched_s)

    if left_s == 0:
        assert age_ms / 1000 + watched_s >= freeze_s
    assert left_s <= max(0, freeze_s - watched_s)


def test_the_longest_freeze_of_the_waves_holds() -> None:
    waves = {1: Wave(1, freeze_s=60), 2: Wave(2, freeze_s=900)}
    both = [TABLE, TABLE._replace(wave=2)]

    assert freeze_of(both, waves, None) == 900
    assert freeze_of(both, waves, 5.0) == 5
    assert freeze_of([TABLE._replace(wave=9)], waves, None) == 600


# ---- the proof of what streams and loads remember


def test_each_application_has_one_version_on_both_sides() -> None:
    assert txn_proof({"x": 3}, {"x": 3}, {}, {}).is_equal
    behind = txn_proof({"x": 4, "y": 1}, {"x": 3, "y": 1}, {}, {})
    assert (behind.is_equal, behind.detail) == (False, "x: 4 at the source, 3 at the target")
    assert not txn_proof({"x": 4}, {}, {}, {}).is_equal
    assert not txn_proof({}, {"x": 4}, {}, {}).is_equal


def test_state_of_copy_into_is_held_by_name_and_size() -> None:
    assert txn_proof({}, {}, {"a": 1}, {"a": 1}).is_equal
    assert not txn_proof({}, {}, {"a": 1}, {"a": 2}).is_equal
    assert not txn_proof({}, {}, {"a": 1}, {"b": 1}).is_equal
