"""Flow logs as groups and as what was seen: sums to the byte, minutes as the records last."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as some

from lakeferry.cost.bill.observed import Seen
from lakeferry.cost.observe.flow_groups import Flow, flow_of
from lakeferry.monitor.logs.read_flow import read_flow, spread
from lakeferry.monitor.logs.read_seen import read_seen_logs
from tests.corpora import required
from tests.network.sample_scenario import NAT_GATEWAY, SAMPLE, topology

HOUR = 1_795_428_000 // 3600 * 3600


def record(start: int, end: int, size: int | None) -> dict[str, int | None]:
    return {"start": start, "end": end, "bytes": size, "packets": size and size // 9}


def batch(*rows: dict[str, int | None]) -> pa.RecordBatch:
    names = ("start", "end", "bytes", "packets")
    kinds = pa.schema([(name, pa.int64()) for name in names])
    return pa.RecordBatch.from_pylist(list(rows), schema=kinds)


def test_a_record_of_ten_minutes_is_spread_over_them() -> None:
    found = spread(batch(record(60, 660, 1000), record(60, 120, 7)))

    assert found["start"].to_pylist() == [60 * n for n in range(1, 11)] + [60]
    assert found["bytes"].to_pylist() == [100] * 10 + [7]


def test_records_of_a_minute_stay_as_they_are() -> None:
    rows = batch(record(3, 63, 10), record(60, 60, 5), record(60, 100, None))

    assert spread(rows) is rows


@given(
    some.lists(
        some.tuples(some.integers(0, 10**9), some.integers(0, 3600), some.integers(0, 2**50)),
        min_size=1, max_size=20,
    )
)  # fmt: skip
def test_no_byte_is_lost_or_made_however_long_records_last(
    records: list[tuple[int, int, int]],
) -> None:
    rows = batch(*(record(at, at + lasts, size) for at, lasts, size in records))

    found = spread(rows)

    assert pc.sum(found["bytes"]).as_py() == sum(size for _, _, size in records)
    assert pc.min(found["bytes"]).as_py() >= 0
    assert pc.max(found["start"]).as_py() < max(at + max(1, lasts) for at, lasts, _ in records)


# ---- the sample


@pytest.fixture(scope="module")
def flow() -> Flow:
    return flow_of(read_flow(str(required(SAMPLE / "custom")), topology()).flow)


def test_each_byte_is_in_one_group_and_in_one_minute_of_one_subnet(flow: Flow) -> None:
    assert flow.bytes == 22_020_842_044
    for one in flow.groups:
        assert len(one.down) == len(one.up) == flow.minutes == 20
        assert sum(int(load.sum()) for load in one.loads.values()) == one.bytes


@pytest.mark.parametrize("encoding", ["custom", "odd", "v11", "parquet"])
def test_all_encodings_that_tell_services_give_the_same_groups(encoding: str, flow: Flow) -> None:
    found = flow_of(read_flow(str(SAMPLE / encoding), topology()).flow)

    assert [(one.path, one.destination, one.bytes) for one in found.groups] == [
        (one.path, one.destination, one.bytes) for one in flow.groups
    ]


def test_hours_of_nat_devices_hold_what_they_carried_and_what_of_it_leaked() -> None:
    found = read_seen_logs(str(SAMPLE / "custom"), topology())

    (gateway,) = (one for one in found.seen if one.interface == NAT_GATEWAY)
    assert gateway == Seen(gateway.hour, NAT_GATEWAY, 5_832_965_067, 621_319_811, skipped=1)
    assert gateway.hour % 3600 == 0
    assert found.not_forwarded == {NAT_GATEWAY: 4771}
    # No endpoint is among them: what it carries is hardly ever the copy's alone.
    assert {one.interface[:2] for one in found.seen} == {"na", "i-"}


def test_what_subnets_that_are_not_in_question_send_is_others_traffic() -> None:
    whole = topology()
    (gateway,) = (one for one in whole.paths if one.kind == "nat_gateway")
    flow = flow_of(read_flow(str(SAMPLE / "custom"), whole).flow)
    (to_internet,) = (
        one for one in flow.groups if (one.path, one.destination) == (gateway.kind, "internet")
    )
    theirs = next(iter(to_internet.loads))
    ours = replace(whole, scope=tuple(one for one in whole.scope if one != theirs))

    (seen,) = (
        one
        for one in read_seen_logs(str(SAMPLE / "custom"), ours).seen
        if one.interface == NAT_GATEWAY
    )

    assert seen.others == to_internet.bytes
    assert seen.bytes == 5_832_965_067
    assert seen.others + seen.to_s3 == seen.bytes
