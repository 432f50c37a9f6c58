"""A short log says the same as the general way, or nothing."""

from collections import Counter
from typing import Any

import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.delta.log import LOG, list_log, segment
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.head_facts import LogFacts
from lakeferry.fleet.discovery.short_log import read_short_log
from lakeferry.store.open import memory_store, open_store
from lakeferry.store.protocol import Store
from tests.corpora import DELTA, ROOT, SPARK, required
from tests.fleet import lakes

TABLES = [folder.parent for root in (DELTA, SPARK) for folder in sorted(root.rglob(LOG))]
VECTOR = {"storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^", "offset": 1,
          "sizeInBytes": 40, "cardinality": 2}  # fmt: skip


def short(store: Store) -> LogFacts | None:
    return read_short_log(store, segment(list_log(store)), frozenset())


def general(store: Store) -> tuple[Any, ...]:
    found = read_snapshot(store)
    sizes = [batch.column("size") for batch in found.files.batches(["size"])]
    count, total = sum(map(len, sizes)), sum(pc.sum(one).as_py() or 0 for one in sizes)
    return (found.version, found.protocol, found.metadata, found.txns, frozenset(found.domains),
            count, total)  # fmt: skip


def parts(facts: LogFacts) -> tuple[Any, ...]:
    return (facts.version, facts.protocol, facts.metadata, facts.txns, facts.domains,
            facts.files, facts.bytes)  # fmt: skip


def test_of_every_published_table_it_says_what_the_general_way_says_or_nothing() -> None:
    required(ROOT)
    said: Counter[str] = Counter()
    for path in TABLES:
        store = open_store(str(path))
        try:
            facts = short(store)
        except FerryError:
            continue  # the log has a gap, or is empty: neither way is begun
        if facts is None:
            said["nothing"] += 1
            continue
        assert parts(facts) == general(store), path
        said["all"] += 1

    assert said["all"] > 60
    assert said["nothing"] > 20


paths = st.sampled_from(["a", "b", "d=1/c"])
vectors = st.sampled_from([None, VECTOR, {**VECTOR, "offset": 9}])


@st.composite
def actions(draw: st.DrawFn) -> dict[str, Any]:
    body: dict[str, Any] = {"path": draw(paths), "dataChange": True}
    vector = draw(vectors)
    if vector is not None:
        body["deletionVector"] = vector
    if draw(st.booleans()):
        return {"remove": {**body, "deletionTimestamp": 1}}
    return {"add": {**body, "size": draw(st.integers(0, 9)), "partitionValues": {},
                    "modificationTime": 1}}  # fmt: skip


@given(st.lists(st.lists(actions(), max_size=6), max_size=5))
def test_whatever_is_added_and_removed_the_last_action_on_a_file_counts(
    commits: list[list[dict[str, Any]]],
) -> None:
    store = memory_store()
    lakes.commit(store, "", 0, lakes.protocol(), lakes.metadata("a"))
    for version, commit in enumerate(commits, start=1):
        lakes.commit(store, "", version, *commit)

    facts = short(store)

    assert facts is not None
    assert parts(facts) == general(store)


@pytest.mark.parametrize(
    "action",
    [
        lakes.add("100%25"),
        lakes.add("s3://elsewhere/a"),
        lakes.add("/absolute"),
        lakes.add("./a"),
        lakes.add("a//b"),
        lakes.add("a/../b"),
        {"add": {"path": "a", "partitionValues": {}}},
        {"add": {"path": "a", "partitionValues": 3, "size": 1}},
        {"add": {"path": "a", "partitionValues": {}, "size": "1"}},
        {"add": {"path": 7, "size": 1}},
        {"add": [1]},
        {"strange": {}},
        {"txn": {"version": 1}},
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["new"],
                      "writerFeatures": ["new"]}},
        {"metaData": {"id": "a", "format": {"provider": "orc"}, "schemaString": "{}",
                      "partitionColumns": [], "configuration": {}}},
        lakes.metadata("a", {"delta.enableInCommitTimestamps": "true"}),
    ],
)  # fmt: skip
def test_of_a_log_with_anything_odd_it_says_nothing(action: dict[str, Any]) -> None:
    store = memory_store()
    lakes.commit(store, "", 0, lakes.protocol(), lakes.metadata("a"))
    lakes.commit(store, "", 1, action)

    assert short(store) is None


def test_of_a_log_with_a_checkpoint_or_of_many_bytes_it_says_nothing() -> None:
    long, pointed = memory_store(), memory_store()
    lakes.delta(long, "", files=3000)
    lakes.delta(pointed, "")
    lakes.put(pointed, f"{LOG}/{0:020}.checkpoint.parquet")

    assert (short(long), short(pointed)) == (None, None)
