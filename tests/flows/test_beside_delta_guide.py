"""The commands of the guide about what lies beside Delta tables, typed as printed."""

from pathlib import Path

from tests.flows.guides import commands
from tests.flows.test_sync_beside_delta import Lake


def test_the_guide_does_what_it_prints(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    typed = commands("beside-delta.md")

    assert len(typed) == 5
    for _, *words in typed:
        lake.run(*words, *(["--yes"] if words[0] == "sync" else []))
