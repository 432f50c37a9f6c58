"""Table features: what each asks of a reader, and what a clone does about it.

Source: Delta protocol, "Table Features"; the sources of Delta's Spark writer for preview names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lakeferry.delta.actions import Metadata, Protocol
from lakeferry.delta.time_travel import ICT_SINCE
from lakeferry.errors import FerryError

READER, WRITER = "reader-writer", "writer"
CARRY = "carry"  # the clone has it too
DROP = "drop"  # the source's log may not be the whole truth; refused unless allowed; not cloned
REFUSE = "refuse"  # what the table is cannot be told from its log by us


@dataclass(frozen=True, slots=True)
class Feature:
    """One table feature."""

    name: str
    kind: str  # 'reader-writer', or 'writer' where reading needs no knowledge of it
    action: str = CARRY
    since: tuple[int, int] | None = None  # legacy (reader, writer) versions that imply it
    note: str = ""  # what a person should know when it is carried or refused


_OUTSIDE = "commits may lie in a catalog, so that `_delta_log` is not the whole table"
_MOVED = "the table says that it has moved"
_MANIFESTS = "its live files lie in a tree of manifests, not in the log"
_UNTRIED = "its types were never tried"
_ICEBERG = "Iceberg metadata of the source is not carried and would be stale"

FEATURES: Mapping[str, Feature] = {
    feature.name: feature
    for feature in (
        Feature("appendOnly", WRITER, since=(1, 2)),
        Feature("invariants", WRITER, since=(1, 2)),
        Feature("checkConstraints", WRITER, since=(1, 3)),
        Feature("changeDataFeed", WRITER, since=(1, 4), note="a snapshot clone starts a new feed"),
        Feature("generatedColumns", WRITER, since=(1, 4)),
        Feature("columnMapping", READER, since=(2, 5)),
        Feature("identityColumns", WRITER, since=(1, 6)),
        Feature("deletionVectors", READER),
        Feature("timestampNtz", READER),
        Feature("timestampWithoutTimezone", READER, note="an older name of timestampNtz"),
        Feature("v2Checkpoint", READER),
        Feature("vacuumProtocolCheck", READER),
        Feature("typeWidening", READER),
        Feature("typeWidening-preview", READER),
        Feature("variantType", READER),
        Feature("variantType-preview", READER),
        Feature("variantShredding", READER),
        Feature("variantShredding-preview", READER),
        Feature("domainMetadata", WRITER),
        Feature("rowTracking", WRITER),
        Feature("clustering", WRITER),
        Feature("inCommitTimestamp", WRITER),
        Feature("inCommitTimestamp-preview", WRITER),
        Feature("allowColumnDefaults", WRITER),
        Feature("icebergCompatV1", WRITER, note=_ICEBERG),
        Feature("icebergCompatV2", WRITER, note=_ICEBERG),
        Feature("icebergCompatV3", WRITER, note=_ICEBERG),
        Feature("icebergWriterCompatV1", WRITER, note=_ICEBERG),
        Feature("icebergWriterCompatV3", WRITER, note=_ICEBERG),
        Feature("materializePartitionColumns", WRITER),
        Feature("checkpointProtection", WRITER, note="a snapshot clone has no history to protect"),
        Feature("collations", WRITER),
        Feature("collations-preview", WRITER),
        Feature("catalogManaged", READER, DROP, note=_OUTSIDE),
        Feature("catalogOwned-preview", READER, DROP, note=_OUTSIDE),
        Feature("coordinatedCommits-preview", WRITER, DROP, note=_OUTSIDE),
        Feature("redirectReaderWriter-preview", READER, REFUSE, note=_MOVED),
        Feature("redirectWriterOnly-preview", WRITER, REFUSE, note=_MOVED),
        Feature("geospatial", READER, REFUSE, note=_UNTRIED),
        Feature("geospatial-dev", READER, REFUSE, note=_UNTRIED),
        Feature("adaptiveMetadata-preview", READER, REFUSE, note=_MANIFESTS),
    )
}
# Features that a clone may leave out, for who takes what a catalog has published as the table.
OF_CATALOGS = frozenset(name for name, one in FEATURES.items() if one.action == DROP)

_MAX_READER, _MAX_WRITER = 3, 7  # versions of the protocol that are known
_COORDINATOR = "delta.coordinatedCommits.commitCoordinator-preview"
_REDIRECTS = ("delta.redirectReaderWriter-preview", "delta.redirectWriterOnly-preview")
# Where the source's commits are coordinated, which catalog knows it, since which of *its*
# versions something holds: untrue at any other place.
_NOT_CARRIED = frozenset(
    {
        _COORDINATOR,
        "delta.coordinatedCommits.commitCoordinatorConf-preview",
        "delta.coordinatedCommits.tableConf-preview",
        "io.unitycatalog.tableId",
        "ucTableId",
        "delta.requireCheckpointProtectionBeforeVersion",
        *ICT_SINCE,
    }
)


def effective_features(protocol: Protocol) -> frozenset[str]:
    """Names of all features of a table, those included that legacy versions imply."""
    names = (protocol.reader_features or frozenset()) | (protocol.writer_features or frozenset())
    implied = {
        feature.name
        for feature in FEATURES.values()
        if feature.since is not None
        and protocol.min_writer_version < _MAX_WRITER
        and feature.since[1] <= protocol.min_writer_version
        and feature.since[0] <= max(protocol.min_reader_version, 1)
    }
    return names | implied


def check_readable(
    protocol: Protocol,
    metadata: Metadata | None,
    url: str,
    allow: frozenset[str] = frozenset(),
) -> None:
    """Refuse a table whose log could mean something else than what we read in it.

    Args:
        protocol: of the table.
        metadata: of the table, or None where it is not known yet.
        url: for the message.
        allow: features that a person accepts by name: those with action `DROP`, whose log then
            counts as it is.

    Raises:
        FerryError: LF-3001 unknown reader feature or version; LF-3002 one that we must refuse.
    """
    if protocol.min_reader_version > _MAX_READER:
        raise _unknown_reader(url, f"reader version {protocol.min_reader_version}", "version")
    for name in sorted(protocol.reader_features or ()):
        if name not in FEATURES:
            raise _unknown_reader(url, f'reader feature "{name}"', name)
    configuration = metadata.configuration if metadata else {}
    for name in sorted(effective_features(protocol)):
        feature = FEATURES.get(name)
        if feature is None or feature.action == CARRY:
            continue
        if feature.action == DROP and name in allow:
            continue
        if _matters_to_reader(feature, configuration):
            raise _refused(feature, configuration, url)


def check_clonable(
    protocol: Protocol,
    metadata: Metadata,
    url: str,
    allow: frozenset[str] = frozenset(),
) -> None:
    """Refuse a table of which a snapshot clone would promise what we do not know to keep.

    Reading is safe where `check_readable` passed; a clone also becomes a table that others write.

    Raises:
        FerryError: LF-3002, naming the feature.
    """
    check_readable(protocol, metadata, url, allow)
    if protocol.min_writer_version > _MAX_WRITER:
        raise _unknown_writer(url, f"writer version {protocol.min_writer_version}", "version")
    for name in sorted(protocol.writer_features or ()):
        feature = FEATURES.get(name)
        if feature is None:
            if name in allow:
                continue
            raise _unknown_writer(url, f'writer feature "{name}"', name)
        if feature.action == REFUSE:
            raise _refused(feature, metadata.configuration, url)


def _matters_to_reader(feature: Feature, configuration: Mapping[str, str]) -> bool:
    if feature.name == "coordinatedCommits-preview":
        return bool(configuration.get(_COORDINATOR))
    return feature.kind == READER


def _unknown_reader(url: str, what: str, name: str) -> FerryError:
    return FerryError(
        "LF-3001",
        f"the table cannot be read: unknown {what}",
        f"{url}: a reader that does not know it could see another table",
        "upgrade lakeferry, or let a writer that knows it drop the feature"
        + (f" (`ALTER TABLE ... DROP FEATURE {name}`)" if name != "version" else ""),
    )


def _unknown_writer(url: str, what: str, name: str) -> FerryError:
    return FerryError(
        "LF-3002",
        f"the table cannot be cloned: unknown {what}",
        f"{url}: writers of the clone would have to respect it",
        f"if its state lies in the log alone, accept it: --allow-feature {name}",
    )


def _refused(feature: Feature, configuration: Mapping[str, str], url: str) -> FerryError:
    where = next((configuration[key] for key in _REDIRECTS if key in configuration), None)
    if feature.action == DROP:
        step = (
            "publish all commits, then clone what is published with "
            f"--allow-feature {feature.name}; the clone will be without the feature"
        )
    elif where is not None:
        step = f"clone the table at its new place: {where}"
    else:
        step = f"let a writer of the table drop the feature `{feature.name}`"
    return FerryError(
        "LF-3002",
        f'the table cannot be cloned: feature "{feature.name}", {feature.note}',
        f"{url}/_delta_log",
        step,
    )


def cloned_protocol(source: Protocol, existing: Protocol | None = None) -> Protocol:
    """The protocol of a clone: the source's without what cannot move, never below the target's.

    Legacy versions stay as they are among themselves; where they meet features, they become the
    features that they imply.
    """
    kept = _without_dropped(source)
    if existing is None or kept == existing:
        return kept
    reader = max(kept.min_reader_version, existing.min_reader_version)
    writer = max(kept.min_writer_version, existing.min_writer_version)
    extra = {**existing.extra, **kept.extra}
    if writer < _MAX_WRITER:
        return Protocol(reader, writer, extra=extra)
    names = effective_features(kept) | effective_features(existing)
    both = (kept.reader_features or frozenset()) | (existing.reader_features or frozenset())
    readers = both | {name for name in names if name in FEATURES and FEATURES[name].kind == READER}
    return Protocol(
        min_reader_version=reader,
        min_writer_version=writer,
        reader_features=readers if reader >= _MAX_READER else None,
        writer_features=names,
        extra=extra,
    )


def _without_dropped(protocol: Protocol) -> Protocol:
    readers, writers = protocol.reader_features, protocol.writer_features
    return replace(
        protocol,
        reader_features=None if readers is None else readers - OF_CATALOGS,
        writer_features=None if writers is None else writers - OF_CATALOGS,
    )


def cloned_configuration(configuration: Mapping[str, str]) -> dict[str, str]:
    """The table properties of a clone: the source's without those that are true only there."""
    return {name: value for name, value in configuration.items() if name not in _NOT_CARRIED}
