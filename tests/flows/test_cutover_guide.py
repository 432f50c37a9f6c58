"""Each command of the guide about a cut-over, typed as printed, one after another."""

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.program import called
from tests.flows.fleets import append
from tests.flows.guides import GUIDES, commands

ASKS = {"cutover", "rollback"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A migration of two tables, synced."""
    for name in ("eu/orders", "eu/items"):
        append(tmp_path / "lake" / name)
    (tmp_path / "lakeferry.yaml").write_text(
        f"version: 1\nname: atlas\ntarget: {{root: {tmp_path}/out}}\n"
        f"sources:\n  sales: {{kind: local, root: {tmp_path}/lake}}\n"
        "waves: {1: {freeze: 0s}}\n"
    )
    for words in (("discover",), ("sync", "--yes")):
        assert called(*words, folder=tmp_path).returncode == 0
    return tmp_path


def test_the_guide_can_be_typed_from_the_first_proof_to_the_way_back(folder: Path) -> None:
    typed = commands("cut-over.md")
    assert [words[1] for words in typed] == [
        "verify", "doctor", "cutover", "cutover", "cutover", "cutover", "rollback",
    ]  # fmt: skip

    for program, *words in typed:
        is_asked = words[0] in ASKS and "--dry-run" not in words and "--rehearse" not in words
        ended = called(*words, *(["--yes"] if is_asked else []), folder=folder)
        assert (program, ended.returncode) == ("lakeferry", 0), (words, ended.stdout, ended.stderr)
    assert (folder / "cutover-wave1.html").exists()


def test_its_answer_has_the_steps_that_a_run_tells(folder: Path) -> None:
    called("verify", "-s", "sales.**", "--strength", "replayed", folder=folder)

    ended = called("cutover", "--wave", "1", "--yes", folder=folder)

    text = (GUIDES / "cut-over.md").read_text()
    told = re.compile(r"^  (\d) [✓-] ([a-z]+(?: [a-z]+)?)", re.MULTILINE)
    assert told.findall(ended.stderr)[:5] == told.findall(text)[:5]


def test_it_names_every_flag_of_both_commands(folder: Path) -> None:
    text = (GUIDES / "cut-over.md").read_text()
    shared = {"--file", "--profile", "--set", "--json", "--quiet", "--verbose", "--progress",
              "--color", "--log-file", "--help", "--register"}  # fmt: skip

    for command in ("cutover", "rollback"):
        helped = called(command, "--help", folder=folder, COLUMNS="200").stdout
        known = {word for word in re.findall(r"(?<![\w-])--[a-z][a-z-]+", helped)
                 if not word.startswith("--empty")}  # fmt: skip
        assert known - shared - set(re.findall(r"--[a-z][a-z-]+", text)) == set()


def test_ways_back_that_are_named_in_its_text_are_commands(folder: Path) -> None:
    text = (GUIDES / "cut-over.md").read_text()
    named = [shlex.split(one)[1:] for one in re.findall(r"`(lakeferry rollback [^`]+)`", text)]

    for words in (["verify", "-s", "sales"], ["cutover", "--wave", "1", "--yes"]):
        assert called(*words, folder=folder).returncode == 0
    append(folder / "out/sales/eu/orders")
    there = [[word.replace("source.schema.table", "sales.eu.orders").replace("12", "0")
              for word in words] for words in named]  # fmt: skip
    assert [words[3] for words in there] == ["--to-version", "--purge"]
    assert called(*there[0], "--yes", folder=folder).returncode == 0
    refused = called(*there[1], folder=folder)
    assert (refused.returncode, "LF-8082" in refused.stderr) == (2, True)
