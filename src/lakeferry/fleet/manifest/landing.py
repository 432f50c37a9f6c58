"""Where a table lands, and its name in a catalog: layouts with fields, filled. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

FIELDS = ("catalog", "source", "schema", "table", "wave", "kind", "path")
CATALOG_FIELDS = ("catalog", "source", "schema", "wave", "kind")
FIELD = re.compile(r"\{([^{}]*)\}")
_LEGAL = {
    # Databricks SQL reference, "Names": no dot, space, slash or control character.
    "unity": re.compile(r"[^.\s/\x00-\x1f\x7f]{1,255}"),
    # Athena User Guide, "Name databases, tables, and columns".
    "glue": re.compile(r"[a-z0-9_]{1,255}"),
    # Hive's MetaStoreUtils.validateName.
    "hive": re.compile(r"[A-Za-z0-9_]{1,128}"),
}


@dataclass(frozen=True, slots=True)
class Name:
    """What is known of a table before it lands."""

    source: str
    schema: str
    table: str
    kind: str = ""
    wave: int = 1
    catalog: str = ""
    path: str = ""  # relative to the root of its source


def landing_path(layout: str, name: Name) -> str:
    """The path below the target's root; empty segments fall out."""
    text = FIELD.sub(lambda field: _said(name, field[1]), layout)
    return "/".join(part for part in text.split("/") if part)


def catalog_schema(layout: str, name: Name) -> str:
    """The schema of a table in the target's catalog: `-` becomes `_`, and all is small.

    Unity Catalog and Glue fold names to small letters, so it is done before names are compared.
    """
    text = FIELD.sub(lambda field: _said(name, field[1]), layout)
    return catalog_word(text.strip("_") or text)


def catalog_word(text: str) -> str:
    """A name as the target's catalog has it."""
    return re.sub(r"[-.\s/]+", "_", text).lower()


def is_legal(kind: str, word: str) -> bool:
    """Whether a catalog of this kind takes the word as a name."""
    return _LEGAL[kind].fullmatch(word) is not None


def skeleton(layout: str, *, source: str, kind: str, wave: int) -> str:
    """A layout in which only what differs between a source's tables is left open, folded.

    Two sources with the same skeleton can land a table in the same place: a store may tell
    `Sales` from `sales`, a catalog does not.
    """
    known = {"source": source, "kind": kind, "wave": str(wave)}
    text = FIELD.sub(lambda field: known.get(field[1], field[0]), layout)
    return "/".join(part for part in text.casefold().split("/") if part)


def overlaps(places: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Tables that would land in the same place, or one within another.

    Args:
        places: name and address of each table that is known.

    Returns:
        Pairs of names, the second at or below the first, ordered by their places. Letters are
        compared without their case, as catalogs and some stores do.
    """
    ordered = sorted((address.casefold().rstrip("/") + "/", name) for name, address in places)
    found: list[tuple[str, str]] = []
    above: list[tuple[str, str]] = []
    for place, name in ordered:
        while above and not place.startswith(above[-1][0]):
            above.pop()
        if above:
            found.append((above[-1][1], name))
        above.append((place, name))
    return found


def _said(name: Name, field: str) -> str:
    if field == "wave":
        return str(name.wave)
    given: str = getattr(name, field) if field in FIELDS else f"{{{field}}}"
    return given
