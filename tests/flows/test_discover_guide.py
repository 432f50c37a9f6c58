"""The guide about discovery: its commands typed as printed, its answer as it is answered."""

import re
import shlex
from pathlib import Path

from lakeferry.store.open import open_store
from tests.cli.program import called
from tests.fleet import lakes
from tests.flows.guides import GUIDES, blocks

GUIDE = "discover-a-lake.md"
TIMES = re.compile(r"[0-9.]+ s, [0-9]+ requests")


def two_sources(folder: Path) -> None:
    """`sales` with one of each kind, `risk` with one table."""
    sales, risk = open_store(str(folder / "sales")), open_store(str(folder / "risk"))
    stream = {"txn": {"appId": "7a6f", "version": 1}}
    lakes.delta(sales, "eu/orders", stream, config={"delta.enableChangeDataFeed": "true"})
    lakes.delta(sales, "eu/items", files=3)
    lakes.parquet(sales, "old/visits/day=1/a.parquet")
    lakes.iceberg(sales, "ice")
    lakes.checkpoint(sales, "jobs/orders")
    lakes.put(sales, "landing/2026/11/a.json")
    lakes.delta(risk, "scores")
    folder.joinpath("lakeferry.yaml").write_text(
        f"version: 1\nname: atlas\ntarget: {{root: {folder}/lake}}\n"
        f"sources:\n  sales: {{root: {folder}/sales}}\n  risk: {{root: {folder}/risk}}\n"
    )


def test_the_guide_about_discovery_does_what_it_prints(tmp_path: Path) -> None:
    two_sources(tmp_path)
    first, answer, *others = blocks(GUIDE)

    ended = called(*shlex.split(first)[1:], folder=tmp_path, COLUMNS="100")

    assert ended.returncode == 0
    assert TIMES.sub("", ended.stdout) == TIMES.sub("", answer)
    for line in "".join(others).splitlines():
        program, *words = shlex.split(line)
        assert (program, called(*words, folder=tmp_path).returncode) == ("lakeferry", 0)
    assert (tmp_path / "inventory.jsonl").exists()


def test_the_guide_names_every_option_of_discover_and_no_other() -> None:
    rows = re.findall(r"^\| (`--.*?) \|", (GUIDES / GUIDE).read_text(), re.MULTILINE)
    named = set(re.findall(r"--[a-z]+", "\n".join(rows)))
    shared = {"--file", "--profile", "--set", "--json", "--quiet", "--verbose", "--progress",
              "--color", "--log-file", "--help"}  # fmt: skip

    ended = called("discover", "--help", folder=Path.cwd(), COLUMNS="200")

    known = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ended.stdout))
    assert named == {word for word in known - shared if not word.startswith("--empty")}
