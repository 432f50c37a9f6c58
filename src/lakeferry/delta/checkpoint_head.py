"""The checkpoint of a version that is committed: made of the log, and pointed to.

Source: Delta protocol, "Checkpoints", "Last Checkpoint File".
"""

import orjson

from lakeferry.delta.checkpoint_write import write_checkpoint
from lakeferry.delta.checksum import last_checkpoint_json
from lakeferry.delta.files import FileSet
from lakeferry.delta.log import LAST_CHECKPOINT
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.store.protocol import Store


def checkpoint_head(store: Store, version: int, *, now_ms: int) -> bool:
    """Write the classic checkpoint of `version`, read back from the log, and point to it.

    None is written, and False returned, where it would lose something: a checkpoint has no columns
    for fields of files that we do not know, and readers go by the checkpoint once it is there.

    Args:
        now_ms: since the epoch, by which tombstones expire.
    """
    snapshot = read_snapshot(store, version=version, tombstones=True)
    if _has_unknown_fields(snapshot.files):
        return False
    info = write_checkpoint(
        store,
        version,
        state=snapshot,
        files=snapshot.files,
        removes=snapshot.removes,
        now_ms=now_ms,
    )
    body = last_checkpoint_json(info)
    store.write(LAST_CHECKPOINT, [body], size=len(body))
    return True


def _has_unknown_fields(files: FileSet) -> bool:
    """Whether `extra` of any file says something; members that are null do not."""
    return any(
        value is not None
        for batch in files.batches(["extra"])
        for text in batch.column("extra").drop_null().to_pylist()
        for value in orjson.loads(text).values()
    )
