"""Where everything is required, no way of skipping is a way of passing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MADE_ONCE, OF_SECOND_SPARK, Shares

CONFTEST = Path(__file__).with_name("conftest.py")
EVERY_WAY_TO_SKIP = """
import unittest
import pytest

@pytest.mark.skip(reason="by mark")
def test_mark(): ...

@pytest.mark.skipif(True, reason="by condition")
def test_condition(): ...

def test_body():
    pytest.skip("in the body")

@pytest.fixture
def server():
    pytest.skip("in a fixture")

def test_fixture(server): ...

class TestCase(unittest.TestCase):
    def test_unittest(self):
        raise unittest.SkipTest("by unittest")

def test_that_passes(): ...

@pytest.mark.xfail(reason="known", strict=True)
def test_that_fails_as_expected():
    assert False
"""
SKIPPED_AT_IMPORT = "import pytest\npytest.importorskip('no_such_module_anywhere')\n"


TWO_GROUPS = """
import pytest

@pytest.mark.xdist_group("nat")
@pytest.mark.parametrize("number", range(4))
def test_nat(number): ...

@pytest.mark.spark
@pytest.mark.parametrize("number", range(4))
def test_spark(number): ...
"""


def closing_line(folder: Path, *arguments: str, require: str) -> str:
    return said(folder, *arguments, require=require).strip().splitlines()[-1]


def said(folder: Path, *arguments: str, require: str) -> str:
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    root = str(CONFTEST.parents[1])  # conftest.py imports from `tests`
    environment = {**os.environ, "LAKEFERRY_TEST_REQUIRE": require, "PYTHONPATH": root}
    environment.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return ended.stdout


def test_every_kind_of_skip_fails_where_everything_is_required(tmp_path: Path) -> None:
    (tmp_path / "test_skips.py").write_text(EVERY_WAY_TO_SKIP)

    line = closing_line(tmp_path, require="all")

    # Marks and fixtures skip during set-up, where pytest says error instead of failed.
    assert line.startswith("2 failed, 1 passed, 1 xfailed, 3 errors")


def test_a_module_that_skips_itself_fails_where_everything_is_required(tmp_path: Path) -> None:
    (tmp_path / "test_import.py").write_text(SKIPPED_AT_IMPORT)

    assert closing_line(tmp_path, require="all").startswith("1 error")


def test_it_holds_in_parallel_runs_too(tmp_path: Path) -> None:
    (tmp_path / "test_skips.py").write_text(EVERY_WAY_TO_SKIP)

    line = closing_line(tmp_path, "-n", "1", require="all")

    assert line.startswith("2 failed, 1 passed, 1 xfailed, 3 errors")


def test_elsewhere_a_skip_is_a_skip(tmp_path: Path) -> None:
    (tmp_path / "test_skips.py").write_text(EVERY_WAY_TO_SKIP)

    line = closing_line(tmp_path, require="")

    assert line.startswith("1 passed, 5 skipped, 1 xfailed")


def test_of_several_workers_one_runs_all_tests_of_a_group(tmp_path: Path) -> None:
    (tmp_path / "test_groups.py").write_text(TWO_GROUPS)

    told = said(tmp_path, "-vv", "-n", "2", "--dist", "loadgroup", require="")

    ran = re.findall(r"\[(gw\d)\].*PASSED test_groups\.py::(\w+)", told)
    assert sorted(name for _, name in ran) == ["test_nat"] * 4 + ["test_spark"] * 4
    assert len(set(ran)) == 2, told


@pytest.mark.parametrize(
    ("test", "share"),
    [
        ("tests/cost/test_run.py::test_a[1]", "tests/cost/test_run.py"),
        ("tests/flows/test_sync.py::test_a[1]", "tests/flows/test_sync.py::test_a[1]"),
        ("tests/flows/test_single_truth.py::test_a", "tests/flows/test_single_truth.py"),
        ("tests/flows/test_replay.py::test_a[x]@spark", "spark"),
        ("tests/verify/test_engines.py::test_a@spark", "spark"),
    ],
)
def test_a_file_is_one_worker_s_but_for_flows_and_groups(test: str, share: str) -> None:
    assert Shares.__new__(Shares)._split_scope(test) == share


@pytest.mark.parametrize("name", [*MADE_ONCE, *OF_SECOND_SPARK])
def test_each_file_that_is_shared_out_by_its_name_is_there(name: str) -> None:
    assert len([*Path(__file__).parent.rglob(name)]) == 1
