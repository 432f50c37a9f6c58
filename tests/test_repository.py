"""The rules of the repository that a reader would otherwise have to check by eye."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from lakeferry.errors import CODES
from scripts import make_docs

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "lakeferry"
CODE = re.compile(r"\bLF-\d{4}\b")
# What a machine or a company is called, not what a reader of the repository could use.
PRIVATE = {
    "a path of one machine": re.compile(r"(?<![\w.$}:/])/(work|root|tmp|home/\w+|Users/\w+)/\w"),
    "a private host": re.compile(r"\b[\w-]+\.(internal|corp|intranet|lan|localdomain)\b(?!\()"),
    # Of a service, that is. Private addresses themselves are what flow logs are about.
    "a private address": re.compile(
        r"(//|@)(10\.\d+|192\.168|172\.(1[6-9]|2\d|3[01]))\.\d+\.\d+|"
        r"\b(10\.\d+|192\.168|172\.(1[6-9]|2\d|3[01]))\.\d+\.\d+:\d+"
    ),
    "a package index": re.compile(r"(artifactory|nexus|/simple\b|index-url\s*=|GOPROXY\s*=)"),
}
NAMES_THAT_SAY_NOTHING = re.compile(
    r"(^|_)(utils?|helpers?|common|base|misc|manager|handler|processor)(_|$)"
)


def tracked() -> list[Path]:
    """Every file that git keeps or would keep, but those that were deleted just now."""
    # A CI machine's checkout may belong to another user, which git would refuse to look at.
    command = ["git", "-c", "safe.directory=*", "ls-files"]
    command += ["--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def text_files() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        content = path.read_bytes()
        if b"\0" not in content:
            yield path, content.decode("utf-8", errors="replace")


def documents() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md"]


def python_files(*folders: str) -> list[Path]:
    return [
        path
        for path in tracked()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders
    ]


def targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text()
    return set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


# --- what is written in two places is equal -------------------------------------------------


def test_each_generated_page_says_what_the_code_says() -> None:
    assert make_docs.behind() == [], "make docs"


def test_every_module_says_what_it_is_for() -> None:
    modules = [path for path in python_files("src") if path.name != "__main__.py"]

    assert [path.name for path in modules if not make_docs.first_line(path)] == []


def test_every_error_code_that_is_raised_is_explained_and_the_reverse() -> None:
    modules = [
        path
        for path in python_files("src")
        if path.name != "errors.py" and not path.name.endswith("error_codes.py")
    ]
    used = {code for path in modules for code in CODE.findall(path.read_text())}

    assert sorted(used - CODES.keys()) == [], "raised but not in errors.CODES"
    assert sorted(CODES.keys() - used) == [], "in errors.CODES but raised nowhere"


def test_every_error_code_that_a_document_names_exists() -> None:
    named = {code for path in documents() for code in CODE.findall(path.read_text())}

    assert sorted(named - CODES.keys()) == []


def test_error_codes_and_their_families_are_in_order() -> None:
    assert list(CODES) == sorted(CODES)
    assert {code[:4] for code in CODES} <= make_docs.FAMILIES.keys()


def test_every_make_command_in_a_document_is_a_target() -> None:
    named = {
        word
        for path in documents()
        for word in re.findall(r"(?:`|^)make ([a-z-]+)", path.read_text(), re.MULTILINE)
    }

    assert named - targets() == set()


def test_every_target_is_in_the_menu_and_phony() -> None:
    makefile = (ROOT / "Makefile").read_text()
    menu = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())

    assert menu == targets() == phony


def test_every_link_between_documents_leads_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {link}"
        for path in documents()
        for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text())
        if "://" not in link and not (path.parent / link.partition("#")[0]).exists()
    ]

    assert broken == []


def test_every_file_that_a_document_names_is_there() -> None:
    """By paths of two parts at least, from the top or from the package; `*` stands for some."""
    named = re.compile(r"`((?:[\w.*-]+/)+[\w*-]+\.(?:py|sh))`")
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in documents()
        if path.parent.name != "decisions"  # they say what was so when they were written
        for name in named.findall(path.read_text())
        if not (any(ROOT.glob(name)) or any(SOURCE.glob(name)))
    ]

    assert missing == []


def test_every_decision_is_listed_and_numbered_once() -> None:
    folder = ROOT / "docs" / "decisions"
    decisions = sorted(path.name for path in folder.glob("*.md") if path.name != "README.md")
    listed = re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", (folder / "README.md").read_text())

    assert listed == decisions
    assert [name[:4] for name in decisions] == [f"{n:04}" for n in range(1, len(decisions) + 1)]


def test_every_changelog_fragment_has_a_name_that_towncrier_reads() -> None:
    fragments = [path for path in tracked() if path.parent == ROOT / "changelog.d"]
    name = re.compile(r"README\.md|[a-z0-9-]+\.(added|changed|fixed|removed)\.md")

    assert [path.name for path in fragments if not name.fullmatch(path.name)] == []


# --- what must not be written ----------------------------------------------------------------


@pytest.mark.parametrize("what", PRIVATE)
def test_no_tracked_file_names(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path, text in text_files()
        if path != Path(__file__)
        for number, line in enumerate(text.splitlines(), 1)
        if PRIVATE[what].search(line)
    ]

    assert found == []


def test_no_lock_file_names_a_host() -> None:
    locks = [path for path in tracked() if path.parent == ROOT / "requirements"]

    assert len(locks) >= 3
    assert [path.name for path in locks if "://" in path.read_text()] == []


def test_every_hook_is_local() -> None:
    config = (ROOT / ".pre-commit-config.yaml").read_text()

    assert re.findall(r"repo:\s*(\S+)", config) == ["local"]


def test_no_module_has_a_name_that_says_nothing() -> None:
    modules = python_files("src", "scripts", "bench", "tests")

    assert [path for path in modules if NAMES_THAT_SAY_NOTHING.search(path.stem)] == []


def test_nothing_is_left_for_later_without_saying_so() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX)\b")
    modules = python_files("src", "scripts", "bench", "tests", "accept")

    assert [p.name for p in modules if p != Path(__file__) and marks.search(p.read_text())] == []


# --- what must stay small and layered --------------------------------------------------------


def test_modules_stay_within_400_lines() -> None:
    modules = python_files("src", "scripts", "bench", "accept")
    lengths = {path: len(path.read_text().splitlines()) for path in modules}

    assert [f"{path.name}: {length}" for path, length in lengths.items() if length > 400] == []


def test_test_modules_stay_within_600_lines() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in python_files("tests")}

    assert [f"{path.name}: {length}" for path, length in lengths.items() if length > 600] == []


def test_functions_stay_within_50_lines() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in python_files("src", "scripts", "bench", "accept")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or node.lineno) - node.lineno >= 50
    ]

    assert long == []


def test_rooms_import_only_downwards() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stdout


def test_a_module_that_says_that_it_is_pure_touches_no_wire_no_disk_no_screen() -> None:
    forbidden = set(contract("Deciding touches no wire, no disk, no screen")["forbidden_modules"])
    pure = {name: path for name, path in modules_by_name().items() if says_that_it_is_pure(path)}
    touching = {name: libraries(path) & forbidden for name, path in pure.items()}

    assert len(pure) > 200
    assert {name: found for name, found in touching.items() if found} == {}


def test_no_modules_need_each_other_but_one_pair() -> None:
    needed = {name: set(imported(name, path)) for name, path in modules_by_name().items()}
    # A reference may name a secret that AWS keeps, and AWS may be met by a role with a reference.
    needed["lakeferry.connect.references"].remove("lakeferry.connect.aws")

    TopologicalSorter(needed).prepare()  # raises CycleError, which names them


@cache
def modules_by_name() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts): path
        for path in python_files("src")
        if path.name != "__init__.py"
    }


def contract(name: str) -> dict[str, list[str]]:
    """One of import-linter's contracts, as pyproject.toml has it."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    found: dict[str, list[str]] = next(one for one in linter["contracts"] if one["name"] == name)
    return found


def says_that_it_is_pure(path: Path) -> bool:
    return bool(re.search(r"\bPure\b", ast.get_docstring(ast.parse(path.read_text())) or ""))


def libraries(path: Path) -> set[str]:
    """The first word of everything that a module imports, also within its functions."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = (one.name for node in nodes if isinstance(node, ast.Import) for one in node.names)
    named = (node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module)
    return {name.partition(".")[0] for name in (*plain, *named)}


def imported(name: str, path: Path) -> Iterator[str]:
    """The modules that one imports, also within its functions."""
    modules = modules_by_name()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found = (f"{node.module}.{one.name}" for one in node.names)
            yield from (one for one in (*found, node.module) if one in modules and one != name)


def test_the_package_says_that_it_is_typed() -> None:
    assert (SOURCE / "py.typed").exists()


def test_ci_runs_what_readme_tells_a_newcomer_to_run() -> None:
    script = (ROOT / ".ci" / "run").read_text()

    assert "LAKEFERRY_TEST_REQUIRE=all" in script
    assert {"setup", "judges", "test", "lint"} <= set(re.findall(r"\bmake ([a-z]+)", script))
