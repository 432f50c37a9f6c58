"""Run the measurements of this folder: all, or those that are named.

`python -m bench --list` says what there is; `python -m bench NAME` runs one.
"""

import argparse
import ast
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def questions() -> dict[str, str]:
    """Name of each measurement -> the question it answers: its docstring's first line."""
    found: dict[str, str] = {}
    for path in sorted(FOLDER.glob("[a-z]*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        found[path.stem] = docstring.partition("\n")[0]
    return found


def main() -> int:
    known = questions()
    parser = argparse.ArgumentParser(prog="bench", description="Results go to bench/README.md.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=" | ".join(known) or "none yet")
    parser.add_argument("--list", action="store_true", help="say what is measured, and stop")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in known]
    if unknown:
        parser.error(f"no such measurement: {', '.join(unknown)}; known: {', '.join(known)}")
    if asked.list:
        for name, question in known.items():
            print(f"{name:28} {question}")
        return 0
    failed = 0
    for name in asked.names or known:
        print(f"== {name}: {known[name]}", flush=True)
        ended = subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False)
        failed += ended.returncode != 0
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
