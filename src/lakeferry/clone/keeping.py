"""What a clone keeps of a table and what it does not, in words. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lakeferry.delta.actions import Metadata, Protocol, Txn
from lakeferry.delta.features import (
    CARRY,
    DROP,
    FEATURES,
    cloned_configuration,
    cloned_protocol,
    effective_features,
)


@dataclass(frozen=True)
class Inventory:
    """What a table has, counted."""

    protocol: Protocol
    metadata: Metadata
    txns: Mapping[str, Any]
    domains: Collection[str]
    companions: int = 0  # objects beside the log that no action names
    files: int = 0
    vectors: int = 0
    absolute_paths: int = 0  # files and vectors that are named so
    left_txns: int = 0  # of the source, left out on purpose


def kept(has: Inventory) -> tuple[str, ...]:
    """One text for each kind of thing that the table has and a clone keeps."""
    features, metadata = effective_features(has.protocol), has.metadata
    constraints = sum(name.startswith("delta.constraints.") for name in metadata.configuration)
    mapping = metadata.configuration.get("delta.columnMapping.mode", "none")
    domains = ", ".join(sorted(has.domains))
    texts: tuple[tuple[object, str], ...] = (
        (True, "schema and properties"),
        (metadata.partition_columns, f"partitioning by {', '.join(metadata.partition_columns)}"),
        (has.files, many(has.files, "live file")),
        (has.vectors, many(has.vectors, "deletion vector")),
        (constraints, many(constraints, "constraint")),
        (mapping != "none", f"column mapping by {mapping}"),
        ("delta.generationExpression" in metadata.schema_string, "generated columns"),
        (
            "delta.identity.start" in metadata.schema_string,
            "identity columns with their high-water marks",
        ),
        ("rowTracking" in features, "row ids and row commit versions"),
        (
            has.txns,
            f"{len(has.txns)} txn: streams that write the table go on, a repeated batch is skipped",
        ),
        (has.domains, f"{many(len(has.domains), 'domain')}: {domains}"),
        (has.companions, f"{many(has.companions, 'companion')} of the log, byte for byte"),
    )
    return tuple(text for is_there, text in texts if is_there)


def not_kept(has: Inventory) -> Iterator[str]:
    """What a snapshot clone leaves behind or changes."""
    yield "time travel to versions before the clone, and who committed what"
    yield (
        "the table id: a stream that reads the table starts anew at the clone, with "
        "startingVersion = clone version + 1"
    )
    if has.left_txns:
        yield f"{has.left_txns} txn, left out as asked: streams that write the table start anew"
    features = effective_features(has.protocol)
    if "rowTracking" in features:
        yield (
            "row commit versions as a cursor: those that were carried may be above the clone's own"
        )
    for name in sorted(features):
        feature = FEATURES.get(name)
        if feature is not None and feature.action == DROP:
            yield f"the feature {name}: {feature.note}"
        elif feature is not None and feature.action == CARRY and feature.note:
            yield f"of {name}: {feature.note}"
    configuration = has.metadata.configuration
    for name in sorted(configuration.keys() - cloned_configuration(configuration)):
        yield f"the property {name}: true only at the source"
    if has.absolute_paths:
        yield (
            f"where {has.absolute_paths} files and vectors lie: named by absolute paths, "
            "they are gathered below the clone"
        )


def irrevocable(
    here: Protocol, txns: Mapping[str, Txn], source: Protocol, source_txns: Mapping[str, Txn]
) -> tuple[str, ...]:
    """What a target has beyond a source, and no commit of a clone can take from it.

    No action removes a txn, so the last version that was seen stays what readers see. A feature
    leaves a protocol only when every file and commit that needs it is gone, which is the work of
    an engine (ALTER TABLE ... DROP FEATURE).
    """
    apps = [f"`{app}` at {txns[app].version}" for app in sorted(txns.keys() - source_txns.keys())]
    known = effective_features(cloned_protocol(source))
    features = [f"`{name}`" for name in sorted(effective_features(here) - known)]
    texts = (
        (apps, f"txn of {_some(apps)}: a stream of that name skips batches up to there"),
        (features, f"features {_some(features)}: readers and writers must know them"),
    )
    return tuple(text for there, text in texts if there)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def many(count: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
