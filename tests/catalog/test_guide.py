"""The guide about catalogs: its manifest is one that is taken."""

import re
from pathlib import Path

from lakeferry.catalog import tables
from tests.cli.program import called

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "catalogs.md"


def test_the_manifest_of_the_guide_is_taken(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "lakeferry.yaml").write_text(text)

    ended = called("config", "check", folder=tmp_path)

    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout


def test_the_guide_names_every_property_of_ours() -> None:
    named = set(re.findall(r"`(lakeferry\.[a-z_]+)` \|", GUIDE.read_text()))

    assert named == {tables.SOURCE, tables.SOURCE_VERSION, tables.RECEIPT, tables.LAG, tables.AS_OF}
