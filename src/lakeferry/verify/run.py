"""The door of the room: `verify` as a Python call; the command line calls it too."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

from lakeferry.clone.run import Stores
from lakeferry.events import Emit, silent
from lakeferry.verify.report import VerifyReport, VerifyRequest

if TYPE_CHECKING:
    from lakeferry.verify.offsets import OffsetsReport


class VerifyOptions(Stores, total=False):
    """What `verify` takes by name; all may be left out."""

    strength: str  # 'listed' (default), 'hashed', 'replayed', 'rows'
    version: int | None  # of the source; default: the one that the target's last clone holds
    against: str | None  # another engine to ask as well: 'deltalake', 'duckdb', 'spark'
    digest: str  # of `hashed`: 'crc64nvme' (default) or 'sha256'
    sample: float  # share of the files that are looked into: 1 (default); logs are compared whole
    seed: int  # of the sample


def verify(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    on_event: Emit = silent,
    **options: Unpack[VerifyOptions],
) -> VerifyReport:
    """Compare a clone with its source, as strongly as asked.

    Args:
        source, target: as for `clone`.
        on_event: called with each check as it ends.
        options: see `VerifyOptions`.

    Raises:
        FerryError: a side cannot be read.
    """
    from lakeferry.verify.table import verify_table

    named: dict[str, Any] = dict(options)
    sides = os.fspath(source), os.fspath(target)
    request = VerifyRequest(*sides, moved=named.pop("map_prefix", {}), **named)
    return verify_table(request, emit=on_event)


def verify_offsets(
    table: str | os.PathLike[str],
    *,
    on_event: Emit = silent,
    name: str | None = None,
    since_ms: int | None = None,
    options: Mapping[str, str] | None = None,
) -> "OffsetsReport":
    """Prove that an ingest brought each record into a table once, as far as the table can show.

    Args:
        table: as for `clone`; also a table of bad records.
        on_event: called with each check as it ends.
        name: of one ingest; None: all that the table has.
        since_ms: look at rows of files that were written from then on, since the epoch; None: at
            all.
        options: endpoint, region, ...: docs/reference/stores.md.

    Raises:
        FerryError: the table cannot be read; LF-7049 it has no positions of an ingest.
    """
    from lakeferry.verify.offsets import verify_offsets as prove

    return prove(
        os.fspath(table), name=name, since_ms=since_ms, options=options or {}, on_event=on_event
    )
