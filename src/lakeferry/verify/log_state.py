"""The state of two logs: what every verification compares, whatever its strength."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.clone.difference import Marked, compare_files
from lakeferry.clone.plan import cloned_metadata
from lakeferry.clone.target import changes_data
from lakeferry.delta.actions import FILE_SCHEMA, Metadata
from lakeferry.delta.commit import commit_info
from lakeferry.delta.commit_read import read_commit
from lakeferry.delta.features import cloned_protocol, effective_features
from lakeferry.delta.files import FileSet, logical_keys
from lakeferry.delta.txn_files import named_files, read_files
from lakeferry.verify.findings import Findings, differs
from lakeferry.verify.sides import Sides

LOG_CHECKS = (
    "commits",
    "protocol",
    "schema",
    "partitioning",
    "configuration",
    "metadata",
    "txn",
    "domain",
    "files",
)
# The path is part of the key. dataChange speaks of one commit, not of the state.
COMPARED = tuple(name for name in FILE_SCHEMA.names if name not in ("path", "dataChange"))
_RETENTION = "delta.setTransactionRetentionDuration"


def compare_logs(sides: Sides, findings: Findings) -> None:
    """All of `LOG_CHECKS`."""
    _compare_commits(sides, findings)
    _compare_protocol(sides, findings)
    _compare_metadata(sides, findings)
    _compare_txns(sides, findings)
    _compare_positions(sides, findings)
    _compare_domains(sides, findings)
    _compare_files(sides, findings)


def _compare_commits(sides: Sides, findings: Findings) -> None:
    """Nobody else may have written to the target; a mirror's commits are the source's."""
    record, here = sides.record, sides.target.listing.commits
    if record is not None and record.mode == "mirror":
        _compare_history(sides, findings)
        return
    for version in range(record.target_version + 1, sides.target.version + 1) if record else ():
        if version not in here or changes_data(read_commit(sides.target_store, version)):
            findings.add("commits", f"version {version} of the target was not made by a clone")


def _compare_history(sides: Sides, findings: Findings) -> None:
    """By the names and sizes of commits; a mirror may begin later than its source's log."""
    here, there = sides.target.listing.commits, sides.source.listing.commits
    first, last = min(here, default=0), sides.target.version
    for version in sorted(here.keys() | {each for each in there if first <= each <= last}):
        found, wanted = here.get(version), there.get(version)
        if found is None:
            findings.add("commits", f"commit {version} of the source is missing in the mirror")
        elif wanted is None and version > max(there, default=-1):
            findings.add("commits", f"the mirror has a commit {version}, the source has none")
        elif wanted is not None and wanted.meta.size != found.meta.size:
            name = f"commit {version}, bytes"
            findings.add("commits", differs(name, wanted.meta.size, found.meta.size))
    if sides.target.version != sides.source.version:
        name = "version of the table"
        findings.add("commits", differs(name, sides.source.version, sides.target.version))


def _compare_protocol(sides: Sides, findings: Findings) -> None:
    source, target = sides.source.protocol, sides.target.protocol
    if sides.mode == "mirror":
        if source != target:
            findings.add("protocol", differs("protocol", source, target))
        return
    wanted = cloned_protocol(source)
    for name in sorted(effective_features(wanted) - effective_features(target)):
        findings.add("protocol", f"feature `{name}` of the source is missing at the target")
    readers = (wanted.reader_features or frozenset()) - (target.reader_features or frozenset())
    for name in sorted(readers & effective_features(target)):
        findings.add("protocol", f"feature `{name}` binds the source's readers, not the target's")
    for name in ("min_reader_version", "min_writer_version"):
        if getattr(target, name) < getattr(wanted, name):
            findings.add("protocol", differs(name, getattr(wanted, name), getattr(target, name)))
    for key in sorted(key for key in wanted.extra if wanted.extra[key] != target.extra.get(key)):
        findings.add("protocol", differs(key, wanted.extra[key], target.extra.get(key)))


def _compare_metadata(sides: Sides, findings: Findings) -> None:
    target = sides.target.metadata
    wanted = _wanted_metadata(sides)
    if wanted.schema_string != target.schema_string:
        text = differs("schema", wanted.schema_string, target.schema_string)
        findings.add("schema", f"{_schema_difference(wanted, target)}{text}")
    if wanted.partition_columns != target.partition_columns:
        columns = (wanted.partition_columns, target.partition_columns)
        findings.add("partitioning", differs("partition columns", *columns))
    for key in sorted(wanted.configuration.keys() | target.configuration.keys()):
        values = wanted.configuration.get(key), target.configuration.get(key)
        if values[0] != values[1]:
            findings.add("configuration", differs(key, *values))
    for name in ("id", "name", "description", "format", "created_time", "extra"):
        if getattr(wanted, name) != getattr(target, name):
            findings.add("metadata", differs(name, getattr(wanted, name), getattr(target, name)))


def _wanted_metadata(sides: Sides) -> Metadata:
    if sides.mode == "mirror":
        return sides.source.metadata
    return cloned_metadata(sides.source.metadata, sides.target.metadata, "")


def _schema_difference(source: Metadata, target: Metadata) -> str:
    """Which top-level columns differ, for the texts of two schemas are long."""
    try:
        here, there = (
            {field["name"]: field for field in orjson.loads(side.schema_string)["fields"]}
            for side in (source, target)
        )
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""
    names = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
    return f"column {', '.join(f'`{name}`' for name in names)}; " if names else ""


def _compare_txns(sides: Sides, findings: Findings) -> None:
    source, target = sides.source.txns, sides.target.txns
    for app in sorted(source.keys() - left_out_txns(sides)):
        wanted, found = source[app], target.get(app)
        if found is None:
            findings.add("txn", differs(f"txn of `{app}`, version", wanted.version, None))
            continue
        for name, field in (("version", "version"), ("lastUpdated", "last_updated")):
            values = getattr(wanted, field), getattr(found, field)
            if values[0] != values[1]:
                findings.add("txn", differs(f"txn of `{app}`, {name}", *values))
        if wanted.extra != found.extra:
            findings.add("txn", differs(f"txn of `{app}`, more", wanted.extra, found.extra))
    unknown = sorted(target.keys() - source.keys())
    if unknown and not _may_have_own_txns(sides):
        for app in unknown:
            findings.add("txn", differs(f"txn of `{app}`, version", None, target[app].version))


def _compare_positions(sides: Sides, findings: Findings) -> None:
    """Files that a `txn` names: without its own the `txn` of an ingest is void."""
    target = sides.target
    paths = [path for _, path in named_files(target.txns, target.domains)]
    wanted = read_files(sides.source_store, paths)  # the source keeps the last ones only
    found = read_files(sides.target_store, wanted)
    for path in wanted:
        if found.get(path) != wanted[path]:
            what = "differs from" if path in found else "is missing, not so at"
            findings.add("txn", f"where an ingest stands, {path}, {what} the source")


def left_out_txns(sides: Sides) -> frozenset[str]:
    """The appIds that the target lacks because its clone was asked to leave them out."""
    if sides.record is None or not sides.record.without_txns:
        return frozenset()
    return frozenset(sides.source.txns.keys() - sides.target.txns.keys())


def _may_have_own_txns(sides: Sides) -> bool:
    """Whether a txn that the source lacks can be there rightly: no action can take one back.

    The source may have let it expire, or the target was another table before this clone.
    """
    if sides.mode == "mirror":
        return False
    if _RETENTION in sides.source.metadata.configuration:
        return True
    if 0 not in sides.target.listing.commits:
        return True
    tags = (commit_info(sides.target_store, 0) or {}).get("tags") or {}
    return bool(tags.get("lakeferry.sourceId") != sides.source.metadata.id)


def _compare_domains(sides: Sides, findings: Findings) -> None:
    source, target = sides.source.domains, sides.target.domains
    for name in sorted(source.keys() | target.keys()):
        wanted, found = source.get(name), target.get(name)
        if wanted == found:
            continue
        values = wanted and wanted.configuration, found and found.configuration
        if values[0] == values[1]:
            values = repr(wanted), repr(found)
        findings.add("domain", differs(f"domain `{name}`", *values))


def _compare_files(sides: Sides, findings: Findings) -> None:
    root = sides.target_root
    wanted, here = sides.landed, sides.target.files
    difference = compare_files(wanted, here, target_root=root)
    for batch in Marked(wanted, difference.added).batches(["path", "deletionVector"]):
        for path, vector in _paths_and_vectors(batch):
            text = f"is live at the source{vector}, not at the target"
            findings.add("files", text, path)
    for batch in Marked(here, difference.removed).batches(["path", "deletionVector"]):
        for path, vector in _paths_and_vectors(batch):
            text = f"is live at the target{vector}, not at the source"
            findings.add("files", text, path)
    for batch in Marked(wanted, difference.restated).batches():
        if findings.is_full("files"):
            findings.add_more("files", batch.num_rows)
            continue
        for path, name, values in _field_differences(batch, here, root):
            findings.add("files", differs(f"field `{name}`", *values), path)


def _paths_and_vectors(batch: pa.RecordBatch) -> Iterator[tuple[str, str]]:
    for path, vector in zip(*(column.to_pylist() for column in batch.columns), strict=True):
        name = f" with deletion vector `{vector['pathOrInlineDv']}`" if vector else ""
        yield path, name


def _field_differences(
    wanted: pa.RecordBatch, here: FileSet, root: str
) -> Iterator[tuple[str, str, tuple[Any, Any]]]:
    """(path, field, both values) for each field in which a file of `wanted` differs."""
    keys = logical_keys(wanted, root)
    places = {key: place for place, key in enumerate(keys.to_pylist())}
    rows = wanted.select(FILE_SCHEMA.names).to_pylist(maps_as_pydicts="lossy")
    for batch in here.batches():
        found = pc.index_in(logical_keys(batch, root), value_set=keys)
        if found.null_count == len(found):
            continue
        batch = batch.filter(found.is_valid())  # noqa: PLW2901
        its_keys = logical_keys(batch, root).to_pylist()
        for key, row in zip(its_keys, batch.to_pylist(maps_as_pydicts="lossy"), strict=True):
            source = rows[places[key]]
            for name in COMPARED:
                if _is_other(name, source[name], row[name]):
                    yield source["path"], name, (source[name], row[name])


def _is_other(name: str, source: Any, target: Any) -> bool:
    """Whether a field means another thing; its text may differ after a checkpoint was written."""
    if name == "stats":
        # Lost by a checkpoint of the source; a row count from the footer may stand instead.
        return source is not None and (_json(source) or None) != (_json(target) or None)
    if name == "extra":
        return (_json(source) or None) != (_json(target) or None)
    if name == "deletionVector":
        return bool(_without_nulls(source) != _without_nulls(target))
    return bool(source != target)


def _json(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return _without_nulls(orjson.loads(text))
    except orjson.JSONDecodeError:
        return text


def _without_nulls(value: Any) -> Any:
    """Without null and empty members, which say nothing."""
    if not isinstance(value, Mapping):
        return value
    members = {name: _without_nulls(member) for name, member in value.items()}
    return {name: member for name, member in members.items() if member not in (None, {})}
