"""/metrics of an ingest."""

import re
from dataclasses import replace
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from lakeferry.ingest.events import Began, Progress
from lakeferry.ingest.metrics_page import IngestMetrics

BEGAN = Began("clicks", "clicks", "host", "s3://lake/clicks", 3, 2, "epoch 2", 2, 2, 1, 86_400.0)
PROGRESS = Progress(
    12.0, 100.5, 2e5, 1000, 990, 980, 4, 5, 0, 90_000, 50, 3, 1, 0, 2, 5, 4, 800, "shardId-1",
    1500, None, None, 2, paused={"shardId-2": "KMSDisabledException"}, lags={"shardId-1": 800},
    worker_rss=(1000,), commit_s=None,
)  # fmt: skip


def text(metrics: IngestMetrics) -> str:
    registry = CollectorRegistry()
    registry.register(metrics)
    return generate_latest(registry).decode()


def lines(metrics: IngestMetrics) -> dict[str, str]:
    found = (one for one in text(metrics).splitlines() if not one.startswith("#"))
    return dict(one.rsplit(" ", 1) for one in found)


def test_nothing_is_shown_before_anything_is_known() -> None:
    assert text(IngestMetrics()) == ""


def test_progress_is_shown_with_the_ingest_its_stream_and_its_table() -> None:
    metrics = IngestMetrics()
    metrics.take(BEGAN)
    metrics.take(PROGRESS)

    found = lines(metrics)

    of = '{ingest="clicks",stream="clicks",table="s3://lake/clicks"}'
    assert found["lakeferry_ingest_rows_committed_total" + of] == "980.0"
    assert found["lakeferry_ingest_bad_total" + of] == "4.0"
    assert found["lakeferry_ingest_behind_seconds" + of] == "0.8"
    assert found["lakeferry_ingest_table_behind_seconds" + of] == "1.5"
    assert found["lakeferry_ingest_version" + of] == "5.0"
    own = of.replace(",stream", ',shard="shardId-1",stream')
    assert found["lakeferry_ingest_shard_behind_seconds" + own] == "0.8"
    assert found["lakeferry_ingest_shard_paused" + own.replace("Id-1", "Id-2")] == "1.0"


def test_what_is_not_known_is_left_out_rather_than_0() -> None:
    metrics = IngestMetrics()
    metrics.take(BEGAN)
    metrics.take(PROGRESS)
    before = lines(metrics)
    metrics.take(replace(PROGRESS, retention_left_s=60.0))

    name = "lakeferry_ingest_retention_left_seconds"
    assert not any(one.startswith(name) for one in before)
    assert any(one.startswith(name) for one in lines(metrics))


def test_the_guide_names_every_metric_and_no_other() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "ingest-a-stream.md").read_text()
    table = guide.partition("| metric | |")[2].partition("\n\n")[0]
    cells = "".join(line.split(" | ")[0] for line in table.splitlines())
    named = {name.partition("{")[0] for name in re.findall(r"`([a-z_{}]+)`", cells)}
    metrics = IngestMetrics()
    metrics.take(BEGAN)
    metrics.take(PROGRESS)

    kinds = re.findall(r"^# TYPE lakeferry_ingest_(\w+) \w+$", text(metrics), re.MULTILINE)

    assert named == set(kinds)
