"""Workers that would have nothing to do are told of."""

import pytest

from lakeferry.ingest.crew.crew_size import idle_workers


@pytest.mark.parametrize("size", [(1, 8, 2), (2, 8, 2), (1, 0, 1), (4, 4, 64)])
def test_workers_that_all_have_a_shard_and_a_core_are_no_news(size: tuple[int, int, int]) -> None:
    assert idle_workers(*size) == ""


def test_more_workers_than_shards_are_told() -> None:
    assert idle_workers(8, 1, 64) == "8 workers share 1 shard: some have nothing to read"


def test_more_workers_than_cores_are_told() -> None:
    assert idle_workers(8, 64, 2) == "8 workers share 2 cores: they wait for each other"
