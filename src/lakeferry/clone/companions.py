"""What stands beside a commit to make readers fast: checkpoint, `_last_checkpoint`, checksum.

None of it is needed for correctness, so none of it may fail a clone whose commit stands.
"""

from lakeferry.clone.plan import ClonePlan
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.events import Emit, Warned
from lakeferry.store.protocol import Store

CHECKPOINT_FROM = 1000  # adds and removes in one commit
DEFAULT_INTERVAL = 10  # delta.checkpointInterval


def write_companions(target: Store, plan: ClonePlan, *, emit: Emit) -> None:
    """Write what the committed version deserves; a failure is a warning."""
