"""YAML, JSON and TOML: one tree from all three, with the places of each."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.config.json_text import read_json
from lakeferry.config.toml_text import read_toml
from lakeferry.config.tree import leaves
from lakeferry.config.yaml_text import LOADERS, read_yaml
from tests.config.trees import at, plain

# No line breaks of YAML, so that a text is one line in all three.
texts = st.text(
    # No line breaks of YAML, so that a value's text is one line in all three.
    alphabet=st.characters(
        exclude_categories=("Cs", "Cc"), exclude_characters="\u0085\u2028\u2029\ufeff"
    ),
    max_size=8,
)
scalars = texts | st.integers(-(2**63), 2**63 - 1) | st.booleans()
documents = st.dictionaries(
    texts,
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def expected(document: Any) -> Any:
    """As `plain` gives it."""
    if isinstance(document, dict):
        return {key: expected(value) for key, value in document.items()}
    if isinstance(document, list):
        return [expected(value) for value in document]
    if isinstance(document, str):
        return ("text", document)
    kind = "boolean" if isinstance(document, bool) else "integer"
    return (kind, json.dumps(document))


def as_toml(value: Any) -> str:
    """One line; TOML's basic strings are JSON's, but for the delete character."""
    if isinstance(value, dict):
        inner = ", ".join(f"{as_toml(key)} = {as_toml(one)}" for key, one in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(as_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)


@given(document=documents, indent=st.sampled_from([None, 2]))
def test_json_gives_the_tree_of_what_was_written(document: Any, indent: int | None) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=False)

    root, problems = read_json(text, "f.json")

    assert problems == []
    assert root is not None
    assert plain(root) == expected(document)
    for _, leaf in leaves(root):
        if leaf.kind == "text":
            assert json.loads(at(text, leaf.place)) == leaf.text


@given(document=documents, loader=st.sampled_from(LOADERS))
def test_yaml_reads_that_json_alike(document: Any, loader: Any) -> None:
    text = json.dumps(document, ensure_ascii=False)

    root, problems = read_yaml(text, "f.yaml", loader=loader)

    assert problems == []
    assert root is not None
    assert plain(root) == expected(document)


@given(document=documents)
def test_toml_gives_the_same_tree(document: Any) -> None:
    lines = [f"{as_toml(key)} = {as_toml(value)}" for key, value in document.items()]
    text = "\n".join(lines)

    root, problems = read_toml(text, "f.toml")

    assert problems == []
    assert root is not None
    assert plain(root) == expected(document)
    for _, leaf in leaves(root):
        if leaf.kind == "text":
            assert json.loads(at(text, leaf.place)) == leaf.text


def test_toml_in_its_longer_forms() -> None:
    text = """\
name = 'a'  # comment
limits.stop_if = {cost_usd = 1_000}
[network]
vpc = "vpc-1"
subnets = [
  "subnet-1",  # the first
  "subnet-2",
]
[[limits.windows]]
from = 18:00:00
[[limits.windows]]
from = "02:00"
[limits.windows.inner]
text = \"""
two
lines\"""
[a.b."c.d"]
at = 1979-05-27 07:32:00
"""

    root, problems = read_toml(text, "f.toml")

    assert problems == []
    assert root is not None
    found = {".".join(path): (leaf.kind, leaf.text, str(leaf.place)) for path, leaf in leaves(root)}
    assert found == {
        "name": ("text", "a", "f.toml:1:8"),
        "limits.stop_if.cost_usd": ("integer", "1_000", "f.toml:2:30"),
        "network.vpc": ("text", "vpc-1", "f.toml:4:7"),
        "network.subnets.0": ("text", "subnet-1", "f.toml:6:3"),
        "network.subnets.1": ("text", "subnet-2", "f.toml:7:3"),
        "limits.windows.0.from": ("text", "18:00:00", "f.toml:10:8"),
        "limits.windows.1.from": ("text", "02:00", "f.toml:12:8"),
        "limits.windows.1.inner.text": ("text", "two\nlines", "f.toml:14:8"),
        "a.b.c.d.at": ("text", "1979-05-27 07:32:00", "f.toml:18:6"),
    }


def test_toml_with_the_line_ends_of_windows_has_the_same_places() -> None:
    text = "a = 1\r\n[b]\r\nc = [2,\r\n 3]\r\n"

    root, _ = read_toml(text, "f.toml")

    assert root is not None
    assert [str(leaf.place) for _, leaf in leaves(root)] == [
        "f.toml:1:5",
        "f.toml:3:6",
        "f.toml:4:2",
    ]


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ('{"a": 1,\n "a": 2}', "2:2", "`a` stands here a second time; first in line 1"),
        ('{"a":}', "1:6", "this is no JSON: a value is missing"),
        ("[1,]", "1:4", "this is no JSON: a value is missing"),
        ('{"a": 1,}', "1:9", "this is no JSON: a key in double quotes is missing"),
        ("[1 2]", "1:4", "this is no JSON: a `,` is missing"),
        ("1 2", "1:3", "this is no JSON: something follows the end"),
        ("NaN", "1:1", "this is no JSON: a value is missing"),
        ('["\t"]', "1:3", "this is no JSON: invalid control character"),
        ("[" * 60, "1:51", "this is no JSON: deeper than 50"),
    ],
)
def test_json_that_is_refused(text: str, place: str, said: str) -> None:
    _, (problem,) = read_json(text, "f.json")

    assert f"{problem.place.line}:{problem.place.column}" == place
    assert problem.what.startswith(said)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("a = 1\na = 2\n", "2:6", "this is no TOML: cannot overwrite a value"),
        ("a = \n", "1:5", "this is no TOML: invalid value"),
        ("a = [1", "1:7", "this is no TOML: unclosed array"),
        ("a = " + "[" * 60 + "]" * 60, "1:1", "nested deeper than 50"),
    ],
)
def test_toml_that_is_refused(text: str, place: str, said: str) -> None:
    _, (problem,) = read_toml(text, "f.toml")

    assert f"{problem.place.line}:{problem.place.column}" == place
    assert problem.what.startswith(said)
