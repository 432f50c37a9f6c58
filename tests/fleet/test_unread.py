"""Keys that nothing acts upon are told, each with its place; others are not."""

from pathlib import Path

from lakeferry.config.read import read_manifest
from lakeferry.fleet.manifest.unread import unread_keys


def told(folder: Path, text: str) -> list[str]:
    file = folder / "lakeferry.yaml"
    file.write_text(f"version: 1\n{text}")
    found = unread_keys(read_manifest(file).manifest.root)
    return [f"{one.code} {one.place.line}: {one.what}" for one in found]


def test_a_live_page_and_a_group_of_instances_are_not_made(tmp_path: Path) -> None:
    text = (
        "serve: {bind: '127.0.0.1:7777'}\n"
        "network: {vpc: vpc-1, nat: {kind: instance, recovery: {auto_scaling: true}}}\n"
    )

    assert told(tmp_path, text) == [
        "LF-2108 3: network.nat.recovery.auto_scaling is not acted upon: no Auto Scaling group "
        "is made",
        "LF-2108 2: serve is not acted upon: no page is served",
    ]
    assert told(tmp_path, text.replace("true", "false").replace("serve", "#")) == []


def test_a_lock_is_taken_and_unity_catalog_is_told_of_managed_tables(tmp_path: Path) -> None:
    head = (
        "connections: {ws: {kind: databricks, host: 'https://h.example'}, a: {kind: aws}}\n"
        "target: {root: s3://lake, commit: {lock: dynamodb://locks}, catalog: {external: false, "
    )

    assert told(tmp_path, f"{head}kind: unity, connection: ws, catalog: atlas}}}}\n") == []
    assert told(tmp_path, f"{head}kind: glue, connection: a}}}}\n") == [
        "LF-2108 3: target.catalog.external is not acted upon: only Unity Catalog takes external "
        "tables over as its own"
    ]
