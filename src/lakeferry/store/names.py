"""Which names a store can keep byte for byte.

A name that a store would change, lose or take for a folder is refused before a byte is sent:
a clone whose file lies under another name is not a clone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lakeferry.errors import FerryError

TEMPORARY_PREFIX = ".lakeferry-"  # our half-written files on stores with folders
TEMPORARY_SUFFIX = ".tmp"


@dataclass(frozen=True, slots=True)
class NameRules:
    """What one kind of store refuses, beyond what all of them refuse."""

    kind: str  # as it appears in a message: 'S3', 'a local folder'
    control_characters: bool = False  # True: it keeps them; NUL is refused everywhere
    any_bytes: bool = False  # True: names need not be UTF-8
    longest_segment: int | None = None  # bytes
    longest_path: int | None = None  # bytes, the store's own prefix included
    refused: str = ""  # characters that it turns into others or reserves
    final_dots: bool = True  # False: it drops the dots at a segment's end


def check_name(path: str, rules: NameRules, where: str) -> str:
    """`path` itself, or a `FerryError` LF-3107 that says why this store cannot keep it."""
    for reason in _reasons(path, rules):
        raise unholdable(path, f"{rules.kind} cannot keep {reason}", where)
    return path


def unholdable(path: str, reason: str, where: str) -> FerryError:
    """LF-3107 for one name."""
    return FerryError(
        "LF-3107",
        f"{reason}: `{path.encode('unicode_escape').decode()}`",
        f"in {where}",
        "choose a store that can hold it, or rewrite the file under another name at the source",
    )


def is_temporary(name: str) -> bool:
    """Whether `name`, without folders, is one of our own half-written files."""
    return name.startswith(TEMPORARY_PREFIX) and name.endswith(TEMPORARY_SUFFIX)


def _reasons(path: str, rules: NameRules) -> Iterator[str]:
    if path.isascii() and path.isprintable() and not rules.refused and len(path) < 200:
        # The common path of millions of files: only segments can still be wrong.
        if "//" in path or "./" in path or path[:1] in ("", "/") or path[-1] in "/.":
            yield from _segment_reasons(path, rules)
        return
    if "\0" in path:
        yield "a NUL character"
    if not rules.control_characters and any(ord(c) < 32 or ord(c) == 127 for c in path):
        yield "a control character"
    for character in rules.refused:
        if character in path:
            yield f"the character `{character}`"
    try:
        path.encode()
    except UnicodeEncodeError:
        if not rules.any_bytes:
            yield "a name that is not UTF-8"
    if rules.longest_path and len(_encoded(path)) > rules.longest_path:
        yield f"a name of over {rules.longest_path} bytes"
    yield from _segment_reasons(path, rules)


def _segment_reasons(path: str, rules: NameRules) -> Iterator[str]:
    for segment in path.split("/"):
        if not segment:
            yield "an empty segment"
        elif segment in (".", ".."):
            yield f"a segment `{segment}`"
        elif segment.endswith(".") and not rules.final_dots:
            yield "a dot at the end of a segment"
        elif rules.longest_segment and len(_encoded(segment)) > rules.longest_segment:
            yield f"a name of over {rules.longest_segment} bytes"


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
