"""The door of the room: `clone` as a Python call; the command line calls it too.

Slow libraries are imported inside, so that importing lakeferry costs nothing.
"""

import os
from collections.abc import Iterable, Mapping
from threading import Event as Flag
from typing import Any, TypedDict, Unpack

from lakeferry.clone.report import CloneReport, CloneRequest
from lakeferry.events import Emit, silent


class Stores(TypedDict, total=False):
    """What both verbs take about the two places."""

    map_prefix: Mapping[str, str]  # old prefix of absolute paths in the log -> where it is now
    source_options: Mapping[str, str]  # endpoint, region, ...: docs/reference/stores.md
    target_options: Mapping[str, str]
    jobs: int  # files in flight; 16


class CloneOptions(Stores, total=False):
    """What `clone` takes by name; all may be left out."""

    mode: str  # 'snapshot' (default; one commit with the source's state) or 'mirror' (its history)
    version: int | None  # of the source; default: the newest
    timestamp_ms: int | None  # instead: the version that was current then
    replace: bool  # take the target although it is another table or was written to
    shallow: bool  # the metadata alone; data files stay at the source
    single_writer: bool  # the store lacks put-if-absent and nobody else writes to the target
    carry_txns: bool  # False leaves out what streaming writers remember
    dry_run: bool  # plan, count, change nothing
    limit_bytes_per_s: float | None  # of all files together
    allow_features: Iterable[str]  # writer features that lakeferry does not know, by name


def clone(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    on_event: Emit = silent,
    stop: Flag | None = None,
    **options: Unpack[CloneOptions],
) -> CloneReport:
    """Clone a Delta table, or bring an earlier clone up to date.

    Args:
        source, target: a local path or an address: `s3://`, `abfss://`, `az://`, `gs://`, `hdfs://`.
        on_event: called with progress and findings (`lakeferry.events`).
        stop: set it from another thread to end early; what landed is kept.
        options: see `CloneOptions`.

    Raises:
        FerryError: with code, place and next step; the target's table is as it was.
    """
    from lakeferry.clone.job import clone_table

    named: dict[str, Any] = dict(options)
    request = CloneRequest(
        os.fspath(source),
        os.fspath(target),
        moved=named.pop("map_prefix", {}),
        allow_features=frozenset(named.pop("allow_features", ())),
        **named,
    )
    return clone_table(request, emit=on_event, stop=stop)
