"""The words in which the shape of a manifest is said, for the checker, the schema, the page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Text:
    """Text. Where it is no choice and no secret it may be, or hold, a reference."""

    pattern: str = ""  # regular expression, anchored, as JSON Schema has them
    example: str = ""  # what the pattern means, in words or by an example
    choices: tuple[str, ...] = ()
    secret: bool = False  # only a reference may stand here
    literal: bool = False  # no reference may: what it says is needed before anything is asked
    fields: bool = False  # `${name}` without a kind is a field of flow logs, no reference
    near: Callable[[str], str | None] | None = None  # what a text that does not fit meant


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit, of one of these kinds of `quantities.KINDS`."""

    kinds: tuple[str, ...]
    choices: tuple[str, ...] = ()  # where only some amounts are allowed


@dataclass(frozen=True, slots=True)
class Integer:
    least: int = 1
    only: int | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """A bare number, of things that have no unit."""

    least: float = 0


@dataclass(frozen=True, slots=True)
class Boolean:
    pass


@dataclass(frozen=True, slots=True)
class Anything:
    """A part that another room looks into. Secrets in it are refused all the same."""


@dataclass(frozen=True, slots=True)
class ListOf:
    item: "Shape"


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map whose keys are chosen by whoever writes it."""

    value: "Shape"
    key: Text = field(default_factory=Text)
    known: Mapping[str, "Shape"] = field(default_factory=dict)  # keys with values of their own


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a record."""

    shape: "Shape"
    about: str  # one line for the reference, no full stop
    default: str = ""  # as it would be written; '': there is none
    required: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    fields: Mapping[str, Field]
    # Keys that are none any more, and what whoever writes one does instead.
    former: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Either:
    """One of these, told by what kind of value stands there."""

    shapes: tuple["Shape", ...]


Shape = Text | Quantity | Integer | Number | Boolean | Anything | ListOf | MapOf | Record | Either


def part_of(shape: Shape) -> Shape:
    """The same, with no key required: the shape of what is laid upon a whole one."""
    match shape:
        case Record(fields=fields):
            parts = {
                name: replace(one, shape=part_of(one.shape), required=False)
                for name, one in fields.items()
            }
            return replace(shape, fields=parts)
        case MapOf():
            known = {name: part_of(one) for name, one in shape.known.items()}
            return replace(shape, value=part_of(shape.value), known=known)
        case Either(shapes=shapes):
            return Either(tuple(part_of(one) for one in shapes))
        case _:
            return shape  # a list is replaced as a whole, so its items are whole ones


def kinds_of(shape: Shape) -> tuple[str, ...]:
    """The kinds of value (`tree.Value.kind`) that a shape can take."""
    if isinstance(shape, Either):
        return tuple(kind for one in shape.shapes for kind in kinds_of(one))
    return _KINDS[type(shape)]


_KINDS: dict[type, tuple[str, ...]] = {
    Text: ("text",),
    Quantity: ("text",),
    Integer: ("integer",),
    Number: ("integer", "number"),
    Boolean: ("boolean",),
    Anything: ("map",),
    ListOf: ("list",),
    MapOf: ("map",),
    Record: ("map",),
}
