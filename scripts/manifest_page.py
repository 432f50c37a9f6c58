"""The reference page of the manifest, made from its shape."""

from collections.abc import Iterator, Mapping

from lakeferry.config import quantities
from lakeferry.config.manifest_shape import MANIFEST
from lakeferry.config.references import KINDS
from lakeferry.config.shape import (
    Anything,
    Boolean,
    Either,
    Field,
    Integer,
    ListOf,
    MapOf,
    Number,
    Quantity,
    Record,
    Shape,
    Text,
)
from lakeferry.config.tree import MAX_BYTES, MAX_DEPTH
from lakeferry.monitor.choice_problems import FORMATS
from lakeferry.monitor.wanted.alarms import ALARMS
from lakeferry.network.rule_set import QUESTIONS

RULES = f"""\
`lakeferry.yaml` says what a migration is. It is looked for in the working directory and in the
folders above it; `--file` names another. YAML, JSON and TOML say the same, told by the file's
ending. It is read, never rewritten.

`lakeferry config check` names every fault at once with its line; `lakeferry config show --resolved`
shows each value with where it comes from; `lakeferry config schema` prints the JSON Schema for
editors, which look for it where the first line of an example says.
[Examples](../../examples/README.md) are whole manifests.

## Rules

- **Order of meaning**, each laid upon the one before: built-in defaults, `defaults`, the family,
  the source, those of its `tables` whose glob fits (of several the last wins). Upon all of that
  lies the same of the profile that `--profile` chooses, then of `--set PATH=VALUE`, then the
  command's own flags. So `--set defaults.verify=rows` is above what any source says. Maps are
  joined key by key; all else is replaced. `lakeferry config show -s SOURCE.SCHEMA.TABLE` shows what
  holds for a table, and the place of each value.
- **Families** say what many sources share. In `root`, `connection` and `from` `{{name}}` stands for
  the source's key, other braces for the words of its `with`.
- **Patterns** are globs over `schema.table`: `*` stays within schema or table, `**` crosses. One
  without a dot is about the table alone; one with a `/` is about the path below the source's root.
  Case matters, `\\` takes the sign behind it as it is, and `exclude` wins over `include`.
- **Places**: two sources never land in the same place, whatever the case of letters; in a catalog
  `-` is `_` and letters are small, and no two sources may become one name there.
- **Windows** are in the time of their zone. An hour that a night leaves out when clocks go forward
  is told by `lakeferry config check` (LF-2106), and the first minute after it is taken.
- **Units are written out**: sizes {quantities.KINDS["size"].example}; rates
  {quantities.KINDS["rate"].example}; durations {quantities.KINDS["duration"].example}; shares
  {quantities.KINDS["share"].example}. A bare number is refused, and so is a `b` that may be bit or
  byte (LF-2011).
- **Secrets are references** such as `${{env:NAME}}`; the kinds are {", ".join(KINDS)}.
  Where a secret is asked for nothing else is accepted (LF-2031), and its value is shown nowhere.
  `env`, `file`, `aws-secret` (`ID#KEY`) and `aws-param` are resolved by this version, when they are
  needed; `${{env:NAME:-default}}` has a default, which a secret must not have.
- **Unknown keys are errors**, with the nearest key that is known.
- **YAML without its traps**: a key that stands twice is an error; `no`, `on` and `22:30` are text;
  what the versions of YAML read differently (`1e9`, `0471`) is refused; anchors work, merging by
  `<<` and tags do not; {MAX_BYTES // 1_000_000} MB and {MAX_DEPTH} levels at most.
- **Required keys are those of the command**: `version` always, `name` where things are made.

`profiles` holds any of these parts, and needs none that is required here.
"""


def manifest_page(made_by: str) -> str:
    """Every key with what it takes, its default and what it means."""
    parts = [made_by, "# The manifest", RULES]
    parts += ["## Keys", _table(MANIFEST.fields)]
    shown: dict[int, str] = {}  # a record that stands at two places is shown at the first
    for path, record in _records(MANIFEST, ()):
        name = ".".join(path)
        same = shown.setdefault(id(record), name)
        if same == name:
            parts += [f"### `{name}`", _table(record.fields)]
        elif len(path) == 2:
            parts += [f"### `{name}`", f"As `{same}`."]
    parts += ["## Names", *_names()]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _names() -> Iterator[str]:
    """What may stand where a rule, an alarm or a format is named."""
    listed = ", ".join(f"`{one}`" for one in QUESTIONS)
    yield f"`network.insights.rules`: {listed}."
    named = "; ".join(f"`{name}`, {len(fields)} fields" for name, fields in FORMATS.items())
    yield f"`network.flow_logs.format`: {named}; or fields as AWS names them."
    yield "`alarms.rules`, and in what a limit for each is given:"
    units = {
        "bytes_per_s": "rate", "bytes": "size a day", "seconds": "duration",
        "factor": "multiple of a table's `lag_target`, as `2x`", "usd": "dollars, by `limit_usd`",
    }  # fmt: skip
    rows = [f"| `{name}` | {units.get(unit, unit)} |" for name, unit in ALARMS.items()]
    yield "\n".join(["| alarm | limit |", "|---|---|", *rows])


def _records(shape: Shape, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Record]]:
    """Every record below the whole, with the keys that lead to it."""
    if isinstance(shape, Record):
        if path:
            yield path, shape
        for name, key in shape.fields.items():
            yield from _records(key.shape, (*path, name))
    elif isinstance(shape, MapOf):
        yield from _records(shape.value, (*path, "NAME"))
    elif isinstance(shape, ListOf):
        yield from _records(shape.item, path)
    elif isinstance(shape, Either):
        for one in shape.shapes:
            yield from _records(one, path)


def _table(fields: Mapping[str, Field]) -> str:
    rows = ["| key | takes | default | what it means |", "|---|---|---|---|"]
    for name, one in fields.items():
        must = ", required" if one.required else ""
        rows.append(f"| `{name}` | {_takes(one.shape)}{must} | {one.default} | {one.about} |")
    return "\n".join(rows)


def _takes(shape: Shape) -> str:
    """What may stand there, in words."""
    words = {
        Integer: "whole number", Number: "number", Boolean: "`true` or `false`", Anything: "map",
        Record: "map, below",
    }  # fmt: skip
    match shape:
        case Text(choices=choices) | Quantity(choices=choices) if choices:
            said = " or ".join(f"`{one}`" for one in choices)
        case Text():
            said = "reference" if shape.secret else shape.example or "text"
        case Quantity():
            said = ", ".join(quantities.KINDS[kind].name for kind in shape.kinds)
        case ListOf():
            said = f"list of {_takes(shape.item)}"
        case MapOf():
            said = f"map of {_takes(shape.value)}"
        case Either():
            said = "; or ".join(_takes(one) for one in shape.shapes)
        case _:
            said = words[type(shape)]
    return said
