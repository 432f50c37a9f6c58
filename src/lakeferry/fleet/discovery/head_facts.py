"""What the head of a log says -> what a person asks of a table before it moves. Pure."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lakeferry.clone.extras import COPY_INTO
from lakeferry.delta.actions import (
    Metadata,
    Protocol,
    Txn,
    parse_metadata,
    parse_protocol,
    parse_txn,
)
from lakeferry.delta.checkpoint_write import duration_ms
from lakeferry.delta.features import OF_CATALOGS, check_clonable, effective_features
from lakeferry.delta.log import LOG, LogListing
from lakeferry.delta.time_travel import file_times
from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.found import MOST_STREAMS, DeltaHead, Remark, StreamMark

WEEK_S = 7 * 24 * 3600  # delta.deletedFileRetentionDuration where the table does not set it
DAY_MS = 24 * 3600 * 1000
LONG = (1 << 63) - 1  # the largest that a log, and a ledger, can hold
_CHECKPOINTS = {"checkpoint": "classic", "checkpoint_part": "multi-part", "checkpoint_v2": "v2"}


@dataclass(frozen=True, slots=True)
class LogFacts:
    """The small actions of a table at its newest version, and sums over its live files."""

    version: int
    protocol: Protocol
    metadata: Metadata
    txns: Mapping[str, Txn] | None  # None: not said
    domains: frozenset[str]
    files: int | None
    bytes: int | None
    counted_by: Literal["checksum", "log", "nothing"]
    committed_ms: int | None


def facts_of_checksum(version: int, body: Mapping[str, Any]) -> LogFacts:
    """From the body of `N.crc`. Raises KeyError, TypeError where it lacks what is required."""
    txns = body.get("setTransactions")
    domains = body.get("domainMetadata") or ()
    stamp = body.get("inCommitTimestampOpt")
    parsed = None if txns is None else [parse_txn(one) for one in txns]
    return LogFacts(
        version=version,
        protocol=parse_protocol(body["protocol"]),
        metadata=parse_metadata(body["metadata"]),
        txns=None if parsed is None else {txn.app_id: txn for txn in parsed},
        domains=frozenset(one["domain"] for one in domains if not one.get("removed")),
        files=int(body["numFiles"]),
        bytes=int(body["tableSizeBytes"]),
        counted_by="checksum",
        committed_ms=stamp if isinstance(stamp, int) else None,
    )


def checked(facts: LogFacts, url: str) -> LogFacts:
    """The same, if its texts are texts and its numbers longs: the protocol says so, and few writers
    were ever checked.

    Raises:
        FerryError: LF-3105.
    """
    metadata = facts.metadata
    texts = (metadata.id, metadata.schema_string, *metadata.partition_columns,
             *metadata.configuration, *metadata.configuration.values())  # fmt: skip
    longs = (facts.version, facts.files or 0, facts.bytes or 0)
    if all(isinstance(text, str) for text in texts) and max(longs) <= LONG:
        return facts
    raise FerryError(
        "LF-3105",
        "the log of the table has a field of another type than the protocol says",
        f"{url}/{LOG}: properties are texts, versions and sizes at most {LONG}",
        "let a writer of the table set its properties again, as texts",
    )


def head_of(
    facts: LogFacts, listing: LogListing, *, is_whole: bool, now_ms: int, window_ms: int
) -> DeltaHead:
    """What is told of a table whose log could be read.

    Args:
        is_whole: whether `listing` is all of the log, or the end of a long one.
        window_ms: over which commits are counted.
    """
    metadata = facts.metadata
    settings = metadata.configuration
    kept_ms = duration_ms(settings.get("delta.deletedFileRetentionDuration", ""))
    txns = None if facts.txns is None else sorted(facts.txns.values(), key=_newest_first)
    checkpoint = listing.checkpoints[0].files[0].kind if listing.checkpoints else ""
    return DeltaHead(
        id=metadata.id,
        version=facts.version,
        committed_ms=facts.committed_ms,
        reader_version=facts.protocol.min_reader_version,
        writer_version=facts.protocol.min_writer_version,
        features=tuple(sorted(effective_features(facts.protocol))),
        schema_sha256=hashlib.sha256(metadata.schema_string.encode()).hexdigest()[:16],
        partition_columns=metadata.partition_columns,
        commits_a_day=commits_a_day(
            list(file_times(listing).values()),
            is_whole=is_whole, now_ms=now_ms, window_ms=window_ms,
        ),
        streams=None
        if txns is None
        else tuple(
            StreamMark(txn.app_id, txn.version, _updated(txn)) for txn in txns[:MOST_STREAMS]
        ),
        streams_in_all=len(txns or ()),
        copy_into_files=sum(meta.path.startswith(COPY_INTO) for meta in listing.others),
        retention_s=WEEK_S if kept_ms is None else kept_ms // 1000,
        checkpoint=_CHECKPOINTS.get(checkpoint, "none"),
        has_change_feed=metadata.is_on("delta.enableChangeDataFeed"),
        is_clustered="delta.clustering" in facts.domains,
        column_mapping=settings.get("delta.columnMapping.mode", "none"),
        counted_by=facts.counted_by,
    )  # fmt: skip


def commits_a_day(
    times_ms: list[int], *, is_whole: bool, now_ms: int, window_ms: int
) -> float | None:
    """Commits of the last `window_ms`, a day; None where nothing says when they were.

    A table younger than the window is asked for its age, at least a day; of a log of which only the
    end is known that end counts.
    """
    if not times_ms:
        return None
    oldest = min(times_ms)
    recent = sum(now_ms - window_ms <= time <= now_ms for time in times_ms)
    age_ms = now_ms - oldest
    least_ms = DAY_MS if is_whole else 1000
    return recent * DAY_MS / max(min(age_ms, window_ms), least_ms)


def remarks_of(facts: LogFacts, url: str, unpublished: int) -> tuple[Remark, ...]:
    """What keeps a table from being cloned, and what is good to know.

    Args:
        unpublished: commits that its catalog has, and the log has not.
    """
    return tuple(_remarks(facts, url, unpublished))


def _remarks(facts: LogFacts, url: str, unpublished: int) -> Iterator[Remark]:
    owned = sorted(OF_CATALOGS & effective_features(facts.protocol))
    try:
        check_clonable(facts.protocol, facts.metadata, url, frozenset(owned))
    except FerryError as error:
        yield remark_of(error)
    if not owned:
        return
    if unpublished:
        yield Remark(
            "LF-8051",
            f"{unpublished} of its commits lie with its catalog alone (feature {owned[0]})",
            "let the catalog publish them, as any later write does in Databricks, or drop the "
            "feature; then discover again",
        )
    else:
        what = f"its catalog decides what a commit is (feature {owned[0]}); all are published"
        yield Remark("LF-8051", what, "nothing: its clone is without the feature", blocks=False)


def remark_of(error: FerryError) -> Remark:
    """A refusal as a remark."""
    return Remark(error.code, error.what, error.next_step)


def _newest_first(txn: Txn) -> tuple[int, str]:
    return -(_updated(txn) or 0), txn.app_id


def _updated(txn: Txn) -> int | None:
    return txn.last_updated if isinstance(txn.last_updated, int) else None
