"""Alarms and graphs of Kinesis streams: what is read late, refused, or soon lost.

`GetRecords.IteratorAgeMilliseconds` is that of the slowest consumer that polls; one with enhanced
fan-out is not in it. A stream that nobody reads has no such metric, so silence is taken for the
worst where records can be lost.

Source: Kinesis Data Streams Developer Guide, "Monitor the Amazon Kinesis Data Streams service with
Amazon CloudWatch" (names, statistics); CloudWatch User Guide, "Using metric math".
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted import thresholds
from lakeferry.monitor.wanted.alarm_parts import (
    LESS,
    Kind,
    alarm,
    expression,
    limit_of,
    service_metric,
)
from lakeferry.network.resources import Alarm

KINESIS = "AWS/Kinesis"
AGE = "GetRecords.IteratorAgeMilliseconds"

# By the names that the manifest uses, and in what a limit for one is given.
ALARMS: Mapping[str, str] = {
    "stream-behind": "seconds",
    "stream-loss": "seconds",  # left until retention takes what was not read
    "stream-read-throttled": "count",
    "stream-write-throttled": "count",
    "stream-read-failed": "share",  # of calls that succeed
    "stream-put-failed": "count",  # records a minute
}

# Of a stream: CloudWatch's statistics by metric, as graphs and series show them.
METRICS: Mapping[str, tuple[str, ...]] = {
    "Sum": (
        "IncomingBytes", "IncomingRecords", "GetRecords.Bytes", "GetRecords.Records",
        "ReadProvisionedThroughputExceeded", "WriteProvisionedThroughputExceeded",
        "PutRecords.FailedRecords", "PutRecords.ThrottledRecords",
    ),
    "Maximum": (AGE,),
}  # fmt: skip

_MINUTES = Kind(60, 3, 5, "notBreaching")
_LATE = Kind(60, 3, 5, "missing")
_LOSS = Kind(300, 3, 3, "breaching", comparison=LESS)
_FAILING = Kind(60, 3, 5, "notBreaching", comparison=LESS)


def stream_alarms(settings: MonitorSettings) -> Iterator[Alarm]:
    """Of each stream that is watched."""
    for name in settings.watched_streams:
        yield from _counts(name, settings)
        yield from _loss(name, settings)


def _counts(name: str, settings: MonitorSettings) -> Iterator[Alarm]:
    retention_s = settings.retention_s(name)
    age = thresholds.iterator_age_ms(settings.lag_target_s, retention_s)
    for what, metric, statistic, usual, kind, said in (
        ("behind", AGE, "Maximum", age, _LATE, "is read late"),
        (
            "read-throttled", "ReadProvisionedThroughputExceeded", "Sum", 0.0, _MINUTES,
            "is read faster than its shards allow",
        ),
        (
            "write-throttled", "WriteProvisionedThroughputExceeded", "Sum", 0.0, _MINUTES,
            "is written faster than its shards allow",
        ),
        (
            "read-failed", "GetRecords.Success", "Average", thresholds.SUCCEEDING, _FAILING,
            "refuses more than a tenth of the calls that read it",
        ),
        (
            "put-failed", "PutRecords.FailedRecords", "Sum", 0.0, _MINUTES,
            "fails to take records: producers must send them again",
        ),
    ):  # fmt: skip
        limit = limit_of(settings, f"stream-{what}", usual, 60)
        if limit is not None:
            query = service_metric(KINESIS, metric, {"StreamName": name}, statistic, kind.period_s)
            suffix = f"stream-{what}.{name}"
            yield alarm(settings, suffix, f"stream {name} {said}", (query,), limit, kind)


def _loss(name: str, settings: MonitorSettings) -> Iterator[Alarm]:
    """The one that matters: how long until what was not read is gone, in milliseconds."""
    retention_s = settings.retention_s(name)
    limit = limit_of(settings, "stream-loss", 1000 * thresholds.loss_s(retention_s), 300)
    if limit is None:
        return
    age = service_metric(
        KINESIS, AGE, {"StreamName": name}, "Maximum", _LOSS.period_s, returned=False
    )
    left = expression("left", f"{round(1000 * retention_s)} - m1", _LOSS.period_s)
    said = (
        f"stream {name}: what was not read will soon be gone, or nobody reads it; read faster, or "
        "raise its retention now"
    )
    yield alarm(settings, f"stream-loss.{name}", said, (age, left), limit, _LOSS)


def stream_notes(settings: MonitorSettings) -> Iterator[str]:
    """Where a retention could only be supposed."""
    supposed = [one for one in settings.watched_streams if one not in settings.retentions_s]
    if supposed:
        yield (
            f"no stream {', '.join(supposed)} was found: its alarms suppose that records are kept "
            "for 24 hours, until an apply finds it"
        )


# ---- graphs

Rows = list[list[Any]]
Graph = tuple[str, Rows, str, Sequence[Mapping[str, Any]]]  # title, rows, unit, lines


def stream_graphs(settings: MonitorSettings) -> Iterator[Graph]:
    """What the dashboard shows of each stream."""
    for name in settings.watched_streams:
        yield f"Stream {name}", _rates(name, ("IncomingBytes", "GetRecords.Bytes")), "Gbit/s", ()
        counts = _rows(name, "Sum", ("IncomingRecords", "GetRecords.Records"))
        yield f"Stream {name}: records", counts, "a minute", ()
        retention_ms = round(1000 * settings.retention_s(name))
        line = {"label": "gone from here on", "value": retention_ms}
        late = _rows(name, "Maximum", (AGE,))
        yield f"Stream {name}: how late it is read", late, "ms", (line,)
        refused = _rows(name, "Sum", METRICS["Sum"][4:])
        yield f"Stream {name}: refused", refused, "a minute", ()


def _rows(name: str, statistic: str, metrics: Sequence[str]) -> Rows:
    options = {"stat": statistic, "period": 60}
    return [[KINESIS, metric, "StreamName", name, dict(options)] for metric in metrics]


def _rates(name: str, metrics: Sequence[str]) -> Rows:
    """Two rows a metric: bytes of a minute, hidden, and Gbit/s."""
    rows: Rows = []
    for number, metric in enumerate(metrics, start=1):
        id = f"m{number}"
        hidden = {"id": id, "stat": "Sum", "period": 60, "visible": False}
        rows.append([KINESIS, metric, "StreamName", name, hidden])
        rate = f"{id}*8/PERIOD({id})/1000000000"
        rows.append([{"expression": rate, "id": f"g{number}", "label": metric}])
    return rows
