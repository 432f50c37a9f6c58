"""The door of the room: `clone` and `verify` as Python calls; the command line calls them too.

Slow libraries are imported inside, so that importing lakeferry costs nothing.
"""

from collections.abc import Iterable, Mapping
from threading import Event as Flag

from lakeferry.clone.report import CloneReport, CloneRequest, VerifyReport, VerifyRequest
from lakeferry.events import Emit, silent

NONE: Mapping[str, str] = {}


def clone(
    source: str,
    target: str,
    *,
    mode: str = "snapshot",
    version: int | None = None,
    timestamp_ms: int | None = None,
    replace: bool = False,
    shallow: bool = False,
    single_writer: bool = False,
    carry_txns: bool = True,
    dry_run: bool = False,
    jobs: int = 16,
    limit_bytes_per_s: float | None = None,
    allow_features: Iterable[str] = (),
    map_prefix: Mapping[str, str] = NONE,
    source_options: Mapping[str, str] = NONE,
    target_options: Mapping[str, str] = NONE,
    on_event: Emit = silent,
    stop: Flag | None = None,
) -> CloneReport:
    """Clone a Delta table, or bring an earlier clone up to date.

    Args:
        source, target: a local path or an address: `s3://`, `abfss://`, `az://`, `gs://`, `hdfs://`.
        mode: `snapshot` (one commit with the source's state) or `mirror` (its own history).
        version, timestamp_ms: of the source; neither: the newest.
        replace: take the target although it is another table or was written to.
        shallow: the metadata alone; data files stay at the source.
        single_writer: the store lacks put-if-absent and nobody else writes to the target.
        carry_txns: False leaves out what streaming writers remember.
        dry_run: plan, count, change nothing.
        jobs: files in flight.
        limit_bytes_per_s: of all files together.
        allow_features: writer features that lakeferry does not know, accepted by name.
        map_prefix: old prefix of absolute paths in the log -> where these files are now.
        source_options, target_options: endpoint, region, ...: docs/reference/stores.md.
        on_event: called with progress and findings (`lakeferry.events`).
        stop: set it from another thread to end early; what landed is kept.

    Raises:
        FerryError: with code, place and next step; the target's table is as it was.
    """
    from lakeferry.clone.job import clone_table

    request = CloneRequest(
        source=source,
        target=target,
        mode=mode,
        version=version,
        timestamp_ms=timestamp_ms,
        replace=replace,
        shallow=shallow,
        single_writer=single_writer,
        carry_txns=carry_txns,
        dry_run=dry_run,
        jobs=jobs,
        limit_bytes_per_s=limit_bytes_per_s,
        allow_features=frozenset(allow_features),
        moved=map_prefix,
        source_options=source_options,
        target_options=target_options,
    )
    return clone_table(request, emit=on_event, stop=stop)


def verify(
    source: str,
    target: str,
    *,
    strength: str = "listed",
    version: int | None = None,
    against: str | None = None,
    digest: str = "crc64nvme",
    jobs: int = 16,
    map_prefix: Mapping[str, str] = NONE,
    source_options: Mapping[str, str] = NONE,
    target_options: Mapping[str, str] = NONE,
    on_event: Emit = silent,
) -> VerifyReport:
    """Compare a clone with its source, as strongly as asked.

    Args:
        strength: `listed` (log states, names and sizes), `hashed` (and every file's bytes),
            `replayed` (listed, and vectors and footers parsed), `rows` (a digest of all rows).
        version: of the source; None: the one that the target's last clone holds.
        against: another engine to ask as well: `deltalake`, `duckdb` or `spark`.
        digest: of `hashed`: `crc64nvme` or `sha256`.

    Raises:
        FerryError: a side cannot be read.
    """
    from lakeferry.clone.verify import verify_table

    request = VerifyRequest(
        source=source,
        target=target,
        strength=strength,
        version=version,
        against=against,
        digest=digest,
        jobs=jobs,
        moved=map_prefix,
        source_options=source_options,
        target_options=target_options,
    )
    return verify_table(request, emit=on_event)
