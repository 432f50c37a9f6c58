"""Totals in columns are those of a plain reading, row by row, for random rows and the scenario."""

from collections import Counter
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeferry.network.attribute import BY_PATH
from lakeferry.network.flow_batch import FlowBatch
from lakeferry.network.members import Members, members_of
from lakeferry.network.path_totals import PathTotals
from tests.network.path_reference import Reference
from tests.network.sample_scenario import text_rows, topology
from tests.network.test_path_totals import MEMBERS

ADDRESSES = [None, "10.0.1.5", "10.0.2.5", "10.0.0.9", "10.0.1.60", "10.0.7.7", "52.216.1.1",
             "203.0.113.5"]  # fmt: skip
NUMBERS = {"srcport", "dstport", "protocol", "packets", "bytes", "start", "traffic_path"}


def some(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "interface_id": some("eni-w", "eni-old", "eni-nat", "eni-in", "eni-sts", "eni-new"),
            "srcaddr": st.sampled_from(ADDRESSES[1:]),
            "dstaddr": st.sampled_from(ADDRESSES[1:]),
            "srcport": some(443, 40000, 40001),
            "dstport": some(443, 40000, 40001),
            "protocol": some(6, 17),
            "packets": some(1),
            "bytes": st.one_of(st.none(), st.integers(1, 99)),
            "start": st.integers(0, 300),
            "action": some("ACCEPT", "REJECT", None),
            "subnet_id": some("subnet-1", "subnet-2", None),
            "pkt_srcaddr": st.sampled_from(ADDRESSES),
            "pkt_dstaddr": st.sampled_from(ADDRESSES),
            "pkt_src_aws_service": some("S3", None),
            "pkt_dst_aws_service": some("S3", "DYNAMODB", None),
            "flow_direction": some("ingress", "egress", None),
            "traffic_path": some(None, 1, 2, 3, 7, 8),
        }
    ),
    max_size=25,
)


def batch(rows: list[dict[str, Any]], *, coded: bool) -> FlowBatch:
    columns = {
        name: pa.array([row[name] for row in rows], pa.int64() if name in NUMBERS else pa.string())
        for name in rows[0]
    }
    if coded:
        columns = {name: one.dictionary_encode() if name not in NUMBERS else one
                   for name, one in columns.items()}  # fmt: skip
    return FlowBatch((), pa.RecordBatch.from_pydict(columns), "log")


def summed(totals: PathTotals) -> Counter[tuple[Any, ...]]:
    found: Counter[tuple[Any, ...]] = Counter()
    for row in totals.table().to_pylist():
        found[tuple(row[key] for key in BY_PATH)] += row["bytes"]
    return found


def referred(members: Members, rows: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    reference = Reference(members)
    for row in rows:
        reference.add(row)
    return Counter(dict(reference.sums()))


@settings(max_examples=200, deadline=None)
@given(ROWS, st.integers(1, 25), st.booleans())
def test_random_rows_are_attributed_as_a_plain_reading_does(
    rows: list[dict[str, Any]], size: int, coded: bool
) -> None:
    totals = PathTotals(MEMBERS, BY_PATH)
    for at in range(0, len(rows), size):
        totals.add(batch(rows[at : at + size], coded=coded))
    assert summed(totals) == referred(MEMBERS, rows)


def test_the_scenario_is_attributed_as_a_plain_reading_does() -> None:
    table = text_rows("custom").rows
    rows = [_typed(row) for row in table.to_pylist()]
    members = members_of(topology())
    totals = PathTotals(members, BY_PATH)
    totals.add(batch(rows, coded=True))
    minutes = {row["start"] // 60 for row in rows}
    assert len(minutes) == 20
    assert summed(totals) == referred(members, rows)


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    """A row of texts as it is read: `-` is nothing, numbers are numbers."""
    found: dict[str, Any] = {name: None if text == "-" else text for name, text in row.items()
                             if name != "event_ms"}  # fmt: skip
    return found | {name: int(row[name]) for name in NUMBERS if found[name] is not None}
