"""Totals of the scenario are the known ones to the byte, in every encoding, however it is cut."""

from collections import Counter
from collections.abc import Collection, Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeferry.monitor.logs.opening import open_logs
from lakeferry.network.flow_batch import FlowBatch
from lakeferry.network.flow_log import ReadReport, read_flow_log
from lakeferry.network.flow_totals import MINUTE, FlowTotals, columns_for
from tests.corpora import required
from tests.network.sample_scenario import SAMPLE, expected

BY = ("interface-id", MINUTE, "flow-direction", "action")
# Version 2 has no direction; the worker's IPv6 addresses stand in the rows alone.
IPV6 = {
    "eni-86973fe5c022697f6": "2001:db8:7:b::102",
    "eni-561a3a7bb3eb0a8af": "2001:db8:7:b::106",
}


@pytest.mark.parametrize("coded", [True, False])
@pytest.mark.parametrize("encoding", ["v2", "custom", "odd", "v11", "cwl", "parquet"])
def test_bytes_by_interface_and_direction_are_the_known_ones(encoding: str, coded: bool) -> None:
    required(SAMPLE)
    report, totals = ReadReport(), FlowTotals(BY)
    enis = expected()["enis"]
    addresses = {id: [eni["ip"], IPV6.get(id, "")] for id, eni in enis.items()}
    columns = tuple(
        name for name in columns_for(BY) if name != "flow-direction" or encoding != "v2"
    )
    columns += ("srcaddr", "dstaddr") if encoding == "v2" else ()
    for name, body in open_logs(str(SAMPLE / encoding)):
        fields = tuple(expected()["formats"]["custom"]) if encoding == "cwl" else None
        for batch in read_flow_log(
            body, name=name, fields=fields, columns=columns, coded=coded, report=report
        ):
            totals.add(with_direction(batch, addresses) if encoding == "v2" else batch)
    found: Counter[tuple[str, str]] = Counter()
    for row in totals.table().to_pylist():
        if row["action"]:
            kind = "reject_" if row["action"] == "REJECT" else ""
            found[row["interface_id"], f"{kind}{row['flow_direction']}"] += row["bytes"]
    kinds = ("ingress", "egress", "reject_ingress", "reject_egress")
    known = {(id, kind): eni[kind] for id, eni in enis.items() for kind in kinds if eni[kind]}
    assert dict(found) == known
    assert known["eni-2ebf3b9ef45fff556", "ingress"] == 5_832_969_838
    assert report.by_status == {"OK": 5124, "NODATA": 20, "SKIPDATA": 2}
    assert (report.records, report.bad_lines) == (5146, 0)


ROW = st.tuples(
    st.sampled_from(["eni-1", "eni-2", None]),
    st.sampled_from([0, 59, 60, 3600, 10**10, None]),
    st.sampled_from(["ingress", "egress", None]),
    st.one_of(st.none(), st.integers(0, 1 << 56)),
    st.one_of(st.none(), st.integers(0, 1 << 20)),
)
COLUMNS = ("interface_id", "start", "flow_direction", "bytes", "packets")


@settings(max_examples=150, deadline=None)
@given(st.lists(ROW, max_size=40), st.integers(1, 40), st.booleans())
def test_totals_are_a_plain_sum_however_rows_are_cut(
    rows: list[tuple[str, int, str, int, int]], size: int, coded: bool
) -> None:
    by = ("interface-id", MINUTE, "flow-direction")
    plain: dict[tuple[object, ...], list[int]] = {}
    for id, start, direction, octets, packets in rows:
        minute = None if start is None else start // 60 * 60
        sums = plain.setdefault((id, minute, direction), [0, 0, 0])
        sums[0] += octets or 0
        sums[1] += packets or 0
        sums[2] += 1
    batches = [_batch(rows[at : at + size], coded) for at in range(0, len(rows), size)]
    totals = FlowTotals(by)
    for batch in batches:
        totals.add(batch)
    found = [tuple(row.values()) for row in totals.table().to_pylist()]
    assert sorted(map(repr, found)) == sorted(repr((*k, *sums)) for k, sums in plain.items())


def with_direction(batch: FlowBatch, addresses: Mapping[str, Collection[str]]) -> FlowBatch:
    """Ingress where `dstaddr` is an address of the row's interface, egress where `srcaddr` is."""
    rows = batch.rows
    own = pa.array([f"{id} {one}" for id, found in addresses.items() for one in found], pa.string())
    ids = rows["interface_id"].cast(pa.string())
    to, sent = (
        pc.is_in(pc.binary_join_element_wise(ids, rows[name].cast(pa.string()), " "), own)
        for name in ("dstaddr", "srcaddr")
    )
    nothing = pa.scalar(None, pa.string())
    direction = pc.if_else(
        pc.equal(to, sent), nothing, pc.if_else(to, pa.scalar("ingress"), pa.scalar("egress"))
    )
    names = [*rows.schema.names, "flow_direction"]
    made = pa.RecordBatch.from_arrays([*rows.columns, direction], names=names)
    return FlowBatch(batch.fields, made, batch.source)


def _batch(rows: list[tuple[str, int, str, int, int]], coded: bool) -> FlowBatch:
    number, text = pa.int64(), pa.string()
    kinds = [text, number, text, number, number]
    arrays = [
        pa.array(list(one), kind) for one, kind in zip(zip(*rows, strict=True), kinds, strict=True)
    ]
    if coded:
        arrays = [one.dictionary_encode() if one.type == text else one for one in arrays]
    return FlowBatch(("x",), pa.RecordBatch.from_arrays(arrays, names=list(COLUMNS)), "log")
