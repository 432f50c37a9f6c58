"""Write the pages that are made from the code, or check that they are what the code says.

python -m scripts.make_docs            write
python -m scripts.make_docs --check    exit 1 and name the pages that are behind
"""

import argparse
import ast
import sys
from pathlib import Path

from lakeferry.delta.features import FEATURES
from lakeferry.errors import CODES
from scripts.cost_page import cost_page
from scripts.manifest_page import manifest_page

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "lakeferry"
MADE_BY = "<!-- made by `make docs`; edit the code it comes from instead -->"
TREE_BEGINS = "<!-- tree: made by `make docs` from the first line of every room's docstring -->"
TREE_ENDS = "<!-- end of tree -->"
FAMILIES = {
    "LF-1": "Access: identity, rights, the line",
    "LF-2": "The request: places, versions, options",
    "LF-3": "The table's format",
    "LF-4": "The source changed or is damaged",
    "LF-5": "The target and the commit",
    "LF-6": "Network and AWS",
    "LF-7": "Streams",
    "LF-8": "The whole migration and its ledger",
}
EXIT_CODES = {
    0: "done",
    1: "failed; or the data or the world is at fault, though nothing changed",
    2: "the request is at fault and nothing changed",
    3: "finished, and a person should look: differences, drift, foreign commits on the target",
}


def errors_page() -> str:
    """Every code with its exit code and what `lakeferry explain CODE` adds."""
    parts = [
        MADE_BY,
        "# Errors",
        "Every error that lakeferry raises on purpose has a code and three lines: what happened, "
        "where it was seen, what to do next. `lakeferry explain CODE` prints the text below "
        "without a network. Anything without a code is a bug: please report it with its traceback.",
        "| exit code | meaning |\n|---|---|\n"
        + "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()),
    ]
    family = ""
    for code, kind in sorted(CODES.items()):
        if code[:4] != family:
            family = code[:4]
            parts.append(f"## {family}xxx {FAMILIES[family]}")
        parts.append(f"### {code} {kind.title}")
        parts.append(f"Exit code {kind.exit_code}. {kind.explanation}")
    return "\n\n".join(parts) + "\n"


def features_page() -> str:
    """What a clone does about every table feature."""
    parts = [
        MADE_BY,
        "# Table features",
        "What a clone does about each. *carry*: the clone has it too. *drop*: the source's log may "
        "not be the whole truth, so the table is refused unless `--allow-feature NAME` is given, "
        "and the clone does not have it. *refuse*: by name, before anything is written; so "
        "is every reader feature that is not in this list. A writer feature that is not in this "
        "list is refused unless `--allow-feature NAME` is given.",
        "`since`: the reader and writer versions of older protocols that imply the feature.",
    ]
    rows = ["| feature | kind | a clone will | since | note |", "|---|---|---|---|---|"]
    for name, feature in sorted(FEATURES.items(), key=lambda item: item[0].lower()):
        since = "{} / {}".format(*feature.since) if feature.since else ""
        rows.append(f"| `{name}` | {feature.kind} | {feature.action} | {since} | {feature.note} |")
    return "\n\n".join([*parts, "\n".join(rows)]) + "\n"


def first_line(module: Path) -> str:
    """What a module is for: its docstring's first line, without the full stop."""
    docstring = ast.get_docstring(ast.parse(module.read_text())) or ""
    return docstring.partition("\n")[0].removesuffix(".")


def tree_lines(folder: Path, *, indent: int, modules: bool) -> list[tuple[str, str]]:
    """A name and what it is for: of each module, then of each room, in the order of their names.

    `modules`: those of rooms too; False leaves them out.
    """
    lines: list[tuple[str, str]] = []
    for module in sorted(folder.glob("*.py")):
        if module.name != "__init__.py" and (modules or folder == SOURCE):
            lines.append((" " * indent + module.name, first_line(module)))
    for room in sorted(folder.iterdir()):
        if (room / "__init__.py").exists():
            lines.append((" " * indent + room.name + "/", first_line(room / "__init__.py")))
            lines.extend(tree_lines(room, indent=indent + 2, modules=modules))
    return lines


def tree(*, modules: bool) -> str:
    """`src/lakeferry` as a block of text."""
    named = tree_lines(SOURCE, indent=2, modules=modules)
    width = max(len(name) for name, _ in named) + 2
    lines = (f"{name:<{width}}{what}" for name, what in named)
    return "\n".join(["```", "src/lakeferry/", *lines, "```"])


def architecture_page(page: str) -> str:
    """`page` with the tree of rooms between its two marks made anew."""
    before, _, rest = page.partition(TREE_BEGINS)
    _, _, after = rest.partition(TREE_ENDS)
    return f"{before}{TREE_BEGINS}\n{tree(modules=False)}\n{TREE_ENDS}{after}"


def modules_page() -> str:
    """Every module and what it is for."""
    parts = [
        MADE_BY,
        "# Modules",
        "What each is for, from the first line of its docstring. How the rooms fit together: "
        "[ARCHITECTURE.md](../../ARCHITECTURE.md).",
        tree(modules=True),
    ]
    return "\n\n".join(parts) + "\n"


def pages() -> dict[Path, str]:
    """Every page that is made, with the text that it should have."""
    architecture = ROOT / "ARCHITECTURE.md"
    return {
        ROOT / "docs" / "reference" / "cost.md": cost_page(MADE_BY),
        ROOT / "docs" / "reference" / "errors.md": errors_page(),
        ROOT / "docs" / "reference" / "features.md": features_page(),
        ROOT / "docs" / "reference" / "manifest.md": manifest_page(MADE_BY),
        ROOT / "docs" / "reference" / "modules.md": modules_page(),
        architecture: architecture_page(architecture.read_text()),
    }


def behind() -> list[Path]:
    """The pages whose text is not what the code says."""
    return [
        path
        for path, text in pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make_docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if behind")
    check: bool = parser.parse_args().check
    wanted = pages()
    late = behind()
    for path in late:
        if check:
            print(f"{path.relative_to(ROOT)} is behind the code: make docs", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if check and late else 0


if __name__ == "__main__":
    sys.exit(main())
