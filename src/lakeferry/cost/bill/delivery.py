"""Which files of a folder are the bill: the newest delivery of each period, and all of it. Pure.

AWS writes a period anew several times a day, over the older files or beside them, and puts the
manifest there last. So what a manifest names is the bill; what it names and is not there has not
been delivered, or not been fetched, yet.

Source: Data Exports User Guide, "Understanding export delivery" and "Understanding your report
versions".
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lakeferry.errors import FerryError

# .../20261001-20261101/<assembly>/name-00001.csv.gz, .../BILLING_PERIOD=2026-10/<execution>/...
_LEGACY = re.compile(
    r"(?:^|/)(?P<year>\d{4})(?P<month>\d\d)01-\d{8}/(?:(?P<version>[^/]+)/)?[^/]+$"
)
_EXPORT = re.compile(
    r"(?:^|/)BILLING_PERIOD=(?P<year>\d{4})-(?P<month>\d\d)/(?:(?P<version>[^/]+)/)?[^/]+$"
)
_DATED = re.compile(r"\d{4}-?\d\d-?\d\dT")  # versions that begin with their time can be ordered
_BILL = re.compile(r"\.(?:csv|csv\.gz|csv\.zip|gz|zip|parquet)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What to read of a folder."""

    files: tuple[str, ...]
    replaced: tuple[str, ...]  # of older deliveries
    periods: tuple[str, ...]  # `2026-10`; "" where the path does not tell


@dataclass(frozen=True, slots=True)
class _Place:
    period: str
    version: str


def is_manifest(path: str) -> bool:
    return path.lower().endswith("manifest.json")


def choose(paths: Iterable[str], manifests: Mapping[str, bytes]) -> Delivery:
    """The files of the newest delivery of each period.

    Args:
        paths: of all files that are there, of any kind.
        manifests: the content of those that `is_manifest`, by path; may be empty.

    Raises:
        FerryError: LF-6604 where a manifest names a file that is not there, or cannot be read;
            LF-6605 where nothing tells which delivery of a period is newer.
    """
    there = sorted(one for one in paths if _BILL.search(one))
    by_period: dict[str, list[str]] = {}
    for path in there:
        by_period.setdefault(_place(path).period, []).append(path)
    kept: list[str] = []
    for period, files in sorted(by_period.items()):
        named = _newest_manifest(manifests, period)
        kept += _named(named, manifests[named], files) if named else _newest(period, files)
    for path in manifests:
        if _place(path).period not in by_period:
            _named(path, manifests[path], [])
    replaced = tuple(one for one in there if one not in set(kept))
    return Delivery(tuple(kept), replaced, tuple(sorted(by_period)))


def _place(path: str) -> _Place:
    found = _EXPORT.search(path) or _LEGACY.search(path)
    if not found:
        return _Place("", "")
    return _Place(f"{found['year']}-{found['month']}", found["version"] or "")


def _newest_manifest(manifests: Mapping[str, bytes], period: str) -> str | None:
    """The manifest of the period itself, which AWS replaces, else that of the last version."""
    ours = [one for one in manifests if _place(one).period == period]
    ours.sort(key=lambda one: (_place(one).version == "", _place(one).version))
    return ours[-1] if ours else None


def _newest(period: str, files: list[str]) -> list[str]:
    versions = sorted({_place(one).version for one in files})
    if len(versions) > 1 and not all(_DATED.match(one) for one in versions):
        raise FerryError(
            "LF-6605",
            f"the folder holds {len(versions)} deliveries of {period}, and nothing says which is "
            "newer",
            ", ".join(one or "(none)" for one in versions[:4]),
            "put the period's manifest beside them, or give the files of one delivery",
        )
    return [one for one in files if _place(one).version == versions[-1]]


def _named(path: str, content: bytes, there: list[str]) -> list[str]:
    """The files that a manifest names, as they are called here."""
    try:
        manifest = json.loads(content)
        named = [str(one) for one in manifest.get("dataFiles") or manifest["reportKeys"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FerryError(
            "LF-6604",
            "the manifest of the bill cannot be read",
            f"{path}: it has no list `dataFiles` or `reportKeys`",
            "fetch the period again, manifest and files",
        ) from error
    found = {one: _same(one, there) for one in named}
    missing = sorted(one for one, here in found.items() if here is None)
    if missing:
        raise FerryError(
            "LF-6604",
            f"the bill is half delivered: {len(missing)} of its {len(named)} files are not there",
            f"{path} names {', '.join(missing[:3])}",
            "fetch the period again, all files that the manifest names",
        )
    return [one for one in found.values() if one is not None]


def _same(named: str, there: list[str]) -> str | None:
    """The file that a manifest's key means; a copy may keep only the end of its path."""
    end = named.split("/")
    for parts in (2, 1):
        found = [one for one in there if one.split("/")[-parts:] == end[-parts:]]
        if len(found) == 1:
            return found[0]
    return None
