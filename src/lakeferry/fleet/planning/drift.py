"""A source whose schema changed: up to which version a target may follow it."""

from lakeferry.clone.report import CloneRequest
from lakeferry.delta.actions import Metadata
from lakeferry.delta.commit_read import read_commit
from lakeferry.delta.snapshot import Snapshot
from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.typed import typed
from lakeferry.fleet.planning.schema_change import SchemaChange, is_accepted, schema_change
from lakeferry.store.open import open_store


class Drifted(FerryError):
    """LF-4105, with the newest version that may still be copied."""

    last_good: int | None = None  # None: it is what the target holds
    since_ms: int | None = None  # when the commit was made that may not


def refuse_drift(
    request: CloneRequest,
    name: str,
    rule: str,
    accepted: int | None,
    source: Snapshot,
    target: Snapshot,
    held: int | None,
) -> None:
    """Refuse a change of the schema that the manifest does not accept.

    Args:
        name: of the table, in the migration.
        rule: its `schema_changes`.
        accepted: the version of the source up to which a person accepts what changed.
        held: the version of the source that `target` holds.

    Raises:
        Drifted: LF-4105.
    """
    before = target.metadata
    change = _change(before, source.metadata)
    if is_accepted(change.kind, rule):
        return
    version = source.version
    if held is not None and held < source.version:
        version, before, change = _first(request, rule, accepted, source, before, held)
    if version <= (-1 if accepted is None else accepted) or is_accepted(change.kind, rule):
        return
    last_good = version - 1 if held is not None and version - 1 > held else None
    stays = held if last_good is None else last_good
    drifted = Drifted(
        "LF-4105",
        f"the schema changed: {change.text}",
        f"{source.url}, version {version}; accepted are `{rule}` changes; the target holds "
        f"{'what it held' if stays is None else f'version {stays}'} and is consistent",
        f"allow it once: lakeferry sync -s {typed(name)} --accept-schema {version}; or set "
        "`schema_changes: any` for it in the manifest",
    )
    first = source.listing.commits.get(version)
    drifted.last_good = last_good
    drifted.since_ms = None if first is None else first.meta.modified_ms
    raise drifted


def _first(
    request: CloneRequest,
    rule: str,
    accepted: int | None,
    source: Snapshot,
    before: Metadata,
    held: int,
) -> tuple[int, Metadata, SchemaChange]:
    """The first commit after `held` that changes the schema more than is accepted.

    Where log cleanup took commits, or none alone does it, it is the newest version.
    """
    store = open_store(request.source, request.source_options)
    baseline = before
    for version in range(held + 1, source.version + 1):
        if version not in source.listing.commits:
            break
        stated = read_commit(store, version).metadata
        if stated is None:
            continue
        change = _change(baseline, stated)
        if is_accepted(change.kind, rule) or (accepted is not None and version <= accepted):
            baseline = stated
            continue
        return version, baseline, change
    return source.version, baseline, _change(baseline, source.metadata)


def _change(before: Metadata, after: Metadata) -> SchemaChange:
    return schema_change(
        before.schema_string, after.schema_string,
        partitions=(before.partition_columns, after.partition_columns),
    )  # fmt: skip
