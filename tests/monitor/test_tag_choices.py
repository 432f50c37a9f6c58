"""What a person chose about tags becomes one request."""

from decimal import Decimal
from pathlib import Path

import pytest

from lakeferry.config.read import read_manifest
from lakeferry.connect.databricks import WorkspaceAccess
from lakeferry.cost.bill.map_tags import EXCLUDED
from lakeferry.errors import FerryError
from lakeferry.monitor.choices import Extras
from lakeferry.monitor.tags.choices import TagExtras, tag_request
from lakeferry.monitor.tags.run import TagRequest

HEAD = "version: 1\nname: m1\nnetwork: {region: eu-west-1}\n"
CONNECTIONS = """
connections:
  target: {kind: databricks, host: dbc-1.cloud.databricks.com, token: "${env:T}"}
  account: {kind: databricks, host: https://accounts.cloud.databricks.com, token: "${env:T}"}
  source: {kind: databricks, host: https://adb-1.2.azuredatabricks.net, token: "${env:T}"}
  lake: {kind: aws, region: eu-west-1}
tags: {map-migrated: mig12345, owner: data}
"""
NOTHING = TagExtras()


def request(folder: Path, text: str = "", chosen: TagExtras = NOTHING) -> TagRequest:
    path = folder / "lakeferry.yaml"
    path.write_text(HEAD + text)
    return tag_request(read_manifest(path).manifest, Extras(), chosen)


def test_workspaces_are_those_on_aws_that_connections_or_flags_name(tmp_path: Path) -> None:
    more = TagExtras(workspaces=("https://dbc-2.cloud.databricks.com/",))

    made = request(tmp_path, CONNECTIONS, more)

    assert made.workspaces == (
        WorkspaceAccess("https://dbc-1.cloud.databricks.com", token="${env:T}"),
        WorkspaceAccess("https://dbc-2.cloud.databricks.com"),
    )
    assert made.network.settings.tags == {"map-migrated": "mig12345", "owner": "data"}


def test_a_workspace_on_another_cloud_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(FerryError, match="is not on AWS"):
        request(tmp_path, chosen=TagExtras(workspaces=("adb-1.2.azuredatabricks.net",)))


@pytest.mark.parametrize(
    ("typed", "share"), [("25%", "0.25"), ("0.25", "0.25"), ("12.5 %", "0.125"), ("100%", "1")]
)
def test_a_share_is_written_as_the_agreement_says(tmp_path: Path, typed: str, share: str) -> None:
    assert request(tmp_path, chosen=TagExtras(rate=typed)).rate == Decimal(share)


@pytest.mark.parametrize("typed", ["25", "-1%", "101%", "a quarter", "nan", ""])
def test_what_is_no_share_is_refused(tmp_path: Path, typed: str) -> None:
    with pytest.raises(FerryError) as refused:
        request(tmp_path, chosen=TagExtras(rate=typed))

    assert (refused.value.code, refused.value.exit_code) == ("LF-2001", 2)


def test_words_may_be_joined_by_commas(tmp_path: Path) -> None:
    made = request(tmp_path, chosen=TagExtras(allow=("overwrite,restart", "template")))

    assert made.allow == {"overwrite", "restart", "template"}


def test_what_is_not_chosen_has_its_default(tmp_path: Path) -> None:
    made = request(tmp_path)

    assert (made.included, made.excluded) == (("*",), EXCLUDED)
    assert (made.rate, made.days, made.edition, made.bill) == (None, 30, "current", ())
