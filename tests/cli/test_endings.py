"""How commands end: by a signal, with nobody who listens, by a wrong word, by a bug of ours."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.test_main import LAKEFERRY, MANY, SLOWLY, lines, run, wait_for
from tests.clone.small import new_table

COMMIT = "_delta_log/00000000000000000000.json"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return new_table(tmp_path / "source", "a", "b")


def start(*words: str | Path, program: str = "") -> subprocess.Popen[str]:
    begin = [sys.executable, "-c", program] if program else [LAKEFERRY]
    command = [*begin, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_interrupts_at_once_what_has_nothing_in_flight(
    tmp_path: Path, number: int, code: int
) -> None:
    endless = (
        "import pathlib, time\n"
        "from lakeferry.cli.talk import Talk, guarded\n"
        "def run(screen, stop):\n"
        f"    pathlib.Path({str(tmp_path / 'runs')!r}).touch()\n"
        "    time.sleep(600)\n"
        "raise SystemExit(guarded('verify', Talk(), run))\n"
    )
    process = start(program=endless)
    wait_for(tmp_path / "runs")

    process.send_signal(number)
    _, said = process.communicate(timeout=60)

    assert (process.returncode, said) == (code, "  stopped\n")


HASTY = """
import os, sys
class Hasty:
    def find_spec(self, name, path=None, target=None):
        if name == "cyclopts":
            os.kill(os.getpid(), NUMBER)
sys.meta_path.insert(0, Hasty())
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("program", [[LAKEFERRY], [sys.executable, "-m", "lakeferry"]])
def test_a_signal_while_the_program_still_loads_ends_it_without_a_word(
    tmp_path: Path, program: list[str], number: signal.Signals, code: int
) -> None:
    (tmp_path / "sitecustomize.py").write_text(HASTY.replace("NUMBER", str(int(number))))
    beside = os.environ | {"PYTHONPATH": str(tmp_path)}

    ended = subprocess.run(
        [*program, "--version"], env=beside, capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (code, "", "")


LOST = """
import os, signal, sys
from lakeferry.cli.talk import Talk, guarded
class Thing:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
def run(screen, stop):
    Thing()
    return 0
sys.unraisablehook = lambda told: None
raise SystemExit(guarded('verify', Talk(), run))
"""
LATE = """
import os, signal
from lakeferry.cli.render import TextScreen
from lakeferry.cli.talk import Talk, guarded
class Screen(TextScreen):
    def end(self, exit_code):
        os.kill(os.getpid(), signal.SIGINT)
class Late(Talk):
    def screen(self, command, start=None):
        return Screen(quiet=False, verbose=False, progress='none')
raise SystemExit(guarded('verify', Late(), lambda screen, stop: 3))
"""


def test_a_signal_that_python_dropped_is_heard_when_the_command_ends() -> None:
    process = start(program=LOST)
    _, said = process.communicate(timeout=60)

    assert (process.returncode, said) == (130, "  stopped\n")


def test_a_signal_that_comes_when_all_is_done_changes_nothing() -> None:
    process = start(program=LATE)
    _, said = process.communicate(timeout=60)

    assert (process.returncode, said) == (3, "")


@pytest.mark.parametrize("table", ["clones/readings", "ingested/requests"])  # both killed amid
def test_ctrl_c_in_the_demo_ends_its_other_process_too_without_a_word_of_it(
    tmp_path: Path, table: str
) -> None:
    folder = tmp_path / "demo"
    process = subprocess.Popen(
        [LAKEFERRY, "demo", str(folder), "--fast", "--progress", "none"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, process_group=0,
    )  # fmt: skip
    wait_for(folder / table)

    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)

    assert (process.returncode, said) == (130, "  stopped\n")
    assert not [command for command in commands() if str(folder).encode() in command]


def commands() -> list[bytes]:
    """The command line of each process."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            found.append(file.read_bytes())
    return found


def test_a_stopped_clone_says_that_the_same_command_goes_on(tmp_path: Path) -> None:
    source = new_table(tmp_path / "source", *MANY)
    process = start("clone", source, tmp_path / "t", *SLOWLY)
    wait_for(tmp_path / "t" / MANY[0])

    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert said.splitlines()[-2:] == [
        "  stopping: files in flight end first; again to stop at once",
        "  stopped, nothing half-committed; the same command goes on from here",
    ]


def test_what_is_in_flight_has_a_while_to_end_and_no_more(source: Path, tmp_path: Path) -> None:
    hasty = "from lakeferry.cli import main, talk; talk.GRACE_S = 1; main.main()"
    target = tmp_path / "t"
    process = start("clone", source, target, "--limit-rate", "0.1kB/h", "--json", program=hasty)
    wait_for_one(target)

    process.send_signal(signal.SIGTERM)
    told, _ = process.communicate(timeout=60)  # the second file would take 360 s

    assert process.returncode == 143
    assert lines(told)[-1]["exit"] == 143
    assert not (target / COMMIT).exists()


def wait_for_one(target: Path) -> None:
    deadline = time.monotonic() + 120
    while not any((target / name).exists() for name in "ab"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("words", [[], ["--json"]], ids=["text", "json"])
def test_a_reader_who_has_gone_is_no_traceback(
    source: Path, tmp_path: Path, words: list[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [LAKEFERRY, "clone", str(source), str(tmp_path / "t"), *words]

    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)

    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_an_answer_that_cannot_be_written_is_a_failure(source: Path, tmp_path: Path) -> None:
    command = [LAKEFERRY, "clone", str(source), str(tmp_path / "t")]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)

    assert ended.returncode == 1
    assert b"could not be written: [Errno 28] No space left on device" in ended.stderr


def test_without_any_stream_a_clone_is_made_and_nothing_is_printed_into_it(
    source: Path, tmp_path: Path
) -> None:
    shell = f"exec {LAKEFERRY} clone {source} {tmp_path / 't'} -v <&- >&- 2>&-"

    ended = subprocess.run(["sh", "-c", shell], check=False)

    assert ended.returncode == 0
    assert run("verify", source, tmp_path / "t", "--strength", "hashed").returncode == 0


def test_a_wrong_word_is_told_as_every_error_is(tmp_path: Path) -> None:
    ended = run("clone", "a", tmp_path / "t", "--modee")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines() == [
        "✗ LF-2001 Unknown option: --modee. Did you mean --mode?",
        "  `lakeferry clone`",
        "  next: see `lakeferry clone --help`",
    ]


def test_a_wrong_word_is_a_line_too() -> None:
    ended = run("clone", "--json")

    assert [line["type"] for line in lines(ended.stdout)] == ["start", "error", "summary"]
    assert lines(ended.stdout)[-1]["exit"] == 2
    assert ended.stderr == ""


def test_a_word_that_is_no_utf_8_is_a_line_too() -> None:
    ended = run("explain", os.fsdecode(b"LF-\xff"), "--json")

    assert ended.returncode == 2
    assert "`LF-\udcff`" in lines(ended.stdout)[1]["message"]


def test_a_bug_keeps_its_traceback_and_the_last_line() -> None:
    broken = (
        "from lakeferry.cli.talk import Talk, guarded\n"
        "guarded('clone', Talk(json=True), lambda screen, stop: 1 // 0)\n"
    )
    process = start(program=broken)

    told, said = process.communicate(timeout=60)

    assert process.returncode == 1
    assert lines(told)[-1]["exit"] == 1
    assert "ZeroDivisionError" in said


def test_a_failure_amid_many_files_ends_the_command(tmp_path: Path) -> None:
    source = new_table(tmp_path / "source", *(f"f{number}" for number in range(1000)))
    (source / "f3").write_bytes(b"cut")

    process = start("clone", source, tmp_path / "t")
    _, said = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "LF-4103" in said


def test_the_interpreter_is_not_taken_apart_at_the_end_and_its_affairs_are_in_order() -> None:
    """Threads of native libraries do not survive it now and then; see `main._leave`."""
    program = (
        "import atexit, sys, threading, time\n"
        "from lakeferry.cli import main\n"
        "class Last:\n"
        "    def __del__(self): print('taken apart', flush=True)\n"
        "last = Last()\n"
        "def late(): time.sleep(0.5); print('a thread has ended')\n"
        "threading.Thread(target=late).start()\n"
        "atexit.register(print, 'in order')\n"
        "main.main()\n"
    )
    ended = start("--version", program=program)
    said, _ = ended.communicate(timeout=60)

    assert ended.returncode == 0
    assert "a thread has ended" in said
    assert "in order" in said
    assert "taken apart" not in said
