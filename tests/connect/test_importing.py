"""Within a function of these rooms an SDK is imported by one thread after the other."""

import ast
from pathlib import Path

import pytest

import lakeferry

SDKS = {"awscrt", "azure", "boto3", "botocore", "databricks", "google", "hdfs_native", "obstore",
        "requests"}  # fmt: skip
ROOM = Path(lakeferry.__file__).parent
FILES = sorted(file for room in ("connect", "store") for file in (ROOM / room).glob("*.py"))


def imported(node: ast.stmt) -> str | None:
    """The package that a statement imports."""
    match node:
        case ast.Import():
            return node.names[0].name.partition(".")[0]
        case ast.ImportFrom(level=0):
            return (node.module or "").partition(".")[0]
    return None


def is_guarded(node: ast.AST) -> bool:
    return isinstance(node, ast.With) and ast.unparse(node.items[0]) == "ONE_AT_A_TIME"


def unguarded(node: ast.AST, *, within: bool = False) -> list[str]:
    """Imports of SDKs in functions that other threads may do at the same time."""
    found = []
    for each in ast.iter_child_nodes(node):
        if is_guarded(each):
            continue
        if within and isinstance(each, ast.stmt) and imported(each) in SDKS:
            found.append(f"{each.lineno}: {ast.unparse(each)}")
        found += unguarded(each, within=within or isinstance(each, ast.FunctionDef))
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_threads_import_an_sdk_one_after_the_other(file: Path) -> None:
    assert unguarded(ast.parse(file.read_text())) == []
