"""Whether a commit was scattered over many small files, and which partition column did it. Pure."""

from collections.abc import Sequence

from lakeferry.ingest.events import Warned
from lakeferry.ingest.worker.messages import DataFile, TableForm

MANY = 64  # files of one commit
SMALL = 1 / 16  # of the size that files are to have; 8 MiB by default


def scattered(files: Sequence[DataFile], form: TableForm, goal_bytes: int) -> Warned | None:
    """What to tell of a commit; None where its files are few, or large, or in no partitions.

    Without partitions there is a file a worker, which hourly joins take up.
    """
    mean = sum(file.size for file in files) // max(1, len(files))
    if len(files) < MANY or mean >= goal_bytes * SMALL or not form.partition_by:
        return None
    counts = {column.name: _values(files, form, column.name) for column in form.partition_by}
    worst = max(counts, key=lambda name: counts[name])
    return Warned(
        None,
        f"one commit wrote {len(files):,} files of {mean / 1e6:,.1f} MB on average: the partition "
        f"column `{worst}` has {counts[worst]:,} values in it",
        "small files make the table slow to read, and hourly joins take up those of one partition "
        "alone: commit less often (--flush 10min), read by fewer --workers, or begin another "
        'table with fewer values (--partition-by "day=date(_arrival)")',
    )


def _values(files: Sequence[DataFile], form: TableForm, column: str) -> int:
    """How many values of a partition column one commit has."""
    name = form.physical.get(column, column)
    return len({file.partition.get(name) for file in files})
