"""What the documents tell people to type is what the program takes."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.cli.program import called

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# What the command line library adds to every command or option by itself.
BY_ITSELF = re.compile(r"--(help|no-[a-z-]+|empty-[a-z-]+)")


@cache
def help_of(*command: str) -> str:
    ended = called(*command, "--help", folder=ROOT, COLUMNS="200")
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def options_in(text: str) -> set[str]:
    found = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
    return {option for option in found if not BY_ITSELF.fullmatch(option)}


def commands_of_program() -> set[str]:
    return {
        word
        for document in DOCUMENTS
        for word in re.findall(r"(?:`|^)(?:\S*/)?lakeferry ([a-z]+)", document.read_text(), re.M)
    }


def test_every_command_that_a_document_names_exists() -> None:
    named = commands_of_program()
    listed = set(re.findall(r"\b[a-z]+\b", help_of()))

    assert {"clone", "verify", "explain", "doctor", "demo"} <= named
    assert named - listed == set()


def test_the_guide_names_every_option_of_clone_and_no_other() -> None:
    guide = (ROOT / "docs" / "guides" / "clone-a-table.md").read_text()
    rows = "\n".join(re.findall(r"^\| (`--.*?) \|", guide, re.MULTILINE))

    assert options_in(rows) == options_in(help_of("clone"))


def test_the_guide_names_every_option_of_monitors_plan_apply_and_export() -> None:
    guide = (ROOT / "docs" / "guides" / "watch-a-network.md").read_text()
    rows = "\n".join(re.findall(r"^\| (`--.*?) \|", guide, re.MULTILINE))
    helps = [help_of("monitor", word) for word in ("plan", "apply", "export")]

    assert options_in(rows) == options_in("\n".join(helps))


def test_the_guide_names_every_option_of_ingest_and_no_other() -> None:
    guide = (ROOT / "docs" / "guides" / "ingest-a-stream.md").read_text()
    rows = "\n".join(re.findall(r"^\| (`--.*?) \|", guide, re.MULTILINE))

    assert options_in(rows) == options_in(help_of("ingest"))


def test_every_option_that_a_document_names_exists() -> None:
    named = {option for document in DOCUMENTS for option in options_in(document.read_text())}
    of_other_programs = {"--universal", "--generate-hashes", "--no-header", "--require-hashes"}
    of_other_programs |= {"--locked", "--list", "--only"}
    of_other_programs |= {"--stack-name", "--template-file", "--capabilities", "--s3-bucket"}
    of_other_programs |= {"--route-table-id", "--destination-cidr-block", "--network-interface-id"}
    helps = [*map(help_of, ("clone", "verify", "explain", "doctor", "demo", "cost", "ingest"))]
    helps += [*map(help_of, ("discover", "plan", "sync", "status", "cutover", "rollback"))]
    parts = ("discover", "plan", "apply", "export", "destroy", "top", "watch", "alarms", "series",
             "tags", "failback", "failover")  # fmt: skip
    helps += [help_of("monitor", word) for word in (*parts, "prove")]
    of_config = ("check", "show", "schema", "init", "iam", "prices", "rebuild-ledger")
    helps += [help_of("config", word) for word in of_config]
    known = options_in("\n".join(helps))

    assert named - of_other_programs - known == set()


def test_each_fault_of_an_ingest_has_tests_that_are_there() -> None:
    page = (ROOT / "docs" / "reference" / "ingest-faults.md").read_text()
    rows = re.findall(r"^\| ([0-9]+) \|.*\|(.*)\|$", page, re.MULTILINE)

    assert [int(number) for number, _ in rows] == list(range(1, 36))
    for number, cell in rows:
        named = re.findall(r"\[(test_\w+)\]\(\.\./\.\./(tests/[\w/]+\.py)\)", cell)
        assert named, f"row {number} has no test"
        for test, file in named:
            assert f"\ndef {test}(" in (ROOT / file).read_text(), f"row {number}: {file}, {test}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_python_in_a_document_parses(document: Path) -> None:
    for block in re.findall(r"```python\n(.*?)```", document.read_text(), re.DOTALL):
        ast.parse(block)


def test_the_guide_names_every_strength_of_verify() -> None:
    guide = (ROOT / "docs" / "guides" / "verify.md").read_text()

    assert re.findall(r"^\| `([a-z]+)` \|", guide, re.MULTILINE) == [
        "listed",
        "hashed",
        "replayed",
        "rows",
    ]


def test_the_cpu_of_a_billion_a_day_is_what_the_bench_measured() -> None:
    measured = re.search(
        r"lakeferry, parsed, to S3 \| [0-9,]+ \| ([0-9.]+)", (ROOT / "bench/README.md").read_text()
    )
    page = (ROOT / "docs/concepts/a-billion-a-day.md").read_text()

    assert measured
    assert f"cpu_s = {float(measured[1]):.1f}e-6" in page
