"""YAML as manifests need it: what is surprising in it is text, ambiguous or refused."""

from typing import Any

import pytest

from lakeferry.config.tree import MAX_DEPTH, Value
from lakeferry.config.yaml_text import LOADERS, read_yaml
from tests.config.trees import at, plain

# Both scanners of PyYAML, since which one an installation has is chance.
pytestmark = pytest.mark.parametrize("loader", LOADERS, ids=lambda one: one.__name__)


def tree(text: str, loader: Any) -> Value:
    root, problems = read_yaml(text, "f.yaml", loader=loader)
    assert problems == []
    assert root is not None
    return root


def faults(text: str, loader: Any) -> list[tuple[str, str]]:
    """(line:column, what) of each problem."""
    _, problems = read_yaml(text, "f.yaml", loader=loader)
    assert {one.code for one in problems} <= {"LF-2002"}
    return [(f"{one.place.line}:{one.place.column}", one.what) for one in problems]


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("no", "text"),
        ("on", "text"),
        ("off", "text"),
        ("yes", "text"),
        ("22:30", "text"),
        ("190:20:30", "text"),
        ("2026-11-20T22:00Z", "text"),
        ("2026-11-20", "text"),
        ("40 Gbit/s", "text"),
        ("1%", "text"),
        (".inf", "text"),
        ("true", "boolean"),
        ("~", "null"),
        ("4711", "integer"),
        ("-3", "integer"),
        ("2.50", "number"),
        ("1e9", "ambiguous"),
        ("1.5E3", "ambiguous"),
        ("0471", "ambiguous"),
        ("0x1F", "ambiguous"),
        ("0o17", "ambiguous"),
        ("1_000", "ambiguous"),
        (".5", "ambiguous"),
        ('"1e9"', "text"),
        ("'0471'", "text"),
        ("!!str 4711", "text"),
    ],
)
def test_a_scalar_is_what_both_versions_of_yaml_take_it_for(
    loader: Any, written: str, kind: str
) -> None:
    value = tree(f"key: {written}\n", loader).get("key")

    assert value is not None
    assert value.kind == kind


def test_every_value_knows_where_it_stands(loader: Any) -> None:
    text = "a: 1\nlist:\n  - {ä: 'x y'}\n  - z\n"
    root = tree(text, loader)
    items = root.entries["list"].value.items

    assert at(text, root.entries["a"].value.place) == "1"
    assert at(text, root.entries["list"].place) == "list"
    assert at(text, items[0].entries["ä"].place) == "ä"
    assert at(text, items[0].entries["ä"].value.place) == "'x y'"
    assert at(text, items[1].place) == "z"


def test_an_alias_stands_for_what_it_names(loader: Any) -> None:
    root = tree("a: &x {q: 1}\nb: *x\n", loader)

    assert plain(root) == {"a": {"q": ("integer", "1")}, "b": {"q": ("integer", "1")}}


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "3:1", "`a` stands here a second time; first in line 1"),
        ("a: !ruby/object x\n", "1:4", "tags such as `!ruby/object` are not allowed"),
        ("a: !!python/name:os.system x\n", "1:4", "tags such as"),
        ("a: &x 1\nb: {<<: *x}\n", "2:5", "maps are not merged by `<<`"),
        ("a: *x\n", "1:4", "no anchor `&x` comes before"),
        ("a: &x [*x]\n", "1:8", "`*x` stands within itself"),
        ("--- a\n--- b\n", "2:1", "a second document begins"),
        ("? [a]\n: b\n", "1:3", "a key is no text"),
        ("a: 1\nb: \x01\n", "2:4", "the character U+0001 is not allowed in YAML"),
        ("a: [1\nb: 2\n", "2:2", "this is no YAML: while parsing a flow sequence"),
        ('a: "x\n', "2:1", "this is no YAML: while scanning a quoted scalar"),
        ("\tb: 1\n", "1:1", "this is no YAML: while scanning for the next token"),
        ("a: b: c\n", "1:5", "this is no YAML: mapping values are not allowed"),
    ],
)
def test_what_is_refused_is_named_with_its_place(
    loader: Any, text: str, place: str, said: str
) -> None:
    (found,) = faults(text, loader)

    assert found[0] == place
    assert found[1].startswith(said)


def test_all_faults_that_do_not_end_the_reading_are_named(loader: Any) -> None:
    text = "a: 1\na: 2\nb: !x 1\nc: {d: 1, d: 2}\n"

    assert [place for place, _ in faults(text, loader)] == ["2:1", "3:4", "4:11"]


def test_nesting_ends_at_the_limit(loader: Any) -> None:
    fits = "[" * MAX_DEPTH + "]" * MAX_DEPTH

    assert faults(fits, loader) == []
    assert faults(f"[{fits}]", loader) == [("1:51", "nested deeper than 50")]


def test_nesting_through_aliases_counts(loader: Any) -> None:
    half = "[" * 30 + "]" * 30

    assert faults(f"- &a {half}\n- {'[' * 30}*a{']' * 30}\n", loader) == [
        ("2:33", "nested deeper than 50")
    ]


def test_aliases_of_aliases_do_not_fill_the_memory(loader: Any) -> None:
    lines = ["- &a [x,x,x,x,x,x,x,x,x,x]"]
    for name, before in zip("bcdefghij", "abcdefghi", strict=True):
        lines.append(f"- &{name} [{','.join(['*' + before] * 10)}]")

    ((place, said),) = faults("\n".join(lines), loader)

    assert place.startswith("6:")
    assert said == "more than 200,000 values, each alias counted as what it stands for"


def test_an_empty_document_holds_nothing(loader: Any) -> None:
    assert read_yaml("# nothing\n", "f.yaml", loader=loader) == (None, [])
