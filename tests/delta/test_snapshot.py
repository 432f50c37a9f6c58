import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeferry.delta.actions import Txn
from lakeferry.delta.checkpoint_write import write_checkpoint
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.store.open import open_store

from .tables import (
    METADATA,
    PROTOCOL,
    Action,
    add,
    commit,
    metadata,
    paths,
    remove,
    rows,
    spark_keys,
    table,
    vector,
    write,
)


def test_what_a_later_commit_removes_is_not_live(tmp_path: Path) -> None:
    store = table(tmp_path, [add("a"), add("b")], [remove("a")])

    assert paths(read_snapshot(store).files) == ["b"]
    assert paths(read_snapshot(store, version=0).files) == ["a", "b"]


def test_an_added_file_replaces_its_older_self(tmp_path: Path) -> None:
    store = table(tmp_path, [add("a", size=1)], [add("a", size=2, tags={"t": "1"})])

    [row] = rows(read_snapshot(store).files)

    assert (row["size"], row["tags"]) == (2, {"t": "1"})


def test_a_new_vector_replaces_the_old_one_in_whatever_order_the_commit_says_it(
    tmp_path: Path,
) -> None:
    store = table(
        tmp_path,
        [add("a"), add("b")],
        [remove("a"), add("a", deletionVector=vector("x"))],
        [add("b", deletionVector=vector("x")), remove("b")],
    )

    assert spark_keys(read_snapshot(store).files) == ["a|ux@1", "b|ux@1"]


def test_within_a_commit_the_last_action_on_a_file_counts(tmp_path: Path) -> None:
    store = table(tmp_path, [add("a"), remove("a"), remove("b"), add("b"), add("c"), add("c")])

    assert paths(read_snapshot(store).files) == ["b", "c"]


def test_a_file_is_the_same_in_every_spelling(tmp_path: Path) -> None:
    store = table(
        tmp_path,
        [add("p=a%20b/f"), add("/elsewhere/x"), add(f"file:{tmp_path}/own")],
        [remove("p=a b/f"), remove("file:///elsewhere/x"), remove("own")],
    )

    assert paths(read_snapshot(store).files) == []


def test_small_actions_are_the_last_ones_seen_not_the_highest(tmp_path: Path) -> None:
    store = table(
        tmp_path,
        [{"txn": {"appId": "s", "version": 9}}, {"txn": {"appId": "t", "version": 1}}],
        [{"txn": {"appId": "s", "version": 4, "lastUpdated": 7}}, metadata(delta__x="1")],
    )

    snapshot = read_snapshot(store)

    assert snapshot.txns == {"s": Txn("s", 4, 7), "t": Txn("t", 1)}
    assert snapshot.metadata.configuration == {"delta.x": "1"}


def test_removed_domains_are_gone_and_may_come_back(tmp_path: Path) -> None:
    def domain(name: str, text: str, *, removed: bool = False) -> Action:
        body = {"domain": name, "configuration": text, "removed": removed}
        return {"domainMetadata": body}

    store = table(
        tmp_path,
        [domain("a", "1"), domain("b", "1")],
        [domain("a", "1", removed=True), domain("b", "2", removed=True)],
        [domain("b", "3")],
    )

    assert read_snapshot(store, version=1).domains == {}
    assert {name: found.configuration for name, found in read_snapshot(store).domains.items()} == {
        "b": "3"
    }


def test_unknown_actions_are_kept_with_their_version_in_order(tmp_path: Path) -> None:
    first, second = {"later": {"a": [1]}}, {"other": 2}
    store = table(tmp_path, [first], [add("a"), second])

    assert read_snapshot(store).unknown_actions == ((0, first), (1, second))


def test_tombstones_are_kept_on_request(tmp_path: Path) -> None:
    store = table(tmp_path, [add("a"), add("b")], [remove("a"), remove("b")], [add("b")])

    snapshot = read_snapshot(store, tombstones=True)

    assert snapshot.removes is not None
    assert paths(snapshot.removes) == ["a"]
    assert read_snapshot(store).removes is None


def test_an_unknown_reader_feature_is_refused_before_the_commit_is_understood(
    tmp_path: Path,
) -> None:
    names = ["future"]
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7,
                "readerFeatures": names, "writerFeatures": names}  # fmt: skip
    table(tmp_path, [add("a")])
    body = b'{"protocol":%s}\n{"add":{"manifest":1}}\n'
    write(tmp_path, f"{1:020d}.json", body % orjson.dumps(protocol))

    with pytest.raises(FerryError) as refused:
        read_snapshot(open_store(str(tmp_path)))

    assert refused.value.code == "LF-3001"


@pytest.mark.parametrize(
    "odd",
    [
        {"txn": {"appId": ["a"], "version": 1}},
        {"domainMetadata": {"domain": {}, "configuration": "{}", "removed": False}},
        {"metaData": {**METADATA["metaData"], "format": "parquet"}},
    ],
    ids=["txn", "domainMetadata", "metaData"],
)
def test_a_name_that_is_no_text_is_a_damaged_log(tmp_path: Path, odd: Action) -> None:
    commit(tmp_path, 0, PROTOCOL, METADATA, odd)

    with pytest.raises(FerryError, match="another type") as refused:
        read_snapshot(open_store(str(tmp_path)))

    assert refused.value.code == "LF-3105"


@pytest.mark.parametrize(
    ("actions", "code"),
    [
        ((METADATA,), "LF-3105"),
        ((PROTOCOL,), "LF-3105"),
        ((PROTOCOL, {"metaData": {"id": "x", "format": {"provider": "parquet"}}}), "LF-3105"),
        ((PROTOCOL, {"metaData": {"schemaString": "{}"}}), "LF-3105"),
        ((PROTOCOL, {"metaData": {**METADATA["metaData"], "format": {"provider": "orc"}}}),
         "LF-3002"),
    ],
)  # fmt: skip
def test_a_log_that_states_no_parquet_table_is_refused(
    tmp_path: Path, actions: tuple[Action, ...], code: str
) -> None:
    commit(tmp_path, 0, *actions)

    with pytest.raises(FerryError) as refused:
        read_snapshot(open_store(str(tmp_path)))

    assert refused.value.code == code


def test_a_broken_commit_is_named_with_its_line(tmp_path: Path) -> None:
    store = table(tmp_path, [add("a")], [add("b")])
    file = tmp_path / "_delta_log" / f"{1:020d}.json"
    file.write_bytes(file.read_bytes()[:-5])

    with pytest.raises(FerryError) as refused:
        read_snapshot(store)

    assert refused.value.code == "LF-3103"
    assert f"{1:020d}.json, line 1" in refused.value.where


def test_a_log_of_hundreds_of_commits_is_read_in_order(tmp_path: Path) -> None:
    commits = [[add(f"f{n}"), *([remove(f"f{n - 1}")] if n else [])] for n in range(300)]
    store = table(tmp_path, *commits)

    assert paths(read_snapshot(store).files) == ["f299"]


# --- for all histories -------------------------------------------------------------------------

FILES = st.tuples(st.sampled_from("abcd"), st.sampled_from([None, "x", "y"]))
ACTIONS = st.one_of(
    st.tuples(st.just("add"), FILES, st.integers(0, 9)),
    st.tuples(st.just("remove"), FILES, st.just(0)),
    st.tuples(st.just("txn"), st.sampled_from("st"), st.integers(0, 9)),
    st.tuples(st.just("domain"), st.sampled_from("de"), st.integers(0, 9)),
    st.tuples(st.just("undomain"), st.sampled_from("de"), st.just(0)),
    st.tuples(st.just("metadata"), st.just(""), st.integers(0, 9)),
)
HISTORIES = st.lists(st.lists(ACTIONS, max_size=6), min_size=1, max_size=7)


@dataclass
class Model:
    """What a table is, replayed forwards by the simplest means."""

    files: dict[Any, int] = field(default_factory=dict)
    txns: dict[str, int] = field(default_factory=dict)
    domains: dict[str, str] = field(default_factory=dict)
    configuration: Mapping[str, str] = field(default_factory=dict)

    def apply(self, kind: str, name: Any, value: int) -> None:
        if kind == "add":
            self.files[name] = value
        elif kind == "remove":
            self.files.pop(name, None)
        elif kind == "txn":
            self.txns[name] = value
        elif kind == "domain":
            self.domains[name] = str(value)
        elif kind == "undomain":
            self.domains.pop(name, None)
        else:
            self.configuration = {"v": str(value)}


def as_action(kind: str, name: Any, value: int) -> Action:
    if kind in ("add", "remove"):
        path, found = name
        fields = {} if found is None else {"deletionVector": vector(found)}
        return add(path, size=value, **fields) if kind == "add" else remove(path, **fields)
    if kind == "txn":
        return {"txn": {"appId": name, "version": value}}
    if kind == "metadata":
        return metadata(v=str(value))
    removed = kind == "undomain"
    return {"domainMetadata": {"domain": name, "configuration": str(value), "removed": removed}}


def as_model(snapshot: Any) -> Model:
    return Model(
        files={
            (row["path"], row["deletionVector"] and row["deletionVector"]["pathOrInlineDv"]): row[
                "size"
            ]
            for row in rows(snapshot.files)
        },
        txns={name: txn.version for name, txn in snapshot.txns.items()},
        domains={name: domain.configuration for name, domain in snapshot.domains.items()},
        configuration=snapshot.metadata.configuration,
    )


@settings(max_examples=60)
@given(HISTORIES, st.data())
def test_the_state_does_not_depend_on_where_checkpoints_lie(history: Any, data: Any) -> None:
    places = data.draw(st.sets(st.integers(0, len(history) - 1), max_size=2), label="checkpoints")
    cleaned = data.draw(st.booleans(), label="older commits are gone")
    model = Model()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        store = table(root, *([as_action(*item) for item in items] for items in history))
        for place in sorted(places):
            at = read_snapshot(store, version=place, tombstones=True)
            write_checkpoint(store, place, state=at, files=at.files, removes=at.removes)
        for version in range(max(places, default=-1) if cleaned else -1):
            (root / "_delta_log" / f"{version:020d}.json").unlink(missing_ok=True)

        snapshot = read_snapshot(store)

        for items in history:
            for item in items:
                model.apply(*item)
        assert as_model(snapshot) == model
