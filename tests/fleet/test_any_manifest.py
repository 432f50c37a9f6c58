"""Whatever a manifest of the right shape says, it is judged; what passes has values."""

import json
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lakeferry.config.check import check
from lakeferry.config.json_text import read_json
from lakeferry.config.manifest_shape import MANIFEST
from lakeferry.config.manifest_values import manifest_of
from lakeferry.config.tree import Value
from lakeferry.fleet.manifest.wanted_problems import missing_problems, wanted_problems
from lakeferry.fleet.manifest.wanted_values import migration_of

WHOLE: dict[str, Any] = {
    "version": 1,
    "name": "lake",
    "connections": {
        "az": {"kind": "azure", "tenant": "t", "client": "c", "secret": "${env:S}"},
        "ws": {"kind": "databricks", "host": "https://w", "token": "${env:T}"},
    },
    "target": {
        "root": "s3://b", "layout": "{source}/{schema}/{table}",
        "catalog": {"kind": "unity", "connection": "ws", "catalog": "lake", "schema": "{source}"},
    },
    "defaults": {"verify": "rows", "exclude": ["*.x"], "tags": {"pii": "no"}},
    "families": {
        "az": {"root": "abfss://{name}@a.dfs.core.windows.net/{area}", "connection": "az",
               "tables": {"a.*": {"wave": 2}}},
    },
    "sources": {
        "a": {"use": "az", "with": {"area": "x"}, "wave": 1},
        "b": {"kind": "hive", "from": {"catalog": "hive", "uri": "thrift://h:1", "name": "d"}},
        "c": {"root": "s3://c", "layout": "c/{path}", "tables": {"**": {"mode": "mirror"}}},
    },
    "waves": {"1": {}, "2": {"after": 1, "cutover": "2026-11-26T22:00Z"}},
    "limits": {
        "windows": [{"days": "fri-mon", "from": "22:00", "to": "02:00", "pause": True,
                     "tz": "Europe/Berlin", "select": "a.**"}],
        "stop_if": {"cost_usd": 1},
    },
}  # fmt: skip


def places_of(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner: Any = node.items() if isinstance(node, dict) else ()
    for key, one in enumerate(node) if isinstance(node, list) else inner:
        yield from places_of(one, (*path, key))


PLACES = [path for path in places_of(WHOLE) if path]
VALUES = st.sampled_from(
    ["a", "b", "az", "ws", "hive", "unity", "glue", "paths", "s3", "local", "none", "", "**", "{x}",
     "{name}", "{source}", "{table}", "{{", "..", "/", "s3://x", "ftp://x", "hdfs://{area}/x",
     "${env:X}", "${file:/x}", "manual", "2026-02-30T22:00Z", "00:00", "02:30", "UTC", "Mars",
     "state:x", "wave:1,tag:a", "@f", "mon", "1 h", "1%", "1 GB/s", 1, 3, 0, 1.5, True, [], [1],
     [3, 2], ["x"], ["a/**"], {}, {"1": {"after": 1}}, {"a": {"root": "s3://q"}}, {"kind": "glue"},
     {"root": "s3://z"}, {"x": {"wave": 9}}, {"area": "y"}, {"catalog": "unity"}]
)  # fmt: skip
changes = st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3)


def changed(made: list[tuple[tuple[Any, ...], Any]]) -> Value:
    """WHOLE with these changes; one whose place went with an earlier one is left out."""
    document = json.loads(json.dumps(WHOLE))
    for place, value in made:
        parent = document
        with suppress(KeyError, IndexError, TypeError):
            for key in place[:-1]:
                parent = parent[key]
            parent[place[-1]] = deepcopy(value)
    root, _ = read_json(json.dumps(document), "f.json")
    assert root is not None
    return root


def test_the_whole_one_is_without_a_fault() -> None:
    manifest = manifest_of((changed([]),), "f.json", "")

    assert [*check(changed([]), MANIFEST)] == wanted_problems(manifest) == []


@given(made=changes)
def test_any_manifest_of_the_right_shape_is_judged_and_what_passes_has_values(
    made: list[tuple[tuple[Any, ...], Any]],
) -> None:
    root = changed(made)
    if [*check(root, MANIFEST)]:
        return
    manifest = manifest_of((root,), "f.json", "")

    problems = wanted_problems(manifest)
    assert all(one.what and one.next_step and one.place.line for one in problems)
    if problems or missing_problems(manifest):
        return
    found = migration_of(manifest)
    for source in found.sources.values():
        assert source.options_of("schema", "table", "schema/table").wave in found.waves
        landing = found.landing(source, "schema", "table", path="schema/table")
        assert landing.startswith(found.target.root)
        assert "{" not in landing.removeprefix(found.target.root).replace("${env:X}", "")
