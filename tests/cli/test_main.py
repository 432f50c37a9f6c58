"""The program as it is typed: exit codes, stdout for results, stderr for talk, JSON lines."""

import inspect
import json
import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from lakeferry.cli.json_lines import schema
from lakeferry.cli.main import main
from tests.cli.program import validator_of
from tests.clone.small import append, new_table
from tests.servers import versitygw

LAKEFERRY = str(Path(sys.executable).with_name("lakeferry"))
MANY = [f"f{number:02}" for number in range(60)]  # files of 10 bytes, in their order
SLOWLY = ("--limit-rate", "36kB/h", "--jobs", "1")  # such a file a second


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "LAKEFERRY_PROGRESS": "none"}
    command = [LAKEFERRY, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def lines(text: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    for line in found:
        validator_of(line["type"]).validate(line)
    assert [line["seq"] for line in found] == list(range(len(found)))
    assert (found[0]["type"], found[-1]["type"]) == ("start", "summary")
    return found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return new_table(tmp_path / "source", "a", "b")


def test_a_clone_and_a_second_run(source: Path, tmp_path: Path) -> None:
    first, second = run("clone", source, tmp_path / "t"), run("clone", source, tmp_path / "t")

    assert (first.returncode, second.returncode) == (0, 0)
    assert "cloned" in first.stdout
    assert "version 0 of the target holds source version 0" in first.stdout
    assert "up to date" in second.stdout
    assert first.stderr == ""


def test_json_lines_fit_the_published_schema(source: Path, tmp_path: Path) -> None:
    found = lines(run("clone", source, tmp_path / "t", "--json", "-v").stdout)

    assert [line["type"] for line in found] == [
        "start", "plan_item", "file", "file", "progress", "table", "summary",
    ]  # fmt: skip
    assert found[-1]["exit"] == 0
    assert found[-1]["num_copied_files"] == 2
    assert found[-1]["source_table_size"] == 20


def test_an_error_names_code_place_and_next_step(tmp_path: Path) -> None:
    ended = run("clone", tmp_path / "nowhere", tmp_path / "t")

    assert ended.returncode == 2
    assert "LF-2101" in ended.stderr
    assert "next:" in ended.stderr
    assert ended.stdout == ""


def test_an_error_is_a_line_too(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = run("clone", tmp_path / "empty", tmp_path / "t", "--json")

    assert [line["type"] for line in lines(ended.stdout)] == ["start", "error", "summary"]
    assert lines(ended.stdout)[-1]["exit"] == 2


@pytest.mark.parametrize(
    "words",
    [
        ["clone"],
        ["clone", "a", "b", "--bogus"],
        ["clone", "a", "b", "--mode", "sideways"],
        ["clone", "a", "b", "--limit-rate", "2 Mb/s"],
        ["clone", "a", "b", "--version", "1", "--timestamp", "2026-01-01"],
        ["clone", "a", "b", "--mode", "mirror", "--shallow"],
        ["sail"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_exit_2(words: list[str]) -> None:
    assert run(*words).returncode == 2


def test_someone_elses_commit_is_exit_3(source: Path, tmp_path: Path) -> None:
    run("clone", source, tmp_path / "t")
    append(tmp_path / "t", 1, "foreign")

    assert run("clone", source, tmp_path / "t").returncode == 3


def test_quiet_says_nothing_of_success(source: Path, tmp_path: Path) -> None:
    ended = run("clone", source, tmp_path / "t", "--quiet")

    assert (ended.stdout, ended.stderr) == ("", "")


def test_an_error_code_is_explained() -> None:
    ended = run("explain", "LF-5003")

    assert ended.returncode == 0
    assert "exit 3" in ended.stdout


def test_the_schema_of_json_lines_is_published() -> None:
    assert json.loads(run("explain", "events").stdout) == schema()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_cleanly_and_the_same_command_goes_on(
    tmp_path: Path, number: int, code: int
) -> None:
    source, target = new_table(tmp_path / "source", *MANY), tmp_path / "t"
    command = [LAKEFERRY, "clone", str(source), str(target), *SLOWLY]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    wait_for(target / MANY[0])

    process.send_signal(number)

    assert process.wait(60) == code
    assert not (target / "_delta_log/00000000000000000000.json").exists()
    assert run("clone", source, target).returncode == 0


def test_follow_goes_on_until_it_is_stopped(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "t"
    command = [LAKEFERRY, "clone", str(source), str(target), "--follow", "--interval", "0.1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(target / "_delta_log/00000000000000000000.json")
    append(source, 1, "c")
    wait_for(target / "_delta_log/00000000000000000001.json")

    process.send_signal(signal.SIGTERM)

    assert process.wait(60) == 143


@pytest.mark.server
def test_who_follows_outlives_a_store_that_does_not_answer(source: Path, tmp_path: Path) -> None:
    with versitygw.running(tmp_path / "s3") as server:
        target = f"{server.place}/t"
        options = [f"--target-option={name}={value}" for name, value in server.options.items()]
        command = [LAKEFERRY, "clone", str(source), target, *options, "--follow"]
        process = subprocess.Popen(
            [*command, "--interval", "0.2"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert "cloned" in process.stdout.readline()

    assert process.stderr is not None
    first = process.stderr.readline()
    process.send_signal(signal.SIGTERM)

    assert first.startswith("▲ LF-1003 ")
    assert "the next look is in 0.2 s" in first
    assert process.wait(60) == 143


@pytest.mark.parametrize(
    "words",
    [["--version", "0"], ["--timestamp", "2026-01-01"], ["--interval", "nan"], ["--dry-run"]],
    ids=" ".join,
)
def test_what_cannot_be_followed_is_refused(source: Path, tmp_path: Path, words: list[str]) -> None:
    ended = run("clone", source, tmp_path / "t", "--follow", *words)

    assert ended.returncode == 2
    assert "LF-2001" in ended.stderr
    assert not (tmp_path / "t").exists()


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_reading_of_logs_is_told(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lakeferry import events
    from lakeferry.clone.run import clone
    from lakeferry.explain import explain_table
    from lakeferry.verify.run import verify

    monkeypatch.setattr(events, "LOG_PULSE_S", 0)
    for do in (
        lambda tell: explain_table(str(source), emit=tell),
        lambda tell: clone(str(source), str(tmp_path / "t"), on_event=tell),
        lambda tell: clone(str(source), str(tmp_path / "m"), mode="mirror", on_event=tell),
        lambda tell: verify(str(source), str(tmp_path / "t"), on_event=tell),
    ):
        told: list[events.Event] = []
        do(told.append)

        read = [event.entries for event in told if isinstance(event, events.LogRead)]
        assert read == sorted(read)
        assert read[-1] >= 2  # its two files; each is looked at more than once


def test_progress_is_shown_after_two_seconds_and_bytes_hide_the_reading_of_logs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lakeferry.cli import render
    from lakeferry.events import BytesMoved, LogRead, Noted

    monkeypatch.setattr(render, "PLAIN_EVERY_S", 0)
    screen = render.TextScreen(quiet=False, verbose=False, progress="plain")

    screen.event(LogRead("t", 1000, 1.9))
    screen.event(LogRead("t", 2000, 2.0))
    screen.event(BytesMoved("t", 500_000, 1_000_000, 1, 2, 3.0))
    screen.event(LogRead("t", 3000, 3.1))
    screen.event(Noted("t", "planning again: files were gone"))
    screen.event(LogRead("t", 4000, 4.0))

    said = [line.split("  ", 1)[-1] for line in capsys.readouterr().err.splitlines()]
    assert said[0] == "reading logs: 2,000 entries"
    assert said[1].startswith("500.0 kB of 1.0 MB  50.0 %")
    assert said[2:] == ["planning again: files were gone", "reading logs: 4,000 entries"]


def test_a_verification_shows_how_much_it_has_read(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lakeferry.events import BytesRead, Event
    from lakeferry.verify import sides
    from lakeferry.verify.run import verify

    run("clone", source, tmp_path / "t")
    monkeypatch.setattr(sides, "PROGRESS_S", 0)
    told: list[Event] = []

    verify(str(source), str(tmp_path / "t"), strength="hashed", on_event=told.append)

    read = [event for event in told if isinstance(event, BytesRead)]
    assert read[-1].bytes_done == 20  # the record vouches for what was read of the source
    assert read[-1].bytes_at_most == 20


@pytest.mark.parametrize(
    "place", ["fleet.cutover", "fleet.rollback", "fleet.sync", "fleet.discover", "explain"]
)
def test_a_command_tells_on_its_own_page_all_that_its_function_says(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    module, command = import_module(f"lakeferry.cli.{place}"), place.rpartition(".")[2]

    with pytest.raises(SystemExit):
        main([command, "--help"])

    last = (inspect.getdoc(getattr(module, command)) or "").split("\n\n")[-1]
    told = "".join(capsys.readouterr().out.split())
    assert "".join(last.replace("`", "").split()) in told
