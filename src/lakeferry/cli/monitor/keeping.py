"""What `monitor series` does: pull series into files of ours, and show what is kept."""

import time
from dataclasses import dataclass
from functools import partial
from threading import Event as Flag

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.cli.columns import Column, screen_width, table
from lakeferry.cli.monitor.watching import Asked
from lakeferry.cli.named_file import write_file
from lakeferry.cli.render import Screen
from lakeferry.cli.units import parse_pairs
from lakeferry.errors import FerryError
from lakeferry.monitor.logs.read_paths import PathReader, read_paths
from lakeferry.monitor.series.keep import (
    Kept,
    Wanted,
    from_cloudwatch,
    keep,
    keep_points,
    read_series,
)
from lakeferry.monitor.series.kept import PATH_SERIES, path_points, wanted_metrics
from lakeferry.network.members import members_of
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store

Bounds = tuple[int | None, int | None]
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


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed."""

    store: str
    store_option: list[str] | None
    offline: bool
    out: str | None
    logs: str | None
    period_s: int


def series(wish: Wish, asked: Asked, *, screen: Screen, stop: Flag) -> int:
    """Bring the files up to date unless `offline`; show, and write, what is kept of the span."""
    out = wish.out
    if out is not None and not out.endswith(_FORMATS):
        raise FerryError(
            "LF-2001", f"`{out}` says no format", "--out", f"end it in {' or '.join(_FORMATS)}"
        )
    if wish.period_s % 60 or not 60 <= wish.period_s <= 86_400:
        raise FerryError(
            "LF-2001", f"--period {wish.period_s} is no period of CloudWatch's", "--period",
            "give a multiple of 60, at most 86400",
        )  # fmt: skip
    store = open_store(wish.store, parse_pairs(wish.store_option or [], "--store-option"))
    bounds = asked.bounds("")
    done = None
    if not wish.offline and wish.logs is None:
        done = _pull(store, asked, bounds, wish.period_s)
    if wish.logs is not None:
        done = _from_logs(store, wish.logs, asked, stop)
    deployment = asked.request.settings.deployment
    found = read_series(store, deployment, start_s=bounds[0], end_s=bounds[1])
    if out is not None:
        write_file(out, _file(found, out))
    _show(found, done, out, screen)
    return OK


def _pull(store: Store, asked: Asked, bounds: Bounds, period_s: int) -> Kept:
    """From CloudWatch."""
    settings, topology = asked.request.settings, asked.topology
    ours = (one.name for one in topology.found.rules if one.name.startswith(settings.prefix))
    metrics = wanted_metrics(topology, settings.watched_streams)
    wanted = Wanted(settings.deployment, metrics, tuple(ours), period_s)
    read = from_cloudwatch(asked.request.access)
    return keep(store, wanted, read, now_s=int(time.time()), start_s=bounds[0], end_s=bounds[1])


def _from_logs(store: Store, logs: str, asked: Asked, stop: Flag) -> Kept:
    """The bytes of each path and minute, from flow logs. Minutes are whole or left out."""
    place, fields = asked.place(logs)
    start, end = asked.bounds(place)
    start = None if start is None else -(-start // 60) * 60
    end = None if end is None else end // 60 * 60
    reader = PathReader.of(members_of(asked.topology), PATH_SERIES, start_s=start, end_s=end)
    events = partial(asked.log_events, (start, end))
    read_paths(
        place, reader, fields=fields, options=asked.options(place), log_events=events, stop=stop
    )
    deployment = asked.request.settings.deployment
    return keep_points(store, deployment, path_points(reader.totals.table()))


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
