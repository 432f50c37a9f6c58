"""`monitor top`, `watch` and `alarms` on a folder of flow logs, with a network that was saved."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from lakeferry.cli.monitor.flow_answers import plain_line
from lakeferry.cli.monitor.live_paths import live_lines
from lakeferry.cli.monitor.plain_paths import PlainPaths
from lakeferry.cli.render import TextScreen
from lakeferry.monitor.logs.watch import Fault, PathFlow, WatchView
from lakeferry.monitor.wanted.desired import desired
from lakeferry.network.resources import Alarm, FlowLog, InsightRule
from lakeferry.network.saved_topology import topology_text
from tests.cli.program import LAKEFERRY, called, json_lines
from tests.corpora import required
from tests.monitor.wishes import full, of_kind, with_found
from tests.network.sample_scenario import NAT_GATEWAY, SAMPLE, topology
from tests.servers import free_port

PLAN = ("--planned-bytes", "10GiB", "--planned-days", "0.02", "--planned-start",
        "2026-11-23T10:00:00Z")  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Flow logs in `logs`, and the network in `network.json`."""
    required(SAMPLE)
    (tmp_path / "logs").mkdir()
    for file in (SAMPLE / "custom").rglob("*.gz"):
        shutil.copy(file, tmp_path / "logs")
    (tmp_path / "network.json").write_bytes(topology_text(topology()))
    return tmp_path


SAVED = ("--topology", "network.json")


def test_top_names_the_greatest_paths(folder: Path) -> None:
    ended = called("monitor", "top", "logs", *SAVED, folder=folder)
    lines = ended.stdout.splitlines()
    assert ended.returncode == 0
    assert lines[0].split() == ["path", "through", "bytes", "share"]
    assert lines[1].split() == ["s3_gateway", "vpce-01", "6.7", "GB", "30.6", "%"]
    assert sum("not ours: subnet-" in line for line in lines) == 2
    assert "  22.0 GB in 20 min 45 s, 6 shown" in lines
    assert "  AWS left records out: 2 rows of SKIPDATA" in lines
    assert f"  4,771 B reached {NAT_GATEWAY} and went no further; not counted" in lines


def test_top_names_the_fields_that_would_tell_more_and_how_to_get_them(folder: Path) -> None:
    v2 = str(SAMPLE / "v2")

    whole = called("monitor", "top", "logs", *SAVED, folder=folder)
    ended = called("monitor", "top", v2, *SAVED, folder=folder)

    assert "lacks" not in whole.stdout
    said, next_step = ended.stdout.splitlines()[-2:]
    assert said.startswith("  the log lacks pkt-srcaddr, pkt-dstaddr, pkt-src-aws-service, ")
    assert next_step.endswith("lakeferry monitor plan --flow-log-format v5-nat")


def test_top_says_that_no_row_is_of_the_time(folder: Path) -> None:
    log = "2 1 eni-1 10.0.0.1 10.0.0.2 443 49152 6 10 840 1439387263 1439387264 ACCEPT OK\n"
    (folder / "one.log").write_text(log)

    some = called("monitor", "top", "one.log", *SAVED, folder=folder)
    none = called("monitor", "top", "one.log", *SAVED, "--last", "1 h", folder=folder)

    assert "no row of a flow log" not in some.stdout
    assert "no row of a flow log in this time; choose another with --last" in none.stdout


def test_top_looks_at_rows_that_are_made_up_where_none_exist(folder: Path) -> None:
    ended = called("monitor", "top", "generated:10min", *SAVED, folder=folder)

    assert ended.returncode == 0
    assert any(line.split()[:1] == ["s3_gateway"] for line in ended.stdout.splitlines())
    assert "in 10 min 0 s, " in ended.stdout


def test_one_bad_line_is_one(folder: Path) -> None:
    (folder / "one.log").write_text(
        "2 1 eni-1 10.0.0.1 10.0.0.2 443 49152 6 10 840 1439387263 1439387264 ACCEPT OK\nodd\n"
    )

    ended = called("monitor", "top", "one.log", *SAVED, folder=folder)

    assert "  1 bad line" in ended.stdout.splitlines()


@pytest.mark.parametrize("by", ["eni", "src", "dst", "port", "path", "worker", "remote"])
def test_top_answers_by_what_is_asked(folder: Path, by: str) -> None:
    ended = called("monitor", "top", "logs", *SAVED, "--by", by, "--json", "--limit", "999",
                  folder=folder)  # fmt: skip
    found = json_lines(ended)
    flows = [line for line in found if line["type"] == "flow"]
    assert {line["by"] for line in flows} == {by}
    assert sum(line["bytes"] for line in flows) == found[-1]["bytes"] == 22_020_842_044
    assert sum(line["leak_bytes"] for line in flows) == 1_130_145_821
    assert found[-1]["not_forwarded_bytes"][NAT_GATEWAY] == 4771
    assert found[-1]["rejected_bytes"] == 8228


def test_top_counts_only_the_time_that_is_asked_for(folder: Path) -> None:
    span = ("--start", "2026-11-23T10:05:00Z", "--end", "2026-11-23T10:06:00Z")
    found = json_lines(called("monitor", "top", "logs", *SAVED, *span, "--json", folder=folder))
    assert found[-1]["span_s"] == 60
    assert 0 < found[-1]["bytes"] < 2_000_000_000
    last = json_lines(
        called("monitor", "top", "logs", *SAVED, "--last", "1 h", "--end", "2026-11-23T11:00:00Z",
              "--json", folder=folder)
    )  # fmt: skip
    assert last[-1]["bytes"] == 22_020_842_044


@pytest.mark.parametrize("width", [60, 80, 120])
def test_top_fits_its_screen(folder: Path, width: int) -> None:
    ended = called("monitor", "top", "logs", *SAVED, "--by", "worker", folder=folder,
                  COLUMNS=str(width))  # fmt: skip
    table = ended.stdout.splitlines()
    assert max(len(line) for line in table if "SKIPDATA" not in line) <= width + 20
    assert max(len(line) for line in table[:4]) <= width


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("nowhere",), "LF-6205"),
        (("logs", "--last", "soon"), "LF-2001"),
        (("logs", "--format", "bogus"), "LF-6201"),
        (("logs", "--topology", "missing.json"), "LF-6253"),
        (("logs", "--topology", "logs"), "LF-6253"),
        ((), "LF-6205"),  # the saved network has no flow log
    ],
)
def test_a_wrong_question_is_refused(folder: Path, words: tuple[str, ...], code: str) -> None:
    saved = () if "--topology" in words else SAVED
    ended = called("monitor", "top", *words, *saved, folder=folder)
    assert ended.returncode == 2
    assert code in ended.stderr


def test_the_flow_log_of_the_network_says_where_its_rows_are(folder: Path) -> None:
    log = FlowLog("", "vpc-1", "VPC", "ALL", "cloud-watch-logs", "/flow", "", ("bytes",), 60)
    network = with_found(flow_logs=(log,))
    (folder / "network.json").write_bytes(topology_text(network))
    ended = called("monitor", "top", *SAVED, folder=folder)
    assert "Region" in ended.stderr  # which a log group needs, and nothing names


@pytest.mark.parametrize("words", [("top", "-", *SAVED), ("prove", "rules.json", "-")])
def test_who_waits_for_rows_that_do_not_come_ends_at_once_when_told(
    folder: Path, words: tuple[str, ...]
) -> None:
    made = of_kind(desired(topology(), full(planned=())), InsightRule)
    (folder / "rules.json").write_text(json.dumps({one.name: json.loads(one.body) for one in made}))
    process = subprocess.Popen(
        [LAKEFERRY, "monitor", *words], cwd=folder, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(3)  # until it waits, or half way there

    process.send_signal(signal.SIGINT)
    process.wait(timeout=25)  # what has something in flight has 30 s

    out, told = process.communicate()
    assert process.returncode == 130
    assert (out, "stopping" in told) == ("", False)


# ---- watch


def test_a_look_shows_each_path_beside_its_plan(folder: Path) -> None:
    ended = called("monitor", "watch", "logs", *SAVED, "--once", *PLAN, folder=folder)
    lines = ended.stdout.splitlines()
    assert ended.returncode == 3  # S3 through NAT
    assert lines[0].split()[:5] == ["path", "through", "moved", "planned", "done"]
    assert lines[1].split()[:7] == ["s3_gateway", "vpce-01", "6.7", "GB", "10.7", "GB", "62.8"]
    assert lines[-1] == "  22.0 GB, rows until 2026-11-23T10:19Z, 2 skipped by AWS"


def test_a_look_without_anything_wrong_ends_with_0(tmp_path: Path) -> None:
    (tmp_path / "network.json").write_bytes(topology_text(topology()))
    (tmp_path / "logs").mkdir()
    ended = called("monitor", "watch", "logs", *SAVED, "--once", folder=tmp_path)
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "  0 B, no rows yet")


def test_a_look_at_logs_that_say_too_little_names_them_and_the_format_to_ask_for(
    folder: Path,
) -> None:
    (folder / "logs" / "short.log").write_text("interface-id srcaddr dstaddr\neni-1 10.0.0.1 -\n")

    ended = called("monitor", "watch", "logs", *SAVED, "--once", folder=folder)

    assert ended.returncode == 3
    assert ended.stdout.splitlines()[-1].endswith(", 1 log or question that failed")
    told, next_step = ended.stderr.splitlines()
    assert "short.log: the question needs bytes, packets, start" in told
    assert "${interface-id} ${srcaddr} ${dstaddr} ${bytes} ${packets} ${start}" in next_step


def test_a_fault_is_what_makes_a_look_end_with_3(tmp_path: Path) -> None:
    (tmp_path / "network.json").write_bytes(topology_text(topology()))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "cut.log.gz").write_bytes(gzip.compress(b"2 1 eni-1\n")[:-8])

    ended = called("monitor", "watch", "logs", *SAVED, "--once", folder=tmp_path)

    assert ended.returncode == 3
    assert "cut.log.gz" in ended.stderr


def test_a_fault_that_stays_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    screen = TextScreen(quiet=False, verbose=False, progress="none")

    with PlainPaths(screen, None, once=False) as paint:
        paint(VIEW)
        paint(VIEW)

    shown = capsys.readouterr()
    assert shown.err.count("next: wait") == 1
    assert len(shown.out.splitlines()) == 2


def test_json_lines_tell_how_each_path_stands(folder: Path) -> None:
    found = json_lines(
        called("monitor", "watch", "logs", *SAVED, "--once", *PLAN, "--json", folder=folder)
    )
    paths = {line["path"]: line for line in found if line["type"] == "flow"}
    assert paths["s3_gateway"]["bytes"] == 6_741_933_325
    assert paths["s3_gateway"]["planned_bytes"] == 10 * 2**30
    assert paths["s3_gateway"]["expected_bytes"] == round(10 * 2**30 / 1728 * 1140)
    assert paths["s3_gateway"]["behind"] is False
    assert paths["kinesis"]["planned_bytes"] is None
    assert paths["nat_gateway"]["leak_bytes"] == 621_319_811


@pytest.fixture
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A watch that looks every 0.2 s and serves its metrics."""
    for late in sorted((folder / "logs").iterdir())[2:]:
        late.rename(folder / late.name)
    port = free_port()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    process = subprocess.Popen(
        [LAKEFERRY, "monitor", "watch", "logs", *SAVED, "--interval", "0.2", "--metrics",
         f"127.0.0.1:{port}", "--metrics-file", "lakeferry.prom"],
        cwd=folder, env=kept, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    yield process, port
    process.kill()
    process.wait()
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()


def total(port: int) -> int:
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return -1
    return round(sum(float(one.split()[-1]) for one in lines
                     if one.startswith("lakeferry_bytes_total{")))  # fmt: skip


def until(port: int, least: int, most: int) -> bool:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if least <= total(port) <= most:
            return True
        time.sleep(0.1)
    return False


def wait_for_another(file: Path) -> None:
    before, deadline = file.stat().st_mtime_ns, time.monotonic() + 120
    while file.stat().st_mtime_ns == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_watch_takes_what_comes_and_ends_when_it_is_told(
    folder: Path, running: tuple[subprocess.Popen[str], int]
) -> None:
    process, port = running
    assert until(port, 10_000_000_000, 12_000_000_000)  # two of five files
    for late in sorted(folder.glob("*.log.gz")):
        shutil.copy(late, folder / "logs" / f".{late.name}")  # a name that is not looked at
        (folder / "logs" / f".{late.name}").rename(folder / "logs" / late.name)
    assert until(port, 22_020_842_044, 22_020_842_044)
    for _ in range(2):  # another look is begun when this one is shown
        wait_for_another(folder / "lakeferry.prom")
    assert "lakeferry_bytes_total{" in (folder / "lakeferry.prom").read_text()
    process.send_signal(signal.SIGINT)
    out, told = process.communicate(timeout=90)
    assert process.returncode == 130
    assert told.splitlines() == [f"  metrics: http://127.0.0.1:{port}/metrics", "  stopped"]
    assert "  22.0 GB  " in out.splitlines()[-1]
    assert "leak 1.1 GB" in out.splitlines()[-1]


FLOW = PathFlow("nat_gateway", "nat-1", 5 * 10**9, 10**9, 1e6, 10**10, 2e6, None, "leaks " * 20)
VIEW = WatchView(1_795_428_000, (FLOW,), 10, 2, 1, 0, (Fault("no answer " * 20, "wait"),), ())
SIGNS = {"ok": "ok", "warning": "!", "error": "x"}


def test_a_plain_line_says_it_all() -> None:
    assert plain_line(VIEW, "10:00:00") == (
        "10:00:00  5.0 GB  nat_gateway 5.0 GB of 10.0 GB 50.0 % 1.0 MB/s  leak 1.0 GB"
    )


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_live_table_never_wraps(width: int) -> None:
    lines = [line for line, _ in live_lines(VIEW, width, "10:00:00", SIGNS)]
    assert max(map(len, lines)) <= width
    assert "5.0 GB" in lines[1]
    assert sum(line.startswith("  x no answer") for line in lines) == 1


# ---- alarms


def test_past_logs_tell_when_alarms_would_have_fired(folder: Path) -> None:
    made = desired(topology(), full(planned=()))
    alarm = tuple(one for one in of_kind(made, Alarm) if one.name.endswith("s3-through-nat"))
    assert alarm
    network = with_found(rules=of_kind(made, InsightRule), alarms=alarm)
    (folder / "network.json").write_bytes(topology_text(network))
    ended = called("monitor", "alarms", "--logs", "logs", *SAVED, folder=folder)
    assert ended.returncode == 0, ended.stderr
    assert "s3-through-nat  would have fired once" in ended.stdout
    assert "5,146 events of 5 sources, 0 bad lines" in ended.stdout


def test_without_alarms_there_is_nothing_to_replay_and_that_is_said(folder: Path) -> None:
    ended = called("monitor", "alarms", "--logs", "logs", *SAVED, folder=folder)

    assert (ended.returncode, ended.stdout) == (0, "  no alarm of this deployment to replay\n")


def test_a_saved_network_does_not_say_how_alarms_stand(folder: Path) -> None:
    ended = called("monitor", "alarms", *SAVED, folder=folder)
    assert ended.returncode == 2
    assert "LF-6253" in ended.stderr


# ---- series


def test_bytes_of_each_path_are_kept_from_flow_logs(folder: Path) -> None:
    words = ("monitor", "series", "kept", "--name", "m1", "--region", "us-east-1", *SAVED)
    first = json_lines(called(*words, "--logs", "logs", "--json", folder=folder))
    again = json_lines(called(*words, "--logs", "logs", "--json", folder=folder))
    shown = called(*words, "--offline", "--out", "all.parquet", folder=folder)

    assert first[-1]["written"] == ["deployment=m1/day=2026-11-23/series.parquet"]
    assert (again[-1]["written"], again[-1]["points"]) == ([], first[-1]["points"])
    assert "flow-log nat_gateway leak" in shown.stdout
    kept = pq.read_table(folder / "all.parquet")
    assert sum(kept["value"].to_pylist()) == 22_020_842_044
    leaked = kept.filter(pc.equal(kept["name"], "nat_gateway leak"))
    assert sum(leaked["value"].to_pylist()) == 621_319_811


def test_a_file_of_another_format_is_refused(folder: Path) -> None:
    ended = called("monitor", "series", "kept", "--name", "m1", "--region", "us-east-1", *SAVED,
                  "--offline", "--out", "all.xlsx", folder=folder)  # fmt: skip
    assert (ended.returncode, "LF-2001" in ended.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("top", "logs", "--limit", "0"), "--limit"),
        (("top", "logs", "--last", "0 h"), "--last"),
        (("top", "logs", "--start", "soon"), "--start"),
        (("top", "logs", "--start", "2026-11-24", "--end", "2026-11-23"), "--start is not before"),
        (("watch", "logs", "--once", "--interval", "0"), "--interval"),
        (("watch", "logs", "--once", "--interval", "inf"), "--interval"),
        (("watch", "logs", "--once", "--late", "soon"), "--late"),
        (("watch", "logs", "--once", "--planned-bytes", "1GiB", "--planned-days", "nan"),
         "--planned-days"),
        (("watch", "logs", "--once", "--planned-bytes", "1GiB", "--planned-days", "1e-320"),
         "--planned-days"),
        (("series", "kept", "--vpc", "vpc-1", "--name", "m", "--from", "soon"), "--from"),
        (("series", "kept", "--vpc", "vpc-1", "--name", "m", "--period", "0"), "--period"),
        (("series", "kept", "--vpc", "vpc-1", "--name", "m", "--period", "90"), "--period"),
        (("watch", "logs", "--once", "--planned-bytes", "1GiB", "--planned-days", "1",
          "--planned-start", "soon"), "--planned-start"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_the_flag_that_says_it(
    folder: Path, words: tuple[str, ...], said: str
) -> None:
    ended = called("monitor", *words, *SAVED, folder=folder)

    assert ended.returncode == 2
    assert "LF-2001" in ended.stderr
    assert said in ended.stderr


def test_metrics_that_cannot_be_written_are_refused(folder: Path) -> None:
    words = ("logs", *SAVED, "--once", "--metrics-file", "no/such/folder/lakeferry.prom")

    ended = called("monitor", "watch", *words, folder=folder)

    assert ended.returncode == 2
    assert "LF-2004 the metrics cannot be written" in ended.stderr


@pytest.mark.parametrize("place", ["no/such/folder", "network.json"])
def test_a_watch_of_what_is_no_folder_is_refused(folder: Path, place: str) -> None:
    ended = called("monitor", "watch", place, *SAVED, "--once", folder=folder)

    assert ended.returncode == 2
    assert "LF-6205" in ended.stderr
