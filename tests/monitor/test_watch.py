"""A watch says what each path has moved, how fast, and how that stands to the plan."""

import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow.compute as pc
import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from lakeferry.errors import FerryError
from lakeferry.monitor.logs.increments import StoredLogs
from lakeferry.monitor.logs.metrics_page import MetricsPage, Snapshot, is_loopback, parse_address
from lakeferry.monitor.logs.watch import WORKERS, Watch, WatchView, expected_bytes, is_behind
from lakeferry.network.flow_batch import FlowBatch, ReadReport
from lakeferry.network.resources import PlannedFlow
from lakeferry.store.open import open_store
from tests.corpora import required
from tests.network.sample_scenario import NAT_GATEWAY, SAMPLE, topology

BEGIN = 1_795_428_000
PLAN = (
    PlannedFlow("nat_gateway", 12_000_000_000, 2400),
    PlannedFlow("s3_gateway", 7_000_000_000, 1400),
    PlannedFlow("privatelink", 1_000_000, 1400),
)


def sample() -> Iterator[FlowBatch]:
    logs = StoredLogs(open_store(str(required(SAMPLE) / "custom")), ReadReport())
    yield from logs.look()


def watched(**options: object) -> Watch:
    watch = Watch(topology(), **options)  # type: ignore[arg-type]
    for batch in sample():
        watch.add(batch)
    return watch


def test_each_path_stands_beside_its_plan() -> None:
    view = watched(planned=PLAN).view()
    nat = next(one for one in view.paths if one.path == "nat_gateway")
    assert (nat.device, nat.bytes, nat.planned_bytes) == (NAT_GATEWAY, 5_832_965_067, 12 * 10**9)
    assert nat.share == pytest.approx(0.48608)
    assert nat.planned_per_s == 5_000_000
    assert nat.usd == Decimal(5_832_965_067) / 2**30 * Decimal("0.045")
    assert nat.left_s == pytest.approx((12e9 - 5_832_965_067) / nat.bytes_per_s)
    assert nat.finding.startswith("not ours: subnet-")
    assert view.bytes == sum(one.bytes for one in view.paths) == 22_020_842_044


def test_a_planned_path_that_carries_nothing_is_shown() -> None:
    view = watched(planned=PLAN).view()
    idle = view.paths[-1]
    assert (idle.path, idle.bytes, idle.finding) == ("privatelink", 0, "carries nothing yet")


def test_a_rate_is_that_of_the_last_whole_minutes() -> None:
    watch = watched()
    minutes: Counter[int] = Counter()
    for row in watch._totals.table().to_pylist():
        if row["path"] == "kinesis":
            minutes[row["minute"]] += row["bytes"]
    newest = max(minutes)
    last = sum(octets for minute, octets in minutes.items() if newest - 900 <= minute < newest)
    assert newest == watch.newest_s // 60 * 60
    assert watch.rates()["kinesis", "vpce-03"] == pytest.approx(last / 900)


def test_a_rate_of_few_minutes_is_that_of_those_minutes() -> None:
    watch = watched(start_s=BEGIN + 960)
    rows = [row for row in watch._totals.table().to_pylist() if row["path"] == "kinesis"]
    whole = sum(row["bytes"] for row in rows if row["minute"] < BEGIN + 1140)
    assert watch.rates()["kinesis", "vpce-03"] == pytest.approx(whole / 180)


def test_minutes_that_are_past_are_added_up_and_change_nothing() -> None:
    watch = watched()
    late = Watch(topology())
    for hours in range(6):
        for batch in sample():
            start = pc.add(batch.rows["start"], hours * 3600)
            at = batch.rows.schema.get_field_index("start")
            late.add(replace(batch, rows=batch.rows.set_column(at, "start", start)))
    assert late._totals.table().num_rows < 3 * watch._totals.table().num_rows + 1
    assert late.totals() == {key: 6 * octets for key, octets in watch.totals().items()}


def test_workers_that_come_and_go_take_no_room() -> None:
    interfaces = {key[2] for key in watched().totals()}
    assert interfaces == {
        WORKERS, "eni-2ebf3b9ef45fff556", "eni-22a68ee68ef619975", "eni-3a0d609d1370acf11",
        "eni-174855dff291f7492", "eni-c7196bf7dafdb41d0",
    }  # fmt: skip


def test_rows_from_before_the_plan_are_not_counted() -> None:
    watch = watched(start_s=BEGIN + 600)
    assert 0 < watch.view().bytes < watched().view().bytes


def test_a_path_is_behind_below_nine_tenths_of_what_the_plan_has_by_now() -> None:
    nat = next(one for one in watched(planned=PLAN).view().paths if one.path == "nat_gateway")
    assert expected_bytes(nat, BEGIN, BEGIN + 1200) == 6_000_000_000
    assert not is_behind(nat, BEGIN, BEGIN + 1200)  # 5.83 of 6.0 GB
    assert is_behind(nat, BEGIN, BEGIN + 1300)  # of 6.5 GB
    assert expected_bytes(nat, BEGIN, BEGIN + 10**6) == 12 * 10**9
    assert expected_bytes(nat, BEGIN, BEGIN - 60) == 0


def test_a_watch_without_rows_has_nothing_to_show() -> None:
    view = Watch(topology()).view()
    assert (view.paths, view.bytes, view.at_s, view.is_fine) == ((), 0, 0, True)


# ---- metrics


@pytest.fixture
def page() -> Iterator[MetricsPage]:
    page = MetricsPage()
    yield page
    page.close()


def snapshot() -> Snapshot:
    watch = watched(planned=PLAN)
    alarms = {"lakeferry-m1.s3-leak": "ALARM", 'odd "name"\\': "OK"}
    return Snapshot(watch.view(bad_lines=3), watch.totals(), alarms)


def scraped(address: str, accept: str = "text/plain") -> tuple[str, str]:
    request = urllib.request.Request(f"http://{address}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def test_prometheus_reads_what_a_watch_shows(page: MetricsPage) -> None:
    page.shown = snapshot()
    _, text = scraped(page.serve("127.0.0.1:0"))

    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }
    octets = {key: value for key, value in found.items() if key[0] == "lakeferry_bytes_total"}
    assert sum(octets.values()) == 22_020_842_044
    up = (("direction", "up"), ("interface", WORKERS), ("path", "s3_gateway"))
    assert found["lakeferry_bytes_total", up] == 6_675_181_564
    nat = (("path", "nat_gateway"),)
    leak = (("device", NAT_GATEWAY), *nat)
    assert found["lakeferry_leak_bytes_total", leak] == 621_319_811
    assert found["lakeferry_planned_bytes", nat] == 12 * 10**9
    assert found["lakeferry_planned_bytes_per_second", nat] == 5_000_000
    assert found["lakeferry_flow_skipped_rows_total", ()] == 2
    assert found["lakeferry_flow_bad_lines_total", ()] == 3
    assert found["lakeferry_flow_newest_timestamp_seconds", ()] == page.shown.view.at_s
    states = {
        dict(labels)["state"]: value
        for (name, labels), value in found.items()
        if name == "lakeferry_alarm_state" and ("alarm", "lakeferry-m1.s3-leak") in labels
    }
    assert states == {"ALARM": 1, "INSUFFICIENT_DATA": 0, "OK": 0}


def test_open_metrics_is_spoken_to_whoever_asks_for_it(page: MetricsPage) -> None:
    page.shown = snapshot()
    kind, text = scraped(page.serve("127.0.0.1:0"), "application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    families = openmetrics.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    names = {family.name for family in families}
    assert {"lakeferry_bytes", "lakeferry_alarm_state"} <= names


def test_before_the_first_look_there_is_nothing_to_scrape(page: MetricsPage) -> None:
    _, text = scraped(page.serve("127.0.0.1:0"))
    assert list(text_string_to_metric_families(text)) == []


def test_a_file_holds_the_same(tmp_path: Path, page: MetricsPage) -> None:
    page.shown = snapshot()
    page.write(str(tmp_path / "lakeferry.prom"))
    assert (tmp_path / "lakeferry.prom").read_text() == scraped(page.serve("127.0.0.1:0"))[1]
    assert [one.name for one in tmp_path.iterdir()] == ["lakeferry.prom"]


def test_a_port_that_is_taken_is_named(page: MetricsPage) -> None:
    address = page.serve("127.0.0.1:0")
    other = MetricsPage()
    with pytest.raises(FerryError, match=f"LF-2001[^\0]*{address}"):
        other.serve(address)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("9464", ("127.0.0.1", 9464)),  # nobody else can ask unless that is said
        (":9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_an_address_is_this_machine_s_unless_it_says_another(
    text: str, address: tuple[str, int]
) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "here", "127.0.0.1:", "127.0.0.1:99999"])
def test_no_address_is_refused(text: str) -> None:
    with pytest.raises(FerryError, match="LF-2001"):
        parse_address(text)


def test_loopback_is_known() -> None:
    assert [is_loopback(one) for one in ("127.0.0.1", "::1", "localhost", "0.0.0.0")] == [
        True, True, True, False,
    ]  # fmt: skip


def test_a_view_is_a_value() -> None:
    assert isinstance(watched().view(), WatchView)
    assert watched().view() == watched().view()
