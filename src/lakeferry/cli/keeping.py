"""What `monitor series` does: pull series into files of ours, and show what is kept."""

import time
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.cli.columns import Column, screen_width, table
from lakeferry.cli.plan_file import write_file
from lakeferry.cli.render import Screen
from lakeferry.cli.units import parse_pairs, parse_time
from lakeferry.errors import FerryError
from lakeferry.monitor import run as door
from lakeferry.monitor.keep_series import Kept, Wanted, from_cloudwatch, keep, read_series
from lakeferry.monitor.run import MonitorRequest
from lakeferry.monitor.series import wanted_metrics
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store

if TYPE_CHECKING:
    from lakeferry.cli.looking import SpanFlags

OK = 0
_SERIES = (
    Column("series", elastic=True),
    Column("statistic"),
    Column("points", right=True),
    Column("from", priority=2),
    Column("to", priority=1),
    Column("sum", right=True, priority=3),
)
_FORMATS = (".parquet", ".csv")


def series(
    place: str,
    options: list[str] | None,
    request: MonitorRequest,
    span: "SpanFlags",
    *,
    offline: bool,
    out: str | None,
    period_s: int,
    screen: Screen,
) -> int:
    """Bring the files up to date unless `offline`; show, and write, what is kept of the span."""
    if out is not None and not out.endswith(_FORMATS):
        raise FerryError(
            "LF-2001", f"`{out}` says no format", "--out", f"end it in {' or '.join(_FORMATS)}"
        )
    start = parse_time(span.start) // 1000 if span.start else None
    end = -(-parse_time(span.end) // 1000) if span.end else None
    store = open_store(place, parse_pairs(options or [], "--store-option"))
    done = None if offline else _pull(store, request, start, end, period_s)
    found = read_series(store, request.settings.deployment, start_s=start, end_s=end)
    if out is not None:
        write_file(out, _file(found, out))
    _show(found, done, out, screen)
    return OK


def _pull(
    store: Store, request: MonitorRequest, start: int | None, end: int | None, period_s: int
) -> Kept:
    topology, settings = door.discover(request), request.settings
    wanted = Wanted(
        settings.deployment,
        wanted_metrics(topology, settings.streams),
        tuple(one.name for one in topology.found.rules if one.name.startswith(settings.prefix)),
        period_s,
    )
    now = int(time.time())
    read = from_cloudwatch(request.access)
    return keep(store, wanted, read, now_s=now, start_s=start, end_s=end)


def _file(found: pa.Table, out: str) -> bytes:
    sink = pa.BufferOutputStream()
    if out.endswith(".csv"):
        from pyarrow import csv

        csv.write_csv(found, sink)
    else:
        import pyarrow.parquet as pq

        pq.write_table(found, sink, compression="zstd")
    body: bytes = sink.getvalue().to_pybytes()
    return body


def _show(found: pa.Table, done: Kept | None, out: str | None, screen: Screen) -> None:
    by = ["namespace", "name", "statistic"]
    sums = found.group_by(by, use_threads=False).aggregate(
        [("value", "count"), ("time", "min"), ("time", "max"), ("value", "sum")]
    )
    rows = sums.sort_by([(name, "ascending") for name in by]).to_pylist()
    lines = [] if not rows else table(_SERIES, [_cells(row) for row in rows], screen_width())
    said = f"  kept of this span: {found.num_rows:,}"
    if done is not None:
        said += f"; read now: {done.points:,}; files written: {len(done.written)}"
    lines += [said, *([f"  written: {out}"] if out else [])]
    body = {
        "points": found.num_rows,
        "read": None if done is None else done.points,
        "written": [] if done is None else list(done.written),
        "file": out,
        "first": _instant(pc.min(found["time"])),
        "last": _instant(pc.max(found["time"])),
    }
    screen.result(lines, body)


def _cells(row: dict[str, object]) -> tuple[str, ...]:
    return (
        f"{row['namespace']} {row['name']}",
        str(row["statistic"]),
        f"{row['value_count']:,}",
        _minute(row["time_min"]),
        _minute(row["time_max"]),
        f"{row['value_sum']:,.0f}",
    )


def _minute(at: object) -> str:
    return str(at)[:16] + "Z"


def _instant(found: pa.Scalar) -> str | None:
    at = found.as_py()
    return None if at is None else at.isoformat().replace("+00:00", "Z")
