"""Which table begins when."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.fleet.manifest.wanted import Wave
from lakeferry.fleet.sync.order import (
    LOOK_LEAST_S,
    LOOK_MOST_S,
    in_order,
    is_at_risk,
    look_again_s,
)
from lakeferry.fleet.sync.turns import Turns
from lakeferry.ledger.rows import LakeTable
from tests.ledger.lakes import table

WAVES = {1: Wave(1), 2: Wave(2, after=(1,)), 3: Wave(3)}


def sized(name: str, size: int, **other: object) -> LakeTable:
    found = table(name, bytes=size, left_bytes=size)
    return found._replace(**other)  # type: ignore[arg-type]


def names(tables: tuple[LakeTable, ...]) -> list[str]:
    return [one.name for one in tables]


def test_small_tables_come_first_and_then_the_largest() -> None:
    tables = [sized("a.middle", 5_000), sized("a.tiny", 3), sized("a.huge", 90_000),
              sized("a.small", 400)]  # fmt: skip

    found = in_order(tables, waves=WAVES, every=tables)

    assert names(found) == ["a.tiny", "a.small", "a.huge", "a.middle"]


def test_a_table_that_may_be_vacuumed_jumps_the_queue() -> None:
    tables = [sized("a.tiny", 3), sized("a.huge", 90_000), sized("a.risky", 50_000, wave=3)]

    found = in_order(tables, waves=WAVES, every=tables, at_risk=frozenset({tables[2].target_url}))

    assert names(found) == ["a.risky", "a.tiny", "a.huge"]


def test_a_wave_whose_turn_to_be_cut_over_has_not_come_is_behind_the_others() -> None:
    tables = [sized("a.one", 10, wave=1), sized("a.two", 10, wave=2), sized("a.three", 10, wave=3)]
    cut = [tables[0]._replace(state="cut_over"), *tables[1:]]

    assert names(in_order(tables, waves=WAVES, every=tables)) == ["a.one", "a.three", "a.two"]
    assert names(in_order(cut[1:], waves=WAVES, every=cut)) == ["a.two", "a.three"]


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 3)), max_size=40))
def test_every_table_has_a_place(sizes: list[tuple[int, int]]) -> None:
    tables = [sized(f"a.t{at}", size, wave=wave) for at, (size, wave) in enumerate(sizes)]

    found = in_order(tables, waves=WAVES, every=tables)

    assert sorted(names(found)) == sorted(one.name for one in tables)


@pytest.mark.parametrize(
    ("lag_s", "pause_s"), [(6 * 3600, LOOK_MOST_S), (1200, 300), (1, LOOK_LEAST_S)]
)
def test_a_followed_table_is_looked_at_after_a_quarter_of_its_lag(
    lag_s: int, pause_s: float
) -> None:
    assert look_again_s(lag_s, 0.5) == pause_s
    assert look_again_s(lag_s, 0.0) == pytest.approx(0.9 * pause_s)
    assert look_again_s(lag_s, 1.0) == pytest.approx(1.1 * pause_s)


def test_a_table_is_at_risk_when_half_of_what_vacuum_leaves_is_needed() -> None:
    one = sized("a.one", 10, retention_s=3600)

    assert is_at_risk(one, 1801)
    assert not is_at_risk(one, 1800)
    assert not is_at_risk(one._replace(retention_s=None), 10**9)
    assert not is_at_risk(one._replace(left_bytes=0, held_version=3), 10**9)


def test_where_no_rate_is_known_its_own_copy_at_a_gigabit_decides() -> None:
    day = sized("a.one", 6 * 10**12, retention_s=86_400)  # 13.3 h at 1 Gbit/s

    assert is_at_risk(day, None)
    assert not is_at_risk(day._replace(left_bytes=10**12), None)


def test_a_table_that_was_vacuumed_once_is_at_risk() -> None:
    assert is_at_risk(sized("a.one", 10, code="LF-4102"), None)


def always(url: str) -> bool:  # noqa: ARG001
    return True


def test_each_table_has_one_turn() -> None:
    turns = Turns(WAVES, follow=False)
    tables = [sized("a.one", 10), sized("a.two", 10)]
    turns.put(tables, every=tables)

    found = [turns.next(5.0, may_begin=always) for _ in range(3)]
    turns.ended(tables[0], 5.0)

    assert found == [tables[0].target_url, tables[1].target_url, None]
    assert turns.are_over(10**9)


def test_who_follows_has_a_turn_again_when_it_is_due() -> None:
    turns = Turns(WAVES, follow=True, draw=lambda: 0.5)
    one = sized("a.one", 10, lag_target_s=1200)
    turns.put([one], every=[one])
    turns.next(0.0, may_begin=always)
    turns.ended(one, 100.0)

    assert not turns.are_over(100.0)
    assert turns.waiting(100.0) == 0  # that is for waves
    assert turns.next(399.0, may_begin=always) is None
    assert turns.next(400.0, may_begin=always) == one.target_url


def test_a_table_whose_window_is_closed_lets_the_next_one_begin() -> None:
    turns = Turns(WAVES, follow=False)
    tables = [sized("a.one", 10), sized("a.two", 10)]
    turns.put(tables, every=tables)

    def two_may(url: str) -> bool:
        return url.endswith("two")

    assert turns.next(0.0, may_begin=two_may) == tables[1].target_url
    assert turns.next(0.0, may_begin=two_may) is None
    assert turns.are_held_back
    assert not turns.are_over(0.0)


def test_a_wave_that_begins_later_is_counted_and_left() -> None:
    later = {1: Wave(1, start=datetime(2026, 12, 1, tzinfo=UTC))}
    turns = Turns(later, follow=False)
    one = sized("a.one", 10)
    turns.put([one], every=[one])
    now_s = datetime(2026, 11, 30, tzinfo=UTC).timestamp()

    assert turns.next(now_s, may_begin=always) is None
    assert (turns.are_over(now_s), turns.waiting(now_s)) == (True, 1)
    assert turns.next(now_s + 86_400, may_begin=always) == one.target_url
