"""Of rows of one key within a window the first is kept, as a plain dictionary would keep it."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeferry.errors import FerryError
from lakeferry.ingest.dedup.key_hash import Seeds, key_hashes
from lakeferry.ingest.dedup.seen_keys import keys_of
from lakeferry.ingest.dedup.window import REACH, Steps, Window
from lakeferry.ingest.settings import DedupSettings

T = 1_764_000_000_000  # ms since the epoch
TINY = Steps(tail=3, young=8)  # so that a few rows reach the last of the three sets


def window(*columns: str, window_s: int = 600, steps: Steps = TINY) -> Window:
    return Window(DedupSettings(columns or ("id",), window_s), np.random.default_rng(7), steps)


def kept(of: Window, ids: Sequence[object], seconds: Sequence[float]) -> list[bool]:
    mask = of.fresh(pa.table({"id": ids}), [T + round(one * 1000) for one in seconds])
    found: list[bool] = mask.to_pylist()
    return found


def test_the_second_row_of_a_key_is_left_out_in_one_page_and_in_the_next() -> None:
    w = window()

    assert kept(w, ["a", "b", "a"], [0, 1, 2]) == [True, True, False]
    assert kept(w, ["b", "c"], [3, 4]) == [False, True]


def test_a_key_counts_as_seen_for_the_window_and_at_most_a_twentieth_longer() -> None:
    for start in range(0, 40, 3):
        exact, over = window(), window()
        kept(exact, ["a"], [start])
        kept(over, ["a"], [start])

        assert kept(exact, ["a"], [start + 600]) == [False]
        assert kept(over, ["a"], [start + 630]) == [True]


def test_a_row_that_is_left_out_does_not_prolong_the_window() -> None:
    w = window()

    assert kept(w, ["a", "a"], [0, 500]) == [True, False]
    assert kept(w, ["a"], [700]) == [True]


def test_a_row_that_arrived_before_the_one_that_was_kept_is_its_double_too() -> None:
    w = window()

    assert kept(w, ["a", "b"], [300, 300]) == [True, True]
    assert kept(w, ["a", "c"], [10, 10]) == [False, True]


def test_rows_without_a_whole_key_are_kept_all() -> None:
    w = window("id", "at")
    page = pa.table({"id": ["a", None, None, "a", "a"], "at": [1, 1, 1, None, None]})

    assert w.fresh(page, [T] * 5).to_pylist() == [True] * 5
    assert w.fresh(page, [T] * 5).to_pylist() == [False, True, True, True, True]
    assert len(w) == 1


def test_keys_of_two_columns_are_equal_only_as_a_whole() -> None:
    w = window("a", "b")
    page = pa.table({"a": ["x", "xy", "x", "x"], "b": ["yz", "z", "yy", "yz"]})

    assert w.fresh(page, [T] * 4).to_pylist() == [True, True, True, False]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, 2, 1], pa.int32()),
        pa.array([1.5, 2.5, 1.5], pa.float32()),
        pa.array([0.0, 2.5, -0.0]),
        pa.array([True, False, True]),
        pa.array([1, 2, 1], pa.timestamp("us", "UTC")),
        pa.array([1, 2, 1], pa.date32()),
        pa.array(["1.10", "2.10", "1.10"]).cast(pa.decimal128(9, 2)),
        pa.array([b"", b"\0", b""]),
        pa.array(["1234567", "12345678", "1234567"]),
        pa.array(["x" * 127, "x" * 128, "x" * 127]),
        pa.array(["x" * 400 + "a", "x" * 400 + "b", "x" * 400 + "a"]),
        pa.array(["a", "b", "a"]).dictionary_encode(),
    ],
)
def test_a_key_may_be_text_bytes_a_number_or_a_time(values: pa.Array) -> None:
    page = pa.table({"id": values})

    assert window().fresh(page, [T] * 3).to_pylist() == [True, True, False]
    assert window().fresh(page.slice(1), [T] * 2).to_pylist() == [True, True]


def test_a_key_that_is_no_single_value_is_refused() -> None:
    with pytest.raises(FerryError, match="LF-7081"):
        window("tags").fresh(pa.table({"tags": [["a"]]}), [T])
    with pytest.raises(FerryError, match="there is no such column"):
        window("event").fresh(pa.table({"id": ["a"]}), [T])


def test_keys_go_when_the_window_has_passed() -> None:
    w = window()
    for minute in range(100):
        kept(w, [f"{minute}-{one}" for one in range(50)], [minute * 60] * 50)

    assert 10 * 50 <= len(w) <= 12 * 50


def test_after_a_long_silence_nothing_old_is_known_and_what_is_new_is() -> None:
    for silence_s in (601 * 20, 256 * 30, 256 * 30 + 15, 10**6, 10**9):
        w = window()
        kept(w, list("abcdefghijklmnop"), [0] * 16)

        assert kept(w, ["a", "b", "a"], [silence_s] * 3) == [True, True, False]
        assert len(w) == 2


def test_a_shard_that_lags_finds_its_doubles_when_it_is_waited_for() -> None:
    waiting, not_waiting = window(), window()
    for w in (waiting, not_waiting):
        if w is waiting:
            w.hold(T)
        kept(w, ["a"], [0])
        kept(w, ["of another shard"], [3000])

    assert kept(waiting, ["a"], [60]) == [False]
    assert kept(not_waiting, ["a"], [60]) == [True]


def test_texts_of_all_lengths_have_numbers_of_their_own() -> None:
    texts = sorted({"ab"[: 1 + n % 2] * n for n in range(300)} | {"\0" * n for n in range(1, 200)})
    page = pa.table({"id": texts})

    by = Seeds(np.uint64(3), np.arange(1, 37, 2, dtype=np.uint64).reshape(1, 18))
    for numbers in key_hashes(page, ["id"], by):
        assert len(set(numbers.tolist())) == len(texts)


def test_parts_are_filled_evenly_by_keys_that_count_up() -> None:
    page = pa.table({"id": np.arange(1 << 16) << 32})
    by = Seeds(np.uint64(3), np.arange(1, 37, 2, dtype=np.uint64).reshape(1, 18))

    _, total = key_hashes(page, ["id"], by)

    fullest = np.bincount((total >> np.uint64(56)).astype(np.int64)).max()
    assert fullest < 1.3 * (1 << 16) / 256


# --- against a dictionary -------------------------------------------------------------------


class Plain:
    """The same rule in a few lines: every key with the buckets in which it was kept."""

    def __init__(self) -> None:
        self.kept: dict[str, list[int]] = {}
        self.newest = self.held = -(10**9)

    def fresh(self, rows: Sequence[tuple[str, int]], bucket_ms: int) -> list[bool]:
        found = []
        buckets = [at // bucket_ms for _, at in rows]
        self.newest = max([self.newest, *buckets])
        for (key, _), bucket in zip(rows, buckets, strict=True):
            late = bucket < self.newest - REACH
            seen = any(
                abs(bucket - one) <= REACH and one >= self.newest - REACH
                for one in self.kept.get(key, [])
            )
            found.append(late or not seen)
            if not late and not seen:
                self.kept.setdefault(key, []).append(bucket)
        return found


PAGES = st.lists(
    st.tuples(
        st.integers(0, 400) | st.sampled_from([0, 5_000, 25_000]),  # s since the page before
        st.lists(st.tuples(st.sampled_from("abcdefghijkl"), st.integers(-700, 100)), max_size=12),
    ),
    max_size=25,
)


@settings(deadline=None)
@given(pages=PAGES)
def test_any_pages_are_thinned_as_by_a_dictionary(
    pages: list[tuple[int, list[tuple[str, int]]]],
) -> None:
    w, plain, at = window(), Plain(), T // 1000
    for step, rows in pages:
        at += step
        page = [(key, (at + ago) * 1000) for key, ago in rows]
        ids = pa.table({"id": pa.array([key for key, _ in page], pa.string())})

        mask = w.fresh(ids, [when for _, when in page])

        assert mask.to_pylist() == plain.fresh(page, 30_000)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_thousands_of_keys_that_come_again_are_each_kept_once(seed: int) -> None:
    random = np.random.default_rng(seed)
    w = window(steps=Steps(tail=500, young=2000))
    seen: set[int] = set()
    for _ in range(20):
        ids = random.integers(0, 10_000, 700)

        mask = w.fresh(pa.table({"id": ids}), np.full(700, T)).to_pylist()

        for one, fresh in zip(ids.tolist(), mask, strict=True):
            assert fresh == (one not in seen)
            seen.add(one)
    assert len(w) == len(seen)


def test_two_keys_of_one_short_number_are_two() -> None:
    """No key is taken for another by less than all of its 76 bits, wherever it lies."""
    one, other = 1 << 40, (1 << 40) + (1 << 8)
    chain = np.array([one, other, other], np.uint64)
    keys = keys_of(chain, np.zeros(3, np.uint64), np.zeros(3, np.int64))

    assert len(set(keys.short.tolist())) == 1
    assert keys.rest.tolist() == [0, 1, 1]
    assert window()._first(keys, np.zeros(3, np.int64)).tolist() == [0, 1]
