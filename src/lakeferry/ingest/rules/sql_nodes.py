"""Expressions of SQL as values: as they are written, and with their columns and types.

Written ones are made by `sql_parse`, bound ones by `sql_bind` of these; `evaluate` computes those.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal as OneOf

import pyarrow as pa


class NotTaken(Exception):
    """Why an expression is none that is computed here."""


# --- as they are written --------------------------------------------------------------------

# 'whole' has an int, 'fraction' a Decimal (`0.5`), 'double' a float (`5e-1`), 'date' a date, 'null'
# nothing; 'timestamp', 'timestamp_ntz' and 'text' have their text, 'either' that of double quotes,
# 'type' the word of a type.
LiteralKind = (
    OneOf["boolean", "whole", "fraction", "double", "text", "either", "date", "timestamp"]
    | OneOf["timestamp_ntz", "null", "type"]
)
Value = bool | int | float | Decimal | str | date | None


@dataclass(frozen=True, slots=True)
class Name:
    """A column, or a field within one: `a.b`."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the text."""

    kind: LiteralKind
    value: Value = None
    long: bool = False  # `1L`


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator or a function of arguments: `AND`, `<`, `IN`, `YEAR`, ..., in capitals."""

    word: str
    args: "tuple[Written, ...]"


Written = Name | Literal | Apply


# --- with columns and types -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the table, or a field within one, as it is spelt there."""

    path: tuple[str, ...]
    type: pa.DataType


@dataclass(frozen=True, slots=True)
class Constant:
    """One value for all rows; times as microseconds since the epoch, days as days."""

    value: Value
    type: pa.DataType


@dataclass(frozen=True, slots=True)
class Call:
    """What `evaluate` does with arguments of types that fit; see there for the names."""

    name: str
    args: "tuple[Bound, ...]"
    type: pa.DataType
    options: tuple[int | str, ...] = ()


Bound = Field | Constant | Call


def columns_of(bound: Bound) -> Iterator[str]:
    """The columns that an expression reads, some of them several times."""
    match bound:
        case Field(path):
            yield path[0]
        case Call(_, args):
            for one in args:
                yield from columns_of(one)
