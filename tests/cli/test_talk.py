"""What all commands share: flags, the environment that mirrors them, colours, the log."""

import io
import json
from pathlib import Path

import pytest

from lakeferry.cli.colour import is_wanted, painted
from tests.cli.program import Ended, called, json_lines

MANIFEST = "version: 1\nnetwork:\n  vpc: vpc-0a1b2c3d\n  workers: {count: 3}\n"
WRONG = "version: 1\nnetwork:\n  vcp: vpc-0a1b2c3d\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def check(folder: Path, *words: str, **environment: str) -> Ended:
    (folder / "lakeferry.yaml").write_text(MANIFEST)
    return called("config", "check", *words, folder=folder, **environment)


def test_the_environment_asks_for_json(tmp_path: Path) -> None:
    ended = check(tmp_path, LAKEFERRY_JSON="1")

    assert json_lines(ended)[-1]["exit"] == 0


@pytest.mark.parametrize("said", ["", "0", "false", "no"])
def test_the_environment_asks_for_no_json(tmp_path: Path, said: str) -> None:
    assert "lakeferry.yaml" in check(tmp_path, LAKEFERRY_JSON=said).stdout


def test_the_environment_asks_for_quiet(tmp_path: Path) -> None:
    ended = check(tmp_path, LAKEFERRY_QUIET="true")

    assert (ended.returncode, ended.stdout) == (0, "")


def test_the_environment_names_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(WRONG)
    ended = check(tmp_path, LAKEFERRY_FILE="other.yaml")

    assert ended.returncode == 2
    assert "other.yaml:3:3" in ended.stderr


def test_what_is_typed_comes_before_the_environment(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(WRONG)
    ended = check(tmp_path, "--file", "lakeferry.yaml", LAKEFERRY_FILE="other.yaml")

    assert ended.returncode == 0


def test_the_environment_sets_values_as_a_shell_quotes_them(tmp_path: Path) -> None:
    shown = called(
        "config", "schema", folder=tmp_path, LAKEFERRY_SET="network.vpc=vpc-1 'name=a b'"
    )
    (tmp_path / "lakeferry.yaml").write_text(MANIFEST)
    ended = called(
        "config", "show", folder=tmp_path,
        LAKEFERRY_SET="network.vpc=vpc-1 'network.flow_logs.retention=30 d'",
    )  # fmt: skip

    assert shown.returncode == 0
    assert "vpc: vpc-1" in ended.stdout
    assert "retention: 30 d" in ended.stdout


def test_a_wrong_value_of_the_environment_is_named(tmp_path: Path) -> None:
    ended = check(tmp_path, LAKEFERRY_PROGRESS="loud")

    assert ended.returncode == 2
    assert "LAKEFERRY_PROGRESS" in ended.stderr


def test_a_wrong_command_line_is_told_as_json_where_the_environment_asks_for_it(
    tmp_path: Path,
) -> None:
    ended = check(tmp_path, "--nonsense", LAKEFERRY_JSON="1")

    assert [line["type"] for line in json_lines(ended)] == ["start", "error", "summary"]


def test_a_log_file_takes_every_line_whatever_is_shown(tmp_path: Path) -> None:
    check(tmp_path, "--quiet", "--log-file", "log.jsonl")
    check(tmp_path, "--file", "none.yaml", LAKEFERRY_LOG_FILE="log.jsonl")

    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    kinds = [line["type"] for line in logged]
    assert kinds == ["start", "summary", "start", "error", "summary"]
    assert [line["exit"] for line in logged if line["type"] == "summary"] == [0, 2]


def test_a_log_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    ended = check(tmp_path, "--log-file", "no/such/folder/log.jsonl")

    assert ended.returncode == 2
    assert "LF-2004" in ended.stderr


@pytest.mark.parametrize(
    ("choice", "environment", "wanted"),
    [
        ("auto", {}, True),
        ("auto", {"NO_COLOR": "1"}, False),
        ("auto", {"NO_COLOR": ""}, True),
        ("auto", {"TERM": "dumb"}, False),
        ("always", {"NO_COLOR": "1"}, True),
        ("never", {"CLICOLOR_FORCE": "1"}, False),
    ],
)
def test_colours_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, choice: str, environment: dict[str, str], wanted: bool
) -> None:
    for name in ("NO_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert is_wanted(choice, Terminal()) == wanted  # type: ignore[arg-type]  # of a parameter


def test_colours_in_a_pipe_are_forced_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("CLICOLOR_FORCE", "0")
    assert not is_wanted("auto", io.StringIO())

    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    assert is_wanted("auto", io.StringIO())


def test_only_signs_are_coloured(tmp_path: Path) -> None:
    assert painted("  ▲ s3: late") == "  \x1b[33m▲\x1b[0m s3: late"
    assert painted("  name ▲") == "  name ▲"
    assert "\x1b[32m✓\x1b[0m" in check(tmp_path, "--color", "always").stdout
    assert "\x1b" not in check(tmp_path).stdout
