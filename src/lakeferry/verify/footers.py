"""Strength `replayed`: vectors and Parquet footers of the target say what its log says of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow.parquet as pq

from lakeferry.clone.footers import read_footer
from lakeferry.delta.deletion_vector import (
    check_file_version,
    file_range,
    parse_descriptor,
    parse_inline,
    parse_stored,
    relative_file,
)
from lakeferry.delta.paths import canonical_key
from lakeferry.delta.roaring import Rows
from lakeferry.errors import FerryError
from lakeferry.verify.findings import Findings
from lakeferry.verify.report import Finding
from lakeferry.verify.sides import Sides
from lakeferry.verify.stats import footer_contradictions, parse_stats
from lakeferry.workers import map_threads

FOOTER_CHECKS = ("vector", "footer", "stats")
_COLUMNS = ("path", "size", "stats", "deletionVector")


@dataclass(frozen=True, slots=True)
class Stated:
    """What the target's log says of one live file."""

    path: str
    size: int
    stats: str | None
    vector: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Looked:
    """One file, looked into."""

    findings: tuple[Finding, ...]
    rows: int | None  # live ones; None: the file or its vector could not be read


def compare_footers(sides: Sides, findings: Findings, *, jobs: int) -> int | None:
    """All of `FOOTER_CHECKS`.

    Returns:
        The rows of the files of the sample: those of the footers less those that vectors delete.
        None where a file could not be read.
    """
    rows: int | None = 0
    alike = findings.count("files") == 0
    for looked in map_threads(lambda file: _look(sides, file), _stated(sides), count=jobs):
        findings.add_all(_at_both(each) if alike else each for each in looked.findings)
        rows = None if rows is None or looked.rows is None else rows + looked.rows
    return rows


def _at_both(finding: Finding) -> Finding:
    """The logs were found equal, so what this file's log says is no fault of the clone."""
    if finding.check == "vector":
        return finding
    return replace(finding, what=f"{finding.what}; the source's log says the same")


def _stated(sides: Sides) -> Iterator[Stated]:
    for batch in sides.target.files.batches(_COLUMNS):
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            stated = Stated(*values)
            if sides.sample.takes(canonical_key(stated.path, sides.target_root)):
                yield stated


def _look(sides: Sides, file: Stated) -> Looked:
    found: list[Finding] = []
    footer = _footer(sides, file, found)
    deleted = _deleted(sides, file, found)
    if footer is not None:
        found += _compare_stats(file, footer)
        if deleted is not None and len(deleted) and int(deleted[-1]) >= footer.num_rows:
            text = f"deletes row {int(deleted[-1])} of a file that has {footer.num_rows}"
            found.append(Finding("vector", text, file.path))
    known = footer is not None and (deleted is not None or file.vector is None)
    rows = footer.num_rows - (0 if deleted is None else len(deleted)) if footer and known else None
    return Looked(tuple(found), rows)


def _footer(sides: Sides, file: Stated, found: list[Finding]) -> pq.FileMetaData | None:
    store, key = sides.target_place(file.path)
    try:
        return read_footer(store, key)
    except FileNotFoundError:
        found.append(Finding("footer", "is not there, though the log names it", file.path))
    except FerryError as error:
        if error.code != "LF-4103":
            raise
        found.append(Finding("footer", error.what, file.path))
    return None


def _deleted(sides: Sides, file: Stated, found: list[Finding]) -> Rows | None:
    """The rows that the file's vector deletes; None: it has none, or it is damaged."""
    if file.vector is None:
        return None
    try:
        return _read_vector(sides, file.vector)
    except FileNotFoundError:
        text = f"deletion vector `{file.vector['pathOrInlineDv']}` is not there"
        found.append(Finding("vector", text, file.path))
    except FerryError as error:
        # LF-1004: its file is too short for the range that the log names.
        if error.code not in ("LF-4109", "LF-1004"):
            raise
        found.append(Finding("vector", f"{error.what}: {error.where}", file.path))
    return None


def _read_vector(sides: Sides, descriptor: Mapping[str, Any]) -> Rows:
    vector = parse_descriptor(descriptor)
    if vector.storage_type == "i":
        return parse_inline(vector)
    key = relative_file(vector)
    store, key = (
        (sides.target_store, key)
        if key is not None
        else sides.target_place(vector.path_or_inline_dv)
    )
    check_file_version(b"".join(store.read(key, start=0, end=1)), key)
    start, end = file_range(vector)
    return parse_stored(vector, b"".join(store.read(key, start=start, end=end)))


def _compare_stats(file: Stated, footer: pq.FileMetaData) -> Sequence[Finding]:
    try:
        stats = parse_stats(file.stats)
    except ValueError as error:
        return [Finding("stats", f"statistics are no JSON object: {error}", file.path)]
    found = []
    counted = stats.get("numRecords")
    if counted is not None and counted != footer.num_rows:
        text = f"numRecords is {counted} in the log, the file has {footer.num_rows} rows"
        found.append(Finding("footer", text, file.path))
    # Behind a vector bounds may be those of the live rows, which no footer knows.
    if file.vector is None and stats.get("tightBounds") is not False:
        found += [
            Finding("stats", f"{each.name}: {each.stated} in the log, {each.found} in the file",
                    file.path)
            for each in footer_contradictions(stats, footer)
        ]  # fmt: skip
    return found
