"""Log compactions: which commits they replace, and whether the version's checksum bears them out.

The protocol lets a reader take a compaction in place of its commits. Writers that are in use make
them with the code for checkpoints and so leave out removes that are past their retention, and
domains that were removed. A checkpoint has nothing before it that these would hide; a compaction
does, and what they hid would live again. So a compaction counts only where the version's own
checksum agrees with what came of it; otherwise the commits are read, which must be there.

Source: Delta protocol, "Log Compaction Files", "Version Checksum File".
"""

from collections.abc import Mapping
from typing import Any

import orjson
import pyarrow.compute as pc

from lakeferry.delta.actions import parse_metadata, parse_protocol
from lakeferry.delta.checkpoint_write import TableState
from lakeferry.delta.checksum import TXN_RETENTION, checksum_differences
from lakeferry.delta.files import FileSet
from lakeferry.delta.log import LogFile, LogSegment
from lakeferry.store.protocol import Store, read_all

# To hold the checksum against the files, a checkpoint is read once more: 1 MiB takes some 5 ms,
# as long as one more small commit of a far store, of which eight are fetched at once.
_CHECKPOINT_BYTES_A_COMMIT = 1 << 20


def shortened(chosen: LogSegment) -> tuple[LogFile, ...]:
    """The segment's commits, ascending, with compactions in place of those that they cover.

    The commits themselves where no compaction spares reads or no checksum could bear it out.
    """
    longest: dict[int, LogFile] = {}
    for file in chosen.compactions:
        if file.version < file.end and file.meta.size and chosen.crc is not None:
            known = longest.get(file.version)
            longest[file.version] = file if known is None or file.end > known.end else known
    files: list[LogFile] = []
    at = 0
    while at < len(chosen.commits):
        commit = chosen.commits[at]
        compaction = longest.get(commit.version)
        files.append(compaction or commit)
        at += compaction.end - compaction.version + 1 if compaction else 1
    spared = len(chosen.commits) - len(files)
    checkpoint = chosen.checkpoint.files if chosen.checkpoint else ()
    known_bytes = sum(file.meta.size for file in checkpoint)
    return tuple(files) if known_bytes <= spared * _CHECKPOINT_BYTES_A_COMMIT else chosen.commits


def is_borne_out(store: Store, crc: LogFile, state: TableState, files: FileSet) -> bool:
    """Whether the checksum of a version states all that a compaction may have got wrong, equally.

    Args:
        crc: of the version.
        state, files: what reading compactions gave for it.
    """
    try:
        text = read_all(store, crc.meta.path)
        stored = orjson.loads(text)
    except (FileNotFoundError, orjson.JSONDecodeError):
        return False
    if not isinstance(stored, dict) or not _says_enough(stored, state):
        return False
    count = size = 0
    for batch in files.batches(["size"]):
        count += batch.num_rows
        size += pc.sum(batch.column("size")).as_py() or 0
    return not checksum_differences(text, state, files=count, bytes_in_files=size)


def _says_enough(stored: Mapping[str, Any], state: TableState) -> bool:
    """Whether each kind of thing that the table has is one that the checksum states."""
    if not isinstance(stored.get("numFiles"), int) or "tableSizeBytes" not in stored:
        return False
    # With a retention, writers leave out of the checksum what has expired by their clock.
    expires = TXN_RETENTION in state.metadata.configuration
    if state.txns and (expires or "setTransactions" not in stored):
        return False
    if state.domains and "domainMetadata" not in stored:
        return False
    try:
        metadata, protocol = parse_metadata(stored["metadata"]), parse_protocol(stored["protocol"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    return (metadata, protocol) == (state.metadata, state.protocol)
