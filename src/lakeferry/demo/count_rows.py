"""Count made requests in a Delta table by its log and Parquet alone, with none of our readers.

A request says who it is in `event_id`: stream generation (2 digits), shard (7) and index (12). So
it can be said which are missing, which are there twice, and which never were in the stream.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_STEP = 10**12  # above any index


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows of a table beside the records of its stream."""

    files: int
    rows: int
    gaps: int  # records without a row
    doubles: int  # rows beyond the first of a record
    strangers: int  # records that the stream never had


def count_rows(table: Path, records: Mapping[int, int]) -> Counted:
    """Count the live rows of a table without checkpoints, partitions or deletion vectors.

    Args:
        records: how many each shard of the stream has, by its number.
    """
    live: set[str] = set()
    for commit in sorted((table / "_delta_log").glob("*.json")):
        for line in commit.read_text().splitlines():
            action = json.loads(line)
            if "add" in action:
                live.add(action["add"]["path"])
            if "remove" in action:
                live.discard(action["remove"]["path"])
    rows = np.concatenate([np.empty(0, np.int64), *(_keys(table / path) for path in live)])
    there = np.unique(rows)
    due = [shard * _STEP + np.arange(count, dtype=np.int64) for shard, count in records.items()]
    wanted = np.concatenate([np.empty(0, np.int64), *due])
    return Counted(
        len(live),
        len(rows),
        len(np.setdiff1d(wanted, there, assume_unique=True)),
        len(rows) - len(there),
        len(np.setdiff1d(there, wanted, assume_unique=True)),
    )


def _keys(file: Path) -> npt.NDArray[np.int64]:
    """Shard and index of each row, as one number."""
    ids = pq.read_table(file, columns=["event_id"], partitioning=None)["event_id"]
    shard = pc.utf8_slice_codeunits(ids, 2, 9).cast(pa.int64())
    index = pc.utf8_slice_codeunits(ids, 9, 21).cast(pa.int64())
    keys: npt.NDArray[np.int64] = pc.add(pc.multiply(shard, _STEP), index).to_numpy()
    return keys
