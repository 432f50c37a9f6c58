"""Ways to sum flow logs by interface, minute and direction: ours, and what one writes by hand.

    python -m bench._flow_ways lakeferry FOLDER

prints how many groups there are, and the sums of bytes, packets and rows over them.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from lakeferry.network.fields import RECOMMENDED_FORMAT, column

_NUMBERS = ("bytes", "packets", "start", "end")
_QUERY = (
    "select count(*), sum(b), sum(p), sum(n) from (select interface_id, start // 60, "
    "flow_direction, sum(bytes) b, sum(packets) p, count(*) n from {} group by all)"
)
Answer = tuple[int, int, int, int]  # groups, bytes, packets, rows


def with_lakeferry(folder: Path) -> Answer:
    from lakeferry.monitor.logs.opening import open_logs
    from lakeferry.network.flow_log import ReadReport, read_flow_log
    from lakeferry.network.flow_totals import BY_DIRECTION, FlowTotals, columns_for

    totals, report, columns = FlowTotals(), ReadReport(), columns_for(BY_DIRECTION)
    for name, body in open_logs(str(folder)):
        for batch in read_flow_log(body, name=name, columns=columns, coded=True, report=report):
            totals.add(batch)
    table = totals.table()
    sums = [sum(table[name].to_pylist()) for name in ("bytes", "packets", "records")]
    return len(table), sums[0], sums[1], sums[2]


def with_duckdb(folder: Path) -> Answer:
    import duckdb

    kinds = {
        column(name): "BIGINT" if name in _NUMBERS else "VARCHAR" for name in RECOMMENDED_FORMAT
    }
    texts = f"read_csv('{folder}/*.log.gz', delim=' ', header=true, auto_detect=false, quote='', "
    texts += f"escape='', columns={kinds})"
    parquet = any(folder.glob("*.parquet"))
    source = f"read_parquet('{folder}/*.parquet')" if parquet else texts
    found: Answer = duckdb.sql(_QUERY.format(source)).fetchall()[0]
    return found


def with_polars(folder: Path) -> Answer:
    import polars

    if any(folder.glob("*.parquet")):
        lines = polars.scan_parquet(folder / "*.parquet")
        lines = lines.rename({column(name): name for name in RECOMMENDED_FORMAT})
    else:
        types = {
            name: polars.Int64 if name in _NUMBERS else polars.String for name in RECOMMENDED_FORMAT
        }
        lines = polars.scan_csv(
            folder / "*.log.gz", separator=" ", quote_char=None, schema=types, has_header=True
        )
    table = (
        lines.select(
            "interface-id", polars.col("start") // 60, "flow-direction", "bytes", "packets"
        )
        .group_by("interface-id", "start", "flow-direction")
        .agg(polars.sum("bytes", "packets"), n=polars.len())
        .collect(engine="streaming")
    )
    sums = table.select(polars.sum("bytes", "packets", "n")).row(0)
    return table.height, int(sums[0]), int(sums[1]), int(sums[2])


WAYS: dict[str, Callable[[Path], Answer]] = {
    "lakeferry": with_lakeferry, "duckdb": with_duckdb, "polars": with_polars,
}  # fmt: skip


if __name__ == "__main__":
    print(*WAYS[sys.argv[1]](Path(sys.argv[2])))
