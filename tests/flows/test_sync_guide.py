"""Each command of the guide about syncing a fleet, typed as printed, one after another."""

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.program import typed
from tests.flows.fleets import append

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "sync-a-fleet.md"
YES = ("lakeferry sync", "lakeferry sync atlas.lfp --replan")  # what a person would say


def commands() -> list[str]:
    text = GUIDE.read_text().replace("\\\n", " ")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    typed_here = [block for language, block in blocks if not language]  # `sh` needs a cluster
    return [
        line for block in typed_here for line in block.splitlines() if line.startswith("lakeferry ")
    ]


@pytest.mark.timeout(120)
def test_the_guide_can_be_typed(tmp_path: Path) -> None:
    for name in ("sales/eu/orders", "sales/eu/items", "logs/eu/events"):
        append(tmp_path / "lake" / name)
    (tmp_path / "lakeferry.yaml").write_text(
        "version: 1\nname: atlas\n"
        f"target: {{root: {tmp_path}/out}}\n"
        f"sources:\n  sales: {{kind: local, root: {tmp_path}/lake/sales}}\n"
        f"  logs: {{kind: local, root: {tmp_path}/lake/logs, wave: 2}}\n"
        "waves: {1: {cutover: manual}, 2: {after: 1, cutover: manual}}\n"
    )
    found = commands()

    assert len(found) > 10
    for command in found:
        words = shlex.split(command)[1:]
        if "--follow" in words:
            words += ["--max-time", "2 s"]
        if command in YES:
            words.append("--yes")
        ended = typed(*words, folder=tmp_path)
        assert ended.returncode == (3 if "--follow" in words else 0), (command, ended.stderr)
    assert {one.name for one in (tmp_path / "out").glob("*/*/*")} == {"orders", "items", "events"}
