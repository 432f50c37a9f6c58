"""Hold a document to its shape: every fault with its place, none of them after the first alone."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from lakeferry.config import quantities
from lakeferry.config.problems import SECRET_NAMES, Problem
from lakeferry.config.quantities import Unreadable
from lakeferry.config.references import KINDS, fault_of, is_secret_reference, references
from lakeferry.config.shape import (
    Anything,
    Either,
    Integer,
    ListOf,
    MapOf,
    Number,
    Quantity,
    Record,
    Shape,
    Text,
    kinds_of,
)
from lakeferry.config.tree import Value, leaves

_A_KIND = {
    "map": "a map", "list": "a list", "text": "text", "integer": "a whole number",
    "number": "a number", "boolean": "true or false", "null": "empty", "ambiguous": "ambiguous",
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?[0-9]+")


def check(value: Value, shape: Shape, path: tuple[str, ...] = ()) -> Iterator[Problem]:
    """What is wrong with a value that should have this shape, in the order of the document.

    Args:
        path: the keys that lead to the value, for the messages.
    """
    chosen = _fitting(value, shape)
    if chosen is None:
        yield _wrong_kind(value, shape, path)
        return
    match chosen:
        case Record():
            yield from _record(value, chosen, path)
        case MapOf():
            yield from _map(value, chosen, path)
        case ListOf():
            for index, item in enumerate(value.items):
                yield from check(item, chosen.item, (*path, str(index)))
        case Anything():
            yield from _unowned(value, path)
        case Text():
            yield from _text(value, chosen, path)
        case Quantity():
            yield from _quantity(value, chosen, path)
        case Integer() | Number():
            yield from _number(value, chosen, path)
        case _:
            pass


def _fitting(value: Value, shape: Shape) -> Shape | None:
    choices = shape.shapes if isinstance(shape, Either) else (shape,)
    return next((one for one in choices if value.kind in kinds_of(one)), None)


def dotted(path: Iterable[str]) -> str:
    return ".".join(path)


def _problem(value: Value, what: str, next_step: str, code: str = "LF-2001") -> Problem:
    return Problem(code, value.place, what, next_step)


def _wrong_kind(value: Value, shape: Shape, path: tuple[str, ...]) -> Problem:
    name = dotted(path)
    if isinstance(shape, Text) and shape.secret:
        return _literal_secret(value, path)
    if value.kind == "null":
        return _problem(value, f"{name} has no value", "give it one, or remove the key")
    if value.kind == "ambiguous":
        return _ambiguous(value, path)
    wanted = tuple(dict.fromkeys(_A_KIND[kind] for kind in kinds_of(shape)))
    quantity = next((one for one in _alternatives(shape) if isinstance(one, Quantity)), None)
    if value.kind in ("integer", "number") and quantity is not None:
        example = quantities.KINDS[quantity.kinds[0]].example
        return _problem(value, f"{name}: `{value.text}` has no unit", f"write {example}")
    step = f"write {' or '.join(wanted)}"
    if wanted == ("text",) and value.kind in ("integer", "number", "boolean"):
        step = f'put it in quotes: "{value.text}"'
    elif wanted == ("a list",) and value.text:
        step = f"write [{value.text}]"
    found = f"`{value.text}` is {_A_KIND[value.kind]}" if value.text else _A_KIND[value.kind]
    return _problem(value, f"{name}: {found}, where {' or '.join(wanted)} is wanted", step)


def _alternatives(shape: Shape) -> tuple[Shape, ...]:
    return shape.shapes if isinstance(shape, Either) else (shape,)


def _ambiguous(value: Value, path: tuple[str, ...]) -> Problem:
    what = f"{dotted(path)}: `{value.text}` is not the same in YAML 1.1 and 1.2"
    return _problem(value, what, "write the number out, or put the text in quotes")


def _literal_secret(value: Value, path: tuple[str, ...]) -> Problem:
    return Problem(
        "LF-2031",
        value.place,
        f"{dotted(path)} holds a literal (value not shown)",
        "put it into a secret store and write ${aws-secret:NAME#KEY}, or ${env:NAME}",
        is_secret=True,
    )


def _record(value: Value, shape: Record, path: tuple[str, ...]) -> Iterator[Problem]:
    for key, entry in value.entries.items():
        known = shape.fields.get(key)
        if known is None:
            name = dotted((*path, key))
            what = f"{name} is not a key"
            step = shape.former.get(key) or nearest(key, shape.fields)
            yield Problem("LF-2001", entry.place, what, step)
            yield from _unowned(entry.value, (*path, key))
        else:
            yield from check(entry.value, known.shape, (*path, key))
    for key, one in shape.fields.items():
        if one.required and key not in value.entries:
            what = f"{dotted((*path, key))} is missing"
            yield _problem(value, what, f"add `{key}:` {one.about}")


def nearest(name: str, known: Iterable[str]) -> str:
    """What to do about a name that is not known: the nearest, or all there are."""
    names = list(known)
    folded = {_folded(one): one for one in names}
    close = get_close_matches(_folded(name), folded, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{folded[close[0]]}`?"
    return f"known: {', '.join(sorted(names))}"


def _map(value: Value, shape: MapOf, path: tuple[str, ...]) -> Iterator[Problem]:
    for key, entry in value.entries.items():
        pattern, name = shape.key.pattern, dotted((*path, key))
        spelt = next((one for one in shape.known if _folded(one) == _folded(key)), key)
        if spelt != key:
            what = f"{name}: the key is spelt `{spelt}`"
            yield Problem("LF-2001", entry.place, what, f"write `{spelt}`")
        elif pattern and re.search(pattern, key) is None:
            what, step = f"{name}: `{key}` is no name here", f"write {shape.key.example}"
            yield Problem("LF-2001", entry.place, what, step)
        yield from check(entry.value, shape.known.get(key, shape.value), (*path, key))


def _folded(name: str) -> str:
    return name.replace("_", "-").lower()


def _unowned(value: Value, path: tuple[str, ...]) -> Iterator[Problem]:
    """Of what another room looks into: no literal secrets, and nothing ambiguous."""
    for where, leaf in leaves(value, path):
        if leaf.kind in ("map", "list", "null"):
            continue
        named = next((one for one in reversed(where) if not one.isdecimal()), "")
        is_secret = SECRET_NAMES.fullmatch(named) is not None
        if is_secret and not is_secret_reference(leaf.text):
            yield _literal_secret(leaf, where)
        elif leaf.kind == "ambiguous":
            yield _ambiguous(leaf, where)


def _text(value: Value, shape: Text, path: tuple[str, ...]) -> Iterator[Problem]:
    text, name = value.text, dotted(path)
    if shape.secret:
        if not is_secret_reference(text):
            yield _literal_secret(value, path)
        return
    if shape.choices:
        if text not in shape.choices:
            step = nearest(text, shape.choices)
            yield _problem(value, f"{name}: `{text}` is not known here", step)
        return
    fault = fault_of(text, fields=shape.fields)
    if shape.literal and references(text):
        yield _problem(value, f"{name}: no reference may stand here", "write it out")
    elif fault:
        step = f"write `${{KIND:NAME}}`, with one of {', '.join(KINDS)}"
        yield _problem(value, f"{name}: {fault}", step)
    elif not references(text) and shape.pattern and re.search(shape.pattern, text) is None:
        near = shape.near(text) if shape.near is not None else None
        step = f"write {shape.example}" + (f"; nearest: `{near}`" if near else "")
        yield _problem(value, f"{name}: `{text}` is not valid here", step)


def _quantity(value: Value, shape: Quantity, path: tuple[str, ...]) -> Iterator[Problem]:
    name, faults = dotted(path), []
    if shape.choices:
        if value.text not in shape.choices:
            listed = " or ".join(f"`{one}`" for one in shape.choices)
            what = f"{name}: `{value.text}` is not possible"
            yield _problem(value, what, f"write {listed}")
        return
    for kind in shape.kinds:
        try:
            quantities.readable(value.text, kind)
        except Unreadable as error:
            faults.append(error)
        else:
            return
    told = next((one for one in faults if one.code == "LF-2011"), faults[0])
    step = told.next_step
    if len(shape.kinds) > 1 and told.code != "LF-2011":
        step = "write " + "; ".join(quantities.KINDS[kind].example for kind in shape.kinds)
    what = f"{name}: `{value.text}` {told.what}"
    if told.code == "LF-2011":
        what = f'{name}: "{value.text}" {told.what}'
    yield _problem(value, what, step, told.code)


def _number(value: Value, shape: Integer | Number, path: tuple[str, ...]) -> Iterator[Problem]:
    name = dotted(path)
    if value.kind == "integer" and _INTEGER.fullmatch(value.text) is None:
        yield _problem(value, f"{name}: `{value.text}` is not decimal", "write it in decimal")
        return
    number = float(value.text.replace("_", ""))
    only = shape.only if isinstance(shape, Integer) else None
    if only is not None and number != only:
        yield _problem(value, f"{name}: {value.text} is not known", f"write {only}")
    elif number < shape.least:
        what = f"{name}: {value.text} is less than {shape.least:g}"
        yield _problem(value, what, "write a greater number")
