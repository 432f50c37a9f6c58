"""Each command of the guide about proving a fleet, typed as printed, one after another."""

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.program import typed
from tests.flows.fleets import append

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "prove-a-fleet.md"


def commands() -> list[str]:
    blocks = re.findall(r"^```\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line.startswith("lakeferry")]


@pytest.mark.timeout(180)
def test_the_guide_can_be_typed(tmp_path: Path) -> None:
    for name in ("sales/eu/orders", "sales/eu/items", "logs/eu/events"):
        append(tmp_path / "lake" / name)
    (tmp_path / "lakeferry.yaml").write_text(
        "version: 1\nname: atlas\n"
        f"target: {{root: {tmp_path}/out}}\n"
        f"sources:\n  sales: {{kind: local, root: {tmp_path}/lake/sales}}\n"
        f"  logs: {{kind: local, root: {tmp_path}/lake/logs}}\n"
    )
    for words in (("discover",), ("sync", "--yes")):
        assert typed(*words, folder=tmp_path).returncode == 0
    found = commands()

    assert len(found) == 6
    for command in found:
        ended = typed(*shlex.split(command)[1:], folder=tmp_path)
        assert ended.returncode == 0, (command, ended.stdout, ended.stderr)
    assert (tmp_path / "proof.html").exists()
    assert (tmp_path / "proof.json").exists()
