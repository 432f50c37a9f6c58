"""What stands beside a commit to make readers fast: checkpoint, `_last_checkpoint`, checksum.

None of it is needed for correctness, so none of it may fail a clone whose commit stands.
"""

import time

from lakeferry.clone.plan import ClonePlan
from lakeferry.delta.checkpoint_head import checkpoint_head
from lakeferry.delta.checksum import version_checksum
from lakeferry.delta.commit import commit_info
from lakeferry.delta.log import LOG, crc_name
from lakeferry.delta.time_travel import ICT
from lakeferry.errors import FerryError
from lakeferry.events import Emit, Warned
from lakeferry.store.protocol import AlreadyThere, Store

CHECKPOINT_FROM = 1000  # adds and removes of one commit; so many are slow to read as JSON
DEFAULT_INTERVAL = 10  # delta.checkpointInterval


def write_companions(target: Store, plan: ClonePlan, txn_id: str, *, emit: Emit) -> None:
    """Write what the committed version deserves; a failure is a warning."""
    try:
        _write_checksum(target, plan, txn_id)
        if _deserves_checkpoint(plan):
            checkpoint_head(target, plan.target_version, now_ms=time.time_ns() // 1_000_000)
    except FerryError as error:
        emit(
            Warned(
                target.url,
                error.code,
                f"version {plan.target_version} stands, but not its checkpoint: {error.what}",
                "nothing; the next clone or any writer makes one",
            )
        )


def _deserves_checkpoint(plan: ClonePlan) -> bool:
    text = plan.after.metadata.configuration.get("delta.checkpointInterval", "")
    interval = int(text) if text.isdigit() and int(text) > 0 else DEFAULT_INTERVAL
    large = plan.stated.files + plan.removed.files >= CHECKPOINT_FROM
    return large or plan.target_version % interval == 0


def _write_checksum(target: Store, plan: ClonePlan, txn_id: str) -> None:
    """`N.crc`: the target's files are the source's now, so the source's totals are its own."""
    timestamp = None
    if plan.after.metadata.is_on(ICT):
        timestamp = (commit_info(target, plan.target_version) or {}).get("inCommitTimestamp")
    body = version_checksum(
        plan.after,
        files=plan.source.files,
        bytes_in_files=plan.source.bytes,
        txn_id=txn_id,
        in_commit_timestamp=timestamp,
    )
    try:
        target.put_if_absent(f"{LOG}/{crc_name(plan.target_version)}", [body], size_hint=len(body))
    except AlreadyThere:
        return
