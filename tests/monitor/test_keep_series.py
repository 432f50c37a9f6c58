"""Series are kept beyond CloudWatch's 15 days: each point once, the newest reading of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.aws.read_metrics import KEPT_S, RULES, Point, WantedMetric
from lakeferry.errors import FerryError
from lakeferry.monitor.series.keep import (
    LATE_S,
    Kept,
    Wanted,
    keep,
    keep_points,
    read_series,
)
from lakeferry.monitor.series.kept import (
    SCHEMA,
    merged,
    path_of,
    points_table,
    wanted_metrics,
)
from lakeferry.monitor.series.one_writer import one_writer
from lakeferry.store.open import memory_store, open_store
from lakeferry.store.protocol import Store
from tests.network.sample_scenario import NAT_GATEWAY, topology

MIDNIGHT = 1_795_392_000  # 2026-11-23
DAY = 86_400
WANTED = Wanted("m1", (WantedMetric("AWS/NATGateway", "BytesOutToSource", (), "Sum"),), ("r",))


def point(at_s: int, value: float, *, name: str = "r", detail: str = "") -> Point:
    return Point(at_s, 60, RULES, name, detail, "Sum", value)


class CloudWatch:
    """Points by their time, and what was asked for."""

    def __init__(self, *points: Point) -> None:
        self.points = list(points)
        self.asked: list[tuple[int, int]] = []

    def read(self, wanted: Wanted, start_s: int, end_s: int) -> Iterator[Point]:  # noqa: ARG002
        self.asked.append((start_s, end_s))
        yield from (one for one in self.points if start_s <= one.at_s < end_s)


def kept(store: Store, cloud: CloudWatch, now_s: int) -> Kept:
    return keep(store, WANTED, cloud.read, now_s=now_s)


def values(store: Store) -> list[tuple[int, float]]:
    table = read_series(store, "m1")
    return list(
        zip(table["time"].cast(pa.int64()).to_pylist(), table["value"].to_pylist(), strict=True)
    )


@pytest.fixture(params=["memory", "local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return memory_store() if request.param == "memory" else open_store(str(tmp_path))


def test_points_are_kept_by_day(store: Store) -> None:
    cloud = CloudWatch(point(MIDNIGHT - 60, 1), point(MIDNIGHT, 2), point(MIDNIGHT + 60, 3))
    done = kept(store, cloud, MIDNIGHT + 120)
    assert done.points == 3
    assert done.written == (path_of("m1", "2026-11-22"), path_of("m1", "2026-11-23"))
    assert done.written[1] == "deployment=m1/day=2026-11-23/series.parquet"
    assert values(store) == [(MIDNIGHT - 60, 1), (MIDNIGHT, 2), (MIDNIGHT + 60, 3)]


def test_the_second_run_of_the_same_writes_nothing(store: Store) -> None:
    cloud = CloudWatch(point(MIDNIGHT, 2))
    kept(store, cloud, MIDNIGHT + 120)
    assert kept(store, cloud, MIDNIGHT + 120).written == ()


def test_a_late_point_takes_the_place_of_the_earlier_reading(store: Store) -> None:
    kept(store, CloudWatch(point(MIDNIGHT, 2), point(MIDNIGHT + 60, 3)), MIDNIGHT + 120)
    kept(store, CloudWatch(point(MIDNIGHT, 5)), MIDNIGHT + 240)
    assert values(store) == [(MIDNIGHT, 5), (MIDNIGHT + 60, 3)]


def test_the_first_run_asks_for_all_that_cloudwatch_has(store: Store) -> None:
    cloud = CloudWatch(point(MIDNIGHT, 2))
    kept(store, cloud, MIDNIGHT + 120)
    kept(store, cloud, MIDNIGHT + DAY)
    assert cloud.asked == [
        (MIDNIGHT + 120 - KEPT_S, MIDNIGHT + 120),
        (MIDNIGHT + 120 - LATE_S, MIDNIGHT + DAY),
    ]


def test_a_run_that_was_cut_short_is_made_good_by_the_next(store: Store) -> None:
    cloud = CloudWatch(point(MIDNIGHT, 2), point(MIDNIGHT + 60, 3))

    def breaks(wanted: Wanted, start_s: int, end_s: int) -> Iterator[Point]:
        yield from list(cloud.read(wanted, start_s, end_s))[1:]
        raise FerryError("LF-1206", "throttled", "here", "again")

    with pytest.raises(FerryError):
        keep(store, WANTED, breaks, now_s=MIDNIGHT + 120)
    kept(store, cloud, MIDNIGHT + 180)
    assert values(store) == [(MIDNIGHT, 2), (MIDNIGHT + 60, 3)]


def test_a_span_that_was_asked_for_moves_no_later_run(store: Store) -> None:
    cloud = CloudWatch()
    kept(store, cloud, MIDNIGHT)
    keep(store, WANTED, cloud.read, now_s=MIDNIGHT + DAY, start_s=MIDNIGHT + DAY - 60)
    kept(store, cloud, MIDNIGHT + 2 * DAY)
    assert cloud.asked[-1] == (MIDNIGHT - LATE_S, MIDNIGHT + 2 * DAY)


def test_after_a_long_pause_what_is_left_is_asked_for(store: Store) -> None:
    cloud = CloudWatch(point(MIDNIGHT, 2))
    kept(store, cloud, MIDNIGHT + 120)
    kept(store, cloud, MIDNIGHT + 40 * DAY)
    assert cloud.asked[1] == (MIDNIGHT + 25 * DAY, MIDNIGHT + 40 * DAY)
    assert values(store) == [(MIDNIGHT, 2)]  # beyond the 15 days it is here alone


def test_a_span_can_be_asked_for(store: Store) -> None:
    cloud = CloudWatch(*(point(MIDNIGHT + at * 60, at) for at in range(10)))
    keep(store, WANTED, cloud.read, now_s=MIDNIGHT + DAY, start_s=MIDNIGHT + 60,
         end_s=MIDNIGHT + 180)  # fmt: skip
    assert values(store) == [(MIDNIGHT + 60, 1), (MIDNIGHT + 120, 2)]


def test_what_is_kept_is_read_as_one_table(store: Store) -> None:
    cloud = CloudWatch(*(point(MIDNIGHT + hour * 3600, hour) for hour in range(72)))
    kept(store, cloud, MIDNIGHT + 4 * DAY)
    table = read_series(store, "m1", start_s=MIDNIGHT + DAY, end_s=MIDNIGHT + 2 * DAY)
    assert table.schema == SCHEMA
    assert table["value"].to_pylist() == list(range(24, 48))
    assert read_series(store, "other").num_rows == 0


def test_deployments_lie_apart(store: Store) -> None:
    kept(store, CloudWatch(point(MIDNIGHT, 2)), MIDNIGHT + 120)
    other = Wanted("m10", (), ())
    keep(store, other, CloudWatch(point(MIDNIGHT, 7)).read, now_s=MIDNIGHT + 120)
    assert values(store) == [(MIDNIGHT, 2)]
    assert read_series(store, "m10")["value"].to_pylist() == [7]


@pytest.mark.parametrize("body", [b"", b"PAR1 cut short", b"not ours"])
def test_a_damaged_file_is_named_and_not_written_over(store: Store, body: bytes) -> None:
    path = path_of("m1", "2026-11-23")
    store.write(path, [body], size=len(body))
    with pytest.raises(FerryError, match=r"LF-6252[^\0]*day=2026-11-23"):
        keep(store, WANTED, CloudWatch(point(MIDNIGHT, 2)).read, now_s=MIDNIGHT + 60,
             start_s=MIDNIGHT)  # fmt: skip
    assert b"".join(store.read(path)) == body


def test_a_parquet_file_of_others_is_named(store: Store) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": [1]}), sink)
    body = sink.getvalue().to_pybytes()
    store.write(path_of("m1", "2026-11-23"), [body], size=len(body))
    with pytest.raises(FerryError, match="LF-6252"):
        read_series(store, "m1")


POINTS = st.lists(
    st.builds(
        point, st.integers(MIDNIGHT, MIDNIGHT + 5), st.floats(0, 9),
        name=st.sampled_from("rs"), detail=st.sampled_from(["", "10.0.0.1"]),
    ),
    max_size=20,
)  # fmt: skip


@given(POINTS, POINTS)
def test_merging_keeps_the_last_reading_of_every_point(
    one: list[Point], other: list[Point]
) -> None:
    table = merged(merged(SCHEMA.empty_table(), points_table(one)), points_table(other))
    last = {(p.at_s, p.name, p.detail): p.value for p in [*one, *other]}
    found = {
        (row["time"].timestamp(), row["name"], row["detail"]): row["value"]
        for row in table.to_pylist()
    }
    assert found == last
    assert table.num_rows == len(last)
    assert merged(table, points_table(other)).equals(table)


def test_devices_endpoints_and_streams_of_a_network_are_kept() -> None:
    found = wanted_metrics(topology(), ["clicks"])
    by = {(one.namespace, one.dimensions[0][1]) for one in found}
    assert ("AWS/NATGateway", NAT_GATEWAY) in by
    assert ("AWS/EC2", "i-e06342a37b9aace83") in by
    assert ("AWS/Kinesis", "clicks") in by
    endpoints = {dict(one.dimensions)["VPC Endpoint Id"] for one in found
                 if one.namespace == "AWS/PrivateLinkEndpoints"}  # fmt: skip
    assert endpoints == {"vpce-02", "vpce-03"}
    assert len(set(found)) == len(found)


def test_many_that_keep_one_day_at_once_lose_no_point(tmp_path: Path) -> None:
    def write(number: int) -> None:
        own = open_store(str(tmp_path))
        for minute in range(10):
            keep_points(own, "m1", [point(minute * 60, number, name=f"w{number}")])

    with ThreadPoolExecutor(6) as writers:
        list(writers.map(write, range(6)))

    assert read_series(open_store(str(tmp_path)), "m1").num_rows == 60
    assert not list(tmp_path.rglob("_writing.json"))


def test_whoever_waits_too_long_for_another_writer_is_told(store: Store) -> None:
    now = [1000.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with one_writer(store, "deployment=m1", clock=lambda: now[0]):
        with (
            pytest.raises(FerryError, match="another run") as refused,
            one_writer(store, "deployment=m1", clock=lambda: now[0], sleep=sleep),
        ):
            raise AssertionError
        assert refused.value.code == "LF-6254"
        assert now[0] > 1060


def test_what_a_dead_writer_left_is_taken_over(store: Store) -> None:
    dead = one_writer(store, "deployment=m1", clock=lambda: 1000.0)
    dead.__enter__()

    now = [1000.0 + 601]
    with one_writer(store, "deployment=m1", clock=lambda: now[0], sleep=lambda _: None):
        assert store.head("deployment=m1/_writing.json") is not None

    assert store.head("deployment=m1/_writing.json") is None
