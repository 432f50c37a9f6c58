"""Each command of the guides about planning a migration, typed as printed, one after another."""

import re
import shlex
from pathlib import Path

from tests.cli.program import called
from tests.clone.small import append, clone, new_table
from tests.fleet.plans import wanted_in

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
# Commands that ask: 3 is an answer.
ASKING = ("explain", "--check")


def commands(guide: str) -> list[list[str]]:
    text = (GUIDES / guide).read_text()
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks if not block.startswith("$ ") for line in block.splitlines()]
    return [shlex.split(line) for line in lines]


def test_the_guide_about_plans_does_what_it_prints(tmp_path: Path) -> None:
    made = [new_table(tmp_path / "sales" / "eu" / name, "a", "b") for name in ("items", "orders")]
    new_table(tmp_path / "logs" / "eu" / "events", "c")
    wanted_in(tmp_path)
    manifest = tmp_path / "lakeferry.yaml"
    manifest.write_text(manifest.read_text().replace('lake"}', 'lake", region: us-east-1}', 1))
    clone(made[1], tmp_path / "lake" / "sales" / "eu" / "orders")
    append(made[1], 1, "d")
    typed = commands("plan-a-migration.md")
    assert len(typed) > 10

    for program, *words in typed:
        assert program == "lakeferry"
        if "rebuild-ledger" in words:
            for file in tmp_path.glob("ledger.db*"):
                file.unlink()
        ended = called(*words, folder=tmp_path)
        may_be = (0, 3) if any(word in words for word in ASKING) else (0,)
        assert ended.returncode in may_be, (words, ended.stderr)
        assert ended.stdout
