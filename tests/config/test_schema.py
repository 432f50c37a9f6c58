"""The JSON Schema that editors use and the checker say the same, and the examples fit both."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.config.check import check
from lakeferry.config.json_text import read_json
from lakeferry.config.manifest_shape import MANIFEST
from lakeferry.config.problems import SECRET_NAMES
from lakeferry.config.read import read_manifest
from lakeferry.config.schema import schema
from lakeferry.config.shape import Anything, Field, Shape, Text, kinds_of
from lakeferry.config.tree import Value
from lakeferry.config.yaml_text import read_yaml

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.yaml"))
VALIDATOR = jsonschema.Draft202012Validator(schema())


def as_json(value: Value) -> Any:
    """A tree as a validator takes it."""
    if value.kind == "map":
        return {key: as_json(entry.value) for key, entry in value.entries.items()}
    if value.kind == "list":
        return [as_json(item) for item in value.items]
    return value.text if value.kind == "text" else json.loads(value.text.lower())


def full() -> dict[str, Any]:
    root, _ = read_yaml((EXAMPLES[0].parent / "monitor.yaml").read_text(), "monitor.yaml")
    assert root is not None
    document: dict[str, Any] = as_json(root)
    document["limits"] = {
        "bandwidth": "40 Gbit/s",
        "max_bytes": "64 GB",
        "stop_if": {"cost_usd": 1},
        "per_account": {"requests": "4000/s"},
        "windows": [{"days": "mon-fri, sun", "from": "08:00", "to": "18:00", "pause": True}],
    }
    document["target"] = {"root": "s3://b", "catalog": {"kind": "glue", "external": True}}
    document["defaults"] = {"verify": "rows", "lag_target": "6 h", "exclude": ["*.x"]}
    document["families"] = {"az": {"root": "s3://{name}", "with": {"area": "x"}, "wave": 2}}
    document["sources"] = {
        "a": {
            "use": "az",
            "from": {"catalog": "hive", "uri": "thrift://host:9083"},
            "tags": {"pii": "yes"},
            "tables": {"s.*": {"mode": "mirror"}},
        },
    }
    document["waves"] = {"1": {"after": [2], "cutover": "2026-11-26T22:00Z", "freeze": "30 min"}}
    options = {"account_key": "${env:KEY}", "account": "acc"}
    document["connections"]["az"] = {"kind": "azure", "options": options}
    return document


def leaves_of(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner_of: Any = node.items() if isinstance(node, dict) else ()
    for key, inner in enumerate(node) if isinstance(node, list) else inner_of:
        yield from leaves_of(inner, (*path, key))


PLACES = [path for path in leaves_of(full()) if path]
VALUES = st.sampled_from(
    [1, 0, -1, 2.5, True, "x", "", "60 s", "30 d", "2 pb", "5 GB/h", "25%", "s3", "gateway", "eni",
     "vpc-0a", "subnet-1", "${env:X}", "s3://b", "mig12345", "2x", "us-east-1", "aws", [], ["x"],
     ["s3"], {}, {"x": "y"}, {"type": "none"}, {"role": "${env:R}"}, {"limit": 3}, "rows", "sun",
     "manual", "2026-11-26T22:00Z", "22:00", "4000/s", "thrift://h:1", [1], {"root": "s3://b"}]
)  # fmt: skip


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_read_and_fits_the_schema(path: Path) -> None:
    read = read_manifest(path)

    VALIDATOR.validate(as_json(read.document.root))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_tells_editors_where_its_schema_is(path: Path) -> None:
    first = path.read_text().splitlines()[0]

    assert first == "# yaml-language-server: $schema=./.lakeferry/schema.json"


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@given(place=st.sampled_from(PLACES), value=VALUES)
def test_what_the_schema_refuses_the_checker_refuses_and_the_reverse(
    place: tuple[Any, ...], value: Any
) -> None:
    document = full()
    parent = document
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = value
    root, _ = read_json(json.dumps(document), "f.json")
    assert root is not None

    problems = list(check(root, MANIFEST))

    assert (problems == []) == VALIDATOR.is_valid(document)


@given(place=st.sampled_from(PLACES), key=st.sampled_from(["x", "vpcs", "Type"]))
def test_a_key_that_the_schema_refuses_the_checker_refuses(
    place: tuple[Any, ...], key: str
) -> None:
    document = full()
    node = document
    for part in place:
        node = node[part]
    if isinstance(node, dict):
        node[key] = "x"
    root, _ = read_json(json.dumps(document), "f.json")
    assert root is not None

    assert (list(check(root, MANIFEST)) == []) == VALIDATOR.is_valid(document)


def fields_of(shape: Shape) -> Iterator[tuple[str, Field]]:
    """Every key of every record in a shape."""
    inner: list[Shape] = []
    if hasattr(shape, "fields") and not isinstance(shape, Text):
        for name, one in shape.fields.items():
            yield name, one
            inner.append(one.shape)
    for attribute in ("item", "value"):
        if hasattr(shape, attribute):
            inner.append(getattr(shape, attribute))
    inner += getattr(shape, "shapes", ())
    for one_shape in inner:
        yield from fields_of(one_shape)


def test_every_key_says_what_it_means_in_one_line() -> None:
    said = {name: one.about for name, one in fields_of(MANIFEST)}

    assert [name for name, about in said.items() if not about or about.endswith(".")] == []


def test_a_key_that_sounds_like_a_secret_takes_references_only() -> None:
    loose = [
        name
        for name, one in fields_of(MANIFEST)
        if SECRET_NAMES.fullmatch(name) and not isinstance(one.shape, Anything)
        if not (isinstance(one.shape, Text) and one.shape.secret)
    ]

    assert loose == []
    assert kinds_of(Text(secret=True)) == ("text",)
