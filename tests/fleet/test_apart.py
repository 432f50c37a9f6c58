"""A migration lands outside of all its sources."""

from pathlib import Path

import pytest

from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.apart import refuse_inside
from tests.fleet.manifests import migration

MANIFEST = """
version: 1
name: t
connections: {{minio: {{kind: aws, endpoint: "http://minio:9000"}}}}
target: {{root: "{target}", layout: "{layout}"}}
sources:
  raw: {{root: "{root}"}}
  other: {{root: s3://elsewhere/{{name}}, connection: minio}}
"""
LAYOUT = "{source}/{schema}/{table}"


def refuse(folder: Path, root: str, target: str, layout: str = LAYOUT) -> None:
    text = MANIFEST.replace("{{name}}", "x").format(root=root, target=target, layout=layout)
    refuse_inside(migration(folder, text))


@pytest.mark.parametrize(
    ("root", "target", "layout"),
    [
        ("s3://lake", "s3://lake/new", LAYOUT),
        ("s3://lake/raw", "s3://lake", LAYOUT),  # its own name leads there
        ("s3://lake/new/1", "s3://lake/new", "{wave}/{source}/{path}"),
        ("/lake", "/lake/", "x/{source}_{table}"),
    ],
)
def test_a_target_inside_a_source_is_refused(
    tmp_path: Path, root: str, target: str, layout: str
) -> None:
    with pytest.raises(FerryError, match="LF-2103"):
        refuse(tmp_path, root, target, layout)


@pytest.mark.parametrize(
    ("root", "target", "layout"),
    [
        ("s3://lake/raw", "s3://lake/raw-new", LAYOUT),
        ("s3://lake/old", "s3://lake", LAYOUT),
        ("s3://lake/raw", "gs://lake", LAYOUT),
        ("/lake/raw", "/lakes", LAYOUT),
        ("s3://elsewhere/y", "s3://elsewhere/x", LAYOUT),  # of that name at another service
        ("s3://lake", "s3://lake/${env:HOME}", LAYOUT),  # told when it is resolved
    ],
)
def test_a_target_beside_its_sources_is_none(
    tmp_path: Path, root: str, target: str, layout: str
) -> None:
    refuse(tmp_path, root, target, layout)
