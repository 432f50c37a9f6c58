"""Leaves of a checked tree as values: the text, the seconds, the bytes at a path; None: none."""

from collections.abc import Mapping

from lakeferry.config import quantities
from lakeferry.config.tree import Value


def text_at(value: Value, *path: str) -> str | None:
    found = value.get(*path)
    return found.text if found is not None else None


def texts_at(value: Value, *path: str) -> tuple[str, ...]:
    """A list of texts, or the one text that stands in its place."""
    found = value.get(*path)
    if found is None:
        return ()
    return (found.text,) if found.kind == "text" else tuple(one.text for one in found.items)


def texts_by_key(value: Value, *path: str) -> Mapping[str, str]:
    return {key: one.text for key, one in entries_at(value, *path).items()}


def entries_at(value: Value, *path: str) -> Mapping[str, Value]:
    found = value.get(*path)
    entries = found.entries if found is not None else {}
    return {key: entry.value for key, entry in entries.items()}


def integer_at(value: Value, *path: str) -> int | None:
    found = text_at(value, *path)
    return int(found) if found is not None else None


def boolean_at(value: Value, *path: str) -> bool | None:
    found = text_at(value, *path)
    return found.lower() == "true" if found is not None else None


def seconds_at(value: Value, *path: str) -> int | None:
    found = text_at(value, *path)
    return quantities.duration_s(found) if found is not None else None


def bytes_at(value: Value, *path: str) -> int | None:
    found = text_at(value, *path)
    return quantities.size_bytes(found) if found is not None else None


def share_at(value: Value, *path: str) -> float | None:
    found = text_at(value, *path)
    return quantities.share(found) if found is not None else None


def rate_at(value: Value, *path: str) -> float | None:
    """Bytes a second."""
    found = text_at(value, *path)
    return quantities.rate_bytes_per_s(found) if found is not None else None
