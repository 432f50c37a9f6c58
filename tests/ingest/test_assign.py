"""Which worker reads which shard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.ingest.crew.assign import Load, share_out

FEW_SHARDS = st.sets(st.integers(0, 30).map(lambda at: f"shardId-{at:012}"))
LOADS = st.lists(
    st.builds(Load, st.integers(0, 20), st.floats(0, 1e7)), min_size=1, max_size=5
)  # fmt: skip


def test_new_shards_are_spread_evenly() -> None:
    assert share_out("abcde", [Load(0), Load(0)]) == (("a", "c", "e"), ("b", "d"))


def test_children_go_to_whoever_reads_the_fewest_bytes() -> None:
    busy, idle = Load(4, 4_000_000.0), Load(4, 1_000_000.0)

    assert share_out("ab", [busy, idle]) == ((), ("a", "b"))


def test_a_new_shard_counts_as_an_average_one() -> None:
    busy, idle = Load(2, 4_000_000.0), Load(2, 3_500_000.0)

    assert share_out("ab", [busy, idle]) == (("b",), ("a",))


def test_there_must_be_a_worker() -> None:
    with pytest.raises(ValueError, match="no workers"):
        share_out("a", [])


@given(shards=FEW_SHARDS, loads=LOADS)
def test_each_shard_has_one_worker_whatever_the_order(shards: set[str], loads: list[Load]) -> None:
    found = share_out(sorted(shards), loads)

    assert sorted(shard for one in found for shard in one) == sorted(shards)
    assert found == share_out(sorted(shards, reverse=True), loads)


@given(shards=FEW_SHARDS, workers=st.integers(1, 5))
def test_of_idle_workers_none_has_two_shards_more_than_another(
    shards: set[str], workers: int
) -> None:
    counts = [len(one) for one in share_out(shards, [Load(0)] * workers)]

    assert max(counts) - min(counts) <= 1
