"""Where a query of our source stands, for an ingest that takes its place. No pyspark."""

from collections.abc import Mapping
from typing import Any

from lakeferry.ingest.position.state import IngestState
from lakeferry.spark.epoch import state_after
from lakeferry.spark.epoch_text import mark_of
from lakeferry.spark.record import Record
from lakeferry.store.protocol import Store


def own_source(store: Store, offset: Mapping[str, Any]) -> IngestState:
    """Where all shards stand after a batch that was committed.

    Args:
        store: of the option `metadataPath`.
        offset: the batch's end, as Spark's offset log has it.

    Raises:
        FerryError: LF-7072 where nothing is recorded of the batch, or not all of it.
    """
    record, mark = Record(store), mark_of(offset)
    plan = record.plan(mark)
    state = None if plan is None else state_after(plan, record.ends(plan), record.gaps(mark))
    if state is None:
        raise record.lost(mark)
    return state
