"""How far behind an ingest is, and how long it may be."""

from lakeferry.ingest.crew.lag import (
    Rates,
    Sample,
    catch_up_s,
    furthest_behind,
    paused,
    rates,
    retention_left_s,
    table_behind_ms,
    total,
)
from lakeferry.ingest.position.state import (
    After,
    Ended,
    FromTrimHorizon,
    IngestState,
    Position,
    StreamIdentity,
)
from lakeferry.ingest.worker.messages import Counts, Lag

HOUR_MS = 3_600_000


def state(**shards: Position) -> IngestState:
    return IngestState(1, StreamIdentity("clicks"), shards)


def test_rates_are_of_the_last_ten_seconds() -> None:
    samples = [
        Sample(0, 0, 0, None),
        Sample(20, 1_000, 500_000, None),
        Sample(30, 3_000, 900_000, 0),
    ]

    assert rates(samples) == Rates(200.0, 40_000.0)


def test_of_one_moment_no_rate_is_known() -> None:
    assert rates([]) == rates([Sample(5, 100, 100, None)]) == Rates()


def test_a_crew_that_begins_anew_does_not_read_backwards() -> None:
    assert rates([Sample(0, 900, 900, 0), Sample(5, 0, 0, 0)]) == Rates()


def test_it_catches_up_as_fast_as_the_lag_falls() -> None:
    assert catch_up_s([Sample(0, 0, 0, 60_000), Sample(10, 0, 0, 40_000)]) == 20.0


def test_a_lag_that_grows_is_never_caught_up() -> None:
    assert catch_up_s([Sample(0, 0, 0, 40_000), Sample(10, 0, 0, 60_000)]) is None


def test_what_is_not_behind_has_caught_up() -> None:
    assert catch_up_s([Sample(0, 0, 0, 0)]) == 0.0
    assert catch_up_s([]) is None


def test_the_shard_that_is_furthest_behind_is_named() -> None:
    lags = {"a": Lag(5), "b": Lag(7), "c": Lag(None)}

    assert furthest_behind(lags) == (7, "b")
    assert furthest_behind({"c": Lag(None)}) == (None, "")


def test_paused_shards_are_named_with_the_reason() -> None:
    assert paused({"b": Lag(1, "KMS"), "a": Lag(1)}) == {"b": "KMS"}


def test_the_table_is_as_far_behind_as_its_oldest_open_shard() -> None:
    known = state(a=After("7", 5_000), b=After("9", 3_000), c=Ended(10))

    assert table_behind_ms(known, 10_000) == 7_000


def test_a_table_whose_shards_are_all_ended_is_not_behind() -> None:
    assert table_behind_ms(state(c=Ended(10)), 10_000) is None
    assert retention_left_s(state(c=Ended(10)), 10_000, 86_400) is None


def test_the_table_has_no_more_than_was_read_whatever_a_start_claims() -> None:
    begun = state(a=FromTrimHorizon(10_000))

    assert table_behind_ms(begun, 10_000, read_behind_ms=23 * HOUR_MS) == 23 * HOUR_MS
    assert retention_left_s(begun, 10_000, 86_400, read_behind_ms=23 * HOUR_MS) == 3_600.0
    assert table_behind_ms(begun, 12_000, read_behind_ms=500) == 2_000


def test_what_is_left_of_retention_counts_from_what_is_committed() -> None:
    assert retention_left_s(state(a=After("7", 0)), 23 * HOUR_MS, 86_400) == 3_600.0
    assert retention_left_s(state(a=After("7", 0)), 25 * HOUR_MS, 86_400) == -3_600.0


def test_counts_add_up() -> None:
    assert total([Counts(1, 2), Counts(10, 20, bad=3)]) == Counts(11, 22, bad=3)
