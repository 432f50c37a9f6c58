"""The rules that a table's metadata states for its rows, and which of them cannot be kept here.

Pure. Generated columns are computed, constraints and invariants become checks, as far as their SQL
is of the language of `sql_parse` and `sql_functions`; the others are refused by name, with the way
out. Identity columns always are: their values are given in commits, which workers do not make.

Source: Delta protocol, "Column Invariants", "CHECK Constraints", "Generated Columns", "Identity
Columns".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from lakeferry.delta.actions import Metadata
from lakeferry.delta.table_schema import Column, arrow_field, arrow_schema
from lakeferry.errors import FerryError
from lakeferry.ingest.rules.row_rules import Check, Generated, Rules
from lakeferry.ingest.rules.sql_bind import bind_condition, bind_value, is_there, same
from lakeferry.ingest.rules.sql_nodes import Bound, Call, Field, NotTaken, columns_of
from lakeferry.ingest.settings import PartitionColumn
from lakeferry.ingest.table.refusals import misfit, unwritable

GENERATION = "delta.generationExpression"
INVARIANTS = "delta.invariants"
CONSTRAINTS = "delta.constraints."
_CHAR = "__CHAR_VARCHAR_TYPE_STRING"
_RULES = {
    "delta.identity.start": (
        "is an identity column",
        "let the job that reads the ingested rows write them here, where Spark gives the ids",
    ),
    _CHAR: ("is limited in length", "ALTER COLUMN ... TYPE STRING"),
}
_BY_SPARK = "let the job that reads the ingested rows write them here, where Spark computes it"
_LIMITED = re.compile(r"(var)?char\(\d+\)")
_HOUR = ("yyyy", "-", "MM", "-", "dd", "-", "HH")


def table_rules(
    url: str, metadata: Metadata, columns: tuple[Column, ...], wanted: pa.Schema
) -> Rules:
    """What rows of the schema `wanted` must have beside it, and must be.

    A generated column that rows bring is checked; one that they lack is computed.

    Raises:
        FerryError: LF-7042 a rule that is not kept here; LF-7041 rows lack what a column needs.
    """
    notes = own_notes(metadata.schema_string)
    constraints = [key for key in metadata.configuration if key.lower().startswith(CONSTRAINTS)]
    if not constraints and not any(_has_rule(one) for one in notes.values()):
        return Rules()
    schema = arrow_schema(columns)
    # No generated column is computed of another.
    basis = pa.schema(one for one in schema if GENERATION not in notes[one.name])
    generated, checks = _generations(url, columns, notes, basis, wanted)
    for column in columns:
        if INVARIANTS in notes[column.name]:
            checks += _invariant(url, column.name, str(notes[column.name][INVARIANTS]), schema)
    checks += [_constraint(url, key, metadata.configuration[key], schema) for key in constraints]
    return Rules(tuple(generated), tuple(checks))


def rules_told(metadata: Metadata) -> str:
    """What of such rules is not to be overlooked; '' for a table without any."""
    notes = own_notes(metadata.schema_string)
    generated = [f"`{name}`" for name, told in notes.items() if GENERATION in told]
    checks = [one for one in metadata.configuration if one.lower().startswith(CONSTRAINTS)]
    said = [f"the table generates {', '.join(generated)}, of times in UTC"] if generated else []
    if checks:
        named = ", ".join(f"`{key[len(CONSTRAINTS) :]}`" for key in sorted(checks))
        said.append(f"records that break {named} are bad ones")
    return "; ".join(said)


def _generations(
    url: str,
    columns: Sequence[Column],
    notes: Mapping[str, Mapping[str, Any]],
    basis: pa.Schema,
    wanted: pa.Schema,
) -> tuple[list[Generated], list[Check]]:
    generated: list[Generated] = []
    checks: list[Check] = []
    for column in columns:
        if GENERATION not in notes[column.name]:
            continue
        name, text = column.name, str(notes[column.name][GENERATION])
        value = _generation(url, arrow_field(column), text, basis, wanted)
        if name in wanted.names:
            checks.append(Check(f"the generation of `{name}`: {text}", same(name, value)))
        else:
            generated.append(Generated(name, value))
    return generated, checks


def _has_rule(notes: Mapping[str, Any]) -> bool:
    return GENERATION in notes or INVARIANTS in notes


def _generation(url: str, field: pa.Field, text: str, basis: pa.Schema, wanted: pa.Schema) -> Bound:
    try:
        value = bind_value(text, basis, field.type)
        same(field.name, value)  # where rows bring the column, both are compared
    except NotTaken as error:
        what = f"its column `{field.name}` is generated: {text}; {error}"
        raise unwritable(url, what, _BY_SPARK) from error
    for name in columns_of(value):
        if name not in wanted.names:
            raise misfit(
                url,
                f"rows have no column `{name}`, which `{field.name}` is computed of: {text}",
                f"declare `{name}`, or ingest into another table",
            )
    return value


def _invariant(url: str, name: str, told: str, schema: pa.Schema) -> Iterator[Check]:
    try:
        text = str(orjson.loads(told)["expression"]["expression"])
        yield Check(f"the invariant of `{name}`: {text}", bind_condition(text, schema))
    except (NotTaken, orjson.JSONDecodeError, KeyError, TypeError) as error:
        why = f"; {error}" if isinstance(error, NotTaken) else ""
        raise unwritable(
            url,
            f"its column `{name}` has an invariant: {told}{why}",
            "take it away: ALTER TABLE ... CHANGE COLUMN",
        ) from error


def _constraint(url: str, key: str, text: str, schema: pa.Schema) -> Check:
    name = key[len(CONSTRAINTS) :]
    try:
        return Check(f"the constraint `{name}`: {text}", bind_condition(text, schema))
    except NotTaken as error:
        raise unwritable(
            url,
            f"it has the constraint `{name}`: {text}; {error}",
            f"ALTER TABLE ... DROP CONSTRAINT {name}, and check rows in the job that reads "
            "this table",
        ) from error


def required(columns: Sequence[Column], computed: Mapping[str, pa.Field]) -> tuple[Check, ...]:
    """What is computed is there where the table wants it to be."""
    return tuple(
        Check(f"NOT NULL of `{one.name}`", is_there(one.name, computed[one.name].type))
        for one in columns
        if one.name in computed and not one.nullable
    )


def refuse_hopeless(url: str, checks: Sequence[Check], given: set[str]) -> None:
    """LF-7041 where rows lack all that a check reads, so that it holds for none of them.

    Args:
        given: columns that rows bring or that are computed.
    """
    for check in checks:
        if not check.columns & given and not check.holds_for(pa.table({"": [None]})):
            named = ", ".join(f"`{name}`" for name in sorted(check.columns)) or "what it says"
            raise misfit(
                url,
                f"no row can keep {check.what}; rows lack {named}",
                "declare what it reads, or ingest into another table",
            )


def partition_of(name: str, value: Bound) -> PartitionColumn | None:
    """A day or an hour of a column, as a partition that files are sorted by; None: another rule."""
    match value:
        case Call("date", (one,)):
            source, unit = _column(one), "date"
        case Call("format", (one,), _, options) if options == _HOUR:
            source, unit = _column(one), "hour"
        case _:
            return None
    if source is None:
        return None
    return PartitionColumn(name, source, "date" if unit == "date" else "hour")


def _column(one: Bound) -> str | None:
    match one:
        case Field((name,)) | Call("cast", (Field((name,)),)):
            return name
    return None


def generated_of(part: PartitionColumn, schema: pa.Schema) -> Generated:
    """A partition that is computed, as a column that checks may read."""
    quoted = "`" + str(part.of).replace("`", "``") + "`"
    if part.unit == "date":
        return Generated(part.name, bind_value(f"DATE({quoted})", schema, pa.date32()))
    text = f"DATE_FORMAT({quoted}, '{''.join(_HOUR)}')"
    return Generated(part.name, bind_value(text, schema, pa.string()))


# --- rules that none can keep ---------------------------------------------------------------


def refuse_rules(url: str, metadata: Metadata, columns: Sequence[Column], given: set[str]) -> None:
    """LF-7042 where a column has a rule that is not kept, or a default that rows would have to get.

    Args:
        given: columns that rows bring or that are computed.
    """
    own, within = own_notes(metadata.schema_string), inner_notes(metadata.schema_string)
    for column in columns:
        name = column.name
        notes = {**within[name], **own[name]}
        for key, (what, way_out) in _RULES.items():
            if key in notes and (name in given or key != _CHAR):
                raise unwritable(url, f"its column `{name}` {what}: {notes[key]}", way_out)
        if INVARIANTS in within[name]:
            what = f"a field of its column `{name}` has an invariant: {within[name][INVARIANTS]}"
            raise unwritable(url, what, "take it away: ALTER TABLE ... CHANGE COLUMN")
        if name not in given and "CURRENT_DEFAULT" in notes:
            raise _default(url, name, str(notes["CURRENT_DEFAULT"]))


def _default(url: str, name: str, default: str) -> FerryError:
    return unwritable(
        url,
        f"its column `{name}` has a default, {default}, that rows without it would have to get",
        f"ALTER TABLE ... ALTER COLUMN {name} DROP DEFAULT",
    )


def own_notes(schema_string: str) -> dict[str, dict[str, Any]]:
    """Metadata of each top-level column."""
    return {one["name"]: _notes(one) for one in orjson.loads(schema_string)["fields"]}


def inner_notes(schema_string: str) -> dict[str, dict[str, Any]]:
    """Metadata of what lies within each top-level column, under the same keys."""
    found = {}
    for field in orjson.loads(schema_string)["fields"]:
        notes: dict[str, Any] = {}
        for inner in _within(field["type"]):
            notes = {**_notes(inner), **notes}
        found[field["name"]] = notes
    return found


def _notes(field: Mapping[str, Any]) -> dict[str, Any]:
    notes = dict(field.get("metadata") or {})
    if isinstance(field["type"], str) and _LIMITED.fullmatch(field["type"]):
        notes[_CHAR] = field["type"]
    return notes


def _within(kind: Any) -> Iterator[Mapping[str, Any]]:
    waiting = [kind]
    while waiting:
        kind = waiting.pop()
        if not isinstance(kind, dict):
            continue
        for key in ("elementType", "keyType", "valueType"):
            waiting.append(kind.get(key))
        for inner in kind.get("fields") or ():
            yield inner
            waiting.append(inner["type"])
