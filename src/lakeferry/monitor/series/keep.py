"""Pull series from CloudWatch into Parquet files of ours, one a day, before they are forgotten.

Doing it twice equals doing it once: points are known by their time and name, and a newer reading
takes the place of an older one. A file is written whole or not at all.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.aws.read_metrics import KEPT_S, Point, WantedMetric, metric_points, rule_points
from lakeferry.connect.aws import AwsAccess
from lakeferry.errors import FerryError
from lakeferry.monitor.series.kept import (
    SCHEMA,
    by_day,
    days_between,
    folder_of,
    merged,
    path_of,
    points_table,
)
from lakeferry.monitor.series.one_writer import one_writer
from lakeferry.store.protocol import Store, read_all

LATE_S = 7200  # points may still change for so long
_MOST_POINTS = 200_000  # at once in memory


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to keep of one deployment."""

    deployment: str
    metrics: tuple[WantedMetric, ...]
    rules: tuple[str, ...]  # names
    period_s: int = 60
    contributors: int = 10


@dataclass(frozen=True, slots=True)
class Kept:
    """What one pull did."""

    start_s: int  # what was asked for; of points that were given, the first and the last
    end_s: int
    points: int  # that were read
    written: tuple[str, ...]  # files that changed


Reader = Callable[[Wanted, int, int], Iterable[Point]]


def from_cloudwatch(access: AwsAccess) -> Reader:
    """Reads all series of a deployment from CloudWatch."""

    def read(wanted: Wanted, start_s: int, end_s: int) -> Iterator[Point]:
        yield from metric_points(
            access, wanted.metrics, start_s=start_s, end_s=end_s, period_s=wanted.period_s
        )
        for rule in wanted.rules:
            yield from rule_points(
                access, rule, start_s=start_s, end_s=end_s, period_s=wanted.period_s,
                contributors=wanted.contributors,
            )  # fmt: skip

    return read


def keep(
    store: Store,
    wanted: Wanted,
    read: Reader,
    *,
    now_s: int,
    start_s: int | None = None,
    end_s: int | None = None,
) -> Kept:
    """Bring the files of a deployment up to date.

    Args:
        start_s: what to ask for; None: from a while before the end of the last run that came to
            its end, for late points, and at most as far back as CloudWatch remembers.

    Two that keep one deployment at once wait for each other while they write.

    Raises:
        FerryError: LF-6251, LF-6252, LF-6254, LF-1201 to LF-1206, and those of the store.
    """
    oldest = now_s - KEPT_S
    begin = max(oldest, start_s if start_s is not None else _next(store, wanted.deployment, oldest))
    begin = begin // wanted.period_s * wanted.period_s
    end = min(now_s, end_s if end_s is not None else now_s)
    done = keep_points(store, wanted.deployment, read(wanted, begin, end))
    if start_s is None:
        _mark(store, wanted.deployment, end)
    return replace(done, start_s=begin, end_s=end)


def keep_points(store: Store, deployment: str, points: Iterable[Point]) -> Kept:
    """Put points into the files of their days. Raises as `keep` does."""
    written: dict[str, None] = {}
    count, first, last = 0, 0, 0
    for part in _parts(points):
        count += len(part)
        times = [one.at_s for one in part]
        first, last = min(first or times[0], *times), max(last, *times)
        with one_writer(store, folder_of(deployment)):
            for day, rows in by_day(points_table(part)).items():
                path = path_of(deployment, day)
                if _put(store, path, rows):
                    written[path] = None
            store.settle()
    return Kept(first, last, count, tuple(written))


def read_series(
    store: Store, deployment: str, *, start_s: int | None = None, end_s: int | None = None
) -> pa.Table:
    """All that is kept of a deployment with start <= time < end, as one table of `series.SCHEMA`.

    Raises:
        FerryError: LF-6252 for a file that cannot be read.
    """
    wanted = None
    if start_s is not None and end_s is not None:
        wanted = {path_of(deployment, day) for day in days_between(start_s, end_s)}
    found = sorted(one for one in _paths(store, deployment) if wanted is None or one in wanted)
    tables = [_read(store, path) for path in found]
    whole = pa.concat_tables(tables) if tables else SCHEMA.empty_table()
    seconds = whole["time"].cast(pa.int64()).to_numpy()
    inside = (seconds >= (start_s if start_s is not None else seconds)) & (
        seconds < (end_s if end_s is not None else seconds + 1)
    )
    return whole.filter(pa.array(inside))


def _parts(points: Iterable[Point]) -> Iterator[list[Point]]:
    part: list[Point] = []
    for point in points:
        part.append(point)
        if len(part) >= _MOST_POINTS:
            yield part
            part = []
    if part:
        yield part


def _paths(store: Store, deployment: str) -> Iterator[str]:
    for meta in store.list(folder_of(deployment)):
        if meta.path.endswith("/series.parquet"):
            yield meta.path


def _next(store: Store, deployment: str, oldest: int) -> int:
    """From when on to ask. Without the mark, or with an odd one, all is asked for once more."""
    try:
        until = orjson.loads(read_all(store, _marker(deployment)))["until"]
    except (FileNotFoundError, orjson.JSONDecodeError, KeyError, TypeError):
        return oldest
    return until - LATE_S if isinstance(until, int) else oldest


def _mark(store: Store, deployment: str, until_s: int) -> None:
    body = orjson.dumps({"until": until_s})
    store.write(_marker(deployment), [body], size=len(body))


def _marker(deployment: str) -> str:
    return f"{folder_of(deployment)}/_until.json"  # readers of tables leave out names with `_`


def _put(store: Store, path: str, rows: pa.Table) -> bool:
    """Write the day with new rows in it; False where it holds all of them already."""
    older = _read(store, path) if store.head(path) is not None else SCHEMA.empty_table()
    whole = merged(older, rows)
    if whole.equals(older):
        return False
    sink = pa.BufferOutputStream()
    pq.write_table(whole, sink, compression="zstd")
    body = sink.getvalue().to_pybytes()
    store.write(path, [body], size=len(body))
    return True


def _read(store: Store, path: str) -> pa.Table:
    try:
        table = pq.read_table(pa.BufferReader(read_all(store, path)), columns=SCHEMA.names)
        return table.cast(SCHEMA)
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        raise FerryError(
            "LF-6252",
            f"a file of kept series cannot be read: {str(error)[:200]}",
            f"{store.url}/{path}",
            "move it away; what CloudWatch still has is fetched again",
        ) from error
