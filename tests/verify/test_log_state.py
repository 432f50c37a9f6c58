"""The states of two logs: every change is found at every strength, and named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from lakeferry.clone.run import clone
from lakeferry.verify.run import verify
from tests.verify.tables import (
    FIRST,
    SECOND,
    Action,
    add,
    body_of,
    cloned,
    make_source,
    proof,
    read_commit,
    rewrite,
    rows,
    told,
    write_commit,
)


def change(kind: str, name: str, value: Any, **having: Any) -> Callable[[list[Action]], None]:
    def apply(actions: list[Action]) -> None:
        body_of(actions, kind, **having)[name] = value

    return apply


def drop(kind: str) -> Callable[[list[Action]], list[Action]]:
    return lambda actions: [action for action in actions if kind not in action]


def configure(**changes: str | None) -> Callable[[list[Action]], None]:
    def apply(actions: list[Action]) -> None:
        configuration = body_of(actions, "metaData")["configuration"]
        for name, value in changes.items():
            key = name.replace("__", ".")
            configuration.pop(key) if value is None else configuration.update({key: value})

    return apply


def comment(actions: list[Action]) -> None:
    body = body_of(actions, "metaData")
    body["schemaString"] = body["schemaString"].replace('"metadata": {}', '"metadata": {"a": 1}', 1)


def miscount(actions: list[Action]) -> None:
    vector = body_of(actions, "add", path=SECOND)["deletionVector"]
    vector["cardinality"] = 2


STREAM = {"appId": "stream"}
CHANGES: dict[str, tuple[Callable[[list[Action]], Any], str, str]] = {
    "txn off by one": (change("txn", "version", 8), "txn", "version: 7 at the source, 8"),
    "txn time": (change("txn", "lastUpdated", 1), "txn", "lastUpdated: 1700000000000 at"),
    "txn lost": (drop("txn"), "txn", "`stream`, version: 7 at the source, nothing"),
    "txn more": (
        lambda actions: [*actions, {"txn": {"appId": "b", "version": 1}}],
        "txn",
        "`b`, version: nothing at the source, 1",
    ),
    "domain": (change("domainMetadata", "configuration", "x"), "domain", "app.settings"),
    "domain lost": (drop("domainMetadata"), "domain", "`{}` at the source, nothing"),
    "domain more": (
        lambda actions: [*actions, {"domainMetadata": {"domain": "b", "configuration": "1"}}],
        "domain",
        "`b`: nothing at the source, `1`",
    ),
    "constraint lost": (
        configure(delta__constraints__positive=None),
        "configuration",
        "delta.constraints.positive: `id > 0` at the source, nothing",
    ),
    "configuration": (configure(owner="x"), "configuration", "owner: `ops` at the source, `x`"),
    "configuration more": (configure(new="x"), "configuration", "new: nothing at the source"),
    "schema": (comment, "schema", "column `id`"),
    "partitioning": (change("metaData", "partitionColumns", []), "partitioning", "('region',)"),
    "name": (change("metaData", "name", "x"), "metadata", "name: `orders` at the source"),
    "description": (change("metaData", "description", "x"), "metadata", "description"),
    "feature lost": (
        change("protocol", "writerFeatures", ["deletionVectors", "domainMetadata"]),
        "protocol",
        "feature `appendOnly` of the source is missing",
    ),
    "reader feature lost": (
        change("protocol", "readerFeatures", []),
        "protocol",
        "feature `deletionVectors` binds the source's readers",
    ),
    "tag": (change("add", "tags", {"k": "w"}, path=FIRST), "files", "`tags`: `{'k': 'v'}`"),
    "stats": (change("add", "stats", '{"numRecords":9}', path=FIRST), "files", "`stats`"),
    "row id": (change("add", "baseRowId", 1, path=FIRST), "files", "`baseRowId`: 0 at"),
    "row version": (
        change("add", "defaultRowCommitVersion", 1, path=FIRST),
        "files",
        "`defaultRowCommitVersion`",
    ),
    "time": (change("add", "modificationTime", 5, path=FIRST), "files", "`modificationTime`"),
    "partition value": (
        change("add", "partitionValues", {"region": "x"}, path=FIRST),
        "files",
        "`partitionValues`",
    ),
    "clustering": (change("add", "clusteringProvider", "x", path=FIRST), "files", "Provider"),
    "unknown field": (change("add", "newer", 1, path=FIRST), "files", "`extra`: nothing at"),
    "vector's cardinality": (miscount, "files", "`deletionVector`"),
}


@pytest.mark.parametrize("strength", ["listed", "rows"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_in_the_log_is_found_and_named(tmp_path: Path, name: str, strength: str) -> None:
    apply, check, text = CHANGES[name]
    sides = cloned(tmp_path)
    rewrite(sides[1], apply)

    found = proof(sides, strength).findings

    assert {finding.check for finding in found} - {"rows"} == {check}
    assert any(text in finding.what for finding in found)


def test_a_size_that_the_log_no_longer_says_is_found_twice(tmp_path: Path) -> None:
    sides = cloned(tmp_path)
    rewrite(sides[1], change("add", "size", 5, path=FIRST))

    assert told(proof(sides, "listed")) == [("files", FIRST), ("size", FIRST)]


def test_files_that_one_side_lacks_are_named(tmp_path: Path) -> None:
    source, target = cloned(tmp_path)
    extra = add(target, "region=eu/more.parquet", rows(1))
    rewrite(
        target,
        lambda actions: [
            *(each for each in actions if each.get("add", {}).get("path") != FIRST),
            extra,
        ],
    )

    found = verify(str(source), str(target)).findings

    assert [(each.check, each.path) for each in found] == [
        ("files", FIRST),
        ("files", "region=eu/more.parquet"),
    ]
    assert "not at the target" in found[0].what
    assert "not at the source" in found[1].what


def test_stats_that_the_source_lost_are_no_difference(tmp_path: Path) -> None:
    sides = cloned(tmp_path)
    rewrite(sides[0], change("add", "stats", None, path=FIRST))

    assert proof(sides, "listed").equal


def test_statistics_in_another_order_are_no_difference(tmp_path: Path) -> None:
    sides = cloned(tmp_path)

    def reorder(actions: list[Action]) -> None:
        body = body_of(actions, "add", path=FIRST)
        members = orjson.loads(body["stats"])
        body["stats"] = orjson.dumps(dict(reversed(members.items()))).decode()

    rewrite(sides[1], reorder)

    assert proof(sides, "listed").equal


def test_a_target_may_have_more_features(tmp_path: Path) -> None:
    sides = cloned(tmp_path)

    def enable(actions: list[Action]) -> None:
        body_of(actions, "protocol")["writerFeatures"].append("changeDataFeed")

    rewrite(sides[1], enable)

    assert proof(sides, "listed").equal


def test_a_txn_that_the_source_let_expire_may_stay_at_the_target(tmp_path: Path) -> None:
    sides = cloned(tmp_path)
    txn = {"txn": {"appId": "old", "version": 1, "lastUpdated": 1}}
    expiring = configure(delta__setTransactionRetentionDuration="interval 7 days")
    rewrite(sides[0], expiring)
    rewrite(sides[1], expiring)
    rewrite(sides[1], lambda actions: [*actions, txn])

    assert proof(sides, "listed").equal


def test_a_txn_is_let_be_where_log_cleanup_took_the_beginning(tmp_path: Path) -> None:
    source, target = make_source(tmp_path / "source"), tmp_path / "target"
    clone(str(source), str(target))
    for version in range(1, 12):
        stream = {"appId": "stream", "version": 7 + version, "lastUpdated": 1}
        write_commit(source, version, [{"txn": stream}])
        clone(str(source), str(target))
    old = {"txn": {"appId": "old", "version": 1}}
    write_commit(target, 11, [*read_commit(target, 11), old])

    whole = verify(str(source), str(target))
    for version in range(11):
        (target / "_delta_log" / f"{version:020d}.json").unlink()
    cleaned = verify(str(source), str(target))

    assert [finding.what for finding in whole.findings] == [
        "txn of `old`, version: nothing at the source, 1 at the target"
    ]
    assert cleaned.equal


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        (b'"minReaderVersion":3', b'"minReaderVersion":2', "protocol"),
        (b'"id":"table-1"', b'"id":"table-2"', "metadata"),
        (b'"owner":"ops"', b'"owner":"opt"', "configuration"),
        (b'"writerFeatures":["deletionVectors",', b'"writerFeatures":[', "protocol"),
    ],
)
def test_a_mirror_may_differ_in_nothing(tmp_path: Path, old: bytes, new: bytes, check: str) -> None:
    sides = cloned(tmp_path, mode="mirror")
    log = sides[1] / "_delta_log" / f"{0:020d}.json"
    assert old in log.read_bytes()
    log.write_bytes(log.read_bytes().replace(old, new))

    assert check in {finding.check for finding in proof(sides, "listed").findings}


def test_a_mirrors_commit_of_another_size_or_gone_is_found(tmp_path: Path) -> None:
    source, target = make_source(tmp_path / "source"), tmp_path / "target"
    for version in range(1, 4):
        write_commit(source, version, [{"commitInfo": {"note": version}}])
    clone(str(source), str(target), mode="mirror")
    write_commit(target, 3, [{"commitInfo": {"note": 1000}}])

    longer = verify(str(source), str(target))

    assert told(longer) == [("commits", None)]
    assert longer.findings[0].what.startswith("commit 3, bytes: ")


def test_lower_versions_of_the_protocol_are_found(tmp_path: Path) -> None:
    sides = cloned(tmp_path)

    def lower(actions: list[Action]) -> None:
        body = body_of(actions, "protocol")
        del body["readerFeatures"]
        body["minReaderVersion"] = 1

    rewrite(sides[1], lower)

    found = [finding.what for finding in proof(sides, "listed").findings]

    assert "min_reader_version: 3 at the source, 1 at the target" in found


def test_unknown_members_of_small_actions_count_too(tmp_path: Path) -> None:
    sides = cloned(tmp_path)

    def extend(actions: list[Action]) -> None:
        for kind in ("txn", "domainMetadata", "protocol", "metaData"):
            body_of(actions, kind)["newer"] = 1

    rewrite(sides[0], extend)

    found = {finding.check for finding in proof(sides, "listed").findings}

    assert found == {"txn", "domain", "protocol", "metadata"}


def test_a_vectors_descriptor_names_the_file_that_lost_it(tmp_path: Path) -> None:
    sides = cloned(tmp_path)
    rewrite(sides[1], change("add", "deletionVector", None, path=SECOND))

    found = proof(sides, "listed").findings

    assert [finding.path for finding in found] == [SECOND, SECOND]
    assert "with deletion vector" in found[0].what
    assert "with deletion vector" not in found[1].what


def test_more_than_a_hundred_restated_files_are_counted(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    make_source(source, *[add(source, f"region=eu/{n}.parquet", rows(n)) for n in range(1, 131)])
    clone(str(source), str(target))

    def touch(actions: list[Action]) -> None:
        for action in actions:
            if "add" in action:
                action["add"]["modificationTime"] = 9

    rewrite(target, touch)

    report = verify(str(source), str(target))

    assert len(report.findings) == 100
    assert report.findings[-1].what == "and 33 more of this kind"


def test_a_schema_that_is_no_json_is_still_compared(tmp_path: Path) -> None:
    sides = cloned(tmp_path)
    rewrite(sides[1], change("metaData", "schemaString", "nonsense"))

    assert ("schema", None) in told(proof(sides, "listed"))


def test_an_unknown_field_of_a_file_outlives_the_clones_own_checkpoint(tmp_path: Path) -> None:
    source, target = make_source(tmp_path / "source"), tmp_path / "target"
    clone(str(source), str(target))
    rewrite(source, change("add", "futureField", {"deep": [1, None]}, path=FIRST))

    kept = tmp_path / "kept"
    clone(str(source), str(kept))

    assert verify(str(source), str(kept)).equal
    assert (target / "_delta_log" / "_last_checkpoint").exists()
    assert not (kept / "_delta_log" / "_last_checkpoint").exists()


@pytest.mark.parametrize("value", [None, {}])
def test_an_unknown_field_that_says_nothing_is_no_difference(tmp_path: Path, value: Any) -> None:
    sides = cloned(tmp_path)
    rewrite(sides[0], change("add", "stats_parsed", value, path=FIRST))

    assert proof(sides, "listed").equal
