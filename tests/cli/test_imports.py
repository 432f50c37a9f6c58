"""What a command does not import: nobody waits for libraries that the job does not need."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clone.small import new_table
from tests.fleet.plans import discovered, found, wanted_in

CLOUDS = {"boto3", "botocore", "azure", "google", "obstore", "hdfs_native", "databricks"}
READERS = {"pyarrow.dataset", "deltalake", "duckdb", "polars", "pandas", "yaml"}
PROGRAM = """
import json, sys
from lakeferry.cli.main import app
code = app(sys.argv[1:], exit_on_error=False)
print(json.dumps([code, sorted(sys.modules)]))
"""


def imported(*words: str | Path) -> set[str]:
    command = [sys.executable, "-c", PROGRAM, *map(str, words)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    code, modules = json.loads(ended.stdout.splitlines()[-1])
    assert code == 0
    return set(modules)


def test_a_clone_on_one_machine_imports_no_cloud(tmp_path: Path) -> None:
    source = new_table(tmp_path / "source", "a")

    modules = imported("clone", source, tmp_path / "t", "-q")

    assert not modules & (CLOUDS | READERS)
    assert "lakeferry.clone.mirror_clone" not in modules


def test_a_clone_with_nothing_new_imports_no_checksums(tmp_path: Path) -> None:
    source = new_table(tmp_path / "source", "a")
    imported("clone", source, tmp_path / "t", "-q")

    assert "_awscrt" not in imported("clone", source, tmp_path / "t", "-q")


def test_a_status_imports_what_reads_a_ledger_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = wanted_in(tmp_path)
    discovered(tmp_path, [found(wanted, "sales.eu.orders")])
    monkeypatch.chdir(tmp_path)

    modules = imported("status", "-q")

    assert not modules & (CLOUDS | (READERS - {"yaml"}) | {"pyarrow", "numpy"})


def test_import_lakeferry_imports_no_library() -> None:
    program = "import sys, lakeferry; print('pyarrow' in sys.modules, 'cyclopts' in sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert ended.stdout == "False False\n"


def test_clone_is_called_twice_in_one_process(tmp_path: Path) -> None:
    source = new_table(tmp_path / "source", "a")
    program = (
        "import lakeferry\n"
        f"first = lakeferry.clone({str(source)!r}, {str(tmp_path / 't')!r})\n"
        f"again = lakeferry.clone({str(source)!r}, {str(tmp_path / 't')!r})\n"
        "print(first.commits, again.commits, again.up_to_date)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert (ended.stdout, ended.stderr) == ("1 0 True\n", "")
