"""References in addresses are resolved before tables are known by them."""

from pathlib import Path

import pytest

from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.addresses import with_addresses
from tests.fleet.manifests import migration

TEXT = """\
version: 1
name: lake
ledger: "${file:ledger.txt}"
connections: {aws: {kind: aws, external_id: "${env:EXTERNAL_ID}"}}
target: {root: "s3://${env:BUCKET}/lake/", connection: aws}
sources: {a: {root: "s3://${env:SOURCE:-other}/a"}, b: {kind: glue, connection: aws}}
"""


def test_addresses_are_as_they_are_and_references_of_connections_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ledger.txt").write_text("ledger.db\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BUCKET", "prod")

    found = with_addresses(migration(tmp_path, TEXT))

    assert (found.target.root, found.ledger) == ("s3://prod/lake", "ledger.db")
    assert [one.root for one in found.sources.values()] == ["s3://other/a", None]
    assert found.target.store_options == {"external_id": "${env:EXTERNAL_ID}"}


def test_a_reference_that_names_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BUCKET", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ledger.txt").write_text("ledger.db\n")

    with pytest.raises(FerryError, match="`BUCKET` is not set") as refused:
        with_addresses(migration(tmp_path, TEXT))

    assert refused.value.code == "LF-2001"
