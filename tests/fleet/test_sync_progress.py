"""How fast a sync is, route by route."""

from lakeferry.fleet.standing.status import told_together
from lakeferry.fleet.sync.messages import Arrived
from lakeferry.fleet.sync.progress import Meter, left_of
from lakeferry.ledger.rows import Pace
from tests.ledger.lakes import ORDERS, table

FILES = Arrived(ORDERS, (("a", 100, "streamed"), ("b", 20_000_000, "server_copy"),
                         ("c", 7, "already_there")))  # fmt: skip


def test_a_span_ends_after_a_minute_with_what_moved_in_it() -> None:
    meter = Meter()
    meter.work(["internet"], now_s=1000.0)
    meter.take("internet", FILES, now_s=1010.0)

    assert meter.ended(now_s=1059.0) == []
    assert meter.ended(now_s=1060.0) == [Pace("internet", 1_060_000, 60.0, 20_000_100, 4, False)]
    assert meter.ended(now_s=2000.0) == []


def test_a_span_in_which_a_limit_held_bytes_back_says_so() -> None:
    meter = Meter()
    meter.work(["internet", "local"], now_s=0.0)
    meter.hold_back("internet")

    found = {pace.route: pace.capped for pace in meter.ended(now_s=61.0)}

    assert found == {"internet": True, "local": False}


def test_at_the_end_a_short_span_counts_too() -> None:
    meter = Meter()
    meter.take("internet", FILES, now_s=1000.0)

    [pace] = meter.ended(now_s=1003.0, all_of_them=True)

    assert (pace.seconds, pace.bytes) == (3.0, 20_000_100)


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    meter = Meter()
    meter.take("internet", FILES, now_s=1000.0)
    meter.take("internet", FILES, now_s=1100.0)

    bytes_per_s, requests_per_s = meter.rates(now_s=1110.0, began_s=0.0)

    assert bytes_per_s == 20_000_100 / 30
    assert requests_per_s == 4 / 30
    assert meter.rates(now_s=1200.0, began_s=0.0) == (0.0, 0.0)


def test_what_is_left_is_told_as_soon_as_enough_was_seen() -> None:
    tables = [table("sales.orders", bytes=10**10, files=1000, left_bytes=6 * 10**9,
                    left_files=600, left_requests=600)]  # fmt: skip
    total = told_together("", tables, now_ms=0)
    paces = [Pace("internet", 60_000 * minute, 60.0, 10**9, 100, False) for minute in range(1, 5)]

    assert left_of(total, paces[:0], {}, now_s=240.0) is None
    left = left_of(total, paces, {}, now_s=240.0)
    assert left is not None
    assert 300 < left.p50 < 420
