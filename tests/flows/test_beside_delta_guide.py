"""The commands of the guide about what lies beside Delta tables, typed as printed."""

import re
import shlex
from pathlib import Path

from tests.flows.test_fleet_guides import GUIDES
from tests.flows.test_sync_beside_delta import Lake


def test_the_guide_does_what_it_prints(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    text = (GUIDES / "beside-delta.md").read_text()
    typed = [line for line in text.splitlines() if re.match(r"lakeferry [a-z]", line)]
    assert len(typed) == 5
    for line in typed:
        _, *words = shlex.split(line)
        lake.run(*words, *(["--yes"] if words[0] == "sync" else []))
