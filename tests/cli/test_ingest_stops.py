"""How `lakeferry ingest` ends when it is told to, as it is typed: what its exit code promises."""

import signal
from pathlib import Path

import pytest

from lakeferry.demo.kinesis_feed import Feed
from tests.cli.test_ingest import DDL, asked, ids, put, started, until, wait_for_version


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_commits_what_was_read_and_then_ends(
    tmp_path: Path, kinesis_feed: Feed, number: int, code: int
) -> None:
    put(kinesis_feed, 0, 20)
    words = asked(kinesis_feed, "clicks", "t", "--schema", DDL, "--flush", "1s")
    process = started(tmp_path, *words)
    wait_for_version(tmp_path / "t", 1)
    put(kinesis_feed, 20, 20)
    until(lambda: [one.served for one in kinesis_feed.truth().values()] == [((0, 39),)])

    process.send_signal(number)
    out, said = process.communicate(timeout=90)

    assert process.returncode == code, said
    assert "stopped, all that was read is committed" in out
    assert said.endswith("the same command goes on from there\n")
    assert ids(tmp_path / "t") == list(range(40))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_at_once_what_waits_for_a_stream_that_does_not_answer(
    tmp_path: Path, kinesis_feed: Feed, number: int, code: int
) -> None:
    kinesis_feed.wrong("hang", operation=None, seconds=300)
    process = started(tmp_path, *asked(kinesis_feed, "clicks", "t"))
    until(lambda: bool(kinesis_feed.counts().get("hang")))

    process.send_signal(number)
    process.communicate(timeout=90)

    assert process.returncode == code
    assert not (tmp_path / "t").exists()


def test_it_ends_with_its_workers_when_nobody_listens_any_more(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    put(kinesis_feed, 0, 5)
    words = asked(kinesis_feed, "clicks", "t", "--flush", "1s", "--json")
    process = started(tmp_path, *words)
    wait_for_version(tmp_path / "t", 1)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert process.stdout is not None

    process.stdout.close()
    put(kinesis_feed, 5, 5)
    code = process.wait(timeout=90)

    assert code == 128 + signal.SIGPIPE
    assert len(children) >= 1
    until(lambda: not any(Path(f"/proc/{child}/cmdline").exists() for child in children))
    assert process.stderr is not None
    assert process.stderr.read().count("Traceback") == 0


def test_a_stop_that_cannot_commit_what_was_read_is_a_failure_that_says_why(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    kinesis_feed.put("k", "no JSON")
    words = asked(kinesis_feed, "clicks", "t", "--schema", DDL, "--flush", "10min")
    process = started(tmp_path, *words)
    until(lambda: kinesis_feed.counts().get("GetRecords", 0) >= 3)  # the first one brings it
    (tmp_path / "t_rejected").rename(tmp_path / "moved")
    (tmp_path / "t_rejected").write_text("a file where the folder was")

    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=90)

    assert process.returncode == 1
    assert "LF-7056 not all that was read is committed" in said
    assert "worker 0 failed: LF-" in said
